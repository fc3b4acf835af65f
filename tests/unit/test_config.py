"""Settings are read whole, and every mistake in them is named with its place."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sealift.config import CPUS, SYSTEMS, BuildOptions, Settings, read_settings
from sealift.errors import ConfigError
from sealift.options import option
from sealift.target import load_targets


@dataclass(frozen=True, slots=True, kw_only=True)
class Colours:
    """Options a format may own."""

    shade: str = option("dark", "how dark", choices=("dark", "light"))
    fast: bool = option(False, "whether to hurry")
    level: int = option(3, "how much")


def read(table: dict[str, Any]) -> Settings:
    return read_settings(
        table, source="pyproject.toml", targets=["linux-x86_64", "web"], formats=["onefile", "dir"]
    )


def build(on: Any, **options: Any) -> dict[str, Any]:
    """A table that tells how package Demo is built, and how on some systems."""
    return {"build": {"Demo": {**options, "on": on}}}


def test_an_empty_table_gives_defaults() -> None:
    settings = read({})
    assert settings.config.formats == ("onefile",)
    assert settings.target("linux-x86_64").floor is None


def test_lists_become_tuples_and_tables_are_told_apart() -> None:
    settings = read(
        {
            "targets": ["linux-x86_64"],
            "onefile": {"shade": "light"},
            "target": {"linux-x86_64": {"floor": "2.17"}},
        }
    )
    assert settings.config.targets == ("linux-x86_64",)
    assert settings.format("onefile", Colours) == Colours(shade="light")
    assert settings.target("linux-x86_64").floor == "2.17"


@pytest.mark.parametrize(
    ("table", "message", "hint"),
    [
        ({"entrie": "a:b"}, "`tool.sealift` has no key 'entrie'", "did you mean 'entry'?"),
        ({"targets": "linux"}, "`tool.sealift.targets` must be a list of strings", None),
        ({"targets": [1]}, "`tool.sealift.targets` must be a list of strings; got [1]", None),
        ({"sources": "yes"}, "`tool.sealift.sources` must be true or false; got 'yes'", None),
        ({"stdlib": "some"}, "must be needed, all; got 'some'", None),
        ({"target": {"linux-x86": {}}}, "has no key 'linux-x86'", "did you mean 'linux-x86_64'?"),
        ({"target": {"web": {"flor": "1"}}}, "`tool.sealift.target.web` has no key 'flor'", None),
        ({"onefile": 3}, "`tool.sealift.onefile` must be a table; got 3", None),
        (build({"window": {}}), "`tool.sealift.build.Demo.on` has no key 'window'",
         "did you mean 'windows'?"),
        (build({"windows": {"on": {}}}),
         "`tool.sealift.build.Demo.on.windows` has no key 'on'", None),
        (build({"windows": ["zlib"]}),
         "`tool.sealift.build.Demo.on.windows` must be a table; got ['zlib']", None),
        (build({"windows": {"libraries": "zlib"}}),
         "`tool.sealift.build.Demo.on.windows.libraries` must be a list of strings; got 'zlib'",
         None),
        (build(3), "`tool.sealift.build.Demo.on` must be a table; got 3", None),
    ],
)  # fmt: skip
def test_mistakes_name_their_place(table: dict[str, Any], message: str, hint: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        read(table)
    assert "pyproject.toml" in caught.value.message
    assert message in caught.value.message
    assert hint is None or caught.value.hint == hint


def test_format_options_are_checked_when_the_format_asks() -> None:
    settings = read({"onefile": {"level": "high"}})
    with pytest.raises(ConfigError, match=r"`tool.sealift.onefile.level` must be a whole number"):
        settings.format("onefile", Colours)


def test_true_is_no_number() -> None:
    settings = read({"onefile": {"level": True}})
    with pytest.raises(ConfigError, match="must be a whole number"):
        settings.format("onefile", Colours)


def test_a_package_is_built_with_more_on_one_system_or_cpu() -> None:
    on = {"environment": {"CFLAGS": "-O1"}, "patches": ["b.patch"], "libraries": ["libpq"]}
    everywhere = {"environment": {"CFLAGS": "-O2", "A": "1"}, "patches": ["a.patch"]}
    power = {"environment": {"CFLAGS": "-O0"}}
    package = read(build({"windows": on, "ppc64le": power}, **everywhere)).builds["demo"]
    windows, linux = (package.for_machine(it, "x86_64") for it in ("windows", "linux"))
    assert windows.environment == {"CFLAGS": "-O1", "A": "1"}
    assert [Path(path).name for path in windows.patches] == ["a.patch", "b.patch"]
    assert all(Path(path).is_absolute() for path in windows.patches)
    assert windows.libraries == ("libpq",)
    assert linux.environment == everywhere["environment"]
    assert linux.libraries == ()
    assert type(linux) is BuildOptions
    assert package.for_machine("linux", "ppc64le").environment == {"CFLAGS": "-O0", "A": "1"}


def test_systems_and_cpus_are_those_of_targets() -> None:
    assert set(SYSTEMS) == {target.os for target in load_targets().values()}
    assert {*CPUS, "universal2"} == {target.arch for target in load_targets().values()}

"""Targets answer as the machines they stand for would."""

import pytest
from packaging import tags
from packaging.markers import Marker, default_environment

from sealift.errors import ConfigError
from sealift.target import Target, current_target, load_targets, parse_target


def best(target: Target, *platforms: str) -> str:
    """The platform tag that the target takes first of those offered."""
    return next(platform for platform in target.platforms() if platform in platforms)


def test_lowest_floor_is_taken_first() -> None:
    target = parse_target("linux-x86_64")
    offered = ("manylinux_2_28_x86_64", "manylinux2014_x86_64", "manylinux_2_34_x86_64")
    assert best(target, *offered) == "manylinux2014_x86_64"


def test_a_floor_bounds_what_is_taken() -> None:
    platforms = list(parse_target("linux-aarch64").with_floor("2.28").platforms())
    assert "manylinux_2_28_aarch64" in platforms
    assert "manylinux_2_31_aarch64" not in platforms


@pytest.mark.parametrize("text", ["2", "2.x", "2.17.1", ""])
def test_a_malformed_floor_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="must be two numbers"):
        parse_target("linux-x86_64").with_floor(text)


def test_a_floor_is_one_of_the_target_s_c_library() -> None:
    with pytest.raises(ConfigError, match=r"there is no musl 2\.17 to be the floor of linux-aarch"):
        parse_target("linux-aarch64-musl").with_floor("2.17")
    with pytest.raises(ConfigError, match=r"there is no glibc 3\.0"):
        parse_target("linux-x86_64").with_floor("3.0")


def test_windows_has_no_floor() -> None:
    with pytest.raises(ConfigError, match="no floor"):
        parse_target("windows-x86_64").with_floor("10.0")


def test_musl_takes_no_manylinux_wheel() -> None:
    platforms = set(parse_target("linux-x86_64-musl").platforms())
    assert "musllinux_1_2_x86_64" in platforms
    assert not any(platform.startswith("manylinux") for platform in platforms)


def test_version_specific_wheels_come_before_abi3_and_pure_ones() -> None:
    ranked = parse_target("linux-x86_64").tags("3.13")
    names = [f"{tag.interpreter}-{tag.abi}-{tag.platform}" for tag in ranked]
    own, abi3, pure = (
        names.index(name)
        for name in (
            "cp313-cp313-manylinux2014_x86_64",
            "cp39-abi3-manylinux2014_x86_64",
            "py3-none-any",
        )
    )
    assert own < abi3 < pure


def test_free_threaded_tags_have_the_t_abi() -> None:
    ranked = parse_target("linux-x86_64").tags("3.14", free_threaded=True)
    assert tags.Tag("cp314", "cp314t", "manylinux2014_x86_64") in ranked
    assert tags.Tag("cp314", "cp314", "manylinux2014_x86_64") not in ranked


def test_this_machine_takes_all_it_takes_by_itself() -> None:
    target = current_target()
    own = {tag for tag in tags.sys_tags() if tag.interpreter.startswith("cp")}
    computed = set(target.tags(default_environment()["python_version"]))
    assert {t for t in own if "manylinux" in t.platform} <= computed


@pytest.mark.parametrize(
    ("name", "marker", "holds"),
    [
        ("windows-x86_64", "sys_platform == 'win32' and platform_machine == 'AMD64'", True),
        ("windows-x86_64", "os_name == 'posix'", False),
        ("macos-arm64", "platform_system == 'Darwin' and platform_machine == 'arm64'", True),
        ("linux-riscv64", "platform_machine == 'riscv64'", True),
        ("linux-x86_64", "python_full_version >= '3.13.1'", False),
    ],
)
def test_markers_are_the_targets(name: str, marker: str, *, holds: bool) -> None:
    environment = dict(parse_target(name).marker_environment("3.13"))
    assert Marker(marker).evaluate({k: str(v) for k, v in environment.items()}) is holds


def test_marker_environment_of_this_machine_agrees_with_the_running_one() -> None:
    own = dict(default_environment())
    computed = dict(current_target().marker_environment(str(own["python_full_version"])))
    for unknowable in ("platform_release", "platform_version"):
        del own[unknowable], computed[unknowable]
    assert own == computed


def test_an_unknown_target_names_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_target("linux-arm64")
    assert caught.value.hint is not None
    assert "linux-" in caught.value.hint


def test_every_row_is_complete_and_unique() -> None:
    targets = load_targets()
    assert len({(t.os, t.arch, t.abi) for t in targets.values()}) == len(targets)
    for target in targets.values():
        assert list(target.platforms())
        assert (target.oldest is None) == (target.newest is None)

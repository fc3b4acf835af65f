"""The wheels that verdicts are compared on: enough of them, and each reason for one of them."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from benchmarks.field import page

FIELD = Path(__file__).parents[2] / "benchmarks" / "field"
LEAST = {"linux": 60, "macos": 20, "windows": 20}
SECTIONS = {**LEAST, "linux-repair": 60, "windows-repair": 20}
ARCHES = {"x86_64", "i686", "aarch64", "armv7l", "ppc64le", "s390x", "riscv64"}


def table(name: str) -> dict[str, Any]:
    return tomllib.loads((FIELD / name).read_text("utf-8"))


def files(system: str) -> set[str]:
    return {name for names in table("wheels.toml")[system].values() for name in names}


@pytest.mark.parametrize(("system", "least"), LEAST.items())
def test_there_are_wheels_enough(system: str, least: int) -> None:
    assert len(files(system)) >= least


def test_wheels_of_every_linux_are_among_them() -> None:
    names = files("linux")
    for arch in ARCHES:
        assert any("manylinux" in name and name.endswith(f"{arch}.whl") for name in names), arch
    assert sum("musllinux" in name for name in names) >= 10


@pytest.mark.parametrize("section", SECTIONS)
def test_reasons_are_for_wheels_that_are_compared_and_are_on_the_page(section: str) -> None:
    _, _, rest = page.PAGE.read_text("utf-8").partition(f"## {page.TITLES[section]}\n")
    text = rest.partition("\n## ")[0]
    assert text.count("\n| `") >= SECTIONS[section]
    for reason in table("reasons.toml")[section].values():
        assert set(reason["wheels"]) <= files(section.partition("-")[0])
        assert f"### {reason['title']}\n\n{reason['text'].strip()}\n" in text
        assert all(f"| `{name}` |" in text for name in reason["wheels"])

"""The wheels that verdicts are compared on: enough of them, and each reason for one of them."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from benchmarks.field import page

FIELD = Path(__file__).parents[2] / "benchmarks" / "field"
LEAST = {"linux": 60, "macos": 20, "windows": 20}
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


@pytest.mark.parametrize("system", LEAST)
def test_reasons_are_for_wheels_that_are_judged_and_are_on_the_page(system: str) -> None:
    text = page.PAGE.read_text("utf-8")
    assert f"## {page.TITLES[system]}\n" in text
    for reason in table("reasons.toml")[system].values():
        assert set(reason["wheels"]) <= files(system)
        assert f"### {reason['title']}\n\n{reason['text'].strip()}\n" in text
        assert all(f"| `{name}` |" in text for name in reason["wheels"])

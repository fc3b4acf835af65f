"""Files that differ by processor become one that is right on both."""

import platform
import subprocess
from pathlib import Path

import pytest

from sealift.binary.macho_layout import read_fat
from sealift.binary.view import View
from sealift.cross.either import either
from tests.support.tools import require_tool

INTEL = b'''"""How it was built."""
from __future__ import annotations
__all__ = ["cpu"]
TEXT = """
  indented
"""
def cpu():
    return "x86_64"
'''
APPLE = INTEL.replace(b'"x86_64"', b'"arm64"')


@pytest.mark.parametrize("machine", ["x86_64", "arm64"])
def test_a_module_is_the_one_for_the_machine_it_is_imported_on(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = either("pkg/__config__.py", INTEL, APPLE)
    assert made
    assert made == either("pkg/__config__.py", INTEL, APPLE)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    names: dict[str, object] = {}
    exec(compile(made, "config", "exec"), names)  # noqa: S102
    assert names["cpu"]() == machine  # type: ignore[operator]
    assert names["__doc__"] == "How it was built."
    assert names["TEXT"] == "\n  indented\n"
    assert "annotations" in names


@pytest.mark.parametrize(
    ("intel", "apple"),
    [
        (b"x = 1\n", b"def broken(:\n"),
        (b"x = 1\n", b"\0"),
        (b'"""One."""\nx = 1\n', b'"""Another."""\nx = 2\n'),
        (b"from __future__ import annotations\nx = 1\n", b"x = 1\n"),
    ],
)
def test_what_does_not_begin_alike_or_cannot_be_read_is_a_conflict(
    intel: bytes, apple: bytes
) -> None:
    assert either("x.py", intel, apple) is None
    assert either("x.py", apple, intel) is None


def test_an_empty_module_is_nothing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    made = either("x.py", b"x = 1\n", b"")
    assert made
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    names: dict[str, object] = {}
    exec(compile(made, "x", "exec"), names)  # noqa: S102
    assert "x" not in names


def test_a_header_is_the_one_for_the_machine_it_is_compiled_for(tmp_path: Path) -> None:
    made = either("pkg/config.h", b"#define SIZE 16", b"#define SIZE 8")
    assert made
    (tmp_path / "x.c").write_bytes(made + b"SIZE\n")
    for flags, size in (([], "16"), (["-D__aarch64__"], "8")):
        done = subprocess.run(
            [require_tool("cc"), "-E", "-P", "-U__aarch64__", *flags, tmp_path / "x.c"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.strip() == size


def test_static_libraries_have_a_part_for_each() -> None:
    intel, apple = b"!<arch>\nintel", b"!<arch>\napple's"
    made = either("lib/libx.a", intel, apple)
    assert made
    parts = read_fat(View(made, "libx.a"))
    assert [made[part.offset : part.offset + part.size] for part in parts] == [intel, apple]
    assert all(part.is_archive for part in parts)


def test_all_else_is_a_conflict() -> None:
    assert either("data.json", b"1", b"2") is None
    assert either("lib/libx.a", b"!<arch>\n", b"text") is None

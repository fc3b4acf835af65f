"""Edited libraries still load, and do what they did."""

import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sealift.binary.elf import ElfFacts, read_elf
from sealift.binary.elf_edit import ElfEdit, edit
from sealift.errors import BinaryFormatError
from tests.support.tools import missing, require_tool

_INNER = "int inner(void) { return 42; }"
_OUTER = "extern int inner(void); int outer(void) { return inner(); }"
_PT_GNU_STACK = 0x6474E551


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """``libouter.so``, which asks ``libinner.so.1`` for a symbol with a version."""
    require_tool("patchelf")
    (tmp_path / "inner.c").write_text(_INNER, encoding="utf-8")
    (tmp_path / "outer.c").write_text(_OUTER, encoding="utf-8")
    (tmp_path / "inner.map").write_text("INNER_1 { global: inner; };", encoding="utf-8")
    gcc: list[str | Path] = [require_tool("gcc"), "-g", "-shared", "-fPIC"]
    _run(
        [*gcc, "inner.c", "-o", "libinner.so.1", "-Wl,-soname,libinner.so.1",
         "-Wl,--version-script=inner.map"], tmp_path
    )  # fmt: skip
    _run([*gcc, "outer.c", "-o", "libouter.so", "./libinner.so.1", "-Wl,-z,execstack"], tmp_path)
    return tmp_path


def _run(command: list[str | Path], cwd: Path) -> None:
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)


def call_outer(path: Path) -> int:
    """What ``outer`` answers in a process of its own."""
    code = f"import ctypes; raise SystemExit(ctypes.CDLL({str(path)!r}).outer())"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode


def facts_at(path: Path) -> ElfFacts:
    facts = read_elf(path)
    assert facts is not None
    return facts


FULL = ElfEdit(
    soname="libouter-0123456789abcdef.so",
    renamed={"libinner.so.1": "libinner-0123456789abcdef.so.1"},
    added=("libm.so.6", "libdl.so.2"),
    rpath=("$ORIGIN/kept/aside", "$ORIGIN/../elsewhere"),
    clears_stack=True,
    strips=True,
)
# The same for a file that names no other.
FULL_BUT_NAMES = replace(FULL, renamed={}, strips=False)


def test_all_changes_at_once_and_the_library_still_works(pair: Path) -> None:
    edit(pair / "libouter.so", pair / "out.so", FULL)
    facts = facts_at(pair / "out.so")
    assert facts.soname == "libouter-0123456789abcdef.so"
    assert facts.needed[:3] == ("libdl.so.2", "libm.so.6", "libinner-0123456789abcdef.so.1")
    assert facts.verneed["libinner-0123456789abcdef.so.1"] == (("INNER_1", False),)
    assert facts.runpath == ("$ORIGIN/kept/aside", "$ORIGIN/../elsewhere")
    assert not facts.has_executable_stack
    assert b".debug_info" not in (pair / "out.so").read_bytes()
    (pair / "kept" / "aside").mkdir(parents=True)
    inner = ElfEdit(soname="libinner-0123456789abcdef.so.1", strips=True)
    edit(pair / "libinner.so.1", pair / "kept/aside/libinner-0123456789abcdef.so.1", inner)
    assert call_outer(pair / "out.so") == 42


def test_the_same_edit_gives_the_same_bytes(pair: Path) -> None:
    edit(pair / "libouter.so", pair / "one.so", FULL)
    edit(pair / "libouter.so", pair / "two.so", FULL)
    assert (pair / "one.so").read_bytes() == (pair / "two.so").read_bytes()


def test_a_search_path_is_replaced_and_removed(pair: Path) -> None:
    path = pair / "libouter.so"
    edit(path, path, ElfEdit(rpath=["$ORIGIN"], is_inherited=True))
    assert (facts_at(path).rpath, facts_at(path).runpath) == (("$ORIGIN",), ())
    assert call_outer(path) == 42
    edit(path, path, ElfEdit(rpath=["$ORIGIN", "/opt"]))
    assert (facts_at(path).rpath, facts_at(path).runpath) == ((), ("$ORIGIN", "/opt"))
    edit(path, path, ElfEdit(rpath=[]))
    assert (facts_at(path).rpath, facts_at(path).runpath) == ((), ())


def test_a_library_is_no_longer_asked_for(pair: Path) -> None:
    edit(pair / "libouter.so", pair / "more.so", ElfEdit(added=["libm.so.6"]))
    edit(pair / "more.so", pair / "less.so", ElfEdit(removed=["libm.so.6"]))
    assert facts_at(pair / "less.so").needed == facts_at(pair / "libouter.so").needed
    with pytest.raises(BinaryFormatError, match="for symbol versions"):
        edit(pair / "libouter.so", pair / "less.so", ElfEdit(removed=["libinner.so.1"]))


def test_a_file_that_says_nothing_of_its_stack_is_made_to(pair: Path) -> None:
    data = bytearray((pair / "libinner.so.1").read_bytes())
    if data[4:6] != b"\2\1":
        missing("needs a 64-bit little-endian compiler")
    (table,) = struct.unpack_from("<Q", data, 32)
    (count,) = struct.unpack_from("<H", data, 56)
    for at in range(table, table + 56 * count, 56):
        if struct.unpack_from("<I", data, at) == (_PT_GNU_STACK,):
            struct.pack_into("<I", data, at, 0)
    (pair / "silent.so").write_bytes(data)
    assert facts_at(pair / "silent.so").stack_flags is None
    edit(pair / "silent.so", pair / "out.so", ElfEdit(clears_stack=True))
    assert facts_at(pair / "out.so").stack_flags == 6


def test_pages_of_16_kilobytes_are_kept(pair: Path) -> None:
    gcc = require_tool("gcc")
    options = ["-shared", "-fPIC", "-Wl,-z,max-page-size=16384"]
    _run([gcc, *options, "inner.c", "-o", "libpage.so"], pair)
    change = ElfEdit(soname="libpage-0123456789abcdef.so", rpath=["$ORIGIN/../far"], strips=True)
    edit(pair / "libpage.so", pair / "out.so", change)
    assert facts_at(pair / "libpage.so").page_size == facts_at(pair / "out.so").page_size == 16384


def test_a_file_aligned_by_megabytes_does_not_grow_by_them(pair: Path) -> None:
    gcc = require_tool("gcc")
    _run(
        [gcc, "-shared", "-fPIC", "-Wl,-z,max-page-size=0x200000", "outer.c", "-o", "wide.so"], pair
    )
    wide = (pair / "wide.so").stat().st_size
    edit(pair / "wide.so", pair / "out.so", FULL_BUT_NAMES)
    assert facts_at(pair / "wide.so").page_size == 0x200000
    assert (pair / "out.so").stat().st_size < wide + 0x10000

"""Stripping keeps all a loader reads, drops the rest, and gives the same bytes each time."""

import dataclasses
from pathlib import Path

import pytest

from sealift.binary.elf import facts_of
from sealift.binary.elf_edit import ElfEdit, edit, strip, stripped
from sealift.binary.elf_layout import read_header
from sealift.binary.view import View
from sealift.errors import BinaryFormatError
from tests.support.elf_files import ElfSpec, make_elf


def spec(bits: int, order: str, debug: bytes) -> ElfSpec:
    return ElfSpec(
        bits=bits,
        order=order,
        machine="x86_64" if bits == 64 else "i686",
        soname="libx.so.1",
        needed=("libc.so.6",),
        verneed={"libc.so.6": [("GLIBC_2.17", False)]},
        debug=debug,
    )


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_symbols_go_and_facts_stay(bits: int, order: str) -> None:
    data = make_elf(spec(bits, order, b"secret source name" * 1000))
    lean = stripped(data)
    assert len(lean) < len(data) - 17_000
    assert b"secret" not in lean
    before, after = facts_of(View(data, "a")), facts_of(View(lean, "b"))
    assert after.sections_end == len(lean)
    assert dataclasses.replace(before, sections_end=None) == dataclasses.replace(
        after, sections_end=None
    )


def test_sections_keep_their_index_and_their_names() -> None:
    lean = stripped(make_elf(spec(64, "<", b"x" * 500)))
    header = read_header(View(lean, "lean"))
    # Null, .dynstr, .dynamic, then the names that are written anew.
    assert (header.section_count, header.section_names) == (4, 3)
    assert b"\0.dynstr\0.dynamic\0.shstrtab\0" in lean
    assert b".debug_info" not in lean


def test_twice_changes_nothing_more() -> None:
    once = stripped(make_elf(spec(64, "<", b"x" * 500)))
    assert stripped(once) == once


@pytest.mark.parametrize("kind", [1, 4])
def test_objects_and_dumps_are_left_alone(kind: int) -> None:
    data = make_elf(dataclasses.replace(spec(64, "<", b"x" * 500), kind=kind))
    assert stripped(data) == data


def test_a_cut_file_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    data = make_elf(spec(64, "<", b""))
    (tmp_path / "cut").write_bytes(data[:200])
    with pytest.raises(BinaryFormatError):
        strip(tmp_path / "cut", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["cut"]


def test_the_mode_is_kept(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(make_elf(spec(64, "<", b"x" * 500)))
    (tmp_path / "in").chmod(0o755)
    strip(tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize(("align", "kept"), [(0x4000, 0x4000), (0x10000, 0x10000)])
def test_pages_a_file_is_made_for_stay(machine: str, align: int, kept: int) -> None:
    data = make_elf(ElfSpec(machine=machine, load_align=align, debug=b"x" * 50_000))
    lean = stripped(data)
    assert len(lean) < len(data)
    assert facts_of(View(lean, "lean")).page_size == kept


def test_a_page_of_two_megabytes_becomes_one_of_the_cpu() -> None:
    lean = stripped(make_elf(ElfSpec(load_align=0x200000, debug=b"x" * 500)))
    assert facts_of(View(lean, "lean")).page_size == 0x1000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (ElfEdit(renamed={"libz.so.1": "libz-1.so"}), "does not ask for libz.so.1"),
        (ElfEdit(removed=["libz.so.1"]), "does not ask for libz.so.1"),
        (ElfEdit(removed=["libc.so.6"]), "for symbol versions"),
        (ElfEdit(soname=""), "a name is empty"),
        (ElfEdit(rpath=["$ORIGIN:/opt"]), "has a colon in its name"),
    ],
)
def test_an_edit_that_cannot_be_is_refused(tmp_path: Path, change: ElfEdit, reason: str) -> None:
    (tmp_path / "in").write_bytes(make_elf(spec(64, "<", b"")))
    with pytest.raises(BinaryFormatError, match=reason):
        edit(tmp_path / "in", tmp_path / "out", change)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_no_change_is_a_copy(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(make_elf(spec(64, "<", b"debug")))
    (tmp_path / "in").chmod(0o750)
    edit(tmp_path / "in", tmp_path / "out", ElfEdit())
    assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750

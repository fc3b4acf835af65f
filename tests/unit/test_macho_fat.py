"""Mach-O files made one, read again by our reader and by macholib."""

import itertools
from pathlib import Path

import pytest
from macholib.mach_o import CPU_TYPE_NAMES  # type: ignore[import-untyped]
from macholib.MachO import MachO  # type: ignore[import-untyped]

from sealift.binary.macho_fat import merged, thinned
from sealift.binary.macho_layout import read_fat, read_slices
from sealift.binary.view import View
from sealift.errors import BinaryFormatError
from tests.support.macho_files import MachoSpec, make_fat, make_macho

INTEL = make_macho(MachoSpec(cpu="x86_64", install_name="/a"))
APPLE = make_macho(MachoSpec(cpu="arm64", install_name="/a"))
OLD = make_macho(MachoSpec(cpu="i386", bits=32, install_name="/a"))


def aligned(data: bytes, exponent: int) -> bytes:
    """A fat file of ``data`` that tells another alignment than it has."""
    fat = make_fat([("arm64", data)])
    return fat[:24] + exponent.to_bytes(4, "big") + fat[28:]


def contents(data: bytes) -> list[bytes]:
    return [it.part.content(0, it.size) for it in read_slices(View(data, "it"))]


def test_slices_stay_as_they_are_and_begin_on_pages_of_their_machine(tmp_path: Path) -> None:
    fat = merged({"a": APPLE, "b": INTEL})
    assert contents(fat) == [INTEL, APPLE]
    pieces = read_fat(View(fat, "it"))
    assert [piece.align for piece in pieces] == [12, 14]
    assert all(piece.offset % (1 << piece.align) == 0 for piece in pieces)
    file = tmp_path / "fat"
    file.write_bytes(fat)
    second = MachO(str(file))
    assert [CPU_TYPE_NAMES[it.header.cputype] for it in second.headers] == ["x86_64", "ARM64"]
    assert [it.offset for it in second.headers] == [piece.offset for piece in pieces]


def test_the_order_of_files_does_not_matter() -> None:
    given = {"a": INTEL, "b": APPLE, "c": OLD}
    made = {merged(dict(order)) for order in itertools.permutations(given.items())}
    assert len(made) == 1


@pytest.mark.parametrize("wide", [False, True])
def test_fat_files_are_taken_apart_first(wide: bool) -> None:  # noqa: FBT001
    fat = make_fat([("arm64", APPLE), ("i386", OLD)], wide=wide)
    assert contents(merged({"fat": fat, "thin": INTEL})) == [INTEL, OLD, APPLE]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a": INTEL, "b": INTEL}, "cannot merge b with a: both are for x86_64"),
        ({"a": make_fat([("arm64", APPLE)]), "b": APPLE}, "cannot merge b with a: both are for"),
        ({"a": b"\x7fELF" + bytes(60), "b": INTEL}, "cannot read a: it does not begin"),
        ({"a": make_fat([("arm64", APPLE)])[:-8], "b": INTEL}, "it ends before"),
        ({"a": aligned(APPLE, 40)}, "a slice is aligned to 2 to the power of 40"),
        ({"a": make_fat([("arm64", b"!<arch>\n" + bytes(64))])}, "it is a static library"),
    ],
)
def test_what_cannot_be_merged_is_named(files: dict[str, bytes], message: str) -> None:
    with pytest.raises(BinaryFormatError, match=message):
        merged(files)


def test_a_slice_is_taken_out_as_it_was() -> None:
    fat = merged({"a": APPLE, "b": INTEL})
    assert thinned(fat, "arm64") == APPLE
    assert thinned(fat, "x86_64") == thinned(INTEL, "x86_64") == INTEL
    with pytest.raises(BinaryFormatError, match=r"part for arm64 of x\.so: it is for x86_64 only"):
        thinned(INTEL, "arm64", "x.so")

"""Symbols are read from what a loader reads, and a bad table is refused."""

import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.binary.elf_symbols import (
    Symbol,
    SymbolKind,
    SymbolTable,
    askers,
    defined,
    undefined,
)
from sealift.binary.view import View
from sealift.errors import BinaryFormatError
from tests.support.elf_files import ElfSpec, SymbolSpec, make_elf

SYMBOLS = (
    SymbolSpec("memcpy", version=2),
    SymbolSpec("stat", version=3, info=0x22),
    SymbolSpec("inflate", version=4),
    SymbolSpec("PyErr_SetString", info=0x10),
    SymbolSpec("errno", version=2, info=0x16),
    SymbolSpec("PyInit_x", is_defined=True),
    SymbolSpec("own_old", is_defined=True, version=0x8000 | 9),
    SymbolSpec("kept_inside", is_defined=True, version=0, info=0x02),
    SymbolSpec("picked", is_defined=True, info=0x1A),
)
FULL = ElfSpec(
    soname="libx.so.1",
    verneed={
        "libc.so.6": [("GLIBC_2.14", False), ("GLIBC_2.33", False)],
        "libz.so.1": [("ZLIB_1.2", False)],
    },
    symbols=SYMBOLS,
)


def view(spec: ElfSpec) -> View:
    return View(make_elf(spec), "made")


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_what_is_asked_has_its_version_and_library(bits: int, order: str) -> None:
    machine = "ppc64" if bits == 64 else "i686"
    spec = ElfSpec(**{**vars(FULL), "bits": bits, "order": order, "machine": machine})
    assert undefined(view(spec)) == (
        Symbol("memcpy", "GLIBC_2.14", "libc.so.6", SymbolKind.FUNC, False, False, 0),
        Symbol("stat", "GLIBC_2.33", "libc.so.6", SymbolKind.FUNC, True, False, 0),
        Symbol("inflate", "ZLIB_1.2", "libz.so.1", SymbolKind.FUNC, False, False, 0),
        Symbol("PyErr_SetString", None, None, SymbolKind.NOTYPE, False, False, 0),
        Symbol("errno", "GLIBC_2.14", "libc.so.6", SymbolKind.TLS, False, False, 0),
    )
    names = [(symbol.name, symbol.kind) for symbol in defined(view(spec))]
    assert names == [
        ("PyInit_x", SymbolKind.FUNC), ("own_old", SymbolKind.FUNC), ("picked", SymbolKind.IFUNC),
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["I", "Q"])
def test_the_hash_table_of_s390x_has_the_words_of_its_linker(word: str) -> None:
    """GNU ld writes 64 bits, as the ABI says, and lld 32."""
    spec = ElfSpec(**{**vars(FULL), "order": ">", "machine": "s390x", "hash_word": word})
    assert len(undefined(view(spec))) == 5


def test_symbols_are_written_as_linkers_write_them() -> None:
    spec = ElfSpec(
        verdef=("X_1",),
        symbols=(
            SymbolSpec("old", is_defined=True, version=0x8002),
            SymbolSpec("new", is_defined=True, version=2),
            SymbolSpec("plain", is_defined=True),
        ),
    )
    assert list(map(str, defined(view(spec)))) == ["old@X_1", "new@@X_1", "plain"]
    assert str(undefined(view(FULL))[0]) == "memcpy@GLIBC_2.14"


def test_those_who_ask_for_a_version_are_named() -> None:
    found = askers(undefined(view(FULL)), {"GLIBC_2.33", "ZLIB_1.2"})
    assert {key: [symbol.name for symbol in found[key]] for key in found} == {
        ("libc.so.6", "GLIBC_2.33"): ["stat"],
        ("libz.so.1", "ZLIB_1.2"): ["inflate"],
    }


def test_a_file_without_a_dynamic_section_has_none() -> None:
    assert undefined(view(ElfSpec())) == ()
    assert defined(view(ElfSpec())) == ()


def test_a_count_no_file_can_hold_is_refused() -> None:
    data = bytearray(make_elf(FULL))
    at = data.index(struct.pack("<III", 1, len(SYMBOLS) + 1, 0))
    struct.pack_into("<I", data, at + 4, 0xFFFFFFFF)
    with pytest.raises(BinaryFormatError, match="past its end"):
        SymbolTable(View(bytes(data), "many"))


def test_names_that_share_their_bytes_cannot_fill_the_memory() -> None:
    # Half a megabyte of symbols, each named by what is left of one string of 60 kB.
    symbols = tuple(SymbolSpec("") for _ in range(20_000))
    data = bytearray(make_elf(ElfSpec(symbols=symbols, soname="s" * 60_000)))
    start = data.index(b"s" * 60_000)
    first = next(at for at in range(64, start, 8) if data[at + 4] == 0x12 and data[at + 28] == 0x12)
    for index in range(len(symbols)):
        struct.pack_into("<I", data, first + 24 * index, len(symbols) + 1 + index)
    with pytest.raises(BinaryFormatError, match="more names than"):
        undefined(View(bytes(data), "bomb"))


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_flipped_bytes_never_escape_as_other_errors(data: st.DataObject) -> None:
    content = bytearray(make_elf(FULL))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(4, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BinaryFormatError):
        flipped = View(bytes(content), "flipped")
        askers(undefined(flipped), {"GLIBC_2.14"})
        defined(flipped)

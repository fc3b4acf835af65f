"""The PE reader tells the truth of good files and only ever refuses bad ones."""

import contextlib
import os
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.binary.pe import Imported, PeFacts, exported, facts_of, imported, read_pe
from sealift.binary.pe_checksum import checksum, checksum_offset
from sealift.binary.pe_layout import Image, is_pe, read_header
from sealift.binary.view import View
from sealift.errors import BinaryFormatError
from tests.support.pe_files import Dll, PeSpec, make_pe, symbol_table, version_block

FULL = PeSpec(
    dlls=(
        Dll(name="KERNEL32.dll", symbols=("Sleep", "ExitProcess", 7)),
        Dll(name="vcruntime140.dll", symbols=("memcpy",)),
        Dll(name="later.dll", symbols=("g", 65535), is_delayed=True),
    ),
    name="own.dll",
    exports={
        "PyInit_x": None,
        "a": "other.f",
        "b": "OTHER.#3",
        "c": "dotted.v1.dll.f",
        "d": "kernel32.Sleep",
    },
    pdb="D:\\a\\build\\own.pdb",
    version=version_block({"CompanyName": "Somebody", "ProductName": "Thing"}, (3, 12, 1, 9)),
)
PLAIN_32 = replace(FULL, bits=32, machine="x86", dll_flags=0x140)


def view(content: bytes) -> View:
    return View(content, "made")


def facts(spec: PeSpec) -> PeFacts:
    return facts_of(view(make_pe(spec)))


@pytest.mark.parametrize("spec", [FULL, PLAIN_32], ids=["PE32+", "PE32"])
def test_all_it_says_is_read(spec: PeSpec) -> None:
    found = facts(spec)
    assert (found.machine, found.bits) == (spec.machine, spec.bits)
    assert found.is_dll
    assert not found.is_program
    assert found.subsystem == "console"
    assert (found.system, found.subsystem_version, found.linker) == ((6, 1), (6, 2), (14, 29))
    assert found.timestamp == 0x60000000
    assert found.imports == ("KERNEL32.dll", "vcruntime140.dll")
    assert found.delay_imports == ("later.dll",)
    assert found.name == "own.dll"
    assert found.forwards == ("other.dll", "dotted.v1.dll", "kernel32.dll")
    assert found.needed == (
        "KERNEL32.dll", "vcruntime140.dll", "later.dll", "other.dll", "dotted.v1.dll",
    )  # fmt: skip
    assert found.has_relocations
    assert (found.has_aslr, found.has_nx, found.has_cfg) == (True, True, False)
    assert found.has_high_entropy_aslr == (spec.bits == 64)
    assert found.pdb == "D:\\a\\build\\own.pdb"
    assert found.version
    assert (found.version.file, found.version.product) == ((3, 12, 1, 9), (1, 2, 3, 4))
    assert found.version.texts == {"CompanyName": "Somebody", "ProductName": "Thing"}
    assert (found.signature, found.overlay, found.is_checksum_right) == (None, None, None)
    assert not found.is_truncated


@pytest.mark.parametrize("spec", [FULL, PLAIN_32], ids=["PE32+", "PE32"])
def test_symbols_are_asked_for_by_name_and_by_number(spec: PeSpec) -> None:
    assert imported(view(make_pe(spec))) == (
        Imported("KERNEL32.dll", "Sleep"),
        Imported("KERNEL32.dll", "ExitProcess"),
        Imported("KERNEL32.dll", 7),
        Imported("vcruntime140.dll", "memcpy"),
        Imported("later.dll", "g", is_delayed=True),
        Imported("later.dll", 65535, is_delayed=True),
    )
    assert exported(view(make_pe(spec))) == ("PyInit_x", "a", "b", "c", "d")


def test_old_delay_imports_have_whole_addresses() -> None:
    old = Dll(name="old.dll", symbols=("f", 2), is_delayed=True, is_whole=True)
    content = make_pe(replace(PLAIN_32, dlls=(old,)))
    assert facts_of(view(content)).delay_imports == ("old.dll",)
    assert [one.symbol for one in imported(view(content))] == ["f", 2]


def test_an_empty_file_asks_for_nothing() -> None:
    found = facts(PeSpec(is_dll=False, relocations=b"", dll_flags=0, subsystem=2))
    assert found.is_program
    assert found.subsystem == "gui"
    assert (found.needed, found.name, found.version, found.pdb) == ((), None, None, None)
    assert not any((found.has_relocations, found.has_aslr, found.has_nx, found.is_dotnet))


_CHPE, _LOAD_FLAGS, _HANDLERS = (200, "<Q", 0x180001000), (78, "<H", 0x800), (64, "<I", 0x1000)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (PeSpec(machine="arm64"), {"machine": "arm64"}),
        (PeSpec(machine="arm64", config=[_CHPE]), {"machine": "arm64x"}),
        (PeSpec(machine="amd64", config=[_CHPE]), {"machine": "arm64ec"}),
        (PeSpec(machine="amd64", config=[_LOAD_FLAGS]), {"load_flags": 0x800}),
        (PeSpec(bits=32, machine="armnt"), {"machine": "armnt", "has_safe_seh": None}),
        (PeSpec(bits=32, machine="x86"), {"has_safe_seh": False}),
        (PeSpec(bits=32, machine="x86", dll_flags=0x400), {"has_safe_seh": True}),
        (PeSpec(bits=32, machine="x86", config=[_HANDLERS]), {"has_safe_seh": True}),
        (PeSpec(config=[(64, "<I", 1)]), {"has_safe_seh": None}),
        (PeSpec(dll_flags=0x80), {"forces_integrity": True}),
        (PeSpec(dll_flags=0x4000), {"has_cfg": True}),
        (PeSpec(dll_flags=0x20), {"has_aslr": False, "has_high_entropy_aslr": False}),
        (PeSpec(flags=1), {"has_relocations": False}),
        (PeSpec(section_flags=0xE0000020), {"has_writable_code": True}),
        (PeSpec(debug=[(20, b"\1\0\0\0")]), {"has_cet": True}),
        (PeSpec(debug=[(20, b"\2\0\0\0"), (16, b"xx")]), {"is_reproducible": True}),
        (PeSpec(bound=b"B" * 8), {"has_bound_imports": True}),
        (PeSpec(bits=32, machine="x86", clr=1), {"is_dotnet": True, "is_any_cpu": True}),
        (PeSpec(bits=32, machine="x86", clr=3), {"is_dotnet": True, "is_any_cpu": False}),
        (PeSpec(clr=1), {"is_dotnet": True, "is_any_cpu": False}),
        (PeSpec(clr=0), {"is_dotnet": True, "is_any_cpu": False}),
    ],
)
def test_single_facts(spec: PeSpec, expected: dict[str, object]) -> None:
    found = facts(spec)
    assert {name: getattr(found, name) for name in expected} == expected


def test_machines_are_those_of_targets() -> None:
    assert facts(PLAIN_32).runs_on("i686")
    assert facts(PeSpec(machine="arm64", config=[_CHPE])).runs_on("aarch64")
    assert not facts(PeSpec(machine="amd64", config=[_CHPE])).runs_on("aarch64")
    assert facts(PeSpec(bits=32, machine="x86", clr=1)).runs_on("aarch64")


@pytest.mark.parametrize(("symbols", "overlay"), [(b"", b""), (symbol_table(), b"PK" * 30)])
def test_what_lies_behind_the_sections_is_told_apart(symbols: bytes, overlay: bytes) -> None:
    spec = replace(FULL, symbols=symbols, overlay=overlay)
    unsigned, signed = facts(spec), facts(replace(spec, signature=b"signed!!"))
    content = make_pe(replace(spec, signature=b"signed!!"))
    assert signed.signature
    start, size = signed.signature
    assert content[start : start + size] == b"signed!!"
    for found in (unsigned, signed):
        assert (found.overlay is None) == (not overlay)
        if found.overlay:
            assert content[found.overlay[0] :].startswith(overlay)
    if overlay:
        assert unsigned.overlay == (len(make_pe(spec)) - 60, 60)


def test_what_follows_the_signature_is_an_overlay() -> None:
    content = make_pe(replace(FULL, signature=b"signed!!")) + b"appended after it was signed"
    found = facts_of(view(content))
    assert found.overlay == (len(content) - 36, 36)
    assert found.signature == (len(content) - 36, 8)


def test_padding_is_no_overlay() -> None:
    assert facts_of(view(make_pe(FULL) + bytes(6))).overlay is None
    assert facts_of(view(make_pe(FULL) + bytes(5) + b"x")).overlay


def test_gnu_debug_sections_have_their_names_among_the_symbols() -> None:
    content = bytearray(make_pe(replace(FULL, symbols=symbol_table(b".debug_info\0"))))
    at = content.index(b".data\0\0\0")
    content[at : at + 8] = b"/4\0\0\0\0\0\0"
    assert facts_of(view(bytes(content))).has_debug_sections
    content[at : at + 8] = b"/9999\0\0\0"
    assert not facts_of(view(bytes(content))).has_debug_sections


def test_the_checksum_is_reckoned() -> None:
    content = bytearray(make_pe(replace(FULL, overlay=b"odd")))
    header = read_header(view(bytes(content)))
    at = checksum_offset(header)
    # As the specification words it: word by word, each carry added at the bottom.
    total = 0
    for (word,) in struct.iter_unpack("<H", bytes(content) + b"\0"):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    expected = total + len(content)
    assert checksum(content, header) == expected
    struct.pack_into("<I", content, at, expected)
    assert checksum(content, header) == expected
    assert facts_of(view(bytes(content))).is_checksum_right is True
    content[-1] ^= 1
    assert facts_of(view(bytes(content))).is_checksum_right is False


@pytest.mark.parametrize(
    "content", [b"", b"MZ", b"MZ" + bytes(62), b"MZ".ljust(60) + b"\xff" * 4, b"\x7fELF" * 40]
)
def test_other_files_are_no_pe_files(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert not is_pe(content)
    assert read_pe(path) is None
    with pytest.raises(BinaryFormatError):
        facts_of(view(content))


def test_pipes_and_folders_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read_pe(tmp_path / "pipe") is None
    assert read_pe(tmp_path) is None


def test_a_file_that_is_cut_off_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.dll"
    path.write_bytes(make_pe(FULL)[:-100])
    found = read_pe(path)
    assert found
    assert found.is_truncated
    path.write_bytes(make_pe(replace(FULL, signature=b"s" * 64))[:-8])
    found = read_pe(path)
    assert found
    assert found.is_truncated


def _patched(content: bytes, at: int, layout: str, *values: int) -> bytes:
    out = bytearray(content)
    struct.pack_into(layout, out, at, *values)
    return bytes(out)


def test_an_import_table_without_an_end_is_refused() -> None:
    content = make_pe(FULL)
    image = Image(view(content))
    table, _ = image.directory(1)
    row = content[image.offset(table) :][:20]
    # The rest of the section says the same again and again.
    section = image.sections[0]
    full = content[: image.offset(table)] + row * ((section.end - image.offset(table)) // 20)
    full = full.ljust(section.end, b"x") + content[section.end :]
    with pytest.raises(BinaryFormatError):
        facts_of(view(full))


def test_more_exports_than_numbers_are_refused() -> None:
    content = make_pe(FULL)
    image = Image(view(content))
    at = image.offset(image.directory(0)[0])
    with pytest.raises(BinaryFormatError, match="more than there are numbers"):
        facts_of(view(_patched(content, at + 20, "<I", 0x7FFFFFFF)))
    with pytest.raises(BinaryFormatError, match="more than there are numbers"):
        exported(view(_patched(content, at + 24, "<I", 0x7FFFFFFF)))


def test_more_sections_than_windows_loads_are_refused() -> None:
    with pytest.raises(BinaryFormatError, match="97 sections"):
        facts_of(view(_patched(make_pe(FULL), 0x46, "<H", 97)))


def test_lists_of_symbols_that_overlap_without_end_are_refused() -> None:
    """Many libraries that are all asked for what one long list names."""
    long = Dll(name="long.dll", symbols=["f"] * 4000)
    content = bytearray(make_pe(PeSpec(dlls=(long, *[Dll(name="x.dll")] * 400))))
    image = Image(view(bytes(content)))
    at = image.offset(image.directory(1)[0])
    for row in range(at + 20, at + 400 * 20, 20):
        content[row : row + 4] = content[at : at + 4]
    with pytest.raises(BinaryFormatError, match="more than 1048576 symbols"):
        imported(view(bytes(content)))


def test_names_that_overlap_without_end_are_refused() -> None:
    """65,536 forwarders, each a byte further in the same long text, are 64 MB from 300 kB."""
    spec = PeSpec(name="x", exports={f"{n:05}": "f.g" for n in range(0xFFFF)})
    content = bytearray(make_pe(spec))
    image = Image(view(bytes(content)))
    table, _ = image.directory(0)
    (functions,) = image.unpack("<I", table + 28)
    at = image.offset(functions)
    text = image.offset(functions) + 4 * 0xFFFF * 2 + 2 * 0xFFFF  # behind all three tables
    content[text : text + 0xFFFF + 4095] = (b"n" * 4090 + b".ff\0\0") * 17
    start = text - at + functions
    for index in range(0xFFFF):
        struct.pack_into("<I", content, at + 4 * index, start + index)
    with pytest.raises(BinaryFormatError, match=r"overlap|no end"):
        facts_of(view(bytes(content)))


def test_a_damaged_version_or_debug_directory_hides_nothing_else() -> None:
    content = make_pe(FULL)
    header = read_header(view(content))
    for index in (2, 6):
        broken = _patched(content, header.directories + 8 * index, "<I", 0x7FFF0000)
        found = facts_of(view(broken))
        assert found.imports == ("KERNEL32.dll", "vcruntime140.dll")
        assert (found.version, found.pdb)[index == 6] is None


def _read_all(content: bytes) -> None:
    for reader in (facts_of, imported, exported):
        with contextlib.suppress(BinaryFormatError):
            reader(view(content))


_SEEDS = [make_pe(replace(spec, config=[_LOAD_FLAGS], clr=1)) for spec in (FULL, PLAIN_32)]


@pytest.mark.parametrize("seed", _SEEDS, ids=["PE32+", "PE32"])
def test_any_cut_is_read_or_refused(seed: bytes) -> None:
    for size in range(0, len(seed), 7):
        _read_all(seed[:size])


@settings(max_examples=300, deadline=None)
@given(
    seed=st.sampled_from(_SEEDS),
    changes=st.lists(
        st.tuples(
            st.integers(0x3C, len(_SEEDS[0]) - 1025),
            st.one_of(
                st.integers(0, 0xFFFFFFFF),
                st.sampled_from([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x1000, 0xFFF]),
            ),
        ),
        max_size=8,
    ),
)
def test_any_change_is_read_or_refused(seed: bytes, changes: list[tuple[int, int]]) -> None:
    content = bytearray(seed)
    for at, value in changes:
        struct.pack_into("<I", content, min(at, len(content) - 4), value)
    _read_all(bytes(content))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_behind_the_signature_are_read_or_refused(tail: bytes) -> None:
    _read_all(b"MZ".ljust(0x3C, b"\0") + b"\x40\0\0\0PE\0\0" + tail)

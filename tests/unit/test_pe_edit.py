"""Edits of PE files change what was asked, keep all else, and give the same bytes each time."""

import contextlib
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.binary.pe import PeFacts, exported, facts_of, imported
from sealift.binary.pe_checksum import checksum, checksum_offset
from sealift.binary.pe_edit import PeEdit, edit, edited
from sealift.binary.pe_layout import Image, read_header
from sealift.binary.view import View
from sealift.errors import BinaryFormatError
from tests.support.pe_files import Dll, PeSpec, make_pe, symbol_table

SPEC = PeSpec(
    dlls=(
        Dll(name="KERNEL32.dll", symbols=("Sleep", 7)),
        Dll(name="libfoo-1.dll", symbols=("foo", "bar")),
        Dll(name="late.dll", symbols=("g",), is_delayed=True),
    ),
    name="own.dll",
    exports={"mine": None, "there": "libfoo-1.foo", "far": "api.v1.dll.f", "other": "late.#2"},
    pdb="C:\\Users\\me\\build\\own.pdb",
)
SPECS = [SPEC, replace(SPEC, bits=32, machine="x86")]
SLACK = 0x200  # room behind the tables, in which longer names fit
LONGER = "libfoo-1-0123456789abcdef0123456789abcdef.dll"

both_sizes = pytest.mark.parametrize("spec", SPECS, ids=["PE32+", "PE32"])


def facts(content: bytes) -> PeFacts:
    return facts_of(View(content, "made"))


def renaming(**names: str) -> PeEdit:
    return PeEdit(renamed={f"{old}.dll": new for old, new in names.items()})


FOO = PeEdit(renamed={"LIBFOO-1.DLL": LONGER})


def sections(content: bytes) -> list[str]:
    return [section.name for section in Image(View(content, "made")).sections]


def filled(spec: PeSpec) -> bytes:
    """A file whose sections have no room left: what fills them is not zero."""
    content = bytearray(make_pe(spec))
    for section in Image(View(bytes(content), "made")).sections:
        start = section.offset + section.memory
        content[start : section.end] = b"x" * (section.end - start)
    return bytes(content)


@both_sizes
def test_a_name_no_longer_is_written_over_the_old(spec: PeSpec) -> None:
    content = make_pe(spec)
    result = edited(content, PeEdit(renamed={"LibFoo-1.dll": "bar.dll", "late": "a.dll"}))
    assert len(result) == len(content)
    assert sections(result) == sections(content)
    found = facts(result)
    assert found.imports == ("KERNEL32.dll", "bar.dll")
    assert found.delay_imports == ("a.dll",)
    assert found.forwards == ("api.v1.dll", "a.dll", "bar.dll")
    assert b"libfoo" not in result
    assert exported(View(result, "x")) == exported(View(content, "x"))


@both_sizes
def test_a_longer_name_goes_behind_what_a_section_has(spec: PeSpec) -> None:
    content = make_pe(replace(spec, slack=SLACK, overlay=b"appended" * 20))
    result = edited(content, FOO)
    assert len(result) == len(content)
    assert sections(result) == sections(content)
    assert result.endswith(b"appended" * 20)
    _assert_renamed(content, result)
    section = Image(View(result, "made")).sections[0]
    assert section.memory > Image(View(content, "made")).sections[0].memory
    assert section.memory <= section.size


@both_sizes
def test_a_longer_name_without_room_goes_to_a_new_section(spec: PeSpec) -> None:
    content = filled(spec)
    result = edited(content, FOO)
    _assert_renamed(content, result)
    assert sections(result) == [".rdata", ".data", ".sealift"]
    assert len(result) == len(content) + 0x200
    before, after = (read_header(View(data, "made")) for data in (content, result))
    new = Image(View(result, "made")).sections[-1]
    assert new.address == before.image_size
    assert after.image_size == before.image_size + 0x1000
    assert new.offset == len(content)
    assert not new.address % 0x1000


def _assert_renamed(content: bytes, result: bytes) -> None:
    found, before = facts(result), facts(content)
    assert found.imports == ("KERNEL32.dll", LONGER)
    assert found.delay_imports == ("late.dll",)
    assert set(found.forwards) == {LONGER, "api.v1.dll", "late.dll"}
    same = replace(before, imports=found.imports, forwards=found.forwards)
    assert replace(found, overlay=before.overlay) == same
    # Symbols are asked for and given as before.
    names = [(one.symbol, one.is_delayed) for one in imported(View(result, "x"))]
    assert names == [(one.symbol, one.is_delayed) for one in imported(View(content, "x"))]
    assert exported(View(result, "x")) == exported(View(content, "x"))


@both_sizes
def test_only_pointers_change_outside_of_what_is_added(spec: PeSpec) -> None:
    content = filled(replace(spec, exports=None))
    result = edited(content, FOO)
    image = Image(View(content, "made"))
    changed = [i for i, (a, b) in enumerate(zip(content, result, strict=False)) if a != b]
    assert len([at for at in changed if at >= image.header.size]) <= 4
    assert result[len(content) :] == (LONGER.encode() + b"\0").ljust(0x200, b"\0")


@both_sizes
def test_delay_imports_take_longer_names(spec: PeSpec) -> None:
    for content in (make_pe(replace(spec, slack=SLACK)), filled(spec)):
        found = facts(edited(content, renaming(late="much-later-than-that.dll")))
        assert found.delay_imports == ("much-later-than-that.dll",)
        assert "much-later-than-that.dll" in found.forwards


def test_old_delay_imports_keep_whole_addresses() -> None:
    old = Dll(name="old.dll", is_delayed=True, is_whole=True)
    content = make_pe(PeSpec(bits=32, machine="x86", dlls=(old,), slack=SLACK))
    result = edited(content, renaming(old="rather-older.dll"))
    assert facts(result).delay_imports == ("rather-older.dll",)
    image = Image(View(result, "made"))
    address = image.header.base + result.index(b"rather-older.dll") - image.sections[0].offset
    assert struct.pack("<I", address + image.sections[0].address) in result


@pytest.mark.parametrize(
    ("new", "text"),
    [
        ("short.dll", "short.foo"),
        ("much-longer-than-before.dll", "much-longer-than-before.foo"),
        ("dotted.1-0123456789abc.dll", "dotted.1-0123456789abc.dll.foo"),
        ("module-with-suffix.pyd", "module-with-suffix.pyd.foo"),
    ],
)
def test_forwards_are_written_as_loaders_read_them(new: str, text: str) -> None:
    result = edited(make_pe(replace(SPEC, slack=SLACK)), PeEdit(renamed={"libfoo-1.dll": new}))
    assert text.encode() + b"\0" in result
    assert new in facts(result).forwards


def test_forwards_alone_can_be_renamed() -> None:
    content = make_pe(replace(SPEC, dlls=(), slack=SLACK))
    result = edited(content, FOO)
    assert set(facts(result).forwards) == {LONGER, "api.v1.dll", "late.dll"}
    assert facts(result).name == "own.dll"


def test_the_signature_goes_and_its_directory_with_it() -> None:
    content = make_pe(replace(SPEC, signature=b"signature" * 7, slack=SLACK))
    result = edited(content, FOO)
    assert b"signature" not in result
    assert facts(result).signature is None
    assert len(result) == len(make_pe(replace(SPEC, slack=SLACK)))
    _assert_renamed(make_pe(replace(SPEC, slack=SLACK)), result)


def test_what_lies_before_the_signature_stays() -> None:
    spec = replace(SPEC, slack=SLACK, symbols=symbol_table(b"names"), overlay=b"payload" * 30)
    result = edited(make_pe(replace(spec, signature=b"signature" * 7)), FOO)
    assert result.rstrip(b"\0").endswith(b"payload" * 30)
    assert result.startswith(edited(make_pe(spec), FOO))


def test_symbols_of_gnu_tools_do_not_hinder_a_new_section() -> None:
    content = filled(replace(SPEC, symbols=symbol_table(b".long_name_of_a_section\0")))
    result = edited(content, FOO)
    assert sections(result)[-1] == ".sealift"
    _assert_renamed(content, result)
    header = read_header(View(result, "made"))
    assert result[header.symbols :].startswith(symbol_table(b".long_name_of_a_section\0"))


def test_a_checksum_is_mended_and_none_stays_none() -> None:
    content = bytearray(make_pe(replace(SPEC, slack=SLACK)))
    assert facts(edited(bytes(content), FOO)).is_checksum_right is None
    header = read_header(View(bytes(content), "made"))
    struct.pack_into("<I", content, checksum_offset(header), checksum(content, header))
    assert facts(edited(bytes(content), FOO)).is_checksum_right is True


def test_bound_imports_are_unbound_and_give_their_room() -> None:
    spec = replace(SPEC, bound=b"bound imports" * 3, room=64)
    content = bytearray(filled(spec))
    image = Image(View(bytes(content), "made"))
    table = image.offset(image.directory(1)[0])
    struct.pack_into("<iI", content, table + 4, -1, 5)
    late = image.offset(image.directory(13)[0])
    struct.pack_into("<I", content, late + 28, 0x12345678)
    result = edited(bytes(content), FOO)
    assert sections(result)[-1] == ".sealift"
    assert not facts(result).has_bound_imports
    assert result[table + 4 : table + 12] == bytes(8)
    assert result[late + 28 : late + 32] == bytes(4)


def test_load_flags_are_cleared() -> None:
    content = make_pe(replace(SPEC, config=[(78, "<H", 0x800)]))
    assert facts(content).load_flags == 0x800
    result = edited(content, PeEdit(clears_load_flags=True))
    assert facts(result) == replace(facts(content), load_flags=0)
    # Where the structure is too short to have them there is nothing to clear.
    assert edited(make_pe(SPEC), PeEdit(clears_load_flags=True)) == make_pe(SPEC)


@both_sizes
def test_traces_of_the_building_machine_are_cleared(spec: PeSpec) -> None:
    result = edited(make_pe(spec), PeEdit(clears_traces=True))
    assert b"Users" not in result
    assert struct.pack("<I", spec.timestamp) not in result
    assert facts(result) == replace(facts(make_pe(spec)), timestamp=0, pdb="own.pdb")
    later = replace(spec, timestamp=spec.timestamp + 99)
    assert edited(make_pe(later), PeEdit(clears_traces=True)) == result
    # And in the export table that moves.
    moved = edited(filled(spec), replace(FOO, clears_traces=True))
    assert struct.pack("<I", spec.timestamp) not in moved


def test_time_stamps_that_are_hashes_are_kept() -> None:
    content = make_pe(replace(SPEC, debug=[(16, b"hash")]))
    found = facts(edited(content, PeEdit(clears_traces=True)))
    assert (found.timestamp, found.pdb) == (SPEC.timestamp, "own.pdb")


@pytest.mark.parametrize(
    "change",
    [
        PeEdit(),
        PeEdit(clears_load_flags=True),
        PeEdit(renamed={"kernel32": "KERNEL32.dll"}),
    ],
)
def test_what_changes_nothing_keeps_the_signature(change: PeEdit) -> None:
    content = make_pe(replace(SPEC, signature=b"signature" * 7))
    assert edited(content, change) == content


@both_sizes
def test_same_input_same_bytes_and_edits_add_up(spec: PeSpec) -> None:
    content = filled(spec)
    once = edited(content, FOO)
    assert edited(content, FOO) == once
    again = edited(once, PeEdit(renamed={LONGER: LONGER[:-5] + "_more.dll"}))
    assert facts(again).imports == ("KERNEL32.dll", LONGER[:-5] + "_more.dll")
    assert sections(again) == sections(once)  # there is room in the section added


@pytest.mark.parametrize(
    ("spec", "change", "reason"),
    [
        (SPEC, renaming(missing="x.dll"), "it does not ask for missing.dll"),
        (SPEC, PeEdit(renamed={"late.dll": ""}), "empty"),
        (SPEC, PeEdit(renamed={"late.dll": "a\0b"}), "ASCII"),
        (SPEC, PeEdit(renamed={"late.dll": "å.dll"}), "ASCII"),
        (SPEC, PeEdit(renamed={"late.dll": "a.dll", "LATE": "b.dll"}), "two new names"),
        (replace(SPEC, overlay=b"payload" * 99), FOO, "data .* is appended to it"),
        (replace(SPEC, header_data=b"taken"), FOO, "no room for one more section"),
        (replace(SPEC, header_data=bytes(36) + b"end"), FOO, "no room for one more section"),
        (replace(SPEC, dll_flags=0x80, signature=b"s" * 8), FOO, "only with its signature"),
    ],
)
def test_what_cannot_be_done_is_refused(spec: PeSpec, change: PeEdit, reason: str) -> None:
    content = filled(spec)
    with pytest.raises(BinaryFormatError, match=f"^cannot edit .*{reason}"):
        edited(content, change)


def test_headers_that_end_too_early_have_no_room() -> None:
    content = bytearray(filled(SPEC))
    header = read_header(View(bytes(content), "made"))
    struct.pack_into("<I", content, header.optional + 60, header.sections_end + 39)
    with pytest.raises(BinaryFormatError, match="no room for one more section"):
        edited(bytes(content), FOO)
    struct.pack_into("<I", content, header.optional + 60, header.sections_end + 40)
    assert sections(edited(bytes(content), FOO))[-1] == ".sealift"


@pytest.mark.parametrize(("at", "value"), [(32, 0x200), (36, 0x300), (36, 0x20000)])
def test_odd_alignments_get_no_new_section(at: int, value: int) -> None:
    content = bytearray(filled(SPEC))
    struct.pack_into("<I", content, read_header(View(bytes(content), "x")).optional + at, value)
    with pytest.raises(BinaryFormatError, match="not aligned"):
        edited(bytes(content), FOO)


def test_what_is_appended_behind_a_signature_is_refused() -> None:
    content = make_pe(replace(SPEC, signature=b"signature" * 7, slack=SLACK))
    assert edited(content + bytes(7), FOO) == edited(content, FOO)
    with pytest.raises(BinaryFormatError, match="appended to its signature"):
        edited(content + b"appended", FOO)


def test_a_file_that_is_cut_off_is_refused() -> None:
    with pytest.raises(BinaryFormatError, match="cut off"):
        edited(make_pe(SPEC)[:-100], renaming(late="x.dll"))


def test_resources_and_code_are_no_room() -> None:
    """Tools write the resources' section anew; what is executable is not to hold data."""
    for changes in ({"version": b"v" * 40}, {"section_flags": 0x60000020}):
        content = make_pe(replace(SPEC, slack=SLACK, **changes))
        image = Image(View(content, "made"))
        full = bytearray(content)
        data = image.sections[1]
        full[data.offset + data.memory : data.end] = b"x" * (data.end - data.offset - data.memory)
        assert sections(edited(bytes(full), FOO))[-1] == ".sealift"


def test_the_file_is_written_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.dll"
    path.write_bytes(make_pe(SPEC))
    path.chmod(0o754)
    edit(path, path, renaming(late="x.dll"))
    assert facts(path.read_bytes()).delay_imports == ("x.dll",)
    assert path.stat().st_mode & 0o777 == 0o754
    before = path.read_bytes()
    with pytest.raises(BinaryFormatError, match=r"cannot edit a\.dll"):
        edit(path, tmp_path / "b.dll", renaming(late="y.dll"))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.dll"]


_SEEDS = [make_pe(replace(s, slack=SLACK, signature=b"s" * 16)) for s in SPECS]
_CHANGE = replace(FOO, clears_traces=True, clears_load_flags=True)


@settings(max_examples=300, deadline=None)
@given(
    seed=st.sampled_from(_SEEDS),
    changes=st.lists(
        st.tuples(
            st.integers(0x3C, 0xC00),
            st.one_of(
                st.integers(0, 0xFFFFFFFF),
                st.sampled_from([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x1000, 0xFFF, 0x400]),
            ),
        ),
        max_size=6,
    ),
)
def test_any_change_is_edited_or_refused(seed: bytes, changes: list[tuple[int, int]]) -> None:
    content = bytearray(seed)
    for at, value in changes:
        struct.pack_into("<I", content, min(at, len(content) - 4), value)
    with contextlib.suppress(BinaryFormatError):
        result = edited(bytes(content), _CHANGE)
        assert LONGER in facts(result).needed
        assert len(result) < len(content) + 0x20000

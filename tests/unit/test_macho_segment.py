"""A segment in a linked Mach-O file: what was there stays, all of it, and the signature fits."""

import contextlib
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.binary.macho import facts_of
from sealift.binary.macho_layout import Commands, Part, Segment
from sealift.binary.macho_segment import PAGE, SegmentRoom
from sealift.binary.macho_sign import adhoc, seal_at_end, sealed, signed
from sealift.binary.macho_symbols import symbols_of
from sealift.binary.macho_verify import verify_signature
from sealift.binary.view import View
from sealift.errors import BinaryFormatError
from tests.support.macho_files import EXECUTE, MachoSpec, make_fat, make_macho

SPEC = MachoSpec(
    kind=EXECUTE, uuid=bytes(range(16)), defined=["_main", "__mh_execute_header"],
    undefined=[("_a", 0, True)], builds=[(1, (11, 0, 0), (15, 0, 0))], rpaths=["@loader_path"],
)  # fmt: skip
PLAIN = make_macho(SPEC)
PROGRAM = signed(PLAIN, "app", identifier="app")
CONTENT = bytes(range(256)) * 200


def with_segment(program: bytes, content: bytes, name: str = "__SEALIFT") -> bytes:
    room = SegmentRoom(program, segment=name, section="__payload", name="app")
    before, after = room.around(len(content))
    assert len(before) == room.offset
    return before + content + after


def segments(program: bytes) -> dict[str, Segment]:
    part = Part(View(program, "app"), 0, len(program))
    return {segment.name: segment for segment in Commands(part).segments()}


@pytest.mark.parametrize("program", [PLAIN, PROGRAM], ids=["unsigned", "signed"])
@pytest.mark.parametrize("size", [0, 1, PAGE - 1, PAGE, PAGE + 1, len(CONTENT)])
@pytest.mark.parametrize("cpu", ["arm64", "x86_64"])
def test_it_lies_in_whole_pages_before_linkedit(program: bytes, size: int, cpu: str) -> None:
    if cpu == "x86_64":
        program = make_macho(MachoSpec(**{**vars(SPEC), "cpu": cpu}))
    made = with_segment(program, CONTENT[:size])
    found, old = segments(made), segments(program)
    assert list(found) == ["__TEXT", "__SEALIFT", "__LINKEDIT"]
    own, last = found["__SEALIFT"], found["__LINKEDIT"]
    assert made[own.offset : own.offset + size] == CONTENT[:size]
    assert made[own.offset + size : own.offset + own.size].strip(b"\0") == b""
    assert own.offset % PAGE == own.address % PAGE == own.size % PAGE == 0
    assert (own.memory, own.size - size < PAGE) == (own.size, True)
    assert last.offset == own.offset + own.size
    assert last.address == own.address + own.memory
    assert last.size == old["__LINKEDIT"].size
    assert made[last.offset :] == program[old["__LINKEDIT"].offset :]


def test_code_stays_where_it_is_and_symbols_are_found() -> None:
    made = with_segment(PROGRAM, CONTENT)
    text = segments(PROGRAM)["__TEXT"]
    assert text.first
    assert made[text.first : text.size] == PROGRAM[text.first : text.size]
    assert symbols_of(View(made, "app")) == symbols_of(View(PROGRAM, "app"))
    (before,), (after,) = facts_of(View(PROGRAM, "app")), facts_of(View(made, "app"))
    assert (after.builds, after.rpaths, after.uuid) == (before.builds, before.rpaths, before.uuid)
    assert not after.is_truncated


def test_signed_again_it_fits_and_each_byte_is_covered() -> None:
    made = sealed(with_segment(PROGRAM, CONTENT), "app", adhoc("app"))
    assert [check.fits for check in verify_signature(made)] == [True]
    own = segments(made)["__SEALIFT"]
    for at in (own.offset, own.offset + len(CONTENT) - 1, own.offset + own.size - 1):
        changed = bytearray(made)
        changed[at] ^= 1
        assert [check.fits for check in verify_signature(bytes(changed))] == [False]


@pytest.mark.parametrize("front", [b"", make_fat([("x86_64", PROGRAM)]).ljust(8 * PAGE, b"\0")])
@pytest.mark.parametrize("program", [PLAIN, PROGRAM], ids=["unsigned", "signed"])
def test_a_file_is_signed_in_its_place_as_in_memory(
    program: bytes, front: bytes, tmp_path: Path
) -> None:
    slice_ = with_segment(program, CONTENT)
    path = tmp_path / "app"
    path.write_bytes(front + slice_)
    with path.open("r+b") as file:
        seal_at_end(file, len(front), "app", adhoc("org.example.app"))
    assert path.read_bytes() == front + sealed(slice_, "app", adhoc("org.example.app"))


def with_command(kind: int) -> bytes:
    """The program with a load command of 8 bytes more."""
    data = bytearray(PLAIN)
    count, size = struct.unpack_from("<II", data, 16)
    struct.pack_into("<II", data, 16, count + 1, size + 8)
    struct.pack_into("<II", data, 32 + size, kind, 8)
    return bytes(data)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (with_segment(PLAIN, CONTENT), "it has a segment __SEALIFT"),
        (with_command(0x31), "its load command 0x31 is not known"),
        (make_macho(MachoSpec(bits=32, cpu="i386")), "__LINKEDIT is not its last segment"),
        (make_macho(MachoSpec(room=64)), "bytes lack for its load commands"),
        (b"\x7fELF" + bytes(200), "no Mach-O file"),
    ],
)
def test_what_has_no_room_is_refused(program: bytes, message: str) -> None:
    with pytest.raises(BinaryFormatError, match=message):
        with_segment(program, CONTENT)


def test_more_than_numbers_of_32_bits_can_tell_is_refused() -> None:
    room = SegmentRoom(PROGRAM, segment="__SEALIFT", section="__payload", name="app")
    room.around((1 << 32) - (1 << 29))
    with pytest.raises(BinaryFormatError, match="4 GiB at most") as caught:
        room.around(1 << 32)
    assert "leave large files out" in str(caught.value.hint)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_programs_are_refused_or_left_readable(data: st.DataObject) -> None:
    changed = bytearray(PROGRAM)
    for at in data.draw(st.lists(st.integers(0, 600), min_size=1, max_size=6)):
        changed[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFE, 0xFF]))
    with contextlib.suppress(BinaryFormatError):
        made = with_segment(bytes(changed), CONTENT)
        facts_of(View(made, "app"))
        with tempfile.TemporaryFile() as file:
            file.write(made)
            file.flush()
            seal_at_end(file, 0, "app", adhoc("app"))
            file.seek(0)
            assert all(not found.problems for found in verify_signature(file.read()))

"""A segment put into a linked Mach-O file, for bytes that the program finds by its own headers.

It goes between all others and ``__LINKEDIT``, which moves behind it with all that load commands say
of it: code and data stay where they are, and signatures have to end the file.  Format:
``mach-o/loader.h`` of Apple's xnu.  Tables of fixups count segments: the new one comes where the
last was, which has none, as Apple's own tools do that add one to a linked file (``ctf_insert``).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from sealift.binary.macho_layout import (
    DEPENDENCY_COMMANDS,
    LC_CODE_SIGNATURE,
    LC_ID_DYLIB,
    LC_RPATH,
    LC_SEGMENT_64,
    LC_SYMTAB,
    Command,
    Commands,
    Part,
    Segment,
)
from sealift.binary.macho_rewrite import with_commands
from sealift.binary.view import View
from sealift.errors import BinaryFormatError

PAGE = 0x4000  # of Apple's own processors; a multiple of Intel's
_LARGEST = (1 << 32) - (1 << 28)  # offsets have 32 bits; room for what lies behind, and signatures
_READ = 1  # VM_PROT_READ
_SEGMENT = "II16sQQQQiiII"
_SECTION = "16s16sQQIIIIIIII"
# Where load commands have offsets of what lies in __LINKEDIT.
_OFFSETS = {
    LC_SYMTAB: (8, 16),
    0xB: (32, 40, 48, 56, 64, 72),  # LC_DYSYMTAB
    0x16: (8,),  # LC_TWOLEVEL_HINTS
    0x22: (8, 16, 24, 32, 40),  # LC_DYLD_INFO
    0x80000022: (8, 16, 24, 32, 40),  # LC_DYLD_INFO_ONLY
    **dict.fromkeys(
        (
            LC_CODE_SIGNATURE, 0x1E, 0x26, 0x29, 0x2B, 0x2E, 0x36, 0x37, 0x38,
            0x80000033, 0x80000034,  # LC_DYLD_EXPORTS_TRIE, LC_DYLD_CHAINED_FIXUPS
        ),
        (8,),
    ),
}  # fmt: skip
# Those that have none: the entry, the loader, libraries, versions, the UUID, other segments.
_WITHOUT = {
    LC_SEGMENT_64, LC_ID_DYLIB, LC_RPATH, 0x5, 0xE, 0x1B, 0x24, 0x2A, 0x32, 0x80000028,
    *DEPENDENCY_COMMANDS,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a segment of ``size`` bytes goes: in the file, and in memory."""

    offset: int
    address: int
    size: int

    @property
    def room(self) -> int:
        """``size`` in whole pages."""
        return _aligned(self.size)


def with_segment(data: bytes, content: bytes, *, segment: str, section: str, name: str) -> bytes:
    """``data``, the thin Mach-O file ``name`` of 64 bits, with ``content`` in a segment of its own.

    The segment can be read only, and is filled up to a page.  A signature is moved and no longer
    fits.  Raises :class:`BinaryFormatError` when the file is damaged, has such a segment, has
    commands that are not known here, or would be larger than its numbers can tell.
    """
    view = View(data, name)
    part = Part(view, 0, len(data))
    commands = Commands(part)
    linkedit = _linkedit(commands, segment)
    place = _Place(_aligned(linkedit.offset), _aligned(linkedit.address), len(content))
    if place.offset + place.room > _LARGEST:
        raise BinaryFormatError(
            f"cannot put {len(content)} bytes into {name}: a program for macOS has 4 GiB at most",
            hint="leave large files out of the product, and let it get them when it first needs "
            "them",
        )
    wanted = list(_wanted(commands, linkedit, place, (segment, section)))
    before = with_commands(commands, wanted)[: linkedit.offset].ljust(place.offset, b"\0")
    return b"".join(
        (
            before,
            content,
            bytes(place.room - place.size),
            part.content(linkedit.offset, len(data) - linkedit.offset),
        )
    )


def _aligned(number: int) -> int:
    return number + -number % PAGE


def _linkedit(commands: Commands, segment: str) -> Segment:
    segments = commands.segments()
    if commands.header.bits != 64 or not segments or segments[-1].name != "__LINKEDIT":
        raise commands.part.broken("__LINKEDIT is not its last segment")
    last = segments[-1]
    for other in segments[:-1]:
        if other.name == segment:
            raise commands.part.broken(f"it has a segment {segment}")
        if other.offset + other.size > last.offset or other.address + other.memory > last.address:
            raise commands.part.broken(f"{other.name} lies behind __LINKEDIT")
    return last


def _wanted(
    commands: Commands, linkedit: Segment, place: _Place, names: tuple[str, str]
) -> Iterator[bytes]:
    order = commands.header.order
    shift = place.offset + place.room - linkedit.offset
    for command in commands.all:
        raw = bytearray(commands.part.content(command.offset, command.size))
        if command == linkedit.command:
            yield _segment_command(order, place, names)
            values = place.address + place.room, linkedit.memory, linkedit.offset + shift
            struct.pack_into(f"{order}QQQ", raw, 24, *values)
        elif command.kind in _OFFSETS:
            for at in _to_shift(commands, command, linkedit):
                (offset,) = commands.fields(command, at, "I")
                struct.pack_into(f"{order}I", raw, at, offset + shift)
        elif command.kind not in _WITHOUT:
            raise commands.part.broken(f"its load command {command.kind:#x} is not known")
        yield bytes(raw)


def _to_shift(commands: Commands, command: Command, linkedit: Segment) -> Iterator[int]:
    """Where in a load command offsets of what lies in __LINKEDIT stand; 0 is that of no table."""
    for at in _OFFSETS[command.kind]:
        (offset,) = commands.fields(command, at, "I")
        if offset >= linkedit.offset:
            yield at
        elif offset:
            raise commands.part.broken(f"a table of load command {command.kind:#x} lies elsewhere")


def _segment_command(order: str, place: _Place, names: tuple[str, str]) -> bytes:
    segment, section = (name.encode() for name in names)
    size = struct.calcsize(order + _SEGMENT) + struct.calcsize(order + _SECTION)
    return struct.pack(
        order + _SEGMENT, LC_SEGMENT_64, size, segment,
        place.address, place.room, place.offset, place.room, _READ, _READ, 1, 0,
    ) + struct.pack(
        order + _SECTION, section, segment, place.address, place.size, place.offset,
        PAGE.bit_length() - 1, 0, 0, 0, 0, 0, 0,
    )  # fmt: skip

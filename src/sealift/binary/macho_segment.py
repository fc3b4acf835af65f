"""A segment put into a linked Mach-O file, for bytes that the program finds by its own headers.

It goes between all others and ``__LINKEDIT``, which moves behind it with all that load commands say
of it: code and data stay where they are, and signatures have to end the file.  Format:
``mach-o/loader.h`` of Apple's xnu.  Tables of fixups count segments: the new one comes where the
last was, which has none, as Apple's own tools do that add one to a linked file (``ctf_insert``).
"""

import struct
from collections.abc import Iterator

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


class SegmentRoom:
    """Room in a thin Mach-O file of 64 bits for a segment that can be read only.

    What goes into it may be large and is not held here: whoever writes the file puts it at
    ``offset``, between what :meth:`around` gives.
    """

    def __init__(self, data: bytes, *, segment: str, section: str, name: str) -> None:
        """Raise :class:`BinaryFormatError` when the file called ``name`` is damaged or has such."""
        self._data = data
        self._names = segment.encode(), section.encode()
        self._commands = Commands(Part(View(data, name), 0, len(data)))
        self._linkedit = _linkedit(self._commands, segment)
        self.offset = _aligned(self._linkedit.offset)

    def around(self, size: int) -> tuple[bytes, bytes]:
        """What is before and behind ``size`` bytes in the segment, which ends with its page.

        A signature is moved and no longer fits.  Raises :class:`BinaryFormatError` for commands
        that are not known here, and when the file would be larger than its numbers can tell.
        """
        name = self._commands.part.name
        if self.offset + size > _LARGEST:
            raise BinaryFormatError(
                f"cannot put {size} bytes into {name}: a program for macOS has 4 GiB at most",
                hint="leave large files out of the product, and let it get them when it first "
                "needs them",
            )
        wanted = list(self._wanted(size))
        start = self._linkedit.offset
        before = with_commands(self._commands, wanted)[:start].ljust(self.offset, b"\0")
        return before, bytes(_aligned(size) - size) + self._data[start:]

    def _wanted(self, size: int) -> Iterator[bytes]:
        commands, linkedit = self._commands, self._linkedit
        order = commands.header.order
        address, room = _aligned(linkedit.address), _aligned(size)
        shift = self.offset + room - linkedit.offset
        for command in commands.all:
            raw = bytearray(commands.part.content(command.offset, command.size))
            if command == linkedit.command:
                yield self._command(order, address, size)
                values = address + room, linkedit.memory, linkedit.offset + shift
                struct.pack_into(f"{order}QQQ", raw, 24, *values)
            elif command.kind in _OFFSETS:
                for at in _to_shift(commands, command, linkedit):
                    (offset,) = commands.fields(command, at, "I")
                    struct.pack_into(f"{order}I", raw, at, offset + shift)
            elif command.kind not in _WITHOUT:
                raise commands.part.broken(f"its load command {command.kind:#x} is not known")
            yield bytes(raw)

    def _command(self, order: str, address: int, size: int) -> bytes:
        segment, section = self._names
        length = struct.calcsize(order + _SEGMENT) + struct.calcsize(order + _SECTION)
        room = _aligned(size)
        return struct.pack(
            order + _SEGMENT, LC_SEGMENT_64, length, segment,
            address, room, self.offset, room, _READ, _READ, 1, 0,
        ) + struct.pack(
            order + _SECTION, section, segment, address, size, self.offset,
            PAGE.bit_length() - 1, 0, 0, 0, 0, 0, 0,
        )  # fmt: skip


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


def _to_shift(commands: Commands, command: Command, linkedit: Segment) -> Iterator[int]:
    """Where in a load command offsets of what lies in __LINKEDIT stand; 0 is that of no table."""
    for at in _OFFSETS[command.kind]:
        (offset,) = commands.fields(command, at, "I")
        if offset >= linkedit.offset:
            yield at
        elif offset:
            raise commands.part.broken(f"a table of load command {command.kind:#x} lies elsewhere")

"""Where things lie in a Mach-O file: its slices, its header, its load commands, its segments.

Formats: ``mach-o/fat.h`` and ``mach-o/loader.h`` of Apple's xnu and cctools.  A fat file begins
with a table of slices, each a whole Mach-O file; what is not fat has one slice, itself.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from sealift.binary.view import View

MOST_ALIGN = 15  # of a slice in a fat file, as an exponent of two: as lipo
FAT_MAGIC, FAT_MAGIC_64 = 0xCAFEBABE, 0xCAFEBABF
_THIN = {
    b"\xfe\xed\xfa\xce": (">", 32), b"\xfe\xed\xfa\xcf": (">", 64),
    b"\xce\xfa\xed\xfe": ("<", 32), b"\xcf\xfa\xed\xfe": ("<", 64),
}  # fmt: skip
# Java class files begin as fat files do, with their version, 45 or more, where the count stands.
_MOST_SLICES = 42
_ARCHIVES = (b"!<arch>\n", b"!<thin>\n")

LC_SEGMENT, LC_SEGMENT_64 = 0x1, 0x19
LC_SYMTAB, LC_CODE_SIGNATURE = 0x2, 0x1D
LC_LOAD_DYLIB, LC_ID_DYLIB, LC_LOAD_WEAK_DYLIB, LC_REEXPORT_DYLIB = 0xC, 0xD, 0x80000018, 0x8000001F
LC_LAZY_LOAD_DYLIB, LC_LOAD_UPWARD_DYLIB = 0x20, 0x80000023
LC_RPATH = 0x8000001C
DEPENDENCY_COMMANDS = {
    LC_LOAD_DYLIB, LC_LOAD_WEAK_DYLIB, LC_REEXPORT_DYLIB, LC_LAZY_LOAD_DYLIB, LC_LOAD_UPWARD_DYLIB,
}  # fmt: skip
_ZERO_FILLED = {0x1, 0xC, 0x12}  # section types without bytes in the file

# No real file comes near these; a hostile one must not keep us busy.
_MOST_COMMANDS = 16384
_MOST_COMMAND_BYTES = 1 << 20
_MOST_ROOM = 1 << 20


class Part(View):
    """A part of a view, read as if it were a file of its own."""

    def __init__(self, whole: View, start: int, size: int) -> None:
        super().__init__(whole.data, whole.name)
        self.start = start
        self.size = size

    def unpack(self, layout: str, offset: int) -> tuple[int, ...]:
        """The integers of :mod:`struct` ``layout`` at ``offset``."""
        end = offset + struct.calcsize(layout)
        if not 0 <= offset <= end <= self.size:
            raise self.broken(f"it ends before byte {end}")
        return super().unpack(layout, self.start + offset)

    def text(self, offset: int, end: int) -> str:
        """The NUL-terminated string at ``offset``, which must end before ``end``."""
        if not 0 <= offset < end <= self.size:
            raise self.broken(f"a string lies at byte {offset}, outside of its table")
        return super().text(self.start + offset, self.start + end)

    def content(self, offset: int, size: int) -> bytes:
        """``size`` bytes at ``offset``."""
        if not 0 <= offset <= offset + size <= self.size:
            raise self.broken(f"it ends before byte {offset + size}")
        return bytes(self.data[self.start + offset : self.start + offset + size])


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A Mach-O file within a file; ``offset``, ``size`` and ``align`` are what the fat header says.

    ``part`` are those of its bytes that are there.  ``align`` is an exponent of two.
    """

    part: Part
    offset: int
    size: int
    align: int = 0

    @property
    def is_cut(self) -> bool:
        """Whether bytes that the fat header promises are not in the file."""
        return self.part.size < self.size

    @property
    def is_archive(self) -> bool:
        """Whether it is a static library."""
        return self.part.size >= 8 and self.part.content(0, 8) in _ARCHIVES


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The header of a slice; ``order`` is a :mod:`struct` prefix, ``size`` its own bytes."""

    bits: int
    order: str
    cpu: int
    subtype: int
    kind: int
    command_count: int
    commands_size: int
    flags: int

    @property
    def size(self) -> int:
        return 32 if self.bits == 64 else 28


@dataclass(frozen=True, slots=True)
class Command:
    """A load command: ``size`` bytes at ``offset`` of the slice."""

    kind: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment: ``offset`` and ``size`` in the file, ``address`` and ``memory`` when loaded.

    ``first`` is the lowest offset of a section that has bytes, ``None`` where none has.
    """

    name: str
    command: Command
    address: int
    memory: int
    offset: int
    size: int
    first: int | None


def is_macho(head: bytes) -> bool:
    """Whether a file that begins with ``head`` (8 bytes suffice) is a Mach-O file, thin or fat.

    >>> is_macho(bytes.fromhex("cafebabe00000002")), is_macho(bytes.fromhex("cafebabe00000034"))
    (True, False)
    """
    if head[:4] in _THIN:
        return True
    if len(head) < 8 or int.from_bytes(head[:4], "big") not in {FAT_MAGIC, FAT_MAGIC_64}:
        return False
    return 0 < int.from_bytes(head[4:8], "big") <= _MOST_SLICES


def is_fat(view: View) -> bool:
    """Whether ``view``, a Mach-O file, begins with a table of slices."""
    return bytes(view.data[:4]) not in _THIN


def read_slices(view: View) -> tuple[Slice, ...]:
    """The Mach-O files in ``view``; none where all of its slices are static libraries."""
    if not is_macho(bytes(view.data[:8])):
        raise view.broken("it does not begin as a Mach-O file does")
    total = len(view.data)
    if not is_fat(view):
        return (Slice(part=Part(view, 0, total), offset=0, size=total),)
    return tuple(piece for piece in read_fat(view) if not piece.is_archive)


def read_fat(view: View) -> tuple[Slice, ...]:
    """All slices of the fat file in ``view``, in the order of its header."""
    magic, count = view.unpack(">II", 0)
    layout = fat_layout(magic)
    size = struct.calcsize(layout)
    entries = [view.unpack(layout, 8 + index * size) for index in range(count)]
    end = 8 + count * size
    for _, _, start, length, *_ in sorted(entries, key=lambda entry: entry[2]):
        if start < end:
            raise view.broken("its slices overlap")
        if start >= len(view.data):
            raise view.broken(f"a slice lies at byte {start}, beyond its end")
        end = start + length
    return tuple(_fat_slice(view, *entry[2:5]) for entry in entries)


def fat_layout(magic: int) -> str:
    """The :mod:`struct` layout of an entry: CPU, subtype, offset, size, alignment."""
    return ">IIQQII" if magic == FAT_MAGIC_64 else ">IIIII"


def _fat_slice(view: View, offset: int, size: int, align: int) -> Slice:
    part = Part(view, offset, min(size, len(view.data) - offset))
    return Slice(part=part, offset=offset, size=size, align=align)


def read_header(part: Part) -> Header:
    """The header of the slice ``part``."""
    known = _THIN.get(part.content(0, 4))
    if known is None:
        raise part.broken("one of its slices is no Mach-O file")
    order, bits = known
    cpu, subtype, kind, count, size, flags = part.unpack(f"{order}IIIIII", 4)
    header = Header(
        bits=bits,
        order=order,
        cpu=cpu,
        subtype=subtype & 0x00FFFFFF,  # the highest byte tells of features
        kind=kind,
        command_count=count,
        commands_size=size,
        flags=flags,
    )
    if count > _MOST_COMMANDS or size > _MOST_COMMAND_BYTES:
        raise part.broken(f"it says it has {count} load commands of {size} bytes")
    return header


class Commands:
    """The load commands of a slice, in order, with the header before them."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.header = read_header(part)
        self.all = tuple(self._read())

    def _read(self) -> Iterator[Command]:
        at = self.header.size
        end = at + self.header.commands_size
        if end > self.part.size:
            raise self.part.broken(f"its load commands reach to byte {end} of {self.part.size}")
        for _ in range(self.header.command_count):
            kind, size = self.part.unpack(f"{self.header.order}II", at)
            if size < 8 or size % 4 or at + size > end:
                raise self.part.broken(f"the load command at byte {at} has {size} bytes")
            yield Command(kind, at, size)
            at += size

    def of(self, *kinds: int) -> tuple[Command, ...]:
        """Those of one of ``kinds``."""
        return tuple(command for command in self.all if command.kind in kinds)

    def fields(self, command: Command, at: int, layout: str) -> tuple[int, ...]:
        """The integers of ``layout``, written without a byte order, at byte ``at`` of a command."""
        if at + struct.calcsize("<" + layout) > command.size:
            raise self.part.broken(f"the load command at byte {command.offset} is too short")
        return self.part.unpack(self.header.order + layout, command.offset + at)

    def text(self, command: Command) -> str:
        """The string of a command, whose place in it is told by its first field."""
        (offset,) = self.fields(command, 8, "I")
        return self.part.text(command.offset + offset, command.offset + command.size)

    def segments(self) -> tuple[Segment, ...]:
        """The segments of the slice, in the order of their commands."""
        return tuple(self._segment(command) for command in self.of(LC_SEGMENT, LC_SEGMENT_64))

    def _segment(self, command: Command) -> Segment:
        word = "Q" if command.kind == LC_SEGMENT_64 else "I"
        address, memory, offset, size = self.fields(command, 24, 4 * word)
        first = None
        for at, layout in self._sections(command):
            _, length, start, _, _, _, flags = self.fields(command, at + 32, layout)
            if start and length and flags & 0xFF not in _ZERO_FILLED:
                first = start if first is None else min(first, start)
        return Segment(
            name=self._name(command, 8),
            command=command,
            address=address,
            memory=memory,
            offset=offset,
            size=size,
            first=first,
        )

    def _sections(self, command: Command) -> Iterator[tuple[int, str]]:
        """Where the headers of a segment's sections begin, and their layout behind two names."""
        word, start, size = ("Q", 72, 80) if command.kind == LC_SEGMENT_64 else ("I", 56, 68)
        (count,) = self.fields(command, start - 8, "I")
        if start + count * size > command.size:
            raise self.part.broken(f"the load command at byte {command.offset} is too short")
        for index in range(count):
            yield start + index * size, 2 * word + "IIIII"

    def _name(self, command: Command, at: int) -> str:
        name = self.part.content(command.offset + at, 16).partition(b"\0")[0]
        return name.decode("utf-8", "surrogateescape")

    def section(self, segment: str, name: str) -> tuple[int, int] | None:
        """Offset and size of the section ``name`` of ``segment``."""
        for command in self.of(LC_SEGMENT, LC_SEGMENT_64):
            for at, layout in self._sections(command):
                if self._name(command, at) == name and self._name(command, at + 16) == segment:
                    _, size, offset, *_ = self.fields(command, at + 32, layout)
                    return offset, size
        return None

    def room(self) -> int:
        """Bytes free behind the commands: zeros before the first byte that anything else owns."""
        end = self.header.size + self.header.commands_size
        segments = self.segments()
        starts = [s.first for s in segments if s.first is not None]
        starts += [s.offset for s in segments if s.size and s.offset]
        size = min(*starts, self.part.size, end + _MOST_ROOM) - end if starts else 0
        padding = self.part.content(end, max(0, size))
        return len(padding) - len(padding.lstrip(b"\0"))

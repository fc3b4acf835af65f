"""Where things lie in an ELF file: its header, its segments and its dynamic section.

Formats: System V ABI (gABI) chapters 4 and 5.  This is what a loader reads; section headers are
located for those who edit files, and never trusted for facts.
"""

import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from sealift.binary.view import View

MAGIC = b"\x7fELF"

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE = 1, 2, 3, 4
PT_GNU_EH_FRAME, PT_GNU_STACK = 0x6474E550, 0x6474E551
PT_GNU_RELRO, PT_GNU_PROPERTY = 0x6474E552, 0x6474E553
PF_X, PF_W = 1, 2
DT_STRTAB, DT_SYMTAB, DT_STRSZ = 5, 6, 10

# No real file comes near these; a hostile one must not make us read gigabytes of the same string.
MOST_RECORDS = 16384
_MOST_TEXT = 1 << 22


class Segment(NamedTuple):
    """A program header: ``offset`` and ``size`` are in the file, ``address`` in memory."""

    kind: int
    offset: int
    address: int
    size: int
    align: int
    flags: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The file header's fields that locate the rest; ``order`` is a :mod:`struct` prefix."""

    bits: int
    order: str
    system: int
    kind: int
    machine: int
    flags: int
    program_offset: int
    program_entry: int
    program_count: int
    section_offset: int
    section_entry: int
    section_count: int
    section_names: int

    @property
    def sections_end(self) -> int:
        """Where the section headers end, which linkers put last into a file."""
        return self.section_offset + self.section_entry * self.section_count


def read_header(view: View) -> Header:
    """The file header of ``view``."""
    bits, encoding, _, system = view.unpack("BBBB", 4)
    if view.data[:4] != MAGIC or bits not in {1, 2} or encoding not in {1, 2}:
        raise view.broken("its ELF header is damaged")
    order, word = "<>"[encoding - 1], "IQ"[bits - 1]
    kind, machine, _, _, program, section, flags, _, *sizes = view.unpack(
        f"{order}HHI{word}{word}{word}IHHHHHH", 16
    )
    header = Header(
        bits=32 * bits,
        order=order,
        system=system,
        kind=kind,
        machine=machine,
        flags=flags,
        program_offset=program,
        program_entry=sizes[0],
        program_count=sizes[1],
        section_offset=section,
        section_entry=sizes[2],
        section_count=sizes[3],
        section_names=sizes[4],
    )
    if section and not header.section_count:
        # More sections than 16 bits count: the first, unused header tells how many.
        (*_, count) = view.unpack(f"{order}II{word}{word}{word}{word}", section)
        header = replace(header, section_count=count)
    return header


def read_segments(view: View, header: Header) -> Iterator[Segment]:
    """The program headers of ``view``; none for a core dump with too many to count."""
    if header.program_count == 0xFFFF:
        return
    layout = header.order + ("IIIIIIII" if header.bits == 32 else "IIQQQQQQ")
    if header.program_count and header.program_entry != struct.calcsize(layout):
        raise view.broken(f"its program headers have {header.program_entry} bytes each")
    for values in view.rows(layout, header.program_offset, header.program_count):
        if header.bits == 32:
            kind, offset, address, _, size, _, flags, align = values
        else:
            kind, flags, offset, address, _, size, _, align = values
        yield Segment(kind, offset, address, size, align, flags)


def offset_of(view: View, segments: tuple[Segment, ...], address: int) -> int:
    """Where in the file the byte is that is loaded at ``address``."""
    for segment in segments:
        if segment.kind == PT_LOAD and 0 <= address - segment.address < segment.size:
            return segment.offset + address - segment.address
    raise view.broken(f"address {address:#x} lies in no segment")


class Dynamic:
    """The dynamic section: its entries by tag, in order, and what they point to.

    Without one, every question has an empty answer.
    """

    def __init__(self, view: View, header: Header, segments: tuple[Segment, ...]) -> None:
        self.view = view
        self.header = header
        self.segments = segments
        self._text_left = _MOST_TEXT
        self._entries: dict[int, list[int]] = defaultdict(list)
        for segment in segments:
            if segment.kind == PT_DYNAMIC and segment.size:
                self._read(segment)
                break
        self.strings_start, self.strings_end = self._string_table() if self._entries else (0, 0)

    def _read(self, segment: Segment) -> None:
        layout = self.header.order + ("II" if self.header.bits == 32 else "QQ")
        step = struct.calcsize(layout)
        count = min(segment.size // step, MOST_RECORDS)
        for tag, value in self.view.rows(layout, segment.offset, count):
            if not tag:
                return
            self._entries[tag].append(value)

    def _string_table(self) -> tuple[int, int]:
        address, size = self.value(DT_STRTAB), self.value(DT_STRSZ)
        if address is None or size is None:
            return 0, 0
        start = self.offset(address)
        return start, start + size

    def offset(self, address: int) -> int:
        """Where in the file the byte is that is loaded at ``address``."""
        return offset_of(self.view, self.segments, address)

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def value(self, tag: int) -> int | None:
        """The value of the last entry with ``tag``; the loader also takes the last."""
        values = self._entries.get(tag)
        return values[-1] if values else None

    def string_at(self, offset: int) -> str:
        """The string at ``offset`` of the string table."""
        text = self.view.text(self.strings_start + offset, self.strings_end)
        self._text_left -= len(text)
        if self._text_left < 0:
            raise self.view.broken("its names are longer than all of any file's")
        return text

    def string(self, tag: int) -> str | None:
        """The string that the last entry with ``tag`` names."""
        value = self.value(tag)
        return None if value is None else self.string_at(value)

    def strings(self, tag: int) -> tuple[str, ...]:
        """The strings that all entries with ``tag`` name."""
        return tuple(self.string_at(value) for value in self._entries.get(tag, ()))


def read_dynamic(view: View) -> Dynamic:
    """The dynamic section of ``view``, with the header and the segments that lead to it."""
    header = read_header(view)
    return Dynamic(view, header, tuple(read_segments(view, header)))

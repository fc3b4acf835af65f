"""Where things lie in a PE file: its headers, its sections, its directories.

Format: Microsoft's "PE Format" specification.  Tables are found by their address in memory (RVA);
sections say which of those lie where in the file.
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from sealift.binary.view import View

EXPORTS, IMPORTS, RESOURCES, CERTIFICATES, RELOCATIONS, DEBUG = 0, 1, 2, 4, 5, 6
LOAD_CONFIG, BOUND_IMPORTS, DELAY_IMPORTS, CLR = 10, 11, 13, 14
SECTION_SIZE, DIRECTORY_SIZE = 40, 8
HAS_DATA, DISCARDABLE, EXECUTABLE, READABLE, WRITABLE = (
    0x40, 0x02000000, 0x20000000, 0x40000000, 0x80000000,
)  # fmt: skip

_MAGIC, _SIGNATURE = b"MZ", b"PE\0\0"
_PLAIN, _PLUS = 0x10B, 0x20B
_MOST_DIRECTORIES = 16
# The loader's own limit ("PE Format", COFF file header).
_MOST_SECTIONS = 96
# Windows rounds down where a section of an ordinary image begins in the file.
_SECTOR, _PAGE = 0x200, 0x1000
_SYMBOL_SIZE = 18
_LONGEST_NAME = 4096  # the longest symbol MSVC makes


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of the file and its place in memory; ``header`` is where its own header lies."""

    name: str
    address: int
    memory: int
    offset: int
    size: int
    flags: int
    header: int

    @property
    def end(self) -> int:
        """Offset behind its bytes."""
        return self.offset + self.size

    @property
    def memory_end(self) -> int:
        """Address behind it."""
        return self.address + (self.memory or self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The COFF and the optional header; ``offset`` is where the PE signature lies."""

    offset: int
    machine: int
    section_count: int
    timestamp: int
    symbols: int
    symbol_count: int
    flags: int
    optional: int
    bits: int
    linker: tuple[int, int]
    base: int
    section_alignment: int
    file_alignment: int
    system: tuple[int, int]
    image_size: int
    size: int
    checksum: int
    subsystem: int
    subsystem_version: tuple[int, int]
    dll_flags: int
    directory_count: int
    sections: int

    @property
    def directories(self) -> int:
        """Where the table of directories lies."""
        return self.optional + (112 if self.bits == 64 else 96)

    @property
    def sections_end(self) -> int:
        """Offset behind the section headers."""
        return self.sections + self.section_count * SECTION_SIZE


def is_pe(head: bytes | mmap.mmap) -> bool:
    """Whether a file that begins with ``head``, 4096 bytes or more of it, is a PE file.

    DOS programs begin alike.
    """
    if head[:2] != _MAGIC or len(head) < 64:
        return False
    (offset,) = struct.unpack_from("<I", head, 0x3C)
    return bytes(head[offset : offset + 4]) == _SIGNATURE


def read_header(view: View) -> Header:
    """The headers of the PE file in ``view``."""
    if view.span(0, 2) != _MAGIC:
        raise view.broken("it is no PE file")
    (offset,) = view.unpack("<I", 0x3C)
    if view.span(offset, 4) != _SIGNATURE:
        raise view.broken("it is no PE file")
    machine, count, timestamp, symbols, symbol_count, optional_size, flags = view.unpack(
        "<HHIIIHH", offset + 4
    )
    at = offset + 24
    (magic,) = view.unpack("<H", at)
    if magic not in {_PLAIN, _PLUS}:
        raise view.broken(f"its optional header has the unknown type {magic:#x}")
    if count > _MOST_SECTIONS:
        raise view.broken(f"it has {count} sections, and Windows loads no more than 96")
    is_plus = magic == _PLUS
    linker = view.unpack("<BB", at + 2)
    (base,) = view.unpack("<Q", at + 24) if is_plus else view.unpack("<I", at + 28)
    alignment, file_alignment, system_major, system_minor = view.unpack("<IIHH", at + 32)
    major, minor, _, image_size, size, checksum, subsystem, dll_flags = view.unpack(
        "<HHIIIIHH", at + 48
    )
    (directory_count,) = view.unpack("<I", at + (108 if is_plus else 92))
    return Header(
        offset=offset,
        machine=machine,
        section_count=count,
        timestamp=timestamp,
        symbols=symbols,
        symbol_count=symbol_count,
        flags=flags,
        optional=at,
        bits=64 if is_plus else 32,
        linker=(linker[0], linker[1]),
        base=base,
        section_alignment=alignment,
        file_alignment=file_alignment,
        system=(system_major, system_minor),
        image_size=image_size,
        size=size,
        checksum=checksum,
        subsystem=subsystem,
        subsystem_version=(major, minor),
        dll_flags=dll_flags,
        directory_count=min(directory_count, _MOST_DIRECTORIES),
        sections=at + optional_size,
    )


class Image:
    """A PE file read by the addresses its parts will have in memory."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.header = read_header(view)
        self.sections = tuple(self._read_sections())

    def _read_sections(self) -> Iterator[Section]:
        header = self.header
        for at in range(header.sections, header.sections_end, SECTION_SIZE):
            memory, address, size, offset = self.view.unpack("<IIII", at + 8)
            (flags,) = self.view.unpack("<I", at + 36)
            if header.section_alignment >= _PAGE:
                offset -= offset % _SECTOR
            name = self.view.span(at, 8).rstrip(b"\0").decode("latin-1")
            yield Section(name, address, memory, offset, size if offset else 0, flags, at)

    def directory(self, index: int) -> tuple[int, int]:
        """Address and size of a directory, zeros where there is none."""
        if index >= self.header.directory_count:
            return 0, 0
        address, size = self.view.unpack("<II", self.header.directories + index * DIRECTORY_SIZE)
        return (address, size) if address else (0, 0)

    def place(self, address: int) -> tuple[int, int]:
        """Offset of what will be at ``address``, and the offset behind the last byte with it."""
        for section in self.sections:
            into = address - section.address
            if 0 <= into < min(section.size, _round_up(section.memory or section.size, _PAGE)):
                return section.offset + into, section.end
        if 0 <= address < self.header.size:
            return address, self.header.size
        raise self.view.broken(f"it has no bytes for address {address:#x}")

    def offset(self, address: int, size: int = 1) -> int:
        """Offset of the ``size`` bytes that will be at ``address``."""
        at, end = self.place(address)
        if at + size > end:
            raise self.view.broken(f"what begins at address {address:#x} leaves its section")
        return at

    def unpack(self, layout: str, address: int) -> tuple[int, ...]:
        """The integers of :mod:`struct` ``layout`` at ``address``."""
        return self.view.unpack(layout, self.offset(address, struct.calcsize(layout)))

    def text(self, address: int) -> str:
        """The NUL-terminated string at ``address``."""
        at, end = self.place(address)
        return self.view.text(at, min(end, at + _LONGEST_NAME, len(self.view.data)))

    def section_name(self, section: Section) -> str:
        """Its whole name: GNU tools keep names beyond eight letters among the symbols' strings."""
        if not section.name.startswith("/") or not section.name[1:].isdecimal():
            return section.name
        strings = self.header.symbols + self.header.symbol_count * _SYMBOL_SIZE
        at = strings + int(section.name[1:])
        return self.view.text(at, min(at + _LONGEST_NAME, len(self.view.data)))

    @cached_property
    def certificates(self) -> tuple[int, int]:
        """Offset and size of the table of signatures, zeros where there is none.

        The only directory that is told by its place in the file.
        """
        offset, size = self.directory(CERTIFICATES)
        return (offset, size) if size else (0, 0)

    @cached_property
    def sections_end(self) -> int:
        """Offset behind the headers and all sections."""
        return max([self.header.size, *(s.end for s in self.sections if s.size)])

    @cached_property
    def image_end(self) -> int:
        """Offset behind all that belongs to the image: sections, and symbols that GNU tools add."""
        header = self.header
        end = self.sections_end
        if header.symbols and header.symbol_count:
            strings = header.symbols + header.symbol_count * _SYMBOL_SIZE
            if strings + 4 <= len(self.view.data):
                (size,) = self.view.unpack("<I", strings)
                if strings + size <= len(self.view.data):
                    end = max(end, strings + size)
        return end

    @cached_property
    def overlay(self) -> tuple[int, int]:
        """Offset and size of what is appended to the image, signatures and padding not counted."""
        start, end = min(self.image_end, len(self.view.data)), len(self.view.data)
        signatures, size = self.certificates
        if size and signatures >= start and signatures + size >= end - 8:
            end = signatures
        is_padding = end - start < max(self.header.file_alignment, 8) <= _PAGE
        if end <= start or (is_padding and not any(self.view.data[start:end])):
            return 0, 0
        return start, end - start


def _round_up(number: int, unit: int) -> int:
    return -(-number // unit) * unit

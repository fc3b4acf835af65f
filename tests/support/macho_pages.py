"""A second, small reader of Mach-O files, independent of Sealift's own: LIEF says where things lie.

It checks what a Mac asks of a program before it starts it: how segments lie, that load commands
stay inside, and the hash of every page.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lief

_ADHOC = 2


@dataclass(frozen=True)
class Slice:
    """A slice as LIEF reads it, and its bytes; ``whole`` is what it lives in."""

    whole: lief.MachO.FatBinary
    binary: lief.MachO.Binary
    content: bytes

    @property
    def offset(self) -> int:
        return self.binary.fat_offset

    @property
    def carried(self) -> tuple[int, int] | None:
        """Offset in the slice and size of the segment for a payload."""
        for segment in self.binary.segments:
            if segment.name == "__SEALIFT":
                return segment.file_offset, segment.file_size
        return None


def slices(path: Path) -> dict[str, Slice]:
    """Each slice of the file by its CPU."""
    whole = lief.MachO.parse(str(path))
    assert whole is not None
    data = path.read_bytes()
    starts = [binary.fat_offset for binary in whole]
    ends = {start: min([len(data), *(s for s in starts if s > start)]) for start in starts}
    return {
        binary.header.cpu_type.name: Slice(
            whole, binary, data[binary.fat_offset : ends[binary.fat_offset]]
        )
        for binary in whole
    }


def check_layout(one: Slice) -> None:
    """Segments lie in order and apart, in whole pages; __LINKEDIT ends the slice."""
    binary = one.binary
    assert lief.MachO.check_layout(binary) == (True, "")
    page = 0x4000 if binary.header.cpu_type.name == "ARM64" else 0x1000
    offset = address = 0
    for segment in binary.segments:
        if segment.name != "__PAGEZERO":
            assert segment.file_offset >= offset, segment.name
            assert segment.file_offset % page == segment.virtual_address % page == 0
        assert segment.virtual_address >= address, segment.name
        assert segment.file_size <= segment.virtual_size, segment.name
        offset = segment.file_offset + segment.file_size
        address = segment.virtual_address + segment.virtual_size
        for section in segment.sections:
            is_inside = segment.file_offset <= section.offset <= offset - section.size
            assert section.offset == 0 or is_inside, section.name
    last = list(binary.segments)[-1]
    assert last.name == "__LINKEDIT"
    assert offset <= len(one.content)
    for start, size in _tables(binary):
        assert last.file_offset <= start <= start + size <= offset
    assert one.content[offset:].strip(b"\0") == b""  # the gap before the next slice


def _tables(binary: lief.MachO.Binary) -> Iterator[tuple[int, int]]:
    """Offset and size of whatever load commands say lies in __LINKEDIT."""
    symbols, dynamic = binary.symbol_command, binary.dynamic_symbol_command
    info = binary.dyld_info
    assert symbols
    assert dynamic
    assert info
    yield symbols.symbol_offset, symbols.numberof_symbols * 16
    yield symbols.strings_offset, symbols.strings_size
    yield dynamic.indirect_symbol_offset, dynamic.nb_indirect_symbols * 4
    for place in (info.rebase, info.bind, info.lazy_bind, info.export_info, info.weak_bind):
        if place[1]:
            yield place
    for command in (binary.function_starts, binary.data_in_code, binary.code_signature):
        assert command
        yield command.data_offset, command.data_size


def check_pages(one: Slice) -> tuple[str, int]:
    """Every page of the slice has the hash that its ad hoc signature says; identifier and pages."""
    command, content = one.binary.code_signature, one.content
    assert command
    at, size = command.data_offset, command.data_size
    magic, length, count = struct.unpack_from(">III", content, at)
    assert (magic, length <= size) == (0xFADE0CC0, True)
    blobs = dict(struct.unpack_from(">II", content, at + 12 + 8 * index) for index in range(count))
    directory = content[at + blobs[0] :]
    (kind, _, _, flags, hashes, name, specials, pages, limit) = struct.unpack_from(">9I", directory)
    hash_size, hash_kind, _, exponent = struct.unpack_from(">4B", directory, 36)
    assert (kind, flags, hash_size, hash_kind, limit) == (0xFADE0C02, _ADHOC, 32, 2, at)
    page = 1 << exponent
    assert pages == -(-limit // page)
    for number in range(pages):
        told = directory[hashes + 32 * number :][:32]
        own = content[page * number : min(page * number + page, limit)]
        assert hashlib.sha256(own).digest() == told, f"page {number}"
    requirements = content[at + blobs[2] :]
    (long,) = struct.unpack_from(">I", requirements, 4)
    assert directory[hashes - 64 : hashes - 32] == hashlib.sha256(requirements[:long]).digest()
    assert specials >= 2
    return directory[name : directory.index(b"\0", name)].decode(), pages

"""Single files: plain programs and libraries, and those with a payload that Sealift wrote.

The payload's format is told in :mod:`sealift.launcher.payload`; here every offset and size is
checked against the file before it is used, and frames are unpacked one at a time.
"""

import bisect
import mmap
import struct
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from sealift.archive import reading
from sealift.audit.content import Content, FileContent
from sealift.audit.finding import Finding
from sealift.audit.subject import Kind, Member, Members, Subject
from sealift.binary.elf_layout import read_header
from sealift.binary.macho_layout import Commands, is_macho, read_slices
from sealift.binary.pe_layout import Image, is_pe
from sealift.binary.view import View
from sealift.compression import decompress_at_most
from sealift.errors import ArchiveError, BinaryFormatError

_MAGIC, _PAGE, _HEADER = b"SEALIFT\1", 4096, 256
_SEGMENT = "__SEALIFT"
_LARGEST_FRAME, _MOST_FILES = 4 << 20, 1 << 20
_FILE = struct.Struct("<QQQIHH")
_FRAME = struct.Struct("<QQII")
_PYINSTALLER = b"MEI\014\013\012\013\016"
_TAIL = 8192


def file_members(subject: Subject) -> Members:
    """The file itself, then the files of its payload where it has one."""
    size = subject.path.stat().st_size
    yield Member(subject.name, size, subject.path.stat().st_mode), FileContent(subject.path, size)
    with reading(subject.name), subject.path.open("rb") as file:
        if (start := _payload_start(file, size)) is not None:
            subject.kind = Kind.PRODUCT
            yield from _Payload(file, start, size, subject.name).members()
        file.seek(max(0, size - _TAIL))
        if _PYINSTALLER in file.read():
            message = "it is made by PyInstaller; what is packed in it was not looked into"
            subject.problems.append(
                Finding(rule="packed-by-others", message=message, file=subject.name)
            )


def _payload_start(file: BinaryIO, size: int) -> int | None:
    """Where the payload of a program begins, if it has one."""
    file.seek(0)
    head = file.read(_PAGE)
    start = _segment_start(file) if is_macho(head) else _end_of_program(head, file.name)
    if start is None or start >= size:
        return None
    file.seek(start)
    return start if file.read(8) == _MAGIC else None


def _end_of_program(head: bytes, name: str) -> int | None:
    """The page behind the section headers of an ELF file, or the last section of a PE file."""
    view = View(head, name)
    try:
        end = Image(view).sections_end if is_pe(head) else read_header(view).sections_end
    except BinaryFormatError:
        return None
    return -(-end // _PAGE) * _PAGE


def _segment_start(file: BinaryIO) -> int | None:
    """The segment for it in a slice of a Mach-O file; one has it for all."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            for piece in read_slices(View(data, file.name)):
                for segment in Commands(piece.part).segments():
                    if segment.name == _SEGMENT:
                        return piece.offset + segment.offset
        except BinaryFormatError:
            return None
    return None


class _Payload:
    """The files in a payload that begins at ``start`` of ``file``."""

    def __init__(self, file: BinaryIO, start: int, end: int, name: str) -> None:
        self._file, self._start, self._name = file, start, name
        self._end = end - start
        head = self._read(0, _HEADER)
        _, self._count, frames, _ = struct.unpack_from("<4I", head, 8)
        (self._size, _, self._strings, strings, self._files, at, self._tree) = struct.unpack_from(
            "<7Q", head, 24
        )
        if self._size > self._end or self._count > _MOST_FILES or frames > _MOST_FILES:
            raise self._broken()
        self._texts = self._read(self._strings, strings)
        table = self._read(at, _FRAME.size * frames)
        self._frames = list(_FRAME.iter_unpack(table))
        self._raws = [raw for _, raw, _, _ in self._frames]
        self._held: tuple[int, bytes] = (-1, b"")

    def members(self) -> Members:
        table = self._read(self._files, _FILE.size * self._count)
        for offset, size, _, path, path_size, mode in _FILE.iter_unpack(table):
            name = self._texts[path : path + path_size].decode("utf-8", "surrogateescape")
            if not name or offset + size > self._tree:
                raise self._broken()
            content = Content(name, size, partial(self._content, offset, size))
            yield Member(name, size, mode), content

    def _content(self, offset: int, size: int) -> Iterator[bytes]:
        number = bisect.bisect_right(self._raws, offset) - 1
        while size:
            if not 0 <= number < len(self._frames):
                raise self._broken()
            skipped = offset - self._raws[number]
            part = self._frame(number)[skipped : skipped + size]
            if not part:
                raise self._broken()
            yield part
            offset, size, number = offset + len(part), size - len(part), number + 1

    def _frame(self, number: int) -> bytes:
        if self._held[0] != number:
            at, _, packed, raw = self._frames[number]
            if raw > _LARGEST_FRAME:
                raise self._broken()
            data = decompress_at_most(self._read(at, packed), raw)
            if len(data) != raw:
                raise self._broken()
            self._held = number, data
        return self._held[1]

    def _read(self, offset: int, size: int) -> bytes:
        if offset + size > self._end:
            raise self._broken()
        self._file.seek(self._start + offset)
        data = self._file.read(size)
        if len(data) != size:
            raise self._broken()
        return data

    def _broken(self) -> ArchiveError:
        return ArchiveError(f"cannot read {self._name}: its payload is damaged")

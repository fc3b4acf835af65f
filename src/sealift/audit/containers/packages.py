"""Debian packages and RPM packages.

Formats: deb(5), an ``ar`` archive with ``data.tar`` in it; the RPM package file format (lead,
signature header, header, packed cpio archive) and the "new ASCII" form of cpio(5).
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import IO, BinaryIO

from sealift.ar import data_tar
from sealift.archive import reading, unpacked
from sealift.audit.containers.tars import plain, system_members
from sealift.audit.content import Content
from sealift.audit.subject import Member, Members, Subject
from sealift.errors import ArchiveError
from sealift.strictzip import Limits

_CHUNK = 1 << 20
_RPM_LEAD, _RPM_MAGIC = 96, b"\x8e\xad\xe8\x01"
_LARGEST_HEADER = 256 << 20  # as librpm has it
_SIZES, _MODES, _FOLDERS, _FOLDER_NAMES, _NAMES, _LONG_SIZES = 1028, 1030, 1116, 1118, 1117, 5008
_INTEGERS = {3: "H", 4: "I", 5: "Q"}
_STRING_LIST = 8
_CPIO, _CPIO_STRIPPED, _CPIO_END = (b"070701", b"070702"), b"07070X", "TRAILER!!!"
_IS_FILE = 0o100000
_KIND = 0o170000


def deb_members(subject: Subject) -> Members:
    """The files that a Debian package installs."""
    with reading(subject.name), subject.path.open("rb") as file:
        yield from system_members(subject.name, data_tar(file, subject.name))


@dataclass(frozen=True, slots=True)
class _RpmFile:
    """A file as the header of an RPM package names it."""

    path: str
    size: int
    mode: int


def rpm_members(subject: Subject) -> Members:
    """The files that an RPM package installs."""
    with reading(subject.name), subject.path.open("rb") as file:
        file.seek(_RPM_LEAD)
        _skip_padding(file, _rpm_header(file, subject.name)[1])
        tags, _ = _rpm_header(file, subject.name)
        files = _rpm_files(tags, subject.name)
        stream = unpacked(file)
        yield from _Cpio(stream, subject.name, files).members()


def _skip_padding(file: BinaryIO, size: int) -> None:
    file.seek(-size % 8, 1)


def _rpm_header(file: BinaryIO, name: str) -> tuple[Mapping[int, tuple[object, ...]], int]:
    """Values by tag of the header at the position of ``file``, and the size of its data."""
    start = file.read(16)
    count, size = struct.unpack(">II", start[8:]) if len(start) == 16 else (0, 0)
    if start[:4] != _RPM_MAGIC or 16 * count + size > _LARGEST_HEADER:
        raise ArchiveError(f"cannot read {name}: its RPM header is damaged")
    index, data = file.read(16 * count), file.read(size)
    if len(index) != 16 * count or len(data) != size:
        raise ArchiveError(f"cannot read {name}: its RPM header is truncated")
    wanted = {_SIZES, _MODES, _FOLDERS, _FOLDER_NAMES, _NAMES, _LONG_SIZES}
    rows = [row for row in struct.iter_unpack(">IIII", index) if row[0] in wanted]
    return {tag: tuple(_values(kind, data, at, many)) for tag, kind, at, many in rows}, size


def _values(kind: int, data: bytes, at: int, count: int) -> Iterator[object]:
    if kind == _STRING_LIST:
        for _ in range(count):
            end = data.find(b"\0", at)
            if end < 0:
                return
            yield data[at:end].decode("utf-8", "surrogateescape")
            at = end + 1
    elif letter := _INTEGERS.get(kind):
        width = struct.calcsize(f">{letter}")
        for offset in range(at, min(at + width * count, len(data) - width + 1), width):
            yield struct.unpack_from(f">{letter}", data, offset)[0]


def _rpm_files(tags: Mapping[int, tuple[object, ...]], package: str) -> tuple[_RpmFile, ...]:
    folders = [str(folder) for folder in tags.get(_FOLDER_NAMES, ())]
    sizes = tags.get(_LONG_SIZES) or tags.get(_SIZES, ())
    rows = zip(tags.get(_NAMES, ()), tags.get(_FOLDERS, ()), sizes, tags.get(_MODES, ()))  # noqa: B905
    found = []
    for name, folder, size, mode in rows:
        if not (isinstance(folder, int) and isinstance(size, int) and isinstance(mode, int)):
            raise ArchiveError(f"cannot read {package}: its RPM header has texts for numbers")
        above = folders[folder] if folder < len(folders) else ""
        found.append(_RpmFile(plain(f"{above}{name}"), size, mode))
    return tuple(found)


class _Cpio:
    """The cpio archive of an RPM package, read in one go."""

    def __init__(self, stream: IO[bytes], name: str, files: tuple[_RpmFile, ...]) -> None:
        self._stream, self._name, self._files = stream, name, files
        self._at = 0
        self._limits = Limits()

    def members(self) -> Members:
        for _ in range(self._limits.members):
            found = self._entry()
            if found is None:
                return
            left = found.size
            if self._at + left > self._limits.size:
                break
            if found.mode & _KIND == _IS_FILE:
                end = self._at + left
                yield (
                    Member(found.path, found.size, found.mode & 0o7777),
                    Content(found.path, left, partial(self._content, left)),
                )
                left = end - self._at
            for _ in self._content(left):
                pass
            self._pad()
        raise ArchiveError(f"cannot read {self._name}: it has more in it than may be unpacked")

    def _entry(self) -> _RpmFile | None:
        magic = self._read(6)
        if magic == _CPIO_STRIPPED:
            number = self._number(self._read(8))
            self._pad()
            if number >= len(self._files):
                raise self._broken()
            return self._files[number]
        if magic not in _CPIO:
            raise self._broken()
        fields = self._read(104)
        mode, size, name_size = (self._number(fields[at : at + 8]) for at in (8, 48, 88))
        if not 0 < name_size <= 65536:
            raise self._broken()
        name = self._read(name_size)[:-1].decode("utf-8", "surrogateescape")
        self._pad()
        return None if name == _CPIO_END else _RpmFile(plain(name), size, mode)

    def _number(self, text: bytes) -> int:
        try:
            return int(text, 16)
        except ValueError as problem:
            raise self._broken() from problem

    def _broken(self) -> ArchiveError:
        return ArchiveError(f"cannot read {self._name}: its cpio archive is damaged")

    def _content(self, size: int) -> Iterator[bytes]:
        while size:
            chunk = self._read(min(size, _CHUNK))
            size -= len(chunk)
            yield chunk

    def _read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._at += len(data)
        if len(data) != size:
            raise self._broken()
        return data

    def _pad(self) -> None:
        self._read(-self._at % 4)

"""Members of an ``ar`` archive, the outer layer of a Debian package.

Format: deb(5), the common form of ar(5) with short names.
"""

import io
from collections.abc import Iterator
from typing import BinaryIO

from sealift.errors import ArchiveError

MAGIC = b"!<arch>\n"
_HEADER = 60


class Slice(io.RawIOBase):
    """``size`` bytes of ``file`` from ``start``, as a file of their own."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        base = (0, self._at, self._size)[whence]
        self._at = min(max(0, base + offset), self._size)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        self._file.seek(self._start + self._at)
        data = self._file.read(min(len(buffer), self._size - self._at))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def data_tar(file: BinaryIO, name: str) -> io.BufferedReader:
    """The files of the Debian package in ``file``, a tar that may be packed.

    Raises :class:`ArchiveError`, which calls the package ``name``, when there is none.
    """
    for label, start, size in ar_members(file, name):
        if label.startswith("data.tar"):
            return io.BufferedReader(Slice(file, start, size))
    raise ArchiveError(f"cannot read {name}: it has no data.tar")


def ar_members(file: BinaryIO, name: str) -> Iterator[tuple[str, int, int]]:
    """The label, the offset and the size of each member of the archive in ``file``.

    Raises :class:`ArchiveError`, which calls the archive ``name``, when it is damaged.
    """
    position = len(MAGIC)
    while True:
        file.seek(position)
        header = file.read(_HEADER)
        if not header:
            return
        if len(header) < _HEADER or header[58:] != b"`\n" or not header[48:58].strip().isdigit():
            raise ArchiveError(f"cannot read {name}: its ar archive is damaged")
        size = int(header[48:58])
        label = header[:16].decode("ascii", "replace").strip().rstrip("/")
        yield label, position + _HEADER, size
        position += _HEADER + size + size % 2

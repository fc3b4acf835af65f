"""Bytes of a binary file, read with bounds."""

import mmap
import struct
from collections.abc import Iterator

from sealift.errors import BinaryFormatError

# No real name comes near this; a hostile file must not make us read gigabytes of the same string.
_LONGEST_STRING = 65536


class View:
    """Bytes of a file with bounds: whatever lies outside raises :class:`BinaryFormatError`."""

    def __init__(self, data: bytes | bytearray | mmap.mmap, name: str) -> None:
        self.data = data
        self.name = name

    def broken(self, reason: str) -> BinaryFormatError:
        """An error that says what is wrong with the file."""
        return BinaryFormatError(f"cannot read {self.name}: {reason}")

    def check(self, offset: int, size: int) -> None:
        """Raise unless there are ``size`` bytes at ``offset``."""
        if not 0 <= offset <= offset + size <= len(self.data):
            raise self.broken(f"it ends before byte {offset + size}")

    def unpack(self, layout: str, offset: int) -> tuple[int, ...]:
        """The integers of :mod:`struct` ``layout`` at ``offset``."""
        if not 0 <= offset <= len(self.data) - struct.calcsize(layout):
            raise self.broken(f"it ends before byte {offset + struct.calcsize(layout)}")
        return struct.unpack_from(layout, self.data, offset)

    def rows(self, layout: str, offset: int, count: int) -> Iterator[tuple[int, ...]]:
        """The integers of ``count`` records of ``layout`` one after the other.

        An end of the file before that of the last is told when all those before were taken.
        """
        size = struct.calcsize(layout)
        there = max(0, min(count, (len(self.data) - offset) // size)) if offset >= 0 else 0
        yield from struct.iter_unpack(layout, self.data[offset : offset + there * size])
        self.check(offset, count * size)

    def span(self, offset: int, size: int) -> bytes:
        """The ``size`` bytes at ``offset``."""
        self.check(offset, size)
        return bytes(self.data[offset : offset + size])

    def text(self, offset: int, end: int) -> str:
        """The NUL-terminated string at ``offset``, which must end before ``end``."""
        if not 0 <= offset < end <= len(self.data):
            raise self.broken(f"a string lies at byte {offset}, outside of its table")
        stop = self.data.find(b"\0", offset, min(end, offset + _LONGEST_STRING))
        if stop < 0:
            raise self.broken(f"the string at byte {offset} has no end")
        return self.data[offset:stop].decode("utf-8", "surrogateescape")

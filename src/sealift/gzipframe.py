"""Deflate streams inflated by libdeflate, in a third of zlib's time, where they lie in a file."""

import mmap
import struct
from typing import BinaryIO

import stringzilla  # type: ignore[import-not-found]
from deflate import DeflateError, gzip_decompress

_SMALL = 64 << 10  # to copy so many bytes costs less than a page that is written to
_HEAD, _END = b"\x1f\x8b\x08\0\0\0\0\0\0\xff", struct.Struct("<2L")  # RFC 1952


def mapped(file: BinaryIO) -> mmap.mmap:
    """The bytes of ``file``; what is written to them stays in memory.

    Raises :class:`OSError`.
    """
    try:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except ValueError:  # it is empty
        return mmap.mmap(-1, 1)


def inflated(data: mmap.mmap, start: int, end: int, *, size: int, crc: int) -> bytearray | None:
    """What the stream between ``start`` and ``end`` of ``data`` unpacks to.

    ``None`` where it is not one stream from the first byte to the last, of content with ``size``,
    which is not 0, and ``crc``, or where there is no room for gzip's head or end beside it.
    """
    # libdeflate does not tell where a stream ends, but of one in gzip's frame it checks the CRC
    # and the size right behind: as they are nowhere else, the stream ends where they begin.
    checks = _END.pack(crc, size)
    if not size or end > len(data):
        return None
    if end - start <= _SMALL:
        return _unpacked(b"".join((_HEAD, data[start:end], checks)), checks, size)
    outer = slice(start - len(_HEAD), end + _END.size)
    if outer.start < 0 or outer.stop > len(data):
        return None
    with memoryview(data)[outer] as framed:
        before, after = bytes(framed[: len(_HEAD)]), bytes(framed[-_END.size :])
        framed[: len(_HEAD)], framed[-_END.size :] = _HEAD, checks
        try:
            return _unpacked(framed, checks, size)
        finally:
            framed[: len(_HEAD)], framed[-_END.size :] = before, after


def _unpacked(framed: bytes | memoryview, checks: bytes, size: int) -> bytearray | None:
    """What ``framed``, which ends with ``checks`` and has them nowhere else, unpacks to."""
    if stringzilla.find(framed, checks, len(_HEAD)) != len(framed) - _END.size:
        return None
    try:
        found = gzip_decompress(framed, size)
    except DeflateError:
        return None
    return found if len(found) == size else None

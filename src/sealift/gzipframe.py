"""Deflate streams inflated by libdeflate, in a third of zlib's time."""

import struct
from io import BufferedReader

import stringzilla  # type: ignore[import-not-found]
from deflate import DeflateError, gzip_decompress

_HEAD, _END = b"\x1f\x8b\x08\0\0\0\0\0\0\xff", struct.Struct("<2L")  # RFC 1952


class GzipFrame:
    """Room for one stream at a time, of up to ``largest`` bytes, as gzip frames it.

    Fresh memory costs time, so one is there for many streams.
    """

    def __init__(self, largest: int) -> None:
        self._room = memoryview(bytearray(len(_HEAD) + largest + _END.size))
        self._room[: len(_HEAD)] = _HEAD

    def inflate(
        self, file: BufferedReader, packed: int, *, size: int, crc: int
    ) -> bytearray | None:
        """What the next ``packed`` bytes of ``file`` unpack to.

        ``None`` where they are not one stream from the first byte to the last, of content with
        ``size``, which is not 0, and ``crc``.
        """
        # libdeflate does not tell where a stream ends, but of one in gzip's frame it checks the CRC
        # and the size right behind: as they are nowhere else, the stream ends where they begin.
        end, at = _END.pack(crc, size), len(_HEAD) + packed
        framed = self._room[: at + _END.size]
        is_there = file.readinto(framed[len(_HEAD) : at]) == packed
        framed[at:] = end
        if not (size and is_there and stringzilla.find(framed, end, len(_HEAD)) == at):
            return None
        try:
            data = gzip_decompress(framed, size)
        except DeflateError:
            return None
        return data if len(data) == size else None

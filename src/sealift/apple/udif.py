"""Apple's disk image (``.dmg``): a disk in compressed pieces, with what describes them behind.

Format UDZO, as ``hdiutil`` writes and libdmg-hfsplus describes it: pieces of 256 KiB, each a zlib
stream, nothing for those of zeros; a property list with a table (``mish``) for each part of the
disk; a code signature, if any; and 512 bytes (``koly``) that say where all that is.
"""

import hashlib
import itertools
import plistlib
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import deflate

from sealift import console
from sealift.apple.partitions import SECTOR, Region, regions
from sealift.errors import BinaryFormatError, OutputError
from sealift.target import cpu_count

TRAILER_SIZE = 512
_PIECE_SECTORS = 512
_PIECE = _PIECE_SECTORS * SECTOR
_ZEROS, _ZLIB, _END = 2, 0x80000005, 0xFFFFFFFF
_CRC32 = 2
_TRAILER = ">4sIIIQQQQQII16sII128sQQ120xII128sIQ12x"
_DATA_LENGTH, _PLIST_OFFSET, _SIGNATURE_OFFSET = 32, 216, 296
_AHEAD = 64  # pieces that are compressed while others are written


def write_image(volume: Path, out: BinaryIO, *, level: int) -> None:
    """Write the volume at ``volume`` as a disk image to ``out``, which is empty.

    ``level`` is one of libdeflate, 1 to 12.  The same volume gives the same bytes.
    """
    with volume.open("rb") as file:
        identity = hashlib.file_digest(file, "sha512").digest()
    size = volume.stat().st_size
    tables, checksums = [], b""
    data_checksum = _Checksum()
    with console.progress("Compressing", size) as bar:
        parts = regions(size, identity)
        for number, region in enumerate(parts):
            table, checksum = _Region(region, volume, out, level, data_checksum, bar).write()
            checksums += checksum.to_bytes(4, "big")
            tables.append(
                {
                    "Attributes": "0x0050",
                    "CFName": region.name,
                    "Data": table,
                    "ID": str(number - 1),
                    "Name": region.name,
                }
            )
    length = out.tell()
    plist = plistlib.dumps({"resource-fork": {"blkx": tables}})
    out.write(plist)
    out.write(
        struct.pack(
            _TRAILER, b"koly", 4, TRAILER_SIZE, 1, 0, 0, length, 0, 0, 1, 1, identity[32:48],
            _CRC32, 32, data_checksum.value.to_bytes(4, "big"), length, len(plist),
            _CRC32, 32, zlib.crc32(checksums).to_bytes(4, "big"),
            1, parts[-1].start + parts[-1].count,
        )
    )  # fmt: skip


@dataclass(slots=True)
class _Checksum:
    value: int = 0

    def add(self, data: bytes) -> None:
        self.value = zlib.crc32(data, self.value)


@dataclass(frozen=True, slots=True)
class _Region:
    """A part of the disk on its way into the image."""

    region: Region
    volume: Path
    out: BinaryIO
    level: int
    written: _Checksum
    bar: console.Bar

    def write(self) -> tuple[bytes, int]:
        """Write its pieces; its table, and the checksum of its content."""
        entries, sector, checksum = [], 0, _Checksum()
        for piece, packed in self._packed():
            checksum.add(piece)
            count = len(piece) // SECTOR
            kind = _ZLIB if packed else _ZEROS
            place = (sector, count, self.out.tell(), len(packed))
            entries.append(struct.pack(">IIQQQQ", kind, 0, *place))
            self.out.write(packed)
            self.written.add(packed)
            self.bar.advance(len(piece))
            sector += count
        if sector != self.region.count:
            raise OutputError(f"cannot write {self.volume}: it has changed meanwhile")
        entries.append(struct.pack(">IIQQQQ", _END, 0, sector, 0, self.out.tell(), 0))
        head = struct.pack(
            ">4sIQQQII24xII128sI", b"mish", 1, self.region.start, self.region.count, 0,
            _PIECE_SECTORS + 8, 0, _CRC32, 32, checksum.value.to_bytes(4, "big"), len(entries),
        )  # fmt: skip
        return head + b"".join(entries), checksum.value

    def _packed(self) -> Iterator[tuple[bytes, bytes]]:
        """Each piece as it is and compressed, which is nothing for zeros."""
        pieces = self._pieces()
        with ThreadPoolExecutor(cpu_count()) as pool:
            while batch := list(itertools.islice(pieces, _AHEAD)):
                yield from zip(batch, pool.map(self._compress, batch), strict=True)

    def _compress(self, piece: bytes) -> bytes:
        return bytes(deflate.zlib_compress(piece, self.level)) if piece.strip(b"\0") else b""

    def _pieces(self) -> Iterator[bytes]:
        content = self.region.content
        if content is not None:
            for start in range(0, len(content), _PIECE):
                yield content[start : start + _PIECE]
            return
        with self.volume.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


@dataclass(frozen=True, slots=True)
class Trailer:
    """The end of an image, as its bytes are."""

    raw: bytes

    @property
    def data_length(self) -> int:
        """Where the pieces end, and the property list begins."""
        return self._number(_DATA_LENGTH)

    @property
    def plist_end(self) -> int:
        """Where the property list ends, and the signature begins."""
        return self._number(_PLIST_OFFSET) + self._number(_PLIST_OFFSET + 8)

    @property
    def signature_length(self) -> int:
        """0 where there is no signature."""
        return self._number(_SIGNATURE_OFFSET + 8)

    def signed(self, length: int) -> "Trailer":
        """With the place of a signature; its ``length`` is 0 in what the signature is about."""
        place = struct.pack(">QQ", self.plist_end, length)
        end = _SIGNATURE_OFFSET + len(place)
        return Trailer(self.raw[:_SIGNATURE_OFFSET] + place + self.raw[end:])

    def _number(self, at: int) -> int:
        return int.from_bytes(self.raw[at : at + 8], "big")


def read_trailer(file: BinaryIO) -> Trailer:
    """The trailer of an image; raises :class:`BinaryFormatError` where there is none."""
    file.seek(0, 2)
    size = file.tell()
    file.seek(max(0, size - TRAILER_SIZE))
    trailer = Trailer(file.read(TRAILER_SIZE))
    if len(trailer.raw) != TRAILER_SIZE or trailer.raw[:4] != b"koly":
        raise BinaryFormatError("cannot use the disk image: it does not end as one does")
    if trailer.plist_end + trailer.signature_length + TRAILER_SIZE != size:
        raise BinaryFormatError("cannot use the disk image: its parts are not where it says")
    return trailer

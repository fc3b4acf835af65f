"""Cabinet files, in which Windows Installer keeps a product's files.

Format: "[MS-CAB]: Cabinet File Format" and "[MS-MCI]: Microsoft ZIP (MSZIP) Compression".
"""

import itertools
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sealift.errors import OutputError

_BLOCK, _READ = 32768, 1 << 20
_MSZIP, _VERSION = 1, (3, 1)
_HEADER = struct.Struct("<4s5I2B5H")
_FOLDER = struct.Struct("<IHH")
_FILE = struct.Struct("<IIHHHH")
_ARCHIVE = 0x20
_MOST_FILES, _LARGEST = 0xFFFF, 0x7FFF8000
# 1980-01-01, the first day that it knows.
_DATE, _TIME = 1 << 5 | 1, 0


@dataclass(frozen=True, slots=True)
class Member:
    """A file: its name in the cabinet, in ASCII, and where it is."""

    name: str
    path: Path


def write_cabinet(out: Path, members: Sequence[Member], level: int) -> None:
    """Write ``members`` in their order to the new file ``out``; the same bytes every time.

    Raises :class:`OutputError` for more than a cabinet can hold: 65,535 files, 2 GiB.
    """
    sizes = [member.path.stat().st_size for member in members]
    if len(members) > _MOST_FILES or sum(sizes) > _LARGEST:
        raise OutputError(
            f"cannot write {out.name}: a cabinet holds {_MOST_FILES:,} files and {_LARGEST:,} "
            f"bytes, and these are {len(members):,} and {sum(sizes):,}",
            hint='the format "zip" takes more',
        )
    starts = itertools.accumulate(sizes, initial=0)
    rows = b"".join(map(_row, members, sizes, starts))
    table = _HEADER.size + _FOLDER.size
    with out.open("xb") as file:
        file.seek(table + len(rows))
        blocks = 0
        for block in _blocks(member.path for member in members):
            _write_block(file, *block, level)
            blocks += 1
        end = file.tell()
        file.seek(0)
        counts = (1, len(members), 0, 0, 0)
        file.write(_HEADER.pack(b"MSCF", 0, end, 0, table, 0, *_VERSION, *counts))
        file.write(_FOLDER.pack(table + len(rows), blocks, _MSZIP))
        file.write(rows)


def _row(member: Member, size: int, start: int) -> bytes:
    name = member.name.encode("ascii") + b"\0"
    return _FILE.pack(size, start, 0, _DATE, _TIME, _ARCHIVE) + name


def _blocks(paths: Iterable[Path]) -> Iterator[tuple[bytes, bytes]]:
    """All content in blocks, each with the one before it."""
    before, rest = b"", bytearray()
    for path in paths:
        with path.open("rb") as file:
            while read := file.read(_READ):
                rest += read
                while len(rest) >= _BLOCK:
                    block = bytes(rest[:_BLOCK])
                    del rest[:_BLOCK]
                    yield block, before
                    before = block
    if rest:
        yield bytes(rest), before


def _write_block(file: BinaryIO, block: bytes, before: bytes, level: int) -> None:
    """Each block is a stream of its own that may refer to the bytes of the one ``before``."""
    deflate = zlib.compressobj(level, zlib.DEFLATED, -15, 9, zdict=before)
    packed = b"CK" + deflate.compress(block) + deflate.flush()
    sizes = struct.pack("<HH", len(packed), len(block))
    file.write(struct.pack("<I", _folded(packed) ^ _folded(sizes)) + sizes)
    file.write(packed)


def _folded(data: bytes) -> int:
    """All words of ``data`` by exclusive or; the last bytes are a word from the other end.

    >>> hex(_folded(bytes([1, 2, 3, 4, 5, 6, 7])))
    '0x4060406'
    """
    whole = len(data) - len(data) % 4
    tail = int.from_bytes(data[whole:], "big")
    number, size = int.from_bytes(data[:whole], "little"), whole // 4
    while size > 1:
        size = -(-size // 2)
        number = (number >> size * 32) ^ (number & ((1 << size * 32) - 1))
    return number ^ tail

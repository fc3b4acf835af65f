"""A disk with one volume on it, described by a GUID partition table (UEFI 2.10, chapter 5)."""

import struct
import uuid
import zlib
from dataclasses import dataclass

SECTOR = 512
_ENTRIES, _ENTRY = 128, 128
_TABLE_SECTORS = _ENTRIES * _ENTRY // SECTOR
_FIRST_USABLE = 2 + _TABLE_SECTORS
_VOLUME_START = 40  # as Apple's tools have it
_APPLE_HFS = uuid.UUID("48465300-0000-11aa-aa11-00306543ecac")


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the disk: its name as Apple's tools give it, its sectors, what is in them.

    ``content`` is ``None`` for the volume.
    """

    name: str
    start: int
    count: int
    content: bytes | None


def regions(volume_size: int, identity: bytes) -> list[Region]:
    """The parts of a disk with a volume of ``volume_size`` bytes, in order.

    ``identity`` is at least 32 bytes, from which the numbers of disk and volume are made.
    """
    count = -(-volume_size // SECTOR)
    after = _VOLUME_START + count
    backup = after + -after % 8  # where the second table begins
    total = backup + _TABLE_SECTORS + 1
    table = _table(count, identity)
    here = (1, total - 1, 2)
    there = (total - 1, 1, backup)
    usable = (_FIRST_USABLE, backup - 1)
    disk = _guid(identity[:16])
    made = [
        ("Protective Master Boot Record (MBR : 0)", 0, _protective(total)),
        ("GPT Header (Primary GPT Header : 1)", 1, _header(here, usable, disk, table)),
        ("GPT Partition Data (Primary GPT Table : 2)", 2, table),
        (" (Apple_Free : 3)", _FIRST_USABLE, bytes((_VOLUME_START - _FIRST_USABLE) * SECTOR)),
        ("disk image (Apple_HFS : 4)", _VOLUME_START, None),
        (" (Apple_Free : 5)", after, bytes((backup - after) * SECTOR)),
        ("GPT Partition Data (Backup GPT Table : 6)", backup, table),
        ("GPT Header (Backup GPT Header : 7)", total - 1, _header(there, usable, disk, table)),
    ]
    return [
        Region(name, start, count if content is None else len(content) // SECTOR, content)
        for name, start, content in made
        if content is None or content
    ]


def _guid(raw: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=raw, version=4)


def _protective(total: int) -> bytes:
    """What tools that know no such table see: a disk that is taken."""
    entry = struct.pack("<B3sB3sII", 0, b"\0\x02\0", 0xEE, b"\xff\xff\xff", 1, total - 1)
    return (bytes(446) + entry).ljust(510, b"\0") + b"\x55\xaa"


def _table(count: int, identity: bytes) -> bytes:
    last = _VOLUME_START + count - 1
    entry = _APPLE_HFS.bytes_le + _guid(identity[16:32]).bytes_le
    entry += struct.pack("<QQQ", _VOLUME_START, last, 0) + "disk image".encode("utf-16-le")
    return entry.ljust(_ENTRIES * _ENTRY, b"\0")


def _header(
    places: tuple[int, int, int], usable: tuple[int, int], disk: uuid.UUID, table: bytes
) -> bytes:
    """The header that lies at the first of ``places``; the other one, and its table, follow."""
    own, other, table_at = places

    def packed(checksum: int) -> bytes:
        return struct.pack(
            "<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, checksum, 0, own, other, *usable,
            disk.bytes_le, table_at, _ENTRIES, _ENTRY, zlib.crc32(table),
        )  # fmt: skip

    return packed(zlib.crc32(packed(0))).ljust(SECTOR, b"\0")

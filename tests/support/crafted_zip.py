"""Zip files made record by record, so that each can lie in one place."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

UTF8, DESCRIPTOR, ENCRYPTED = 1 << 11, 1 << 3, 1


@dataclass(frozen=True, kw_only=True)
class Item:
    """A member; ``local_*`` and ``claimed_*`` make its local header or the directory lie."""

    name: bytes
    data: bytes = b""
    mode: int = 0o100644
    flags: int = 0
    method: int = 8
    local_name: bytes | None = None
    local_size: int | None = None
    claimed_size: int | None = None
    claimed_crc: int | None = None
    extra: bytes = b""
    gap: bytes = b""
    tail: bytes = b""
    descriptor_crc: int | None = None


@dataclass(frozen=True, kw_only=True)
class Zip:
    """A whole file; ``count`` and ``shift`` make its end record lie."""

    items: Sequence[Item]
    prefix: bytes = b""
    before_directory: bytes = b""
    before_end: bytes = b""
    after: bytes = b""
    comment: bytes = b""
    count: int | None = None
    shift: int = 0
    order: Sequence[int] = field(default_factory=tuple)


def craft(spec: Zip) -> bytes:
    """The bytes of ``spec``."""
    out, directory = bytearray(spec.prefix), []
    for item in spec.items:
        out += item.gap
        offset = len(out)
        packed = _packed(item)
        crc = zlib.crc32(item.data) if item.claimed_crc is None else item.claimed_crc
        size = len(item.data) if item.claimed_size is None else item.claimed_size
        told = (0, 0, 0) if item.flags & DESCRIPTOR else (crc, len(packed), size)
        if item.local_size is not None:
            told = (crc, len(packed), item.local_size)
        name = item.name if item.local_name is None else item.local_name
        out += struct.pack(
            "<4s5H3L2H", b"PK\3\4", 20, item.flags, item.method, 0, 33, *told, len(name), 0
        )
        out += name + packed
        if item.flags & DESCRIPTOR:
            other = crc if item.descriptor_crc is None else item.descriptor_crc
            out += b"PK\7\x08" + struct.pack("<3L", other, len(packed), size)
        directory.append(
            struct.pack(
                "<4s6H3L5H2L", b"PK\1\2", 0x314, 20, item.flags, item.method, 0, 33, crc,
                len(packed), size, len(item.name), len(item.extra), 0, 0, 0,
                item.mode << 16, offset,
            ) + item.name + item.extra
        )  # fmt: skip
    out += spec.before_directory
    start = len(out) + spec.shift
    central = b"".join(directory)
    out += central + spec.before_end
    count = len(directory) if spec.count is None else spec.count
    out += struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(central), start, len(spec.comment)
    )
    return bytes(out + spec.comment + spec.after)


def _packed(item: Item) -> bytes:
    if item.method != 8:
        return item.data + item.tail
    pack = zlib.compressobj(wbits=-15)
    return pack.compress(item.data) + pack.flush() + item.tail

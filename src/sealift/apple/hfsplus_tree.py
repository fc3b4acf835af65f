"""The B-trees of an HFS Plus volume, which keep sorted records (Apple's Technical Note 1150)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from sealift.errors import OutputError

_LEAF, _INDEX, _HEADER = -1, 0, 1
_DESCRIPTOR = 14
_BIG_KEYS, _VARIABLE_KEYS = 2, 4
_BINARY_ORDER = 0xBC

Record = tuple[tuple[int, bytes], bytes]
"""A record: its key, of a folder's number and a name in UTF-16, and its content."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of tree: the bytes of a node and of the longest key, how keys are compared."""

    node: int
    longest_key: int
    order: int
    attributes: int


CATALOG = Kind(8192, 516, _BINARY_ORDER, _BIG_KEYS | _VARIABLE_KEYS)
EXTENTS = Kind(4096, 10, 0, _BIG_KEYS)


def make_tree(kind: Kind, records: Sequence[Record]) -> bytes:
    """The tree of ``records``, which are sorted; raises :class:`OutputError` for too many."""
    packed = [_key(*key) + content + bytes(len(content) % 2) for key, content in records]
    levels = [_packed_nodes(kind, packed)] if packed else []
    keys = [_key(*key) for key, _ in records]
    first = 1  # node 0 is the header
    while levels and len(levels[-1]) > 1:
        at, pointers = 0, []
        for number, group in enumerate(levels[-1], first):
            pointers.append(keys[at] + struct.pack(">I", number))
            at += len(group)
        first += len(levels[-1])
        keys = [pointer[:-4] for pointer in pointers]
        levels.append(_packed_nodes(kind, pointers))
    nodes, start = [], 1
    for height, level in enumerate(levels, 1):
        nodes += _level(kind, level, start, height)
        start += len(level)
    return _header(kind, levels, len(packed), start) + b"".join(nodes)


def _key(number: int, name: bytes) -> bytes:
    return struct.pack(">HIH", 6 + len(name), number, len(name) // 2) + name


def _packed_nodes(kind: Kind, records: Sequence[bytes]) -> list[list[bytes]]:
    """``records`` in groups that fit a node each."""
    groups: list[list[bytes]] = []
    free = 0
    for record in records:
        needed = len(record) + 2
        if not groups or needed > free:
            groups.append([])
            free = kind.node - _DESCRIPTOR - 2
        groups[-1].append(record)
        free -= needed
    return groups


def _level(kind: Kind, groups: Sequence[Sequence[bytes]], start: int, height: int) -> list[bytes]:
    """The nodes of one height, which know their neighbours."""
    made = []
    for index, group in enumerate(groups):
        after = start + index + 1 if index + 1 < len(groups) else 0
        before = start + index - 1 if index else 0
        form = _LEAF if height == 1 else _INDEX
        descriptor = struct.pack(">IIbBHH", after, before, form, height, len(group), 0)
        made.append(_node(kind, descriptor, group))
    return made


def _node(kind: Kind, descriptor: bytes, records: Sequence[bytes]) -> bytes:
    body, offsets = descriptor, []
    for record in records:
        offsets.append(len(body))
        body += record
    offsets.append(len(body))
    tail = b"".join(struct.pack(">H", offset) for offset in reversed(offsets))
    return body.ljust(kind.node - len(tail), b"\0") + tail


def _header(kind: Kind, levels: Sequence[Sequence[object]], count: int, total: int) -> bytes:
    """Node 0: what the tree is, and which of its nodes are taken, all of them."""
    space = kind.node - _DESCRIPTOR - 106 - 128 - 8
    if total > space * 8:
        raise OutputError("cannot write a disk image: it would have too many files")
    leaves = len(levels[0]) if levels else 0
    root = total - 1 if levels else 0
    record = struct.pack(
        ">HIIIIHHIIHIBBI64x", len(levels), root, count, 1 if leaves else 0, leaves, kind.node,
        kind.longest_key, total, 0, 0, kind.node, 0, kind.order, kind.attributes,
    )  # fmt: skip
    whole, rest = divmod(total, 8)
    bits = b"\xff" * whole + (bytes((0xFF << (8 - rest) & 0xFF,)) if rest else b"")
    descriptor = struct.pack(">IIbBHH", 0, 0, _HEADER, 0, 3, 0)
    return _node(kind, descriptor, [record, bytes(128), bits.ljust(space, b"\0")])

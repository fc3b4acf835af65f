"""Sources of a distribution, compressed in groups that can be opened one by one.

They are read for tracebacks and ``inspect.getsource`` only, never to run, so they stay compressed
in the image: zstd frames of about 128 KiB raw, several files in each, cut by a fixed rule.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sealift import compression
from sealift.image import Entry
from sealift.launcher.tree import Piece
from sealift.store import digest_of, make_entry

GROUP = 128 << 10
_LEVEL = 12
_SIZE = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Group:
    """One frame: its compressed bytes, their raw size, and the files in it in order."""

    piece: Piece
    raw_size: int
    entries: tuple[Entry, ...]

    def places(self) -> Iterator[tuple[Entry, int]]:
        """Each file with its offset in the raw bytes."""
        offset = 0
        for entry in self.entries:
            yield entry, offset
            offset += entry.size


def compress_sources(entries: Sequence[Entry]) -> tuple[Group, ...]:
    """The groups of one distribution's sources; unchanged ones come out of the content store."""
    ordered = sorted(entries, key=lambda entry: entry.path)
    groups = list(_grouped(ordered))
    key = digest_of(
        "1", str(compression.VERSION), str(_LEVEL), str(GROUP), *(e.sha256 for e in ordered)
    )
    path = make_entry("sources", key, lambda out: _write(groups, out))
    with path.open("rb") as file:
        sizes = [size for (size,) in _SIZE.iter_unpack(file.read(_SIZE.size * len(groups)))]
    offset = _SIZE.size * len(groups)
    made = []
    for group, size in zip(groups, sizes, strict=True):
        raw_size = sum(entry.size for entry in group)
        made.append(Group(Piece(path, offset, size, key), raw_size, tuple(group)))
        offset += size
    return tuple(made)


def _grouped(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    group: list[Entry] = []
    total = 0
    for entry in entries:
        if group and total + entry.size > GROUP:
            yield group
            group, total = [], 0
        group.append(entry)
        total += entry.size
    if group:
        yield group


def _write(groups: Sequence[Sequence[Entry]], out: Path) -> None:
    with out.open("wb") as file:
        file.write(bytes(_SIZE.size * len(groups)))
        sizes = []
        for group in groups:
            raw = b"".join(entry.source.read_bytes() for entry in group)
            sizes.append(file.write(compression.compress(raw, _LEVEL)))
        file.seek(0)
        file.write(b"".join(map(_SIZE.pack, sizes)))

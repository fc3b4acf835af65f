r"""``image.sealift``: an index of modules, their code raw, their sources compressed.

The launcher maps it and answers the importer's questions from it.  All integers are
little-endian, offsets count from the start of the file::

    0   magic "SLIMAGE\1"
    8   u32 slots (a power of two, at least twice the entries), entries, children, groups, frozen, 0
    32  u64 size of the file; offsets of slots, entries, children, strings, groups, frozen,
        settings; size of the settings
    104 key of the product (32 bytes), then zeros up to 192

    slots     u32 entry number + 1, or 0; linear probing, FNV-1a 32 of the key
    entries   64 bytes each, sorted by key: u64 code offset, u32 code size, flags, key, its size,
              file, its size, group, source offset in it, source size, first child, child count
    children  u32 entry numbers: what lies directly in a folder
    strings   each followed by NUL; keys and files are offsets in here
    groups    u64 offset, u32 size, u32 raw size of each zstd frame of sources
    frozen    u32 entry, u32 name, u32 is a package, u32 0
    settings  ``marshal`` data, version 2: what the importer has to know

The index comes first, then each distribution's code and its sources, the interpreter's before all:
an edit of one distribution leaves the bytes of the others as they were.
"""

import itertools
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sealift.bytecode import code_range, read_pack
from sealift.image import CodePack, Entry, Image, Kind
from sealift.launcher.modules import Module, Place, find_modules
from sealift.launcher.sources import Group, compress_sources
from sealift.launcher.tree import Piece, origin_order, real_entries

MAGIC = b"SLIMAGE\1"
IMPORTER = "_sealift_importer"
_HEADER_SIZE = 192
_HEADER = struct.Struct("<8s6I9Q32s")
_ENTRY = struct.Struct("<Q11I12x")
_GROUP = struct.Struct("<QII")
_FROZEN = struct.Struct("<IIII")
_STARTING = ("encodings", "encodings/aliases", "encodings/utf_8")
_PACKAGES = frozenset({"encodings"})
_OWN = {"encodings": "_sealift_encodings_start", IMPORTER: IMPORTER}


@dataclass(frozen=True, slots=True)
class _Contents:
    """What goes behind the index; ``codes`` and ``groups`` are placed from the index's end."""

    pieces: tuple[Piece, ...]
    codes: Mapping[str, Place]
    groups: tuple[tuple[Group, int], ...]


def make_blob(
    image: Image, code: Sequence[CodePack], settings: bytes, key: bytes
) -> tuple[Piece, ...]:
    """The pieces of ``image.sealift``: the index, then every distribution's code and sources.

    ``code`` are the image's packs and the importer's own; ``settings`` is ``marshal`` data, version
    2, for the importer; ``key`` is the product's, 32 bytes, and
    identifies the index as well.
    """
    contents = _contents(image, code)
    sources = {
        entry.path: (number, (offset, entry.size))
        for number, (group, _) in enumerate(contents.groups)
        for entry, offset in group.places()
    }
    real = (entry.path for entry in real_entries(image))
    modules = find_modules(image, contents.codes, sources, real)
    frozen = _frozen(image, modules)
    index = _index(modules, contents, frozen=frozen, settings=settings, key=key)
    return Piece(index, 0, len(index), f"index {key.hex()}"), *contents.pieces


def _contents(image: Image, code: Sequence[CodePack]) -> _Contents:
    sources: dict[str, list[Entry]] = {}
    for entry in image.entries:
        if image.sources and entry.kind is Kind.SOURCE and entry.path.endswith(".py"):
            sources.setdefault(entry.origin, []).append(entry)
    packs = {pack.origin: pack for pack in code}
    pieces: list[Piece] = []
    codes: dict[str, Place] = {}
    groups: list[tuple[Group, int]] = []
    size = 0
    for origin in sorted({*packs, *sources}, key=origin_order):
        if pack := packs.get(origin):
            table = read_pack(pack.path)
            start, length = code_range(table)
            codes |= {
                _product_path(item.path): (size + item.offset - start, item.size) for item in table
            }
            pieces.append(Piece(pack.path, start, length, pack.sha256))
            size += length
        for group in compress_sources(sources.get(origin, ())):
            groups.append((group, size))
            size += group.piece.size
            pieces.append(group.piece)
    return _Contents(tuple(pieces), codes, tuple(groups))


def _product_path(path: str) -> str:
    """Where code is found by the path it was compiled for.

    >>> _product_path("<frozen _sealift_importer>")
    '_sealift_importer.py'
    """
    if path.startswith("<frozen "):
        return f"{path[len('<frozen ') : -1]}.py"
    return path


def _frozen(image: Image, modules: Mapping[str, Module]) -> list[tuple[str, str]]:
    """Name and key of the modules that Python needs before the importer is there."""
    starting = {
        **{key.replace("/", "."): f"{image.interpreter.stdlib}/{key}" for key in _STARTING},
        **{name: key for name, key in _OWN.items() if key in modules},
    }
    return [(name, key) for name, key in starting.items() if key in modules]


class _Strings:
    """The table of strings: each stored once, followed by NUL."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._places: dict[str, Place] = {}

    def place(self, text: str) -> Place:
        """Offset and size of ``text``; zeros for the empty string."""
        if not text:
            return 0, 0
        if text not in self._places:
            encoded = text.encode()
            self._places[text] = len(self.data), len(encoded)
            self.data += encoded + b"\0"
        return self._places[text]


def _index(
    modules: Mapping[str, Module],
    contents: _Contents,
    *,
    frozen: Sequence[tuple[str, str]],
    settings: bytes,
    key: bytes,
) -> bytes:
    numbers = {module: number for number, module in enumerate(modules)}
    strings = _Strings()
    frozen_table = b"".join(
        _FROZEN.pack(numbers[item], strings.place(name)[0], name in _PACKAGES, 0)
        for name, item in frozen
    )
    slots = _slots(modules)
    children = [numbers[child] for module in modules.values() for child in module.children]
    keys_and_files = [
        (*strings.place(module.key), *strings.place(module.file)) for module in modules.values()
    ]
    parts = (
        struct.pack(f"<{len(slots)}I", *slots),
        bytes(_ENTRY.size * len(modules)),
        struct.pack(f"<{len(children)}I", *children),
        bytes(strings.data),
        bytes(_GROUP.size * len(contents.groups)),
        frozen_table,
        settings,
    )
    offsets, size = _offsets(map(len, parts))
    entries = b"".join(_entries(modules, keys_and_files, size))
    groups = b"".join(
        _GROUP.pack(size + offset, group.piece.size, group.raw_size)
        for group, offset in contents.groups
    )
    header = _HEADER.pack(
        MAGIC, len(slots), len(modules), len(children), len(contents.groups), len(frozen), 0,
        size + sum(piece.size for piece in contents.pieces), *offsets, len(settings), key,
    )  # fmt: skip
    tables = (parts[0], entries, parts[2], parts[3], groups, *parts[5:])
    index = bytearray(size)
    index[: len(header)] = header
    for offset, table in zip(offsets, tables, strict=True):
        index[offset : offset + len(table)] = table
    return bytes(index)


def _offsets(sizes: Iterable[int]) -> tuple[list[int], int]:
    """Where tables of these sizes go, each at a multiple of eight, and where they end."""
    offsets, at = [], _HEADER_SIZE
    for size in sizes:
        offsets.append(at)
        at += -(-size // 8) * 8
    return offsets, at


def _entries(
    modules: Mapping[str, Module], keys_and_files: Sequence[tuple[int, ...]], base: int
) -> Iterator[bytes]:
    counts = (len(module.children) for module in modules.values())
    first_children = itertools.accumulate(counts, initial=0)
    for module, names, first in zip(modules.values(), keys_and_files, first_children, strict=False):
        offset, size = module.code
        yield _ENTRY.pack(
            base + offset if size else 0, size, module.flags, *names,
            module.group, *module.source, first, len(module.children),
        )  # fmt: skip


def _slots(keys: Iterable[str]) -> list[int]:
    """The hash table: for each slot an entry's number + 1, or 0."""
    hashes = list(_hashes(keys))
    count = 1 << max(len(hashes) * 2 - 1, 1).bit_length()
    slots = [0] * count
    for number, value in enumerate(hashes):
        at = value % count
        while slots[at]:
            at = (at + 1) % count
        slots[at] = number + 1
    return slots


def _hashes(keys: Iterable[str]) -> Iterator[int]:
    """FNV-1a of each key, 32 bit; keys come sorted, so a folder's hash serves all below it."""
    known: dict[str, int] = {"": 0x811C9DC5}
    for key in keys:
        folder, slash, name = key.rpartition("/")
        if folder + slash not in known:
            known[folder + slash] = _fnv1a((folder + slash).encode(), known[""])
        yield _fnv1a(name.encode(), known[folder + slash])


def _fnv1a(data: bytes, value: int) -> int:
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value

"""A bill of materials (``Bom``): the files that a package installs, with their checksums.

Format: Apple's BOMStore, as ``bomutils`` describes it: numbered blocks, some with names, and among
them a tree of paths.  All numbers are big-endian.
"""

import stat
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sealift.errors import BinaryFormatError

_HEADER = ">8sIIIIII"
_HEADER_SIZE = 512
_TREE = ">4sIIIIB"
_PATHS, _PATH = ">HHII", ">II"
_INFO = ">BBHHIIIIBII"
_PER_NODE = 256
_BLOCK, _SMALL_BLOCK = 4096, 128
_ARCHITECTURE = 3
_KINDS = {stat.S_IFREG: 1, stat.S_IFDIR: 2, stat.S_IFLNK: 3}
_BACKWARDS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A file, a folder or a link: ``path`` is relative, "." for the top; owners are root's."""

    path: str
    mode: int
    size: int = 0
    checksum: int = 0
    link: str = ""
    modified: int = 0


class Checksum:
    """The checksum of POSIX's ``cksum``, made of pieces.

    It is zlib's, the other way round: with the bits of each byte turned, and of the result.

    >>> check = Checksum()
    >>> check.add(b"123456789")
    >>> check.value
    930766865
    """

    def __init__(self) -> None:
        self._register = 0xFFFFFFFF
        self._size = 0

    def add(self, data: bytes) -> None:
        """More of the content."""
        self._register = zlib.crc32(data.translate(_BACKWARDS), self._register)
        self._size += len(data)

    @property
    def value(self) -> int:
        """The checksum, into which the size goes as well."""
        octets = self._size.to_bytes((self._size.bit_length() + 7) // 8, "little")
        turned = zlib.crc32(octets.translate(_BACKWARDS), self._register)
        return int(f"{turned:032b}"[::-1], 2)


def make_bom(materials: Sequence[Material]) -> bytes:
    """The bill of ``materials``, each folder among them; same input, same bytes."""
    store = _Store()
    count = len(materials)
    store.name("BomInfo", struct.pack(">III16x", 1, count + 1, 1))
    root = _paths(store, _ordered(materials))
    store.name("Paths", struct.pack(_TREE, b"tree", 1, root, _BLOCK, count, 0))
    store.name("HLIndex", _empty_tree(store, _BLOCK))
    inner = store.add(_empty_tree(store, _SMALL_BLOCK))
    store.name("VIndex", struct.pack(">IIIB", 1, inner, 0, 0))
    store.name("Size64", _empty_tree(store, _BLOCK))
    return store.pack()


class _Store:
    """Blocks that are counted from 1, and names of some."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._names: list[tuple[str, int]] = []

    def add(self, content: bytes) -> int:
        self._blocks.append(content)
        return len(self._blocks)

    def name(self, name: str, content: bytes) -> None:
        self._names.append((name, self.add(content)))

    def replace(self, number: int, content: bytes) -> None:
        self._blocks[number - 1] = content

    def pack(self) -> bytes:
        variables = struct.pack(">I", len(self._names))
        for name, number in self._names:
            variables += struct.pack(">IB", number, len(name)) + name.encode()
        at = _HEADER_SIZE + len(variables)
        index = struct.pack(">III", len(self._blocks) + 1, 0, 0)  # block 0 is none
        for content in self._blocks:
            index += struct.pack(">II", at, len(content))
            at += len(content)
        index += struct.pack(">I16x", 0)  # no block is free
        header = struct.pack(
            _HEADER, b"BOMStore", 1, len(self._blocks), at, len(index),
            _HEADER_SIZE, len(variables),
        )  # fmt: skip
        return b"".join([header.ljust(_HEADER_SIZE, b"\0"), variables, *self._blocks, index])


def _empty_tree(store: _Store, block: int) -> bytes:
    leaf = store.add(struct.pack(_PATHS, 1, 0, 0, 0))
    return struct.pack(_TREE, b"tree", 1, leaf, block, 0, 0)


def _ordered(materials: Sequence[Material]) -> Iterator[tuple[int, str, Material]]:
    """Each with the number of its folder and its name, folder by folder, outer ones first."""
    children: dict[str, list[Material]] = {}
    for material in materials:
        folder = "" if material.path == "." else _folder(material.path)
        children.setdefault(folder, []).append(material)
    numbers, pending, count = {"": 0}, [""], 0
    while pending:
        folder = pending.pop(0)
        for material in sorted(children.get(folder, ()), key=lambda one: one.path):
            count += 1
            numbers[material.path] = count
            yield numbers[folder], material.path.rpartition("/")[2], material
            if stat.S_ISDIR(material.mode):
                pending.append(material.path)


def _folder(path: str) -> str:
    return path.rpartition("/")[0] or "."


def _paths(store: _Store, entries: Iterator[tuple[int, str, Material]]) -> int:
    """The tree of paths; the number of its top block."""
    pairs = [_entry(store, number, entry) for number, entry in enumerate(entries, 1)]
    groups = [pairs[at : at + _PER_NODE] for at in range(0, len(pairs), _PER_NODE)] or [[]]
    first = len(groups) and store.add(b"")
    leaves = [first, *(store.add(b"") for _ in groups[1:])]
    for index, (number, group) in enumerate(zip(leaves, groups, strict=True)):
        after = leaves[index + 1] if index + 1 < len(leaves) else 0
        before = leaves[index - 1] if index else 0
        store.replace(number, _node(1, after, before, group))
    if len(leaves) == 1:
        return first
    tops = [(number, group[-1][1]) for number, group in zip(leaves, groups, strict=True)]
    return store.add(_node(0, 0, 0, tops))


def _node(is_leaf: int, after: int, before: int, pairs: Sequence[tuple[int, int]]) -> bytes:
    head = struct.pack(_PATHS, is_leaf, len(pairs), after, before)
    return head + b"".join(struct.pack(_PATH, *pair) for pair in pairs)


def _entry(store: _Store, number: int, entry: tuple[int, str, Material]) -> tuple[int, int]:
    folder, name, told = entry
    link = told.link.encode() + b"\0" if told.link else b""
    info = struct.pack(
        _INFO, _KINDS[stat.S_IFMT(told.mode)], 1, _ARCHITECTURE, told.mode, 0, 0, told.modified,
        told.size, 1, told.checksum, len(link),
    )  # fmt: skip
    own = store.add(struct.pack(">II", number, store.add(info + link)))
    return own, store.add(struct.pack(">I", folder) + name.encode() + b"\0")


def read_bom(data: bytes) -> tuple[Material, ...]:
    """What the bill ``data`` lists, as ``lsbom`` would.

    Raises :class:`BinaryFormatError` for what is none.
    """
    try:
        return tuple(_read(data))
    except (struct.error, IndexError, KeyError, ValueError) as problem:
        raise BinaryFormatError(f"cannot read the bill of materials: {problem}") from problem


def _read(data: bytes) -> Iterator[Material]:
    magic, _, _, index, _, names, _ = struct.unpack_from(_HEADER, data)
    if magic != b"BOMStore":
        raise ValueError("it does not begin as one")

    def block(number: int) -> bytes:
        at, size = struct.unpack_from(">II", data, index + 4 + 8 * number)
        return data[at : at + size]

    _, _, node, _, _, _ = struct.unpack(_TREE, block(_variables(data, names)["Paths"]))
    is_leaf, _, after, _ = struct.unpack_from(_PATHS, block(node))
    while not is_leaf:  # down to the first leaf
        node, _ = struct.unpack_from(_PATH, block(node), 12)
        is_leaf, _, after, _ = struct.unpack_from(_PATHS, block(node))
    paths: dict[int, str] = {0: ""}
    while True:
        _, count, after, _ = struct.unpack_from(_PATHS, block(node))
        for entry in range(count):
            own, file = struct.unpack_from(_PATH, block(node), 12 + 8 * entry)
            number, info = struct.unpack(">II", block(own))
            (folder,) = struct.unpack_from(">I", block(file))
            name = block(file)[4:-1].decode()
            paths[number] = f"{paths[folder]}/{name}" if paths[folder] else name
            yield _material(paths[number], block(info))
        if not after:
            return
        node = after


def _variables(data: bytes, at: int) -> Mapping[str, int]:
    (count,) = struct.unpack_from(">I", data, at)
    found, at = {}, at + 4
    for _ in range(count):
        number, length = struct.unpack_from(">IB", data, at)
        found[data[at + 5 : at + 5 + length].decode()] = number
        at += 5 + length
    return found


def _material(path: str, info: bytes) -> Material:
    _, _, _, mode, _, _, modified, size, _, checksum, length = struct.unpack_from(_INFO, info)
    link = info[struct.calcsize(_INFO) :][:length].rstrip(b"\0").decode()
    return Material(
        path="." if path == "." else path.removeprefix("./"),
        mode=mode,
        size=size,
        checksum=checksum,
        link=link,
        modified=modified,
    )

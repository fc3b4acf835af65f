"""A volume in Apple's HFS Plus, made of a folder: what a disk image has in it.

Format: Apple's Technical Note 1150.  The volume is of the kind that tells apart names by case
(HFSX), whose names are in the order of their code units: that of the other kind follows tables of
an old Unicode.  It is full, and every file lies in one piece.
"""

import hashlib
import itertools
import stat
import struct
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from sealift.apple.hfsplus_tree import CATALOG, EXTENTS, make_tree
from sealift.errors import OutputError

BLOCK = 4096
_SIGNATURE, _VERSION, _UNMOUNTED = b"HX", 5, 0x100
_SINCE_1904 = 2082844800
LATEST = 0xFFFFFFFF - _SINCE_1904
"""The last second that a volume knows, in February 2040, since 1970."""
_ROOT_PARENT, _ROOT, _FIRST_FREE = 1, 2, 16
_FOLDER, _FILE, _FOLDER_THREAD, _FILE_THREAD = 1, 2, 3, 4
_HAS_THREAD, _HAS_FOLDER_COUNT = 0x2, 0x10
_CUSTOM_ICON = 0x400
_LINK = b"slnkrhap"  # type and creator of a symbolic link
_LONGEST_NAME = 255
_VOLUME_ICON = ".VolumeIcon.icns"
# Characters that Apple's way of taking letters and accents apart leaves alone.
_KEPT = (range(0x2000, 0x3000), range(0xF900, 0xFB00), range(0x2F800, 0x2FB00))


@dataclass(slots=True)
class _Node:
    """A file, a folder or a link, on its way into the catalog; ``start`` is its first block."""

    path: Path
    number: int
    parent: int
    name: str
    mode: int
    content: bytes | None = None
    size: int = 0
    start: int = 0
    children: "list[_Node]" = field(default_factory=list)

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def blocks(self) -> int:
        return -(-self.size // BLOCK)


def write_volume(folder: Path, out: BinaryIO, *, label: str, modified: int) -> int:
    """Write the volume ``label`` with the content of ``folder`` to ``out``; its bytes.

    All times are ``modified``, in seconds since 1970, or :data:`LATEST`; modes are kept, owners are
    not: files belong to whoever mounts the volume.  A file ``.VolumeIcon.icns`` becomes the
    volume's icon.  Raises :class:`OutputError` for a name that is too long, and what is neither
    file, folder nor link.
    """
    root = _read(folder, label)
    nodes = list(_walk(root))
    volume = _Volume(root, nodes, min(modified, LATEST) + _SINCE_1904)
    out.writelines(volume.pieces())
    return volume.total * BLOCK


def _read(folder: Path, label: str) -> _Node:
    numbers = itertools.count(_FIRST_FREE)

    def read(path: Path, number: int, parent: int, name: str) -> _Node:
        status = path.lstat()
        node = _Node(path, number, parent, decomposed(name), status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            node.content = str(path.readlink()).encode("utf-8", "surrogateescape")
            node.size = len(node.content)
        elif stat.S_ISREG(status.st_mode):
            node.size = status.st_size
        elif node.is_folder:
            node.children = [
                read(child, next(numbers), number, child.name)
                for child in sorted(path.iterdir(), key=lambda child: child.name)
            ]
        else:
            raise OutputError(f"cannot write {path} into a disk image: it is no file or folder")
        return node

    return read(folder, _ROOT, _ROOT_PARENT, label)


def _walk(node: _Node) -> Iterator[_Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def decomposed(name: str) -> str:
    """``name`` with letters and accents apart, as the format keeps it.

    Raises :class:`OutputError` when that is too long.

    >>> [hex(ord(char)) for char in decomposed("é")]
    ['0x65', '0x301']
    """

    def is_kept(char: str) -> bool:
        return any(ord(char) in kept for kept in _KEPT)

    apart = "".join(
        "".join(run) if kept else unicodedata.normalize("NFD", "".join(run))
        for kept, run in itertools.groupby(name, is_kept)
    )
    if len(_units(apart)) > 2 * _LONGEST_NAME:
        raise OutputError(f"cannot write {name} into a disk image: the name is too long")
    return apart


def _units(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")


class _Volume:
    """Where everything lies, and what the catalog says of it."""

    def __init__(self, root: _Node, nodes: Sequence[_Node], date: int) -> None:
        self._root, self._nodes, self._date = root, nodes, date
        files = [node for node in nodes if node.size]
        catalog_size = len(self._catalog())  # the same, wherever files begin
        extents = make_tree(EXTENTS, ())
        sizes = (len(extents), catalog_size)
        data = sum(-(-size // BLOCK) for size in sizes) + sum(node.blocks for node in files)
        # The map of blocks has a place in itself, as have the first and the last block.
        bitmap = 1
        while bitmap * BLOCK * 8 < data + bitmap + 2:
            bitmap += 1
        self.total = data + bitmap + 2
        self._bitmap_blocks = bitmap
        self._extents_start = 1 + bitmap
        self._catalog_start = self._extents_start + -(-len(extents) // BLOCK)
        at = self._catalog_start + -(-catalog_size // BLOCK)
        for node in files:
            node.start, at = at, at + node.blocks
        self._files, self._extents = files, extents

    def pieces(self) -> Iterator[bytes]:
        """The volume's bytes, in order."""
        catalog = self._catalog()
        header = self._header(len(catalog))
        yield header.rjust(1024 + len(header), b"\0").ljust(BLOCK, b"\0")
        yield self._bitmap()
        yield self._extents
        yield catalog
        for node in self._files:
            yield from _content(node)
        yield bytes(BLOCK - 1024) + header + bytes(512)

    def _bitmap(self) -> bytes:
        """A bit for each block, all of which are taken."""
        whole, rest = divmod(self.total, 8)
        bits = b"\xff" * whole + (bytes((0xFF << (8 - rest) & 0xFF,)) if rest else b"")
        return bits.ljust(self._bitmap_blocks * BLOCK, b"\0")

    def _header(self, catalog_size: int) -> bytes:
        folders = sum(node.is_folder for node in self._nodes) - 1
        files = len(self._nodes) - folders - 1
        out = struct.pack(
            ">2sHI4sI4IIIIIIIIIIIQ", _SIGNATURE, _VERSION, _UNMOUNTED, b"10.0", 0,
            self._date, self._date, 0, self._date,
            files, folders, BLOCK, self.total, 0, self.total, BLOCK, BLOCK,
            _FIRST_FREE + len(self._nodes) - 1, 1, 1,
        )  # fmt: skip
        out += bytes(24) + self._identity()
        out += _fork(1, self._bitmap_blocks * BLOCK)
        out += _fork(self._extents_start, len(self._extents))
        out += _fork(self._catalog_start, catalog_size)
        return out.ljust(512, b"\0")

    def _identity(self) -> bytes:
        """A number of the volume, made of what is in it."""
        told = "\0".join(f"{node.name} {node.size} {node.mode:o}" for node in self._nodes)
        return hashlib.sha256(told.encode("utf-8", "surrogateescape")).digest()[:8]

    def _catalog(self) -> bytes:
        records = []
        for node in self._nodes:
            kind = _FOLDER_THREAD if node.is_folder else _FILE_THREAD
            name = _units(node.name)
            thread = struct.pack(">HHIH", kind, 0, node.parent, len(name) // 2) + name
            own = self._folder(node) if node.is_folder else self._file(node)
            records += [((node.number, b""), thread), ((node.parent, name), own)]
        return make_tree(CATALOG, sorted(records))

    def _folder(self, node: _Node) -> bytes:
        folders = sum(child.is_folder for child in node.children)
        has_icon = node is self._root and any(one.name == _VOLUME_ICON for one in node.children)
        finder = struct.pack(">8xH6x16x", _CUSTOM_ICON if has_icon else 0)
        out = struct.pack(">HHII", _FOLDER, _HAS_FOLDER_COUNT, len(node.children), node.number)
        return out + self._common(node) + finder + struct.pack(">II", 0, folders)

    def _file(self, node: _Node) -> bytes:
        finder = _LINK if stat.S_ISLNK(node.mode) else b""
        out = struct.pack(">HHII", _FILE, _HAS_THREAD, 0, node.number)
        out += self._common(node) + finder.ljust(32, b"\0") + bytes(8)
        return out + _fork(node.start, node.size) + _fork(0, 0)

    def _common(self, node: _Node) -> bytes:
        """Times, owner and mode."""
        owner = 99  # nobody's: whoever mounts the volume is told to be
        return struct.pack(">5IIIBBHI", *[self._date] * 4, 0, owner, owner, 0, 0, node.mode, 1)


def _fork(start: int, size: int) -> bytes:
    blocks = -(-size // BLOCK)
    return struct.pack(">QIIII", size, BLOCK, blocks, start if blocks else 0, blocks) + bytes(56)


def _content(node: _Node) -> Iterator[bytes]:
    written = 0
    if node.content is not None:
        written = len(node.content)
        yield node.content
    else:
        with node.path.open("rb") as file:
            while block := file.read(1 << 20):
                written += len(block)
                yield block
    if written != node.size:
        raise OutputError(f"cannot write {node.path} into a disk image: it has changed meanwhile")
    yield bytes(-written % BLOCK)


def catalog_numbers(folder: Path) -> Mapping[str, int]:
    """The numbers that files and folders below ``folder`` will have on the volume, by path."""
    return {
        node.path.relative_to(folder).as_posix(): node.number for node in _walk(_read(folder, "x"))
    }

"""The files of a product's tree, as pieces of files of the content store.

Nothing is copied to make a tree: a file is a list of pieces, and a piece says by digest what its
bytes are, so that whoever packs them knows without reading what was packed before.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sealift.errors import OutputError
from sealift.image import Entry, Image, Kind
from sealift.interpreter import Interpreter

IMAGE_FILE = "image.sealift"
STAMP_FILE = ".stamp"  # the launcher's own, see stamp.h
_READ = 1 << 20


def python_program(interpreter: Interpreter) -> str:
    """Where the launcher lies in a tree as the program that acts as Python."""
    return "python.exe" if interpreter.target.is_windows else f"bin/python{interpreter.feature}"


@dataclass(frozen=True, slots=True)
class Piece:
    """``size`` bytes at ``offset`` of ``source``, a file or bytes in memory.

    ``digest`` identifies the whole source's content.
    """

    source: Path | bytes
    offset: int
    size: int
    digest: str

    def part(self, offset: int, size: int) -> "Piece":
        """The ``size`` bytes at ``offset`` of this piece."""
        return Piece(self.source, self.offset + offset, size, self.digest)

    def read(self) -> Iterator[bytes]:
        """The bytes, in blocks of at most a mebibyte."""
        if isinstance(self.source, bytes):
            yield self.source[self.offset : self.offset + self.size]
            return
        left = self.size
        with self.source.open("rb", buffering=0) as file:
            file.seek(self.offset)
            while left and (block := file.read(min(left, _READ))):
                left -= len(block)
                yield block
        if left:
            raise OSError(None, f"shorter by {left} bytes than when it was staged", self.source)


def bytes_piece(data: bytes) -> Piece:
    """A piece held in memory."""
    return Piece(data, 0, len(data), hashlib.sha256(data).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeFile:
    """A regular file of the tree: ``origin`` is the distribution it belongs to."""

    path: str
    mode: int
    origin: str
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(piece.size for piece in self.pieces)

    def read(self) -> Iterator[bytes]:
        """The content, in blocks."""
        for piece in self.pieces:
            yield from piece.read()

    def write(self, target: Path) -> None:
        """Write this file at ``target``, which must not exist, in an existing folder."""
        with target.open("xb", buffering=0) as file:
            file.writelines(self.read())
        target.chmod(self.mode)


def real_entries(image: Image) -> Iterator[Entry]:
    """The entries that are files on disk, in the order of their origins and paths.

    Native files and data are, sources when they ask for it or nothing on the search path leads to
    them.  Besides, a folder exists only through
    its files, and programs walk ``..`` through the folders of their modules; so a folder with
    modules alone gets the first of them (its ``__init__.py`` when it has one).
    """
    hidden = _shadowed(image.entries)
    importable = tuple(f"{folder}/" for folder in image.search_path)
    real = [
        entry
        for entry in image.entries
        if _is_real(entry) or entry.path in hidden or not entry.path.startswith(importable)
    ]
    taken = {entry.path for entry in real}
    present = {parent for path in taken for parent in PurePosixPath(path).parents}
    for entry in sorted(image.entries, key=lambda entry: _deep_first(entry.path)):
        parents = PurePosixPath(entry.path).parents
        if parents[0] not in present:
            real.append(entry)
            present.update(parents)
    return iter(sorted(real, key=lambda entry: (origin_order(entry.origin), entry.path)))


def origin_order(origin: str) -> tuple[bool, str]:
    """A sort key: the interpreter's files come first, then distributions by name."""
    return origin != "python", origin


def _is_real(entry: Entry) -> bool:
    return entry.real or entry.kind is not Kind.SOURCE or not entry.path.endswith(".py")


def _deep_first(path: str) -> tuple[int, str, bool, str]:
    """Deep folders first, so that one file serves all above it, and ``__init__.py`` in each."""
    folder, _, name = path.rpartition("/")
    return -folder.count("/"), folder, name != "__init__.py", name


def _shadowed(entries: Sequence[Entry]) -> frozenset[str]:
    """Modules that cannot be imported as a package of the same name stands beside them."""
    paths = {entry.path for entry in entries if entry.kind is Kind.SOURCE}
    return frozenset(path for path in paths if f"{path.removesuffix('.py')}/__init__.py" in paths)


def tree_files(image: Image, image_file: Iterable[Piece]) -> tuple[TreeFile, ...]:
    """All files of the tree but the one that is the launcher, see :func:`python_program`.

    ``image_file`` are the pieces of ``image.sealift``, which comes first.

    Raises :class:`OutputError` when a distribution has a file where the launcher has its own.
    """
    own = {IMAGE_FILE, STAMP_FILE, python_program(image.interpreter)}
    for entry in image.entries:
        if entry.path in own:
            raise OutputError(
                f"cannot ship {entry.path} of {entry.origin}: the launcher needs its place",
                hint=f"leave {entry.origin} out, or build it without this file",
            )
    first = TreeFile(path=IMAGE_FILE, mode=0o644, origin="", pieces=tuple(image_file))
    return first, *map(_tree_file, real_entries(image))


def _tree_file(entry: Entry) -> TreeFile:
    return TreeFile(
        path=entry.path,
        mode=entry.mode & 0o777,
        origin=entry.origin,
        pieces=(Piece(entry.source, 0, entry.size, entry.sha256),) if entry.size else (),
    )

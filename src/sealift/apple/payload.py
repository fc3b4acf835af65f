"""What a package installs: a folder as a compressed archive, and a bill of it.

Format of the archive: POSIX's old one of ``cpio`` (``odc``), within gzip; everything is root's.
"""

import stat
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from sealift import console
from sealift.apple.bom import Checksum, Material
from sealift.errors import OutputError

_MAGIC = "070707"
_LONGEST = 0o77777777777
_MOST = 0o777777


@dataclass(frozen=True, slots=True)
class Payload:
    """What was packed: the materials, and the kibibytes they take."""

    materials: tuple[Material, ...]

    @property
    def kibibytes(self) -> int:
        return -(-sum(one.size for one in self.materials) // 1024)


def write_payload(folder: Path, out: BinaryIO, *, level: int, modified: int) -> Payload:
    """Write the content of ``folder`` to ``out``; ``level`` is one of zlib.

    All is as old as ``modified`` says.  Raises :class:`OutputError` for too many files, one too
    large, and what is neither file, folder nor link.
    """
    paths = _paths(folder)
    if len(paths) > _MOST:
        raise OutputError(f"cannot write a package of {len(paths)} files: it may have {_MOST}")
    total = sum(path.lstat().st_size for path in paths)
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)  # with the head of gzip, without a time
    materials = []
    with console.progress("Compressing", total) as bar:
        for number, path in enumerate(paths, 1):
            material = _material(folder, path, modified)
            checksum = Checksum()
            size = len(material.link.encode()) if material.link else material.size
            out.write(packer.compress(_head(material, number, size)))
            for block in _content(path, material):
                checksum.add(block)
                out.write(packer.compress(block))
                bar.advance(len(block))
            is_folder = stat.S_ISDIR(material.mode)
            materials.append(
                replace(material, size=size, checksum=0 if is_folder else checksum.value)
            )
        out.write(packer.compress(_head(Material(path="TRAILER!!!", mode=0), 0, 0)))
        out.write(packer.flush())
    return Payload(tuple(materials))


def _paths(folder: Path) -> Sequence[Path]:
    """The folder and all below it, each after what it is in."""
    below = sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts)
    return [folder, *below]


def _material(folder: Path, path: Path, modified: int) -> Material:
    status = path.lstat()
    is_link, is_file = stat.S_ISLNK(status.st_mode), stat.S_ISREG(status.st_mode)
    if not (is_link or is_file or stat.S_ISDIR(status.st_mode)):
        raise OutputError(f"cannot write {path} into a package: it is no file or folder")
    size = status.st_size if is_file else 0
    if size > _LONGEST:
        raise OutputError(f"cannot write {path} into a package: it is larger than 8 GiB")
    return Material(
        path=path.relative_to(folder).as_posix(),
        mode=stat.S_IFLNK | 0o755 if is_link else status.st_mode,
        size=size,
        link=str(path.readlink()) if is_link else "",
        modified=modified,
    )


def _head(told: Material, number: int, size: int) -> bytes:
    name = told.path if told.path in {".", "TRAILER!!!"} else f"./{told.path}"
    links = 2 if stat.S_ISDIR(told.mode) else 1
    raw = name.encode("utf-8", "surrogateescape") + b"\0"
    fields = (0, number, told.mode, 0, 0, links, 0)
    text = _MAGIC + "".join(f"{value:06o}" for value in fields)
    text += f"{told.modified:011o}{len(raw):06o}{size:011o}"
    return text.encode() + raw


def _content(path: Path, told: Material) -> Iterator[bytes]:
    if told.link:
        yield told.link.encode("utf-8", "surrogateescape")
    elif stat.S_ISREG(told.mode):
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                yield block

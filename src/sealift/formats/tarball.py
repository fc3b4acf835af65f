"""The folder format as one compressed archive, the same bytes every time."""

import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import ClassVar

from sealift import compression, console
from sealift.epoch import source_epoch
from sealift.image import Image
from sealift.launcher.product import CompressedOptions, LauncherFormat, make_product
from sealift.launcher.tree import TreeFile


class Tarball(LauncherFormat):
    """A ``.tar.zst`` with one folder in it, which runs where it is unpacked.

    Members are sorted, owned by root, and as old as ``SOURCE_DATE_EPOCH`` says, or 1980.
    """

    name: ClassVar[str] = "tar"
    summary: ClassVar[str] = "the folder as an archive, compressed with zstd"
    options: ClassVar[type[CompressedOptions]] = CompressedOptions

    def filename(self, image: Image) -> str:
        """Name, version and target."""
        return f"{image.name}-{image.version}-{image.target}.tar.zst"

    def write(self, images: Sequence[Image], options: CompressedOptions, out: Path) -> None:
        """Write the archive at ``out``."""
        (image,) = images
        product = make_product(image, options)
        files = sorted(product.folder_files(), key=lambda file: file.path)
        total = sum(file.size for file in files)
        level = compression.LEVELS[options.compression]
        folder = f"{image.name}-{image.version}"
        with (
            console.progress("Compressing", total) as bar,
            compression.open_writer(out, level) as packed,
            tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
        ):
            for path in sorted({p for file in files for p in PurePosixPath(file.path).parents}):
                archive.addfile(_folder(PurePosixPath(folder, path)))
            for file in files:
                archive.addfile(_member(file, folder), io.BufferedReader(_Reader(file)))
                bar.advance(file.size)


def _folder(path: PurePosixPath) -> tarfile.TarInfo:
    """A folder that only its owner can write to, whatever the umask where it is unpacked."""
    member = tarfile.TarInfo(str(path))
    member.type, member.mode, member.mtime = tarfile.DIRTYPE, 0o755, source_epoch()
    return member


def _member(file: TreeFile, folder: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(f"{folder}/{file.path}")
    member.size, member.mode, member.mtime = file.size, file.mode, source_epoch()
    return member


class _Reader(io.RawIOBase):
    """A tree file as a stream that ``tarfile`` reads."""

    def __init__(self, file: TreeFile) -> None:
        super().__init__()
        self._blocks: Iterator[bytes] = file.read()
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = next(self._blocks, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

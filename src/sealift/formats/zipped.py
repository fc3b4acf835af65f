"""The folder format as a zip file, which every desktop opens."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from sealift.image import Image
from sealift.launcher.product import CompressedOptions, LauncherFormat, make_product
from sealift.launcher.tree import TreeFile
from sealift.zip_writer import NewMember, source_time, write_zip

_LEVELS = {"fast": 1, "balanced": 6, "small": 12}  # of libdeflate


class Zipped(LauncherFormat):
    """A ``.zip`` with one folder in it, which runs where it is unpacked: no installer, no rights.

    Members are sorted, and as old as ``SOURCE_DATE_EPOCH`` says, or 1980.
    """

    name: ClassVar[str] = "zip"
    summary: ClassVar[str] = "the folder as a zip file, for who forbids installers"
    options: ClassVar[type[CompressedOptions]] = CompressedOptions

    def filename(self, image: Image) -> str:
        """Name, version and target."""
        return f"{image.name}-{image.version}-{image.target}.zip"

    def write(self, images: Sequence[Image], options: CompressedOptions, out: Path) -> None:
        """Write the zip file at ``out``."""
        (image,) = images
        product = make_product(image, options)
        files = sorted(product.folder_files(), key=lambda file: file.path)
        members = _members(files, f"{image.name}-{image.version}")
        write_zip(out, members, when=source_time(), level=_LEVELS[options.compression])


def _members(files: Sequence[TreeFile], folder: str) -> Iterator[NewMember]:
    for file in files:
        yield NewMember(f"{folder}/{file.path}", file.mode, partial(_read, file))


def _read(file: TreeFile) -> bytes:
    return b"".join(file.read())

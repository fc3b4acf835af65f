"""A folder with a program in it that runs where the folder is put."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from sealift.image import Image
from sealift.launcher.product import LauncherFormat, RuntimeOptions, make_product


class Folder(LauncherFormat):
    """The tree that a single file unpacks, and a program beside it; nothing is unpacked."""

    name: ClassVar[str] = "dir"
    summary: ClassVar[str] = "a folder with a program, Python and everything in it"
    options: ClassVar[type[RuntimeOptions]] = RuntimeOptions

    def filename(self, image: Image) -> str:
        """The product's name and version."""
        return f"{image.name}-{image.version}"

    def write(self, images: Sequence[Image], options: RuntimeOptions, out: Path) -> None:
        """Write the folder at ``out``."""
        (image,) = images
        product = make_product(image, options)
        for file in product.folder_files():
            path = out / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            file.write(path)
        for folder in (out, *(path for path in out.rglob("*") if path.is_dir())):
            folder.chmod(0o755)  # whatever the umask: the program refuses what others can write to

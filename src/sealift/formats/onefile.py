"""One executable file: the launcher with the whole product in it."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from sealift import compression
from sealift.image import Image
from sealift.launcher.carrying import write_single_file
from sealift.launcher.product import CompressedOptions, LauncherFormat, make_product
from sealift.windows.authenticode import opened_signer


class OneFile(LauncherFormat):
    """A file that runs where it is put: it unpacks what must be files once, into a cache."""

    name: ClassVar[str] = "onefile"
    summary: ClassVar[str] = "one executable file with Python and everything in it"
    options: ClassVar[type[CompressedOptions]] = CompressedOptions

    def filename(self, image: Image) -> str:
        """The product's name."""
        return f"{image.name}.exe" if image.target.is_windows else image.name

    def write(self, images: Sequence[Image], options: CompressedOptions, out: Path) -> None:
        """Write the executable at ``out``."""
        (image,) = images
        product = make_product(image, options)
        write_single_file(product, compression.LEVELS[options.compression], out)
        with opened_signer(image) as signer:
            if signer:
                signer.sign(out)

"""One executable file: the launcher with the whole product behind it."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, ClassVar

from sealift import compression
from sealift.errors import OutputError
from sealift.image import Image
from sealift.launcher import payload
from sealift.launcher.product import CompressedOptions, LauncherFormat, Product, make_product


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
        with out.open("xb") as file:
            _write_launcher(file, product)
            payload.write_payload(
                file, _header(product), product.files, compression.LEVELS[options.compression]
            )
        out.chmod(0o755)


def _write_launcher(out: BinaryIO, product: Product) -> None:
    program = product.launcher.read_bytes()
    try:
        end = payload.payload_offset(program)
    except ValueError as problem:
        raise OutputError(f"cannot use the launcher {product.launcher}: {problem}") from problem
    out.write(program.ljust(end, b"\0"))


def _header(product: Product) -> payload.Header:
    image = product.image
    return payload.Header(
        name=payload.folder_name(image.name),
        version=payload.folder_name(image.version),
        feature=image.feature,
        library=image.interpreter.library or "",
        key=product.key,
        gui=image.entry.gui,
    )

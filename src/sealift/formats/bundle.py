"""An application for macOS: the folder that a Mac shows as one program."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from sealift.formats.macos_application import (
    BUNDLE,
    BundleOptions,
    MacFormat,
    bundle_name,
    write_application,
)
from sealift.image import Image


class AppBundle(MacFormat):
    """``Title.app``, signed: with the certificate of the settings, else ad hoc."""

    name: ClassVar[str] = BUNDLE
    suffix: ClassVar[str] = ".app"
    summary: ClassVar[str] = "an application for macOS (.app)"
    options: ClassVar[type[BundleOptions]] = BundleOptions

    def filename(self, image: Image) -> str:
        """The application's title with ``.app``."""
        return bundle_name(image)

    def write(self, images: Sequence[Image], options: BundleOptions, out: Path) -> None:
        """Write the folder at ``out``."""
        (image,) = images
        write_application(image, options, out)

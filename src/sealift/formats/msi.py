"""A package for Windows Installer, which administrators hand out to many machines."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from sealift.image import Image
from sealift.launcher.product import LauncherFormat, make_product
from sealift.project import Project
from sealift.target import Target
from sealift.tools import MSIBUILD
from sealift.windows.msi import MsiOptions, version_of, write_msi


class Msi(LauncherFormat):
    """An MSI that replaces older versions, per user or for the machine."""

    name: ClassVar[str] = "msi"
    summary: ClassVar[str] = "a package for Windows Installer (.msi)"
    options: ClassVar[type[MsiOptions]] = MsiOptions

    def refuses(self, target: Target) -> str | None:
        """Why there is no such package for ``target``, or ``None``."""
        return super().refuses(target) if target.is_windows else "MSI is for Windows only"

    def check(self, project: Project, options: MsiOptions, target: Target) -> None:
        """What Windows asks for, a version that it can compare, and msitools."""
        super().check(project, options, target)
        version_of(project.version or "0", options)
        MSIBUILD.require()

    def filename(self, image: Image) -> str:
        """Name, version and target."""
        return f"{image.name}-{image.version}-{image.target}.msi"

    def write(self, images: Sequence[Image], options: MsiOptions, out: Path) -> None:
        """Write the package at ``out``."""
        (image,) = images
        write_msi(image, options, make_product(image, options).folder_files(), out)

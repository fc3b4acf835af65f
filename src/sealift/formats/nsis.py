"""An installer for Windows: one program that installs the product and, later, takes it away."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from sealift.image import Image
from sealift.launcher.product import LauncherFormat, make_product
from sealift.project import Project
from sealift.target import Target
from sealift.tools import MAKENSIS
from sealift.windows.installer import InstallerOptions
from sealift.windows.setup import write_setup


class Nsis(LauncherFormat):
    """A setup program by NSIS: quiet with ``/S``, in place over older versions."""

    name: ClassVar[str] = "nsis"
    summary: ClassVar[str] = "an installer for Windows (.exe), by NSIS"
    options: ClassVar[type[InstallerOptions]] = InstallerOptions

    def refuses(self, target: Target) -> str | None:
        """Why there is no such installer for ``target``, or ``None``."""
        return super().refuses(target) if target.is_windows else "NSIS installs on Windows only"

    def check(self, project: Project, options: InstallerOptions, target: Target) -> None:
        """What Windows asks for, and NSIS."""
        super().check(project, options, target)
        MAKENSIS.require()

    def filename(self, image: Image) -> str:
        """Name, version and target."""
        return f"{image.name}-{image.version}-{image.target}-setup.exe"

    def write(self, images: Sequence[Image], options: InstallerOptions, out: Path) -> None:
        """Write the installer at ``out``."""
        (image,) = images
        write_setup(image, options, make_product(image, options).folder_files(), out)

"""A package for Apple's Installer: an application, or a command for the terminal."""

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sealift import compression, console
from sealift.apple.certificate import Purpose, SigningCertificate, load_certificate
from sealift.apple.information import numeric_version
from sealift.apple.package import Package, write_package
from sealift.config import SigningOptions, option
from sealift.epoch import source_epoch
from sealift.formats.macos_application import (
    MacFormat,
    bundle_name,
    bundle_options,
    check_names,
    oldest_system,
    write_application,
)
from sealift.image import Image
from sealift.launcher.product import make_product
from sealift.project import Project
from sealift.signing import installer_identity
from sealift.target import Target

_LEVELS = {"fast": 1, "balanced": 6, "small": 9}  # of zlib
_CPUS = {"x86_64": ("x86_64",), "aarch64": ("arm64",), "universal2": ("x86_64", "arm64")}
# An older version's files go before the new ones come, if it is one: nothing else has that file.
_REMOVE_OLDER = """\
#!/bin/sh
tree="${{3%/}}/usr/local/lib/"{name}
if [ -f "$tree/image.sealift" ] && [ ! -L "$tree" ]; then
    rm -rf "$tree"
fi
exit 0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PkgOptions:
    """``[tool.sealift.pkg]``; the application in it is made by ``[tool.sealift.bundle]``."""

    installs: str = option(
        "auto",
        "an application, or a command below /usr/local; auto is the former for GUI scripts",
        choices=("auto", "application", "command"),
    )
    compression: str = option(
        "balanced",
        "time to build against size of the file",
        choices=tuple(compression.LEVELS),
    )


class InstallerPackage(MacFormat):
    """``Title-version.pkg``; signed where there is a certificate for installers."""

    name: ClassVar[str] = "pkg"
    summary: ClassVar[str] = "a package that macOS installs, with an application or a command"
    options: ClassVar[type[PkgOptions]] = PkgOptions

    def check(self, project: Project, options: PkgOptions, target: Target) -> None:
        """What the application asks for, and who signs the package."""
        super().check(project, options, target)
        _installer_certificate(project.settings.signing.get(target.os))

    def filename(self, image: Image) -> str:
        """The application's title and version."""
        return f"{bundle_name(image).removesuffix('.app')}-{image.version}.pkg"

    def write(self, images: Sequence[Image], options: PkgOptions, out: Path) -> None:
        """Write the package at ``out``."""
        (image,) = images
        certificate = _installer_certificate(image.signing)
        if certificate is None and image.signing and image.signing.certificate:
            console.warning(
                "the package itself is not signed, the code in it is: `installer` in "
                '[tool.sealift.signing.macos] names a certificate "Developer ID Installer"'
            )
        is_application = options.installs == "application" or (
            options.installs == "auto" and image.entry.gui
        )
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".pkg.") as scratch:
            folder = Path(scratch)
            make = _application if is_application else _command
            package = make(image, folder)
            for path in (folder, *folder.rglob("*")):
                if path.is_dir() and not path.is_symlink():
                    path.chmod(0o755)
            with out.open("xb") as file:
                write_package(
                    package,
                    file,
                    level=_LEVELS[options.compression],
                    modified=source_epoch(),
                    certificate=certificate,
                )


def _installer_certificate(told: SigningOptions | None) -> SigningCertificate | None:
    identity = installer_identity(told)
    return load_certificate(identity, Purpose.INSTALLER) if identity else None


def _application(image: Image, folder: Path) -> Package:
    """An application that is installed where all users have theirs."""
    name, told = bundle_name(image), image.application
    write_application(image, bundle_options(image), folder / name)
    return Package(
        title=told.title,
        identifier=f"{told.identifier}.pkg",
        version=numeric_version(image.version),
        folder=folder,
        location="/Applications",
        cpus=_CPUS[image.target.arch],
        minimum=oldest_system(image),
        bundle=name,
        bundle_identifier=told.identifier,
    )


def _command(image: Image, folder: Path) -> Package:
    """The folder of the product, and a link to its program where terminals look for commands."""
    told = image.application
    tree = folder / "lib" / image.name
    files = list(make_product(image, bundle_options(image)).folder_files())
    check_names(file.path for file in files)
    for file in files:
        place = tree / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        file.write(place)
    (folder / "bin").mkdir()
    (folder / "bin" / image.name).symlink_to(f"../lib/{image.name}/{image.name}")
    return Package(
        title=told.title,
        identifier=f"{told.identifier}.pkg",
        version=numeric_version(image.version),
        folder=folder,
        location="/usr/local",
        cpus=_CPUS[image.target.arch],
        minimum=oldest_system(image),
        scripts={"preinstall": _REMOVE_OLDER.format(name=shlex.quote(image.name))},
    )

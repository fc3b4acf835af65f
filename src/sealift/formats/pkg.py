"""A package for Apple's Installer: an application, or a command for the terminal."""

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from sealift import console
from sealift.apple.certificate import Purpose, SigningCertificate, load_certificate
from sealift.apple.information import numeric_version
from sealift.apple.package import Package, write_package
from sealift.compression import option_of_levels
from sealift.config import SigningOptions
from sealift.epoch import source_epoch
from sealift.formats.macos_application import (
    MacFormat,
    bundle_name,
    bundle_options,
    write_application,
)
from sealift.image import Image
from sealift.launcher.product import make_product
from sealift.options import option
from sealift.project import Project
from sealift.signing import installer_identity
from sealift.target import Target

_LEVELS = {"fast": 1, "balanced": 6, "small": 9}  # of zlib
_CPUS = {"x86_64": ("x86_64",), "aarch64": ("arm64",), "universal2": ("x86_64", "arm64")}
# An older version's files go before the new ones come, if it is one: nothing else has that file.
# Root removes them from within, and only where nobody else could put a link to another place.
_REMOVE_OLDER = """\
#!/bin/sh
PATH=/usr/bin:/bin
root=$(cd -P "${{3:-/}}" && pwd -P) || exit 1
tree="${{root%/}}/usr/local/lib/"{name}
if [ ! -e "$tree" ] && [ ! -L "$tree" ]; then
    exit 0
fi
others="$tree is elsewhere"
if cd -P "$tree" && [ "$(pwd -P)" = "$tree" ]; then
    others=$(find . \\( ! -user "$(id -u)" -o ! -type l \\( -perm -20 -o -perm -2 \\) \\)) || exit 1
fi
if [ -n "$others" ]; then
    echo "cannot install: $tree is a link, or others than root can write there: move it away" >&2
    exit 1
fi
if [ -f image.sealift ]; then
    find . -xdev -mindepth 1 -delete
fi
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PkgOptions:
    """``[tool.sealift.pkg]``; the application in it is made by ``[tool.sealift.bundle]``."""

    installs: str = option(
        "auto",
        "an application, or a command below /usr/local; auto is the former for GUI scripts",
        choices=("auto", "application", "command"),
    )
    compression: str = option_of_levels()


class InstallerPackage(MacFormat):
    """``Title-version.pkg``; signed where there is a certificate for installers."""

    name: ClassVar[str] = "pkg"
    suffix: ClassVar[str] = ".pkg"
    summary: ClassVar[str] = "a package that macOS installs, with an application or a command"
    options: ClassVar[type[PkgOptions]] = PkgOptions

    def check(self, project: Project, options: PkgOptions, target: Target) -> None:
        """What the application asks for, and who signs the package."""
        super().check(project, options, target)
        _installer_certificate(project.settings.signing.get(target.os))

    def draws_icon(self, options: PkgOptions) -> bool:
        """A command has none."""
        return options.installs != "command"

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


def _package(image: Image, folder: Path, location: str) -> Package:
    """What both kinds say of the product."""
    told = image.application
    return Package(
        title=told.title,
        identifier=f"{told.identifier}.pkg",
        version=numeric_version(image.version),
        folder=folder,
        location=location,
        cpus=_CPUS[image.target.arch],
        minimum=image.floor,
    )


def _application(image: Image, folder: Path) -> Package:
    """An application that is installed where all users have theirs."""
    name = bundle_name(image)
    write_application(image, bundle_options(image), folder / name)
    package = _package(image, folder, "/Applications")
    return replace(package, bundle=name, bundle_identifier=image.application.identifier)


def _command(image: Image, folder: Path) -> Package:
    """The folder of the product, and a link to its program where terminals look for commands."""
    tree = folder / "lib" / image.name
    files = list(make_product(image, bundle_options(image)).folder_files())
    for file in files:
        place = tree / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        file.write(place)
    (folder / "bin").mkdir()
    (folder / "bin" / image.name).symlink_to(f"../lib/{image.name}/{image.name}")
    script = _REMOVE_OLDER.format(name=shlex.quote(image.name))
    return replace(_package(image, folder, "/usr/local"), scripts={"preinstall": script})

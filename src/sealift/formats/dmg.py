"""A disk image for macOS: the application, and a link to where it belongs."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sealift.apple.finder_window import BACKGROUND, Window, picture_size, write_window
from sealift.apple.hfsplus import write_volume
from sealift.apple.image_signature import sign_image
from sealift.apple.signer import signer_of
from sealift.apple.udif import write_image
from sealift.compression import option_of_levels
from sealift.epoch import source_epoch
from sealift.formats.macos_application import (
    MacFormat,
    bundle_name,
    bundle_options,
    write_application,
)
from sealift.icon import make_icns
from sealift.image import Image
from sealift.options import option
from sealift.project import Project
from sealift.target import Target

_LEVELS = {"fast": 1, "balanced": 6, "small": 12}  # of libdeflate
_SIZE = (540, 340)  # of the window, where no picture says otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class DmgOptions:
    """``[tool.sealift.dmg]``; the application in it is made by ``[tool.sealift.bundle]``."""

    background: str | None = option(
        None, "PNG picture behind the icons, relative to this file", is_path=True
    )
    compression: str = option_of_levels()


class DiskImage(MacFormat):
    """``Title-version.dmg``, compressed; signed where there is a certificate."""

    name: ClassVar[str] = "dmg"
    suffix: ClassVar[str] = ".dmg"
    summary: ClassVar[str] = "a disk image with an application for macOS"
    options: ClassVar[type[DmgOptions]] = DmgOptions

    def check(self, project: Project, options: DmgOptions, target: Target) -> None:
        """What the application asks for, and the picture behind it."""
        super().check(project, options, target)
        if options.background:
            picture_size(Path(options.background))

    def write(self, images: Sequence[Image], options: DmgOptions, out: Path) -> None:
        """Write the image at ``out``."""
        (image,) = images
        size = picture_size(Path(options.background)) if options.background else _SIZE
        signer = signer_of(image)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".dmg.") as scratch:
            folder = Path(scratch) / "volume"
            folder.mkdir()
            write_application(image, bundle_options(image), folder / bundle_name(image))
            _furnish(folder, image, options, size)
            volume = Path(scratch) / "volume.hfs"
            label, modified = image.application.title, source_epoch()
            with volume.open("xb") as file:
                write_volume(folder, file, label=label, modified=modified)
            with out.open("xb") as file:
                write_image(volume, file, level=_LEVELS[options.compression])
        if signer.certificate:
            sign_image(out, image.application.identifier, signer)


def _furnish(folder: Path, image: Image, options: DmgOptions, size: tuple[int, int]) -> None:
    """Put beside the application what the Finder shows with it."""
    (folder / "Applications").symlink_to("/Applications")
    if image.application.icon:
        (folder / ".VolumeIcon.icns").write_bytes(make_icns(image.application.icon))
    if options.background:
        place = folder / BACKGROUND
        place.parent.mkdir()
        shutil.copyfile(options.background, place)
    width, height = size
    window = Window(
        size=size,
        icons={
            bundle_name(image): (width // 4, height // 2),
            "Applications": (width - width // 4, height // 2),
        },
        has_background=bool(options.background),
    )
    label, modified = image.application.title, source_epoch()
    write_window(folder, window, label=label, modified=modified)
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)

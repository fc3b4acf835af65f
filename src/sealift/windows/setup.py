"""A setup program by NSIS, compiled and signed."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from sealift import process
from sealift.backend import source_date
from sealift.image import Image
from sealift.launcher.tree import TreeFile
from sealift.tools import MAKENSIS
from sealift.windows.authenticode import opened_signer
from sealift.windows.installer import InstallerOptions, lay_out
from sealift.windows.nsis import write_script

# The stubs for x86 do not run where there is no 32-bit Windows, as under most wines.
_TARGET = "Target amd64-unicode"


def write_setup(
    image: Image, options: InstallerOptions, files: Iterable[TreeFile], out: Path
) -> None:
    """Write an installer of ``files`` of ``image`` at ``out``, signed where a certificate is named.

    Raises :class:`~sealift.errors.ToolError` where NSIS is missing or fails, and what
    :func:`~sealift.windows.installer.lay_out` and
    :func:`~sealift.windows.authenticode.opened_signer` do.
    """
    makensis = MAKENSIS.require()
    with (
        tempfile.TemporaryDirectory(prefix=".nsis-", dir=out.parent) as scratch,
        opened_signer(image) as signer,
    ):
        folder = Path(scratch)
        installer = lay_out(image, options, files, folder)
        sign = None
        if signer:
            signer.sign_tree(installer.root, installer.files)
            sign = signer.write_script(folder / "sign.sh")
        script = write_script(installer, folder, options.compression, sign)
        process.run(
            [makensis, "-V2", "-INPUTCHARSET", "UTF8", f"-X{_TARGET}", script],
            cwd=folder,
            env={**os.environ, "SOURCE_DATE_EPOCH": source_date()},
            action=f"make an installer of {image.name}",
        )
        made = folder / "setup.exe"
        if signer:
            signer.sign(made)
        made.replace(out)

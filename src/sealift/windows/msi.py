"""A package for Windows Installer (MSI), put together by msibuild and signed."""

import hashlib
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sealift import process
from sealift.errors import ConfigError
from sealift.image import Image
from sealift.launcher.tree import TreeFile
from sealift.options import option
from sealift.tools import MSIBUILD
from sealift.windows.authenticode import opened_signer
from sealift.windows.cabinet import Member, write_cabinet
from sealift.windows.installer import InstallerOptions, lay_out
from sealift.windows.msi_tables import (
    MsiProduct,
    Row,
    columns,
    file_key,
    msi_version,
    summary,
    tables,
)
from sealift.windows.version import four_numbers

_LEVELS = {"fast": 1, "balanced": 6, "small": 9}
_UTF8, _LATIN = 65001, 1252
# A package without any text forgets its code page: a table in ASCII comes before that.
_ASCII = "InstallExecuteSequence"


@dataclass(frozen=True, slots=True, kw_only=True)
class MsiOptions(InstallerOptions):
    """What else an MSI leaves to choose."""

    version: str | None = option(
        None, "three numbers that Windows compares, up to 255.255.65535; the product's by default"
    )


def write_msi(image: Image, options: MsiOptions, files: Iterable[TreeFile], out: Path) -> None:
    """Write a package of ``files`` of ``image`` at ``out``, signed where a certificate is named.

    Raises :class:`~sealift.errors.OutputError` for a version that is too large,
    :class:`~sealift.errors.ToolError` where msitools are missing or fail, and what
    :func:`~sealift.windows.installer.lay_out` and
    :func:`~sealift.windows.authenticode.opened_signer` do.
    """
    version = version_of(image.version, options)
    MSIBUILD.require()
    with (
        tempfile.TemporaryDirectory(prefix=".msi-", dir=out.parent) as scratch,
        opened_signer(image) as signer,
    ):
        folder = Path(scratch)
        installer = lay_out(image, options, files, folder)
        if signer:
            signer.sign_tree(installer.root, installer.files)
        product = MsiProduct(installer, version)
        members = [
            Member(file_key(number), installer.root / path)
            for number, path in enumerate(installer.files)
        ]
        write_cabinet(folder / "product.cab", members, _LEVELS[options.compression])
        made = _assemble(product, folder)
        if signer:
            signer.sign(made)
        made.replace(out)


def version_of(version: str, options: MsiOptions) -> tuple[int, int, int]:
    """The three numbers by which Windows compares ``version``, as far as ``options`` leave it.

    Raises :class:`ConfigError` where they cannot, :class:`~sealift.errors.OutputError` for a
    version that is too large.
    """
    told = options.version
    if told is not None and not re.fullmatch(r"\d{1,5}(\.\d{1,5}){1,2}", told):
        raise ConfigError(
            f"`tool.sealift.msi.version` must be two or three numbers with dots; got {told!r}"
        )
    return msi_version(told or version, four_numbers(told or version))


def _assemble(product: MsiProduct, folder: Path) -> Path:
    """The package in ``folder``, which has the cabinet."""
    made, rows = folder / "product.msi", tables(product)
    codepage = _LATIN if repr(rows).isascii() else _UTF8
    files = [
        _write_table(folder, name, rows[name]) for name in sorted(rows, key=lambda n: n != _ASCII)
    ]
    files.insert(1, _write_codepage(folder, codepage))
    if product.installer.icon:
        (folder / "Icon").mkdir()
        shutil.copyfile(product.installer.icon, folder / "Icon" / "app.ico")
    content = hashlib.sha256(b"".join(file.read_bytes() for file in files))
    content.update((folder / "product.cab").read_bytes())
    code = f"{{{uuid.UUID(bytes=content.digest()[:16], version=5)}}}".upper()
    files.append(_write_table(folder, "_SummaryInformation", summary(product, code, codepage)))
    build = [MSIBUILD.require(), made]
    action = f"make an MSI of {product.installer.image.name}"
    for file in files:
        process.run([*build, "-i", file], cwd=folder, action=action)
    process.run([*build, "-a", "product.cab", folder / "product.cab"], cwd=folder, action=action)
    return made


def _write_codepage(folder: Path, codepage: int) -> Path:
    path = folder / "_ForceCodepage.idt"
    path.write_bytes(f"\r\n\r\n{codepage}\t_ForceCodepage\r\n".encode())
    return path


def _write_table(folder: Path, name: str, rows: list[Row]) -> Path:
    """An archive file: names, types, the table and its key, then a line for each row."""
    names, types, keys = columns(name)
    lines = ["\t".join(names), "\t".join(types), "\t".join((name, *names[:keys]))]
    lines += ["\t".join("" if cell is None else str(cell) for cell in row) for row in rows]
    path = folder / f"{name}.idt"
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    return path

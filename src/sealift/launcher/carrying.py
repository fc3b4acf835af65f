"""Single files: how a launcher carries its payload, which each format of programs has its way for.

Behind an ELF image, and the sections of a PE file, nothing looks at what follows.  A Mach-O file is
signed as a whole, to its end, so the payload is a segment of it.  Of a file for both kinds of Mac
one slice has it: the launcher of either finds it there (``carrier_macho.c``), and what is native in
it is for both anyway.
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from sealift.binary.macho import cpu_name
from sealift.binary.macho_fat import merged, thinned
from sealift.binary.macho_layout import read_header, read_slices
from sealift.binary.macho_segment import with_segment
from sealift.binary.macho_sign import signed
from sealift.binary.view import View
from sealift.errors import BinaryFormatError, OutputError
from sealift.launcher import payload
from sealift.launcher.product import Product

SEGMENT, SECTION = "__SEALIFT", "__payload"
_CARRIER = "arm64"  # where there are two: its slice is the last, so that the other stays small
_LARGEST = 1 << 32


def write_single_file(product: Product, level: int, out: Path) -> None:
    """Write ``product`` as one file at ``out``, compressed at zstd's ``level``.

    Raises :class:`OutputError` when the launcher cannot carry it.
    """
    try:
        _WRITERS[product.image.target.os](product, level, out)
    except (ValueError, BinaryFormatError) as problem:
        raise OutputError(
            f"cannot write {product.image.name} as one file: {problem}",
            hint=getattr(problem, "hint", None),
        ) from problem
    out.chmod(0o755)


def _append(product: Product, level: int, out: Path) -> None:
    program = product.launcher.read_bytes()
    end = payload.payload_offset(program)
    with out.open("xb") as file:
        file.write(program.ljust(end, b"\0"))
        _write_payload(file, product, level)


def _enclose(product: Product, level: int, out: Path) -> None:
    with tempfile.TemporaryFile(dir=out.parent) as file:
        _write_payload(file, product, level)
        file.seek(0)
        content = file.read()
    image = product.image
    launcher, name = product.launcher.read_bytes(), image.name
    slices = _slices(launcher, name)
    carrier = _CARRIER if _CARRIER in slices else next(iter(slices))
    slices[carrier] = with_segment(
        slices[carrier], content, segment=SEGMENT, section=SECTION, name=name
    )
    del content
    whole = signed(merged(slices), name, identifier=image.application.identifier)
    if len(whole) >= _LARGEST:
        raise BinaryFormatError(f"cannot put it into {name}: a program has 4 GiB at most")
    out.write_bytes(whole)


def _slices(launcher: bytes, name: str) -> dict[str, bytes]:
    cpus = [cpu_name(read_header(piece.part)) for piece in read_slices(View(launcher, name))]
    return {cpu: thinned(launcher, cpu, name) for cpu in cpus}


def _write_payload(file: BinaryIO, product: Product, level: int) -> None:
    image = product.image
    header = payload.Header(
        name=payload.folder_name(image.name),
        version=payload.folder_name(image.version),
        feature=image.feature,
        library=image.interpreter.library or "",
        key=product.key,
        gui=image.entry.gui,
    )
    payload.write_payload(file, header, product.packed_files(), level)


_WRITERS: Mapping[str, Callable[[Product, int, Path], None]] = {
    "linux": _append,
    "macos": _enclose,
    "windows": _append,
}

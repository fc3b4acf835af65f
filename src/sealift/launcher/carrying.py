"""Single files: how a launcher carries its payload, which each format of programs has its way for.

Behind an ELF image, and the sections of a PE file, nothing looks at what follows.  A Mach-O file is
signed as a whole, to its end, so the payload is a segment of it.  Of a file for both kinds of Mac
the last slice has it, that for Apple's processors: the launcher of either finds it there
(``carrier_macho.c``), and what is native in it is for both anyway.
"""

import mmap
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from sealift.apple.signer import signer_of
from sealift.binary.macho_layout import is_fat, read_slices
from sealift.binary.macho_segment import SegmentRoom
from sealift.binary.macho_sign import seal_at_end, sealed
from sealift.binary.pe_checksum import checksum, checksum_offset
from sealift.binary.pe_layout import read_header
from sealift.binary.view import View
from sealift.errors import BinaryFormatError, OutputError
from sealift.launcher import payload
from sealift.launcher.product import Product

SEGMENT, SECTION = "__SEALIFT", "__payload"
_FAT_HEADER, _FAT_ENTRY, _FAT_SIZE_AT = 8, 20, 12


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


def _append_to_sections(product: Product, level: int, out: Path) -> None:
    _append(product, level, out)
    with out.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        header = read_header(View(data, out.name))
        struct.pack_into("<I", data, checksum_offset(header), checksum(data, header))


def _enclose(product: Product, level: int, out: Path) -> None:
    """Whatever the size of the payload, it is written where it belongs and never held in memory."""
    image = product.image
    seal = signer_of(image).seal(image.application.identifier)
    program = sealed(product.launcher.read_bytes(), image.name, seal)
    view = View(program, image.name)
    slices = read_slices(view)
    carrier = max(slices, key=lambda piece: piece.offset)
    content = carrier.part.content(0, carrier.size)
    room = SegmentRoom(content, segment=SEGMENT, section=SECTION, name=image.name)
    start = carrier.offset + room.offset
    with out.open("x+b") as file:
        file.write(program[: carrier.offset])
        file.seek(start)
        _write_payload(file, product, level)
        size = file.tell() - start
        before, after = room.around(size)
        file.write(after)
        file.seek(carrier.offset)
        file.write(before)
        file.flush()
        seal_at_end(file, carrier.offset, image.name, seal)
        whole = file.seek(0, os.SEEK_END)
        if is_fat(view):
            _tell_size(file, slices.index(carrier), whole - carrier.offset)


def _tell_size(file: BinaryIO, number: int, size: int) -> None:
    """In the header of a fat file, of the slice ``number``; see ``mach-o/fat.h``."""
    file.seek(_FAT_HEADER + number * _FAT_ENTRY + _FAT_SIZE_AT)
    file.write(struct.pack(">I", size))


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
    "windows": _append_to_sections,
}

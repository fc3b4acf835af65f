"""Mach-O files of several machines made one, as Apple's ``lipo -create`` does, and taken apart.

Format: ``mach-o/fat.h`` of Apple's xnu.  Each slice stays as it is, its signature with it, and
begins where its machine's pages do.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sealift.binary.macho import cpu_name
from sealift.binary.macho_layout import (
    FAT_MAGIC,
    FAT_MAGIC_64,
    MOST_ALIGN,
    fat_layout,
    is_fat,
    read_header,
    read_slices,
)
from sealift.binary.view import View
from sealift.errors import BinaryFormatError

# Exponents of two: Apple's own processors have pages of 16 KiB, all others of 4.
_ALIGN, _USUAL = {"arm64": 14, "arm64e": 14}, 12
# Of static libraries, which are not mapped; with the numbers of their CPUs, which they do not tell.
_ARCHIVE = 3
_MACHINES = {"x86_64": (0x01000007, 3), "arm64": (0x0100000C, 0)}
_WIDE = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    source: str
    cpu: str
    machine: tuple[int, int]
    align: int
    content: bytes


def merged(files: Mapping[str, bytes]) -> bytes:
    """A fat file of all slices of ``files``, contents by names; those may be fat themselves.

    The same files give the same bytes, in whatever order.  Raises :class:`BinaryFormatError` for
    what is no Mach-O file, is cut off, or has a CPU that another has, too.
    """
    pieces: dict[str, _Piece] = {}
    for name, data in files.items():
        for piece in _pieces(name, data):
            other = pieces.setdefault(piece.cpu, piece)
            if other is not piece:
                raise BinaryFormatError(
                    f"cannot merge {name} with {other.source}: both are for {piece.cpu}"
                )
    return _fat(sorted(pieces.values(), key=lambda piece: (piece.align, piece.machine)))


def merged_archives(archives: Mapping[str, bytes]) -> bytes:
    """A fat file of static libraries, each for one CPU by Apple's name."""
    pieces = [
        _Piece(source=cpu, cpu=cpu, machine=_MACHINES[cpu], align=_ARCHIVE, content=content)
        for cpu, content in archives.items()
    ]
    return _fat(sorted(pieces, key=lambda piece: piece.machine))


def thinned(data: bytes, cpu: str, name: str = "the file") -> bytes:
    """The slice for ``cpu`` (Apple's name) of the Mach-O file ``data``, as ``lipo -thin`` does.

    Raises :class:`BinaryFormatError` where there is none.
    """
    pieces = {piece.cpu: piece for piece in _pieces(name, data)}
    if cpu not in pieces:
        raise BinaryFormatError(
            f"cannot take the part for {cpu} of {name}: it is for {', '.join(pieces)} only"
        )
    return pieces[cpu].content


def _pieces(name: str, data: bytes) -> Iterator[_Piece]:
    view = View(data, name)
    slices = read_slices(view)
    if not slices:
        raise view.broken("it is a static library")
    for piece in slices:
        if piece.is_cut:
            raise view.broken("it ends before its last slice does")
        if piece.align > MOST_ALIGN:
            raise view.broken(f"a slice is aligned to 2 to the power of {piece.align}")
        header = read_header(piece.part)
        cpu = cpu_name(header)
        usual = _ALIGN.get(cpu, _USUAL)
        machine, subtype = piece.part.unpack(f"{header.order}II", 4)
        yield _Piece(
            source=name,
            cpu=cpu,
            machine=(machine, subtype),
            align=max(piece.align, usual) if is_fat(view) else usual,
            content=piece.part.content(0, piece.size),
        )


def _fat(pieces: list[_Piece]) -> bytes:
    size = sum(len(piece.content) + (1 << piece.align) for piece in pieces)
    magic = FAT_MAGIC_64 if size >= _WIDE else FAT_MAGIC
    layout = fat_layout(magic)
    head = struct.pack(">II", magic, len(pieces))
    at = len(head) + len(pieces) * struct.calcsize(layout)
    parts = []
    for piece in pieces:
        gap = -at % (1 << piece.align)
        values = (*piece.machine, at + gap, len(piece.content), piece.align)
        head += struct.pack(layout, *values, *([0] if magic == FAT_MAGIC_64 else []))
        parts += [bytes(gap), piece.content]
        at += gap + len(piece.content)
    return head + b"".join(parts)

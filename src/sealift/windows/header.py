"""Fields of a program's header: when it was linked, and whether Windows gives it a console."""

import struct

from sealift.binary.pe_layout import read_header
from sealift.binary.view import View

GUI = 2  # IMAGE_SUBSYSTEM_WINDOWS_GUI
_TIMESTAMP = 8  # behind the signature
_SUBSYSTEM, _CHECKSUM = 68, 64  # in the optional header


def without_console(program: bytes) -> bytes:
    """``program``, a PE file, as one that opens windows of its own and gets no console."""
    header = read_header(View(program, "the launcher"))
    return _edited(program, header.optional + _SUBSYSTEM, "<H", GUI)


def undated(program: bytes) -> bytes:
    """``program``, a PE file, without the time of its linking: the same has the same bytes."""
    header = read_header(View(program, "the launcher"))
    return _edited(program, header.offset + _TIMESTAMP, "<I", 0)


def _edited(program: bytes, at: int, layout: str, value: int) -> bytes:
    edited = bytearray(program)
    struct.pack_into(layout, edited, at, value)
    optional = read_header(View(program, "the launcher")).optional
    struct.pack_into("<I", edited, optional + _CHECKSUM, 0)  # Windows looks at it in drivers alone
    return bytes(edited)

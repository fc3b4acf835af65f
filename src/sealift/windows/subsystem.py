"""Whether Windows gives a program a console: the subsystem that its header names."""

import struct

from sealift.binary.pe_layout import read_header
from sealift.binary.view import View

GUI = 2  # IMAGE_SUBSYSTEM_WINDOWS_GUI
_SUBSYSTEM, _CHECKSUM = 68, 64  # in the optional header


def without_console(program: bytes) -> bytes:
    """``program``, a PE file, as one that opens windows of its own and gets no console."""
    edited = bytearray(program)
    at = read_header(View(program, "the launcher")).optional
    struct.pack_into("<H", edited, at + _SUBSYSTEM, GUI)
    struct.pack_into("<I", edited, at + _CHECKSUM, 0)  # which Windows looks at in drivers alone
    return bytes(edited)

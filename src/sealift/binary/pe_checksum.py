"""The checksum in the header of a PE file, which Windows asks of drivers and of its own DLLs.

As ``CheckSumMappedFile`` of ImageHlp: the sum of all 16-bit words, the field itself taken as 0,
each carry added at the bottom, plus the size of the file.
"""

import mmap

from sealift.binary.pe_layout import Header

_WINDOW = 1 << 20


def checksum_offset(header: Header) -> int:
    """Where the checksum lies."""
    return header.optional + 64


def checksum(data: bytes | bytearray | mmap.mmap, header: Header) -> int:
    """The checksum that ``data`` with ``header`` should have."""
    # Adding carries at the bottom is reckoning modulo 0xffff, where the result is never 0.
    at = checksum_offset(header)
    total = -int.from_bytes(data[at : at + 4], "little") << 8 * (at % 2)
    for start in range(0, len(data), _WINDOW):
        total += int.from_bytes(data[start : start + _WINDOW], "little") % 0xFFFF
    return (total % 0xFFFF or 0xFFFF) + len(data)

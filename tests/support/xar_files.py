"""Archives of xar, as packages for macOS are, with a table of contents that nothing else fits."""

import struct
import zlib


def make_xar(toc: bytes, *, packed_size: int | None = None) -> bytes:
    """An archive with the table ``toc`` and 100 bytes behind; ``packed_size`` is what it tells."""
    packed = zlib.compress(toc, 1)
    told = len(packed) if packed_size is None else packed_size
    return struct.pack(">4sHHQQI", b"xar!", 28, 1, told, len(toc), 1) + packed + bytes(100)

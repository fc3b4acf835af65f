"""Zstandard frames: whole, checked by a checksum of their own, the same bytes every time."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from sealift.options import option
from sealift.target import cpu_count

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVELS: Mapping[str, int] = {"fast": 3, "balanced": 9, "small": 19}
VERSION = zstd.zstd_version


def option_of_levels() -> Any:
    """The settings field ``compression`` of a format, whatever compresses it."""
    return option("balanced", "time to build against size of the file", choices=tuple(LEVELS))


def compress(data: bytes | bytearray | memoryview, level: int) -> bytes:
    """``data`` as one frame that carries its content size and a checksum."""
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: level,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    return zstd.compress(data, options=options)


def open_writer(path: Path, level: int) -> BinaryIO:
    """A new file that is compressed by several threads; their number does not show in it.

    A zstd library without threads compresses in this one.
    """
    _, most = zstd.CompressionParameter.nb_workers.bounds()
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: level,
        zstd.CompressionParameter.checksum_flag: 1,
        zstd.CompressionParameter.nb_workers: min(cpu_count(), most),
    }
    return cast("BinaryIO", zstd.ZstdFile(path, "xb", options=options))


def decompress(frame: bytes | memoryview) -> bytes:
    """What one frame holds; its checksum is verified."""
    return zstd.decompress(frame)


def decompress_at_most(frame: bytes, size: int) -> bytes:
    """What one frame holds, at most ``size`` bytes of it; for frames that are not trusted."""
    return zstd.ZstdDecompressor().decompress(frame, max_length=size)

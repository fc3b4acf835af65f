r"""The payload of a single file: all files of the tree, in compressed frames behind the launcher.

It begins at the first multiple of 4096 behind the launcher's section headers (ELF) or its last
section (PE), where the launcher looks for it.  All integers are little-endian; offsets count from
the payload's start::

    0   magic "SEALIFT\1"
    8   u32 flags (bit 0: no console window), files, frames, size of the names
    24  u64 size of the payload; offset of names; offset and size of strings; offsets of files and
        frames; bytes of all files
    80  key of the product (32 bytes), then zeros up to 256

    names    product, version, feature version of Python, libpython's path: each followed by NUL
    strings  paths below the root, each followed by NUL
    files    u64 offset in the raw stream, u64 size, u64 XXH64, u32 path, u16 its size, u16 mode
    frames   u64 offset, u64 offset in the raw stream, u32 size, u32 raw size

The raw stream is all files in order; frames (zstd, with checksum) cut it.  They are cut where a
distribution ends, so that those of unchanged ones are found finished in the content store: a frame
is known by the digests of the pieces it is made of, before anything is read.
"""

import itertools
import shutil
import struct
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import xxhash

from sealift import compression, console
from sealift.binary import pe_layout
from sealift.binary.elf_layout import read_header
from sealift.binary.view import View
from sealift.errors import BinaryFormatError
from sealift.launcher.tree import Piece, TreeFile
from sealift.store import digest_of, make_entry
from sealift.target import cpu_count

MAGIC = b"SEALIFT\1"
ALIGNMENT = 4096
LARGEST_FRAME = 1 << 20  # raw bytes; the launcher allots no more
_LONGEST_NAME = 96  # bytes
_FULL_ENOUGH = 256 << 10  # raw bytes from which a frame ends with its distribution
_HEADER = struct.Struct("<8s4I7Q32s144x")
_FILE = struct.Struct("<QQQIHH")
_FRAME = struct.Struct("<QQII")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a payload says of its product, besides its files.

    ``name`` and ``version`` are parts of a folder's name, see :func:`folder_name`; ``library`` is
    libpython's path below the root, empty when the launcher contains it; ``key`` has 32 bytes and
    names the cache folder.
    """

    name: str
    version: str
    feature: str
    library: str
    key: bytes
    gui: bool


@dataclass(frozen=True, slots=True)
class _Frame:
    path: Path
    size: int
    raw_size: int


def write_payload(out: BinaryIO, header: Header, files: Sequence[TreeFile], level: int) -> None:
    """Append the payload of ``files`` to ``out``, which is at its place.

    ``level`` is zstd's.  Shows a bar while it compresses.
    """
    start = out.tell()
    cuts = list(_cuts(files))
    total = sum(file.size for file in files)
    names = b"".join(
        text.encode() + b"\0"
        for text in (header.name, header.version, header.feature, header.library)
    )
    paths = [file.path.encode() for file in files]
    strings = b"".join(path + b"\0" for path in paths)
    names_at = _HEADER.size
    strings_at = names_at + len(names)
    files_at = -(-(strings_at + len(strings)) // 8) * 8
    frames_at = files_at + _FILE.size * len(files)
    data_at = frames_at + _FRAME.size * len(cuts)
    out.seek(start + data_at)
    frames = list(_write_frames(out, cuts, level, total))
    size = out.tell() - start
    head = _HEADER.pack(
        MAGIC, int(header.gui), len(files), len(frames), len(names),
        size, names_at, strings_at, len(strings), files_at, frames_at, total, header.key,
    )  # fmt: skip
    out.seek(start)
    out.write(head + names + strings)
    out.seek(start + files_at)
    out.writelines(_file_records(files, paths))
    out.writelines(_frame_records(frames, data_at))
    out.seek(start + size)


def folder_name(text: str) -> str:
    """``text`` made fit to be part of a folder's name.

    >>> folder_name("../Mein Gerät")
    '_Mein Gerät'
    """
    kept = "".join(
        "_" if char == "/" or ord(char) < 32 or ord(char) == 127 else char for char in text
    )
    plain = kept.lstrip(".").encode()[:_LONGEST_NAME].decode("utf-8", "ignore")
    return plain or "_"


def payload_offset(launcher: bytes) -> int:
    """Where the payload of an ELF or PE launcher begins.

    Raises ``ValueError`` when it cannot have one: when it is no program, or something of it lies
    behind its section headers (ELF) or its last section (PE).
    """
    view = View(launcher, "the launcher")
    try:
        if pe_layout.is_pe(launcher):
            end = pe_layout.Image(view).sections_end
        else:
            header = read_header(view)
            end = header.sections_end if header.section_offset else 0
    except BinaryFormatError as problem:
        msg = "neither an ELF file nor a PE file"
        raise ValueError(msg) from problem
    blocks = -(-end // ALIGNMENT)
    if not end or len(launcher) > blocks * ALIGNMENT:
        msg = "its sections are not at its end"
        raise ValueError(msg)
    return blocks * ALIGNMENT


def _cuts(files: Iterable[TreeFile]) -> Iterator[list[Piece]]:
    """The raw stream cut into frames: at 1 MiB, and where a distribution ends from a quarter on.

    ``image.sealift`` (the file without an origin) is cut where each of its pieces ends.
    """
    frame: list[Piece] = []
    filled = 0
    origin = None
    for file in files:
        for piece in file.pieces:
            fresh = file.origin != origin or not file.origin
            if frame and (fresh and filled >= _FULL_ENOUGH):
                yield frame
                frame, filled = [], 0
            origin = file.origin
            done = 0
            while done < piece.size:
                size = min(piece.size - done, LARGEST_FRAME - filled)
                frame.append(piece.part(done, size))
                done += size
                filled += size
                if filled == LARGEST_FRAME:
                    yield frame
                    frame, filled = [], 0
    if frame:
        yield frame


def _write_frames(
    out: BinaryIO, cuts: Sequence[list[Piece]], level: int, total: int
) -> Iterator[_Frame]:
    """Compress in parallel and write in order, a few frames ahead at most."""
    workers = cpu_count()
    waiting: deque[Future[_Frame]] = deque()
    pending = iter(cuts)
    with (
        console.progress("Compressing", total) as bar,
        ThreadPoolExecutor(workers) as pool,
    ):
        for cut in itertools.islice(pending, workers * 2):
            waiting.append(pool.submit(_frame, cut, level))
        while waiting:
            frame = waiting.popleft().result()
            for cut in itertools.islice(pending, 1):
                waiting.append(pool.submit(_frame, cut, level))
            with frame.path.open("rb") as file:
                shutil.copyfileobj(file, out, 1 << 20)
            bar.advance(frame.raw_size)
            yield frame


def _frame(pieces: Sequence[Piece], level: int) -> _Frame:
    """The frame of ``pieces``, compressed now or found in the content store."""
    known = (f"{piece.digest} {piece.offset} {piece.size}" for piece in pieces)
    key = digest_of("1", str(compression.VERSION), str(level), *known)

    def make(path: Path) -> None:
        raw = b"".join(itertools.chain.from_iterable(piece.read() for piece in pieces))
        path.write_bytes(compression.compress(raw, level))

    path = make_entry("frames", key, make)
    return _Frame(path, path.stat().st_size, sum(piece.size for piece in pieces))


def _file_records(files: Sequence[TreeFile], paths: Sequence[bytes]) -> Iterator[bytes]:
    offset = string = 0
    for file, path in zip(files, paths, strict=True):
        total = xxhash.xxh64()
        for block in file.read():
            total.update(block)
        yield _FILE.pack(offset, file.size, total.intdigest(), string, len(path), file.mode)
        offset += file.size
        string += len(path) + 1


def _frame_records(frames: Iterable[_Frame], offset: int) -> Iterator[bytes]:
    raw_offset = 0
    for frame in frames:
        yield _FRAME.pack(offset, raw_offset, frame.size, frame.raw_size)
        offset += frame.size
        raw_offset += frame.raw_size

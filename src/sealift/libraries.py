"""Where the loader of this machine, or of another system's root, finds a shared library.

The rules are those of ld.so(8): the asker's own search path, the loader cache, the default
folders; a file for another CPU or another C library is passed over.
"""

import functools
import os
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sealift.binary.elf import ElfFacts, read_elf
from sealift.errors import BinaryFormatError

_CACHE = Path("/etc/ld.so.cache")
_CACHE_MAGIC = b"glibc-ld.so.cache1.1"
_CACHE_HEADER, _CACHE_ENTRY = "=20sIIB3xI12x", "=iIIIQ"


def find_library(
    soname: str,
    *,
    asker: ElfFacts,
    rpaths: Sequence[Path],
    search: Sequence[str],
    libc: str | None = None,
    root: Path | None = None,
) -> Path | None:
    """The file that ``soname`` means to ``asker`` here, or in the system at ``root``, or ``None``.

    ``rpaths`` are the asker's search paths, in order; ``search`` the folders where the loader
    looks last.  ``libc`` ("glibc" or "musl") is the C library of the program, where ``asker`` does
    not tell it.  A ``root`` has no loader cache, and this machine's variables do not count in it.
    """
    libc = asker.libc or libc
    for path in _candidates(soname, rpaths, search, root):
        if _fits(path, asker, libc):
            return path
    return None


def _candidates(
    soname: str, rpaths: Sequence[Path], search: Sequence[str], root: Path | None
) -> Iterator[Path]:
    if "/" in soname:
        yield _below(root, soname)
        return
    yield from (folder / soname for folder in rpaths)
    if root is not None:
        yield from (_below(root, folder) / soname for folder in search)
        return
    for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":"):
        if folder.startswith("/"):
            yield Path(folder, soname)
    yield from (Path(path) for path in read_loader_cache(_CACHE).get(soname, ()))
    yield from (Path(folder, soname) for folder in search)


def _fits(path: Path, asker: ElfFacts, libc: str | None) -> bool:
    try:
        facts = read_elf(path)
    except (OSError, BinaryFormatError):
        return False
    if facts is None or (libc and facts.libc and facts.libc != libc):
        return False
    return (facts.machine, facts.bits, facts.endian) == (asker.machine, asker.bits, asker.endian)


def _below(root: Path | None, path: str) -> Path:
    """Where the absolute ``path`` of a system is, whose root is at ``root``."""
    return Path(path) if root is None else root / path.lstrip("/")


def search_paths(facts: ElfFacts, origin: Path, *, root: Path | None = None) -> list[Path]:
    """The search path ``facts`` carry for a file in folder ``origin``: absolute folders only.

    They are those of the system at ``root``, where one is given.
    """
    entries = facts.runpath or facts.rpath
    named = (entry.replace("${ORIGIN}", "$ORIGIN") for entry in entries)
    expanded = (
        _below(root, entry)
        if entry.startswith("/")
        else Path(entry.replace("$ORIGIN", str(origin)))
        for entry in named
    )
    return [path for path in expanded if path.is_absolute() and "$" not in str(path)]


@functools.cache
def read_loader_cache(path: Path) -> Mapping[str, tuple[str, ...]]:
    """Paths by soname from glibc's ``ld.so.cache`` (format of glibc 2.2 and later).

    Variants for newer CPUs (glibc-hwcaps) are left out: what is shipped must run on all.  An
    absent or unknown file gives an empty mapping.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    start = data.find(_CACHE_MAGIC)
    if start < 0 or len(data) < start + 48:
        return {}
    data = data[start:]
    found: dict[str, list[str]] = defaultdict(list)
    (_, count, *_) = struct.unpack_from(_CACHE_HEADER, data)
    for index in range(min(count, (len(data) - 48) // 24)):
        _, name, value, _, hwcap = struct.unpack_from(_CACHE_ENTRY, data, 48 + index * 24)
        if not hwcap:
            found[_text(data, name)].append(_text(data, value))
    return {name: tuple(paths) for name, paths in found.items()}


def _text(data: bytes, offset: int) -> str:
    end = data.find(b"\0", offset)
    return os.fsdecode(data[offset:end]) if 0 <= offset < end else ""

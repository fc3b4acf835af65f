"""The content store: finished work on disk, found again by what it was made from.

Every entry is made in a private temporary folder and renamed into place, under a lock, so that a
killed or concurrent build leaves either a whole entry or none.  ``sealift cache`` lists and clears
it; ``SEALIFT_CACHE_DIR`` moves it.
"""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import platformdirs

from sealift.errors import OutputError, SealiftError


def store_root() -> Path:
    """The folder of all entries, made when it is first asked for.

    It lies beside, not among, the folders in which finished products keep what they unpack.
    """
    named = os.environ.get("SEALIFT_CACHE_DIR")
    root = Path(named).absolute() if named else platformdirs.user_cache_path("sealift", False)
    try:
        (root / "build").mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as problem:
        raise OutputError(
            f"cannot make the cache folder {root}: {problem.strerror}",
            hint="set SEALIFT_CACHE_DIR to a folder you can write",
        ) from problem
    return root / "build"


def digest_of(*parts: str | bytes) -> str:
    """A key for work made from ``parts``: 32 hex digits, no two lists of parts alike."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "little"))
        total.update(data)
    return total.hexdigest()[:32]


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_stamp(path: Path) -> str:
    """What tells that a file of this machine changed, without reading it."""
    status = path.stat()
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def make_entry(kind: str, key: str, make: Callable[[Path], object]) -> Path:
    """The entry ``kind``/``key``; when it is absent, ``make`` writes it to the path it is given.

    ``make`` may create a file or a folder there.  What it raises is passed on, and nothing stays.
    """
    final = store_root() / kind / key
    if final.exists():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(final.with_name(f".{final.name}.lock")):
        if final.exists():
            return final
        scratch = Path(tempfile.mkdtemp(prefix=f".{final.name[:24]}.", dir=final.parent))
        try:
            make(scratch / "made")
            (scratch / "made").replace(final)
        except OSError as problem:
            raise _entry_error(f"{kind}/{key}", scratch, problem) from problem
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return final


def _entry_error(entry: str, scratch: Path, problem: OSError) -> SealiftError:
    """What stopped the making of ``entry``: something it reads, or the writing of it."""
    name = problem.filename
    if isinstance(name, str) and not Path(name).is_relative_to(scratch):
        return SealiftError(
            f"cannot read {name}: {problem.strerror}",
            hint="where it was in Sealift's cache and that was cleared, run the whole line again",
        )
    return OutputError(
        f"cannot write the cache entry {entry}: {problem.strerror or problem}",
        hint=f"free space in {store_root()}, or set SEALIFT_CACHE_DIR",
    )


def remember(kind: str, key: str, compute: Callable[[], Any]) -> Any:
    """What ``compute`` returned for ``key``, as JSON gives it back; computed once."""
    path = make_entry(
        kind, key, lambda path: path.write_text(json.dumps(compute()), encoding="utf-8")
    )
    return json.loads(path.read_text(encoding="utf-8"))


def forget(kind: str, key: str) -> None:
    """Delete the entry ``kind``/``key`` where there is one."""
    shutil.rmtree(store_root() / kind / key, ignore_errors=True)


def replace_file(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` in the store, whole or not at all, over what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.write_bytes(content)
        scratch.replace(path)
    except OSError as problem:
        scratch.unlink(missing_ok=True)
        raise OutputError(
            f"cannot write the cache entry {path}: {problem.strerror}",
            hint=f"free space in {store_root()}, or set SEALIFT_CACHE_DIR",
        ) from problem


@dataclass(frozen=True, slots=True)
class Usage:
    """How much one kind of entry takes: ``size`` in bytes."""

    kind: str
    entries: int
    size: int


def usage() -> Iterator[Usage]:
    """What the store holds, kind by kind; what a build removes meanwhile is passed over."""
    for folder in sorted(path for path in store_root().iterdir() if path.is_dir()):
        entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
        yield Usage(folder.name, len(entries), sum(_sizes(folder)))


def _sizes(folder: Path) -> Iterator[int]:
    """The sizes of the regular files below ``folder``."""
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                status = os.lstat(os.path.join(place, name))  # noqa: PTH118  (there are many)
                if stat.S_ISREG(status.st_mode):
                    yield status.st_size


def clear(kinds: tuple[str, ...] = ()) -> int:
    """Delete all entries, or those of ``kinds``; the bytes that were freed."""
    freed = 0
    for used in list(usage()):
        if not kinds or used.kind in kinds:
            shutil.rmtree(store_root() / used.kind)
            freed += used.size
    return freed

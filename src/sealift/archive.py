"""The only door to archives: zip and tar files, read strictly.

Nothing is written outside the folder given, no device, no link that leads out.  What is unpacked
stays behind when a later member is refused, so callers unpack into a scratch folder and rename it
(:func:`sealift.store.make_entry` does).
"""

import bz2
import contextlib
import gzip
import lzma
import posixpath
import shutil
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sealift.errors import ArchiveError
from sealift.strictzip import Limits, StrictZip, check_name

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_CHUNK = 1 << 20
_MAGIC: Mapping[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"]\x00\x00": lzma.open,  # xz's forerunner, in packages of before 2012
    b"\x28\xb5\x2f\xfd": zstd.open,
}
_DAMAGED = (
    tarfile.TarError,
    EOFError,
    lzma.LZMAError,
    zstd.ZstdError,
    zlib.error,
    gzip.BadGzipFile,
)


def file_mode(mode: int) -> int:
    """The mode a member gets: 0755 where anyone may run it, else 0644."""
    return 0o755 if mode & 0o111 else 0o644


def extract_zip(path: Path, into: Path, *, limits: Limits | None = None) -> None:
    """Unpack zip ``path`` below ``into``, which is made; modes are 0644 or 0755."""
    with StrictZip(path, limits=limits, prefix_line=True) as archive:
        into.mkdir(parents=True, exist_ok=True)
        for member in archive.members.values():
            target = into / member.name
            if member.is_folder:
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as out:
                out.writelines(archive.chunks(member))
            target.chmod(file_mode(member.mode))


def read_member(path: Path, name: str) -> bytes:
    """The bytes of file ``name`` in zip or tar ``path``."""
    if is_zip(path):
        with StrictZip(path, prefix_line=True) as archive:
            return archive.read(name)
    with _open_tar(path) as archive:
        for member in archive:
            if member.isreg() and member.name.removeprefix("./") == name:
                content = archive.extractfile(member)
                assert content is not None
                return content.read()
    raise ArchiveError(f"cannot read {name!r} in {path.name}: there is no such member")


def member_names(path: Path) -> list[str]:
    """Names of all files in zip or tar ``path``, in its order."""
    if is_zip(path):
        with StrictZip(path, prefix_line=True) as archive:
            return [member.name for member in archive.files]
    with _open_tar(path) as archive:
        return [member.name.removeprefix("./") for member in archive if member.isreg()]


def is_zip(path: Path) -> bool:
    """Whether ``path`` begins, or behind a ``#!`` line goes on, as a zip file does."""
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith(b"#!"):
        start = start.partition(b"\n")[2]
    return start.startswith((b"PK\3\4", b"PK\5\6"))


def extract_tar(path: Path, into: Path, *, strip: int = 0, limits: Limits | None = None) -> None:
    """Unpack tar ``path`` (plain, gz, bz2, xz or zst) below ``into``, which is made.

    ``strip`` leading parts of every name are dropped, members with no more are skipped.  Links are
    made where they stay inside; hard links become copies.  Owners are not restored, modes are
    0644 or 0755.
    """
    into.mkdir(parents=True, exist_ok=True)
    unpacking = _Unpacking(path, into.resolve(), strip, limits or Limits())
    with _open_tar(path) as archive:
        for member in archive:
            unpacking.add(archive, member)
    unpacking.check_links()


@contextlib.contextmanager
def _open_tar(path: Path) -> Iterator[tarfile.TarFile]:
    with reading(path.name), path.open("rb") as raw, open_tar_stream(raw) as archive:
        yield archive


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Damage and failures of what is read inside become an :class:`ArchiveError` for ``name``."""
    try:
        yield
    except _DAMAGED as problem:
        raise ArchiveError(f"cannot read {name}: it is damaged: {problem}") from problem
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise ArchiveError(f"cannot read {name}: {reason}") from problem


@contextlib.contextmanager
def open_tar_stream(raw: IO[bytes]) -> Iterator[tarfile.TarFile]:
    """The tar in ``raw``, packed or not, to be read in one go; to be used in :func:`reading`."""
    stream = unpacked(raw)
    with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 16) as archive:
        yield archive
    while stream.read(_CHUNK):  # to the end, where compressors keep their checksum
        pass


def unpacked(raw: IO[bytes]) -> IO[bytes]:
    """What ``raw`` packs (gz, bz2, xz, lzma or zst by its magic), or ``raw`` itself."""
    start = raw.tell()
    magic = raw.read(6)
    raw.seek(start)
    opener = next((open_ for begin, open_ in _MAGIC.items() if magic.startswith(begin)), None)
    return opener(raw) if opener else raw


class _Unpacking:
    """One tar file on its way to disk: what it has written, and the rules that bind it."""

    def __init__(self, path: Path, root: Path, strip: int, limits: Limits) -> None:
        self._archive, self._root, self._strip, self._limits = path, root, strip, limits
        self._kinds: dict[str, bytes] = {}
        self._links: set[str] = set()
        self._size = 0

    def add(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        raw = member.name.removeprefix("./")
        if raw in ("", "."):
            return
        if reason := check_name(raw):
            raise self._refuse(member, reason)
        name = self._stripped(raw)
        if not name:
            return
        self._check_place(member, name)
        target = self._root / name
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if member.issym():
            self._check_link(member, name)
            target.symlink_to(member.linkname)
            self._links.add(name)
        elif member.islnk():
            self._copy_link(member, target)
        elif member.isreg():
            self._write(archive, member, target)
        else:
            raise self._refuse(member, "is neither a file, a folder nor a link")

    def _refuse(self, member: tarfile.TarInfo, reason: str) -> ArchiveError:
        return ArchiveError(f"cannot read {self._archive.name}: member {member.name!r} {reason}")

    def _stripped(self, name: str) -> str:
        return "/".join(PurePosixPath(name).parts[self._strip :])

    def _check_place(self, member: tarfile.TarInfo, name: str) -> None:
        kind = b"5" if member.isdir() else b"2" if member.issym() else b"0"
        if self._kinds.setdefault(name, kind) != kind:
            raise self._refuse(member, "is there twice, as different kinds")
        if len(self._kinds) > self._limits.members:
            raise self._refuse(member, f"is one too many; {self._limits.members} are allowed")
        for parent in PurePosixPath(name).parents:
            if self._kinds.get(str(parent), b"5") != b"5":
                raise self._refuse(member, f"lies below {str(parent)!r}, which is no folder")

    def _check_link(self, member: tarfile.TarInfo, name: str) -> None:
        text = member.linkname
        if text.startswith("/") or "\\" in text or not text.isprintable():
            raise self._refuse(member, f"links to {text!r}")
        joined = posixpath.normpath(posixpath.join(posixpath.dirname(name), text))
        if joined.split("/")[0] == "..":
            raise self._refuse(member, f"links out of the archive, to {text!r}")

    def _copy_link(self, member: tarfile.TarInfo, target: Path) -> None:
        source = self._stripped(member.linkname.removeprefix("./"))
        if self._kinds.get(source) != b"0" or not (self._root / source).is_file():
            raise self._refuse(member, f"links to {member.linkname!r}, which is no file before it")
        shutil.copy(self._root / source, target)

    def _write(self, archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
        self._size += member.size
        if self._size > self._limits.size:
            raise self._refuse(member, f"takes the archive above {self._limits.size:,} bytes")
        content = archive.extractfile(member)
        assert content is not None
        with target.open("xb") as out:
            shutil.copyfileobj(content, out, _CHUNK)
        target.chmod(file_mode(member.mode))

    def check_links(self) -> None:
        """Where links lead once all are there: one may lead through another."""
        for name in sorted(self._links):
            path = self._root / name
            try:
                found = path.resolve()
            except (OSError, RuntimeError) as problem:
                raise ArchiveError(
                    f"cannot read {self._archive.name}: link {name!r} leads to itself"
                ) from problem
            if not found.is_relative_to(self._root):
                raise ArchiveError(f"cannot read {self._archive.name}: link {name!r} leads outside")

"""Sources to build: where they are unpacked, and a digest that says whether they changed."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sealift import archive, process, store
from sealift.errors import ArchiveError, BuildError
from sealift.tools import GIT

_TOP_SKIPPED = frozenset({"build", "dist", "out", "target", "htmlcov", "site"})
_SKIPPED = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        "__pycache__",
        "node_modules",
        ".venv",
        ".tox",
        ".nox",
        ".eggs",
        ".pdm-build",
        "_skbuild",
    }
)
_BIG = 16_000_000  # bytes; larger files are told apart by size and time, not content
_OUTSIDE = re.compile(rb"""["'=\s(]\.\./""")
_BUILD_FILES = (
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "meson.build",
    "CMakeLists.txt",
    "Cargo.toml",
)


def folder_digest(folder: Path) -> str | None:
    """A digest of a project's files, or ``None`` where they cannot be told.

    Everything counts that is not a cache, an environment, or output of a build.  A project that
    reaches outside its folder, by its build files or by a link to another folder, has no digest.
    """
    if _is_reaching_out(folder):
        return None
    total = hashlib.sha256(str(folder).encode())
    for path in _files(folder):
        status = path.stat()
        total.update(f"{path.relative_to(folder)}\0{status.st_mode:o}\0".encode())
        if status.st_size > _BIG:
            total.update(f"{status.st_size} {status.st_mtime_ns}".encode())
        else:
            total.update(hashlib.sha256(path.read_bytes()).digest())
    total.update(_revision(folder))
    return total.hexdigest()[:32]


def _is_reaching_out(folder: Path) -> bool:
    files = [folder / name for name in _BUILD_FILES]
    named = any(path.is_file() and _OUTSIDE.search(path.read_bytes()) for path in files)
    return named or any(path.is_dir() for path in _links_out(folder))


def _links_out(folder: Path) -> Iterator[Path]:
    """Symbolic links to what is not in ``folder``."""
    inside = folder.resolve()
    for path in _entries(folder):
        if path.is_symlink() and not path.resolve().is_relative_to(inside):
            yield path


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in _entries(folder) if path.is_file())


def _entries(folder: Path) -> Iterator[Path]:
    """What is below ``folder`` and no folder itself, but for what is left out."""
    pending = [folder]
    while pending:
        current = pending.pop()
        for entry in sorted(os.scandir(current), key=lambda entry: entry.name):
            path = Path(entry.path)
            if not entry.is_dir(follow_symlinks=False):
                yield path
            elif not _is_skipped(path, top=current == folder):
                pending.append(path)


def _is_skipped(path: Path, *, top: bool) -> bool:
    name = path.name
    if name in _SKIPPED or re.fullmatch(r".*\.egg-info|\..*_cache", name):
        return True
    if top and name in _TOP_SKIPPED and not (path / "__init__.py").is_file():
        return True
    return (path / "pyvenv.cfg").is_file() or (path / "CACHEDIR.TAG").is_file()


def _revision(folder: Path) -> bytes:
    """Where git stands: backends take versions from it."""
    for parent in (folder, *folder.parents):
        if (parent / ".git").exists():
            own, shared = _git_folders(parent / ".git")
            tags = sorted(path for path in (shared / "refs/tags").rglob("*") if path.is_file())
            told = (own / "HEAD", own / "logs/HEAD", shared / "packed-refs", *tags)
            return store.digest_of(
                *(
                    part
                    for path in told
                    if path.is_file()
                    for part in (path.name, path.read_bytes())
                )
            ).encode()
    return b""


def _git_folders(place: Path) -> tuple[Path, Path]:
    """Where git keeps a work tree's state, and what its work trees share, from its ``.git``.

    That is a file in submodules and in work trees beside the first: gitrepository-layout(5).
    """
    own = place
    if place.is_file():
        told = place.read_text(encoding="utf-8", errors="surrogateescape")
        own = place.parent / told.removeprefix("gitdir:").strip()
    common = own / "commondir"
    return own, own / common.read_text(encoding="utf-8").strip() if common.is_file() else own


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """A project to build: a ``folder``, or an sdist at ``archive`` with its ``sha256``.

    Or a ``commit`` as ``git+URL@COMMIT#subdirectory=FOLDER``.
    """

    folder: Path | None = None
    archive: Path | None = None
    sha256: str = ""
    commit: str = ""

    def digest(self) -> str | None:
        """What tells that they changed; ``None`` where that cannot be told."""
        return folder_digest(self.folder) if self.folder else self.sha256 or self.commit

    @contextmanager
    def opened(self, key: str, *, copied: bool = False) -> Iterator[Path]:
        """The project's folder; one named by ``key`` where it is unpacked, or to be ``copied``.

        A folder whose build reaches outside of it is not copied.
        """
        if self.folder and copied and _stands_alone(self.folder):
            with _scratch(key) as scratch:
                yield _copy(self.folder, scratch / self.folder.name)
        elif self.folder:
            yield self.folder
        elif self.archive:
            with unpacked_sdist(self.archive, key) as folder:
                yield folder
        else:
            with cloned(self.commit, key) as folder:
                yield folder


def _stands_alone(folder: Path) -> bool:
    reaches_out = _is_reaching_out(folder)
    in_repository = any((parent / ".git").exists() for parent in folder.parents)
    return not reaches_out and ((folder / ".git").exists() or not in_repository)


def _copy(folder: Path, out: Path) -> Path:
    """A copy of a project without what builds leave behind, for git a work tree of its own."""

    def skipped(place: str, names: list[str]) -> set[str]:
        top = Path(place) == folder
        return {name for name in names if _is_skipped(Path(place, name), top=top)}

    shutil.copytree(folder, out, ignore=skipped, symlinks=True)
    for link in _links_out(folder):
        if link.is_file():
            copied = out / link.relative_to(folder)
            copied.unlink()
            shutil.copy2(link, copied)
    if (folder / ".git").exists():
        _copy_work_tree(folder / ".git", out / ".git")
    return out


def _copy_work_tree(place: Path, out: Path) -> None:
    """What makes the folder of ``out`` a work tree of the repository that ``place`` is of.

    Its index is its own, so that what git writes there while a project is built is not written
    into the user's.
    """
    own, shared = _git_folders(place)
    out.unlink(missing_ok=True)
    out.mkdir()
    for name in ("HEAD", "index"):
        if (own / name).is_file():
            shutil.copyfile(own / name, out / name)
    (out / "commondir").write_text(f"{shared.resolve()}\n", encoding="utf-8")


@contextmanager
def unpacked_sdist(path: Path, key: str) -> Iterator[Path]:
    """The project in sdist ``path``, unpacked in a private folder for as long as it is needed.

    The folder is named by ``key``, so that its path in what is compiled is the same every time.
    """
    with _scratch(key) as scratch:
        if archive.is_zip(path):
            archive.extract_zip(path, scratch)
        else:
            archive.extract_tar(path, scratch)
        yield _only_folder(scratch, path.name)


@contextmanager
def cloned(location: str, key: str) -> Iterator[Path]:
    """The project at ``git+URL@COMMIT#subdirectory=FOLDER``, with its submodules.

    The history is there, since backends take versions from tags; of old files only what is asked
    for, where the server can do so.
    """
    address, _, fragment = location.removeprefix("git+").partition("#")
    url, _, commit = address.rpartition("@")
    git = GIT.require()
    with _scratch(key) as scratch:
        for command in (
            ["clone", "--quiet", "--no-checkout", "--filter=blob:none", url, "."],
            ["fetch", "--quiet", "origin", commit],  # it may be on no branch
            ["checkout", "--quiet", "--detach", commit],
            ["submodule", "--quiet", "update", "--init", "--recursive"],
        ):
            process.run([git, *command], cwd=scratch, error=BuildError, action=f"clone {url}")
        found = process.run([git, "rev-parse", "HEAD"], cwd=scratch).strip()
        if found != commit:
            raise BuildError(f"cannot clone {url}: commit {commit} was asked for, {found} came")
        yield scratch / fragment.removeprefix("subdirectory=")


@contextmanager
def _scratch(key: str) -> Iterator[Path]:
    folder = store.store_root() / "scratch" / key
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _only_folder(folder: Path, name: str) -> Path:
    """The one folder of an sdist; the top itself where the project lies there."""
    if any((folder / file).is_file() for file in _BUILD_FILES[:3]):
        return folder
    inside = [path for path in folder.iterdir() if path.is_dir()]
    if len(inside) != 1:
        raise ArchiveError(f"cannot build {name}: it has {len(inside)} folders where one has to be")
    return inside[0]

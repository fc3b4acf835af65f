"""Unpacks an application zip into a virtual environment; run inside the zip, when it is needed.

A tree is made under a name of its own beside its final one and renamed when it is whole.  A tree
that is there and damaged is repaired in place, file by file, since programs may run from it.
"""

import io
import marshal
import os
import shutil
import sys
import time
import zipfile
import zlib
from _frozen_importlib_external import MAGIC_NUMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EPOCH = 315532800  # the same as in pyz_boot: the time all files get
LISTING = ".sealift"
LIBRARY = "lib/python/"
ABANDONED_SECONDS = 3600  # what nobody finished for so long was killed
IDLE_SECONDS = 30 * 86400  # what nobody started for so long goes when another version comes


def unpack(
    archive: str, variant: "dict[str, Any]", root: str, library: str, *, inherit: bool
) -> None:
    """Make or repair the tree ``root`` of ``variant`` from the zip ``archive``.

    ``library`` is the folder that becomes of the zip's ``lib/python``.  The caller holds the lock
    of ``root``.
    """
    sweep(root)
    is_new = not os.path.isdir(root)
    tree = Tree(f"{root}.{os.urandom(6).hex()}.new" if is_new else root, library, is_new=is_new)
    try:
        tree.fill(archive, variant, inherit=inherit)
        if is_new:
            try:
                os.rename(tree.root, root)
            except OSError:
                if not os.path.isdir(root):  # else another was faster, where there are no locks
                    raise
    finally:
        if is_new:
            shutil.rmtree(tree.root, ignore_errors=True)  # follows no links


class Tree:
    """A tree that is being written: a new one, or one to repair file by file."""

    def __init__(self, root: str, library: str, *, is_new: bool) -> None:
        self.root, self.library, self.is_new = root, library, is_new
        self.folders: set[str] = set()
        self.listing: list[tuple[str, int]] = []

    def fill(self, archive: str, variant: "dict[str, Any]", *, inherit: bool) -> None:
        """Write all files that are not there as they should be, the listing last."""
        names = list(variant["parts"])
        if variant["magic"] == MAGIC_NUMBER:
            names += variant["code"]
        self.make_folder(self.root)
        self.make_environment(inherit=inherit)
        try:
            with zipfile.ZipFile(archive) as outer:
                for name in names:
                    self.add_part(outer.read(name))
        except (KeyError, EOFError, zipfile.BadZipFile, zlib.error) as problem:
            sys.exit(f"{archive} is damaged: {problem}")
        self.write(f"{self.root}/{LISTING}", marshal.dumps(tuple(self.listing)), 0o600)

    def add_part(self, content: bytes) -> None:
        """Write the files of one part of the zip, itself a zip."""
        with zipfile.ZipFile(io.BytesIO(content)) as part:
            for member in part.infolist():
                path = member.filename
                if path.startswith(LIBRARY):
                    path = f"{self.library}/{path[len(LIBRARY) :]}"
                self.listing.append((path, member.file_size))
                path = f"{self.root}/{path}"
                if self.is_new or not is_right(path, member.file_size):
                    self.write(path, part.read(member), member.external_attr >> 16)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it, once."""
        if path not in self.folders:
            os.makedirs(path, mode=0o700, exist_ok=True)
            self.folders.add(path)

    def write(self, path: str, content: bytes, mode: int) -> None:
        """Write a file that has our time; programs that run see the old one or the new one."""
        folder, name = os.path.split(path)
        self.make_folder(folder)
        scratch = path if self.is_new else f"{folder}/.{os.getpid()}.{name[:40]}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        opened = os.open(scratch, flags, mode)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(opened, view) :]
        finally:
            os.close(opened)
        os.utime(scratch, (EPOCH, EPOCH))
        if scratch != path:
            os.replace(scratch, path)

    def make_environment(self, *, inherit: bool) -> None:
        """Write what makes it a virtual environment: its settings and its Python (PEP 405)."""
        base = getattr(sys, "_base_executable", None)
        if not base or os.name == "nt":  # Windows has programs there that its venv module knows
            return
        settings = {
            "home": os.path.dirname(os.path.realpath(base)),
            "include-system-site-packages": str(inherit).lower(),
            "version": "{}.{}.{}".format(*sys.version_info),
        }
        content = os.fsencode("".join(f"{key} = {value}\n" for key, value in settings.items()))
        self.write(f"{self.root}/pyvenv.cfg", content, 0o600)
        self.listing.append(("pyvenv.cfg", len(content)))
        self.make_folder(f"{self.root}/bin")
        for name in ("python", "python3"):
            if not os.path.islink(f"{self.root}/bin/{name}"):
                os.symlink(base, f"{self.root}/bin/{name}")


def is_right(path: str, size: int) -> bool:
    """Whether a file is there as it was unpacked."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return found.st_size == size and found.st_mtime == EPOCH


def sweep(root: str) -> None:
    """Delete what killed starts left, and other versions that nobody started for long."""
    folder, name = os.path.split(root)
    family = name.rsplit("-", 4)[0]
    for found in os.listdir(folder):
        path = os.path.join(folder, found)
        if found.startswith(f"{name}.") and found.endswith(".new"):
            if is_older(path, ABANDONED_SECONDS):
                shutil.rmtree(path, ignore_errors=True)
        elif found.startswith(f"{family}-") and found.endswith(".use") and found != f"{name}.use":
            delete_idle(path)


def is_older(path: str, seconds: int) -> bool:
    """Whether a file was last written so long ago."""
    return time.time() - os.stat(path).st_mtime > seconds


def delete_idle(use: str) -> None:
    """Delete the tree of the lock file ``use`` unless it was started lately or runs."""
    try:
        import fcntl

        if not is_older(use, IDLE_SECONDS):
            return
        opened = os.open(use, os.O_RDWR)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            root = use[: -len(".use")]
            shutil.rmtree(root, ignore_errors=True)
            os.unlink(use)
        finally:
            os.close(opened)
    except (ImportError, OSError):
        return

"""Unpacks an application zip into a virtual environment; run inside the zip, when it is needed.

A tree is made in a scratch folder beside its place and renamed when it is whole.  A tree that is
there and damaged is repaired in place, file by file, since programs may run from it.  Beside a tree
there can be::

    <tree>.lock             held by the process that makes or repairs it
    <tree>.<12 hex>.new     a scratch folder, locked by the process that fills it
"""

import io
import marshal
import os
import re
import shutil
import stat
import sys
import time
import zipfile
import zlib
from _frozen_importlib_external import MAGIC_NUMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Take = Callable[..., int | None]  # pyz_boot's, which locks

EPOCH = 315532800  # 1980-01-01: the mtime of all unpacked files, as compiled code has it
LISTING = ".sealift"  # the same as in pyz_boot
LIBRARY = "lib/python/"
CHUNK = 1 << 24
ABANDONED_SECONDS = 3600  # where there are no locks, what nobody finished for so long was killed
IDLE_SECONDS = 30 * 86400  # what nobody started for so long goes when another version comes
NAMES = re.compile(
    r"(?P<tree>(?P<product>.+)-[^-]+-[0-9a-f]{16}-cp\d+-[0-9a-f]{16})"
    r"(?P<kind>|\.lock|\.[0-9a-f]{12}\.new)"
)


def unpack(
    archive: str,
    variant: "dict[str, Any]",
    root: str,
    library: str,
    *,
    inherit: bool,
    is_new: bool,
    lock: "int | None",
    take: "Take",
) -> None:
    """Make or repair the tree ``root`` of ``variant`` from the zip ``archive``.

    ``library`` is the folder that becomes of the zip's ``lib/python``.  The caller holds ``lock``,
    where it could get it, and ``root``, where that is to be repaired.
    """
    sweep(root, take)
    scratch, held = make_scratch(root, take)
    tree = Tree(scratch if is_new else root, scratch, library, lock)
    try:
        tree.fill(archive, variant, inherit=inherit)
        if is_new:
            try:
                os.rename(scratch, root)
            except OSError:
                if not os.path.isdir(root):  # else another was faster, which is as good
                    raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)  # follows no links
        if held is not None:
            os.close(held)


class Tree:
    """A tree that is written: a new one, which is its own scratch folder, or one to repair."""

    def __init__(self, root: str, scratch: str, library: str, lock: "int | None") -> None:
        self.root, self.scratch, self.library, self.lock = root, scratch, library, lock
        self.is_new = root == scratch
        self.shown = 0.0
        self.folders: set[str] = set()
        self.listing: list[tuple[str, int, int, int]] = []

    def fill(self, archive: str, variant: "dict[str, Any]", *, inherit: bool) -> None:
        """Write all files that are not there as they should be, the listing last."""
        names = list(variant["parts"])
        if variant["magic"] == MAGIC_NUMBER:
            names += variant["code"]
        self.make_environment(inherit=inherit)
        try:
            with zipfile.ZipFile(archive) as outer:
                for name in names:
                    self.add_part(outer.read(name))
        except (KeyError, EOFError, zipfile.BadZipFile, zlib.error) as problem:
            sys.exit(f"{archive} is damaged: {problem}")
        self.write(LISTING, marshal.dumps(tuple(self.listing)), 0o600)
        os.utime(f"{self.root}/{LISTING}")

    def add_part(self, content: bytes) -> None:
        """Write the files of one part of the zip, itself a zip."""
        with zipfile.ZipFile(io.BytesIO(content)) as part:
            for member in part.infolist():
                path = member.filename
                if path.startswith(LIBRARY):
                    path = f"{self.library}/{path[len(LIBRARY) :]}"
                self.add(path, part.read(member), member.external_attr >> 16)

    def add(self, path: str, content: bytes, mode: int) -> None:
        """Write a file where it is not as it should be, and note how it is."""
        self.show_progress()
        if self.is_new or not is_right(f"{self.root}/{path}", content, mode):
            self.write(path, content, mode)
        self.note(path)

    def note(self, path: str) -> None:
        """List a file as it is now."""
        found = os.lstat(f"{self.root}/{path}")
        self.listing.append((path, found.st_size, found.st_mtime_ns, found.st_ctime_ns))

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it, once."""
        if path not in self.folders:
            os.makedirs(path, mode=0o700, exist_ok=True)
            self.folders.add(path)

    def write(self, path: str, content: bytes, mode: int) -> None:
        """Write a file that has our time; programs that run see the old one or the new one."""
        target = f"{self.root}/{path}"
        self.make_folder(os.path.dirname(target))
        written = target if self.is_new else f"{self.scratch}/file"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        opened = os.open(written, flags, mode)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(opened, view[:CHUNK]) :]
                self.show_progress()
        finally:
            os.close(opened)
        os.utime(written, (EPOCH, EPOCH))
        if written != target:
            os.replace(written, target)

    def show_progress(self) -> None:
        """Let those who wait for the lock know that this process goes on."""
        now = time.monotonic()
        if self.lock is not None and now > self.shown + 1:
            os.utime(self.lock)
            self.shown = now

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
        self.add("pyvenv.cfg", content, 0o600)
        self.make_folder(f"{self.root}/bin")
        for path in ("bin/python", "bin/python3"):
            if not is_link_to(base, f"{self.root}/{path}"):
                os.symlink(base, f"{self.scratch}/link")
                os.replace(f"{self.scratch}/link", f"{self.root}/{path}")
            self.note(path)


def is_right(path: str, content: bytes, mode: int) -> bool:
    """Whether a file is there as it was unpacked, to the byte."""
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode) or (found.st_mode ^ mode) & 0o700:
            return False
        if found.st_mtime != EPOCH or found.st_size != len(content):
            return False
        with open(path, "rb") as file:
            return file.read() == content
    except OSError:
        return False


def is_link_to(target: str, path: str) -> bool:
    """Whether ``path`` is a link to ``target``."""
    try:
        return os.readlink(path) == target
    except OSError:
        return False


# What others left


def make_scratch(root: str, take: "Take") -> "tuple[str, int | None]":
    """A new folder beside ``root``, and what keeps others from deleting it as a dead one."""
    while True:
        path = scratch_name(root)
        os.mkdir(path, 0o700)
        try:
            return path, take(path, exclusive=True)
        except (BlockingIOError, FileNotFoundError):
            continue  # between its making and its locking it was taken for a dead process's


def scratch_name(root: str) -> str:
    """A name beside ``root`` that nobody has."""
    return f"{root}.{os.urandom(6).hex()}.new"


def sweep(root: str, take: "Take") -> None:
    """Delete what killed starts of this product left, and versions that nobody started for long."""
    folder, own = os.path.split(root)
    product = own.rsplit("-", 4)[0]
    for name in sorted(os.listdir(folder)):  # a tree stands before its lock
        found = NAMES.fullmatch(name)
        if found is None or found["product"] != product:
            continue
        path, tree = os.path.join(folder, name), os.path.join(folder, found["tree"])
        try:
            if name.endswith(".new"):
                delete_dead(path, take)
            elif tree != root and name.endswith(".lock"):
                delete_lock(path, tree, take)
            elif tree != root:
                delete_idle(tree, take)
        except OSError:
            continue  # somebody has it, or was faster


def delete_dead(scratch: str, take: "Take") -> None:
    """Delete a scratch folder whose process has ended."""
    held = take(scratch, exclusive=True)
    if held is not None or is_older(scratch, ABANDONED_SECONDS):
        shutil.rmtree(scratch, ignore_errors=True)
    if held is not None:
        os.close(held)


def delete_lock(lock: str, tree: str, take: "Take") -> None:
    """Delete the lock of a tree that is no more."""
    if os.path.lexists(tree):
        return
    held = take(lock, exclusive=True, is_folder=False)
    os.unlink(lock)
    if held is not None:
        os.close(held)


def delete_idle(tree: str, take: "Take") -> None:
    """Delete a tree unless it was started lately or runs.

    It loses its name first, so that no start finds it half deleted.
    """
    if not is_older(f"{tree}/{LISTING}", IDLE_SECONDS):
        return
    held = take(tree, exclusive=True)
    if held is None:
        return
    dead = scratch_name(tree)
    os.rename(tree, dead)
    shutil.rmtree(dead, ignore_errors=True)
    os.close(held)


def is_older(path: str, seconds: int) -> bool:
    """Whether a file was last written so long ago."""
    return time.time() - os.stat(path).st_mtime > seconds

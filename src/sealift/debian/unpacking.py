"""Packages unpacked into one tree, which never leads out of itself.

Debian's systems have ``/bin``, ``/lib`` and such as links into ``/usr``; packages of older releases
still name files by the old places.  All are laid at the new ones.
"""

import posixpath
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from sealift.ar import data_tar
from sealift.archive import file_mode, open_tar_stream, reading
from sealift.errors import ArchiveError
from sealift.strictzip import Limits

_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32")
_UNREAD = (  # nobody reads it in a root
    "usr/share/doc", "usr/share/info", "usr/share/lintian", "usr/share/locale", "usr/share/man",
)  # fmt: skip
_CHUNK = 1 << 20


def unpack_packages(debs: Sequence[Path], root: Path) -> dict[Path, Path]:
    """Unpack ``debs`` (deb(5)) into ``root``, which is made; documentation is left out.

    Modes are 0755 or 0644 and owners are dropped; absolute links become relative ones.  Returns for
    each regular file in ``root`` the one of ``debs`` that it is from.  Raises
    :class:`ArchiveError` for what is damaged, a device, or a place outside.
    """
    root.mkdir()
    tree = _Tree(root.resolve())
    for deb in debs:
        with (
            reading(deb.name),
            deb.open("rb") as file,
            open_tar_stream(data_tar(file, deb.name)) as archive,
        ):
            for member in archive:
                tree.add(archive, member, deb.name)
    tree.finish()
    by_name = {deb.name: deb for deb in debs}
    return {path: by_name[name] for path, name in tree.written.items()}


class _Tree:
    """A tree that grows by members of packages; ``written`` tells each file's package."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._left = Limits().size
        self.written: dict[Path, str] = {}

    def add(self, archive: tarfile.TarFile, member: tarfile.TarInfo, deb: str) -> None:
        name = _inside(member.name)
        if name is None:
            raise _refused(deb, member, "lies outside")
        if name == "" or name.startswith(tuple(f"{folder}/" for folder in _UNREAD)):
            return
        if member.issym() and name in _MERGED:
            return  # made in the end
        target = self._place(_merged(name), deb, member)
        if member.isdir():
            if not target.is_dir():
                target.mkdir()
            return
        if target.is_dir() and not target.is_symlink():
            raise _refused(deb, member, "is a folder in another package")
        target.unlink(missing_ok=True)
        if member.issym():
            target.symlink_to(self._relative(target, name, member.linkname))
        elif member.islnk():
            self._link(member, target, deb)
        elif member.isreg():
            self._write(archive, member, target, deb)
        else:
            raise _refused(deb, member, "is neither a file, a folder nor a link")

    def _place(self, name: str, deb: str, member: tarfile.TarInfo) -> Path:
        """Where ``name`` is once links among its folders are followed, which are made."""
        path = self._root / name
        try:
            folder = path.parent.resolve()
        except (OSError, RuntimeError) as problem:
            raise _refused(deb, member, "lies behind a link that leads to itself") from problem
        if not folder.is_relative_to(self._root):
            raise _refused(deb, member, "lies behind a link that leads outside")
        folder.mkdir(parents=True, exist_ok=True)
        return folder / path.name

    def _relative(self, target: Path, name: str, text: str) -> str:
        """What the link ``target``, which a package calls ``name``, has to say instead of ``text``.

        It leads to the same place as in a system, where what goes above the root stays there.  All
        links go up from a folder that is none, by no more than its depth: none leads out.
        """
        folder = target.relative_to(self._root).parent.as_posix()
        told = posixpath.dirname(name) if _merged(name) == f"{folder}/{target.name}" else folder
        meant = posixpath.normpath(posixpath.join("/", told, text)).lstrip("/")
        return posixpath.relpath(f"/{_merged(meant)}", f"/{folder}")

    def _link(self, member: tarfile.TarInfo, target: Path, deb: str) -> None:
        source = _inside(member.linkname)
        path = source and self._place(_merged(source), deb, member)
        if not path or path.is_symlink() or not path.is_file():
            raise _refused(deb, member, f"links to {member.linkname!r}, which is no file before it")
        target.hardlink_to(path)
        self.written[target] = deb

    def _write(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, deb: str
    ) -> None:
        self._left -= member.size
        if self._left < 0:
            raise _refused(deb, member, "takes the tree above the size that is allowed")
        content = archive.extractfile(member)
        assert content is not None
        with target.open("xb") as out:
            shutil.copyfileobj(content, out, _CHUNK)
        target.chmod(file_mode(member.mode))
        self.written[target] = deb

    def finish(self) -> None:
        """Make the links of the merged folders."""
        for name in _MERGED:
            if (self._root / "usr" / name).is_dir():
                (self._root / name).symlink_to(f"usr/{name}")


def _inside(name: str) -> str | None:
    """``name`` without ``./``; empty for the root itself, ``None`` for what lies outside."""
    parts = PurePosixPath(name.lstrip("/")).parts
    return None if ".." in parts or "\0" in name else "/".join(parts)


def _merged(name: str) -> str:
    return f"usr/{name}" if name.split("/", maxsplit=1)[0] in _MERGED else name


def _refused(deb: str, member: tarfile.TarInfo, reason: str) -> ArchiveError:
    return ArchiveError(f"cannot unpack {deb}: member {member.name!r} {reason}")

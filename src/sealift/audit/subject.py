"""What is audited: a file or a folder, seen as members with bytes.

Which of the modules in :mod:`sealift.audit.containers` reads it is told by its first bytes; a name
counts only where bytes cannot tell, such as between a wheel and another zip.
"""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from sealift.audit.content import Content
from sealift.audit.finding import Finding
from sealift.errors import ArchiveError

_TAR_MAGIC_AT = 257
# Nothing here looks into these: that they are for any system would be wrong.
_INSTALLERS = {
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "a package for Windows Installer",
    b"xar!": "a package for macOS",
}
PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")


class Kind(StrEnum):
    """What a subject is; a product is one that Sealift made, in any format.

    Whether an archive or a folder is more than that is known once its members are.
    """

    WHEEL = "wheel"
    SDIST = "sdist"
    ARCHIVE = "archive"
    FOLDER = "folder"
    VENV = "venv"
    PRODUCT = "product"
    DEB = "deb"
    RPM = "rpm"
    IMAGE = "image"
    FILE = "file"


class Member(NamedTuple):
    """A regular file in a subject: ``path`` is POSIX and relative, ``mode`` 0 where not told."""

    path: str
    size: int
    mode: int = 0


Members = Iterator[tuple[Member, Content]]


@dataclass(slots=True)
class Subject:
    """Something to audit.

    ``problems`` grows while members are read: what is wrong with the container, as far as it can
    be read on.
    """

    path: Path
    kind: Kind
    reader: "Callable[[Subject], Members]"
    problems: list[Finding] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.path.name or str(self.path)

    def members(self) -> Members:
        """Every regular file with its content, which is valid until the next is asked for.

        Raises :class:`ArchiveError` where the container cannot be read on.
        """
        for member, content in self.reader(self):
            try:
                yield member, content
            finally:
                content.close()


def open_subject(path: Path) -> Subject:
    """The subject at ``path``; raises :class:`ArchiveError` when there is nothing to read.

    So it does for installers and disk images.
    """
    try:
        if path.is_dir():
            return _subject(path, *_folder_kind(path))
        if not path.is_file():
            what = "is neither a file nor a folder" if path.exists() else "does not exist"
            raise ArchiveError(f"cannot audit {path}: it {what}")
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as problem:
        raise ArchiveError(f"cannot audit {path}: {problem.strerror}") from problem
    return _subject(path, *_file_kind(path, head))


def _subject(path: Path, kind: Kind, reader: str) -> Subject:
    module, _, function = reader.partition(":")
    found = importlib.import_module(f"sealift.audit.containers.{module}")
    return Subject(path, kind, getattr(found, function))


def _folder_kind(path: Path) -> tuple[Kind, str]:
    if (path / "pyvenv.cfg").is_file():
        return Kind.VENV, "folders:venv_members"
    if (path / "oci-layout").is_file():
        return Kind.IMAGE, "images:layout_members"
    product = (path / "image.sealift").is_file()
    return Kind.PRODUCT if product else Kind.FOLDER, "folders:folder_members"


def _file_kind(path: Path, head: bytes) -> tuple[Kind, str]:
    start = head.partition(b"\n")[2] if head.startswith(b"#!") else head
    # What lies before a zip does not make it another thing for those who read it from its end.
    if start.startswith((b"PK\3\4", b"PK\5\6")) or path.suffix in {".whl", ".zip", ".pyz"}:
        return _zip_kind(path, shebang=head.startswith(b"#!")), "zips:zip_members"
    if head.startswith(b"!<arch>\ndebian-binary"):
        return Kind.DEB, "packages:deb_members"
    if head.startswith(b"\xed\xab\xee\xdb"):
        return Kind.RPM, "packages:rpm_members"
    if head[_TAR_MAGIC_AT:].startswith(b"ustar") or head.startswith(PACKED):
        return Kind.ARCHIVE, "tars:tar_members"
    installer = next((what for magic, what in _INSTALLERS.items() if head.startswith(magic)), None)
    if path.suffix == ".dmg":  # whose head is that of any compressed data
        installer = "a disk image"
    if installer:
        raise ArchiveError(
            f"cannot audit {path}: it is {installer}, which is not looked into",
            hint="audit what is in it: the same build in format `bundle`, `dir` or `zip`",
        )
    return Kind.FILE, "payloads:file_members"


def _zip_kind(path: Path, *, shebang: bool) -> Kind:
    if path.suffix == ".whl":
        return Kind.WHEEL
    return Kind.PRODUCT if shebang or path.suffix == ".pyz" else Kind.ARCHIVE

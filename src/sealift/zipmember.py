"""Members of a zip file: what is told of one, and what it must not be."""

import re
import stat
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

STORED, DEFLATED = 0, 8
FLAG_ENCRYPTED, FLAG_DESCRIPTOR, FLAG_PATCH, FLAG_STRONG, FLAG_UTF8, FLAG_MASKED = (
    1 << bit for bit in (0, 3, 5, 6, 11, 13)
)
_REFUSED_FLAGS = FLAG_ENCRYPTED | FLAG_PATCH | FLAG_STRONG | FLAG_MASKED
_KIND = 0o170000  # of a mode's bits
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what an archive may unpack to, so that a bomb is refused before it goes off.

    ``size`` and ``free_size`` are bytes; ``ratio`` is unpacked to packed, asked only of members
    above ``free_size``.
    """

    members: int = 250_000
    size: int = 20_000_000_000
    ratio: int = 1100
    free_size: int = 10_000_000


class Member(NamedTuple):
    """A file or folder in an archive; ``mode`` is 0 where the archive tells none.

    ``start`` is where its data begins, ``header`` where its local header does.
    """

    name: str
    size: int
    packed: int
    method: int
    crc: int
    mode: int
    flags: int
    header: int
    start: int = -1

    @property
    def is_folder(self) -> bool:
        return self.name.endswith("/")


class FlawKind(StrEnum):
    """What can be wrong with a zip file that can still be read."""

    PATH = "path"
    DUPLICATE = "duplicate"
    SPECIAL = "special"
    UNREADABLE = "unreadable"
    TWO_READINGS = "two readings"
    HIDDEN = "hidden"


class Flaw(NamedTuple):
    """A flaw: ``reason`` goes on where the name of ``member``, or of the archive, ends."""

    kind: FlawKind
    reason: str
    member: str | None


def check_name(name: str) -> str | None:
    """Why ``name`` must not be the path of an archive's member, or ``None``.

    >>> check_name("../etc/passwd")
    'leaves the folder it is unpacked to'
    """
    parts = name.removesuffix("/").split("/")
    if not name.isprintable() and any(char < " " or char == "\x7f" for char in name):
        return "has a control character in its name"
    if "\\" in name:
        return "has a backslash in its name"
    if name.startswith("/") or _DRIVE.match(name):
        return "has an absolute path"
    if ".." in parts:
        return "leaves the folder it is unpacked to"
    if "" in parts or "." in parts:
        return "has an empty or '.' part in its path"
    return None


def special_kind(member: Member) -> str | None:
    """Why ``member`` is no plain file or folder, or ``None``."""
    kind = member.mode & _KIND
    if kind in {0, stat.S_IFREG} and not member.is_folder:
        return None
    if kind == stat.S_IFLNK:
        return "is a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or (kind == stat.S_IFDIR) > member.is_folder:
        return "is neither a file nor a folder"
    if member.is_folder and member.size:
        return "is a folder with content"
    return None


def unreadable(member: Member) -> str | None:
    """Why the content of ``member`` cannot be had, or ``None``."""
    if member.flags & _REFUSED_FLAGS:
        return "is encrypted or patched"
    if member.method not in (STORED, DEFLATED):
        return f"is packed with method {member.method}; stored and deflated are known"
    return None

"""What is audited: a file or a folder, seen as members with bytes."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a subject is."""

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


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file in a subject: ``path`` is POSIX and relative, ``mode`` 0 where not told."""

    path: str
    size: int
    mode: int = 0

"""Folders and virtual environments."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sealift.audit.content import FileContent
from sealift.audit.subject import Member, Members, Subject
from sealift.errors import ArchiveError


def folder_members(subject: Subject) -> Members:
    """All regular files below, sorted; links and special files are left out."""
    yield from _below(subject.path, subject.path)


def venv_members(subject: Subject) -> Members:
    """What is installed in an environment: its site-packages folders (:mod:`sysconfig`)."""
    sites = [
        *subject.path.glob("lib/*/site-packages"),
        *subject.path.glob("lib64/*/site-packages"),
        *subject.path.glob("Lib/site-packages"),
    ]
    seen: set[Path] = set()
    for site in sorted(sites):
        if site.resolve() not in seen:
            seen.add(site.resolve())
            yield from _below(site, subject.path)
    if not seen:
        raise ArchiveError(f"cannot audit {subject.path}: it has no site-packages folder")


def _below(folder: Path, root: Path) -> Members:
    for path, status in _files(folder):
        name = path.relative_to(root).as_posix()
        member = Member(name, status.st_size, status.st_mode)
        yield member, FileContent(path, status.st_size)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            try:
                status = path.lstat()
            except OSError:  # gone meanwhile
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, status

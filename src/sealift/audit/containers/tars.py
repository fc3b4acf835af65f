"""Tar files, packed or not: sdists, products, the parts of packages and container images."""

import posixpath
import tarfile
from collections.abc import Iterator
from typing import IO

from sealift.archive import open_tar_stream, reading
from sealift.audit.content import Content
from sealift.audit.finding import Finding
from sealift.audit.subject import PACKED, Member, Members, Subject
from sealift.errors import ArchiveError
from sealift.strictzip import Limits, check_name

_CHUNK = 1 << 20


def tar_members(subject: Subject) -> Members:
    """The regular files of a tar; where it holds container images, those of the images."""
    from sealift.audit.containers.images import archive_members, is_image

    with subject.path.open("rb") as raw:
        packed = raw.read(6).startswith(PACKED)
        raw.seek(0)
        if not packed and is_image(raw, subject.path.name):
            yield from archive_members(subject, raw)
            return
        yield from stream_members(subject, raw)


def stream_members(subject: Subject, raw: IO[bytes]) -> Members:
    """The regular files of the tar in ``raw``; what is unsafe about it are findings."""
    with reading(subject.name), open_tar_stream(raw) as archive:
        yield from _checked(subject, archive)


def system_members(name: str, raw: IO[bytes]) -> Members:
    """The regular files of a tar that is unpacked to ``/``, such as a package's."""
    with reading(name), open_tar_stream(raw) as archive:
        for entry in entries(name, archive):
            if entry.isreg():
                yield member_of(archive, entry)


def entries(name: str, archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The entries of ``archive``, within bounds."""
    limits = Limits()
    total = 0
    for count, entry in enumerate(archive):
        total += max(entry.size, 0) + 512
        if count >= limits.members or total > limits.size:
            raise ArchiveError(f"cannot read {name}: it has more in it than may be unpacked")
        if entry.issparse():
            raise ArchiveError(f"cannot read {name}: {entry.name!r} is stored with holes")
        yield entry


def member_of(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> tuple[Member, Content]:
    """A regular ``entry`` as a member."""

    def chunks() -> Iterator[bytes]:
        file = archive.extractfile(entry)
        assert file is not None
        while chunk := file.read(_CHUNK):
            yield chunk

    return Member(plain(entry.name), entry.size, entry.mode), Content(
        entry.name, entry.size, chunks
    )


def plain(name: str) -> str:
    """``name`` relative to the root, without parts that say nothing.

    >>> plain("./usr//bin/env")
    'usr/bin/env'
    """
    return posixpath.normpath(f"/{name}").lstrip("/")


def _checked(subject: Subject, archive: tarfile.TarFile) -> Members:
    seen: set[str] = set()
    for entry in entries(subject.name, archive):
        name = entry.name.removeprefix("./")
        if name in {"", "."}:
            continue
        if reason := check_name(name):
            _note(subject, "unsafe-member-path", name, reason)
        if name in seen and not entry.isdir():
            _note(subject, "duplicate-member", name, "is there twice")
        seen.add(name)
        if entry.issym() or entry.islnk():
            if reason := _leads_out(entry, name):
                _note(subject, "special-member", name, reason)
        elif not (entry.isreg() or entry.isdir()):
            _note(subject, "special-member", name, "is neither a file, a folder nor a link")
        if entry.isreg():
            yield member_of(archive, entry)


def _leads_out(entry: tarfile.TarInfo, name: str) -> str | None:
    text = entry.linkname
    folder = posixpath.dirname(name) if entry.issym() else ""
    joined = posixpath.normpath(posixpath.join(folder, text))
    if text.startswith("/") or joined.split("/")[0] == "..":
        return f"links out of the archive, to {text!r}"
    return None


def _note(subject: Subject, rule: str, name: str, reason: str) -> None:
    subject.problems.append(Finding(rule=rule, message=f"{name!r} {reason}", file=name))

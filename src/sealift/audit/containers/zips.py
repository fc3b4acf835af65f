"""Wheels, application zips and other zip files."""

from functools import partial
from pathlib import Path

from sealift.audit.content import HEAD, IN_MEMORY, Content, Data, cannot_read
from sealift.audit.finding import Finding
from sealift.audit.subject import Kind, Member, Members, Subject
from sealift.errors import ArchiveError
from sealift.strictzip import StrictZip
from sealift.zipmember import Flaw, FlawKind, special_kind, unreadable
from sealift.zipmember import Member as ZipMember

_SMALL = 64 << 10  # bytes that are had as soon as the first of them
_RULES = {
    FlawKind.PATH: "unsafe-member-path",
    FlawKind.DUPLICATE: "duplicate-member",
    FlawKind.SPECIAL: "special-member",
    FlawKind.UNREADABLE: "unreadable-member",
    FlawKind.TWO_READINGS: "ambiguous-archive",
    FlawKind.HIDDEN: "ambiguous-archive",
}


def zip_members(subject: Subject) -> Members:
    """The members of a zip; of a product, those of the zips within it as well."""
    yield from _members(subject, subject.path, "", nested=subject.kind is Kind.PRODUCT)


def _members(subject: Subject, path: Path, prefix: str, *, nested: bool) -> Members:
    flaws: list[Flaw] = []
    try:
        archive = StrictZip(path, prefix_line=subject.kind is not Kind.WHEEL, flaws=flaws)
    finally:
        subject.problems += (_finding(flaw, prefix, subject.name) for flaw in flaws)
    with archive:
        for entry in sorted(archive.entries, key=_is_other):
            if entry.is_folder or special_kind(entry) or unreadable(entry):
                continue
            content = _ZipContent(archive, entry)
            yield Member(prefix + entry.name, entry.size, entry.mode), content
            if nested and entry.name.endswith(".zip"):
                yield from _nested(subject, prefix + entry.name, content)


class _ZipContent(Content):
    """The bytes of ``entry``: at once where they are not too many."""

    def __init__(self, archive: StrictZip, entry: ZipMember) -> None:
        super().__init__(entry.name, entry.size, partial(archive.chunks, entry))
        self._archive, self._entry = archive, entry

    def head(self) -> bytes:
        if self._data is None and self.size > _SMALL:
            try:
                return self._archive.head(self._entry, HEAD)
            except OSError as problem:
                raise cannot_read(self.name, problem) from problem
        return bytes(self.data()[:HEAD])

    def data(self, algorithm: str | None = None) -> Data:
        if self._data is None and self.size > IN_MEMORY:
            return super().data(algorithm)
        if self._data is None:
            try:
                self._data = self._archive.whole(self._entry)
            except OSError as problem:
                raise cannot_read(self.name, problem) from problem
        return self._data


def _nested(subject: Subject, name: str, content: Content) -> Members:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(content.data())
        file.flush()
        try:
            yield from _members(subject, Path(file.name), f"{name}/", nested=False)
        except ArchiveError as problem:
            reason = problem.message.partition(": ")[2]
            message = f"the zip in it cannot be read: {reason}"
            subject.problems.append(Finding(rule="damaged-archive", message=message, file=name))


def _is_other(entry: ZipMember) -> bool:
    """False for RECORD, which is wanted before what it tells of."""
    return not entry.name.endswith(".dist-info/RECORD")


def _finding(flaw: Flaw, prefix: str, name: str) -> Finding:
    file = None if flaw.member is None else prefix + flaw.member
    shown = name if flaw.member is None else repr(flaw.member)
    return Finding(rule=_RULES[flaw.kind], message=f"{shown} {flaw.reason}", file=file)

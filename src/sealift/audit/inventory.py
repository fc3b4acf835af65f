"""All that judgement needs to know of a subject: facts, no bytes, no open files."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion

from sealift.audit.content import Content
from sealift.audit.finding import Finding
from sealift.audit.headers import read_headers
from sealift.audit.natives import Native, natives_of
from sealift.audit.record import Record, parse_record
from sealift.audit.scope import Scope
from sealift.audit.sources import Load, find_loads
from sealift.audit.subject import Kind, Member, Subject, open_subject
from sealift.errors import ArchiveError, BinaryFormatError

__all__ = ["Inventory", "Load", "Native", "WheelInfo", "take_inventory"]

_LARGEST_TEXT = 1 << 20
_PKG_INFO = re.compile(r"[^/]+/PKG-INFO")
_STARTUP = (".pth", ".start")
_LICENCE_NAMES = ("LICEN", "COPYING", "NOTICE")
_DIST_INFO_TEXTS = ("METADATA", "WHEEL")
_ALL = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelInfo:
    """What a wheel says of itself.

    ``tags`` are those of its file name, ``inner_tags`` those its WHEEL file tells; ``requires`` are
    PEP 508 texts.
    """

    name: str
    version: str
    tags: frozenset[Tag]
    dist_info: str
    inner_tags: tuple[str, ...] = ()
    purelib: bool = False
    requires: tuple[str, ...] = ()

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platform tags, sorted."""
        return tuple(sorted({tag.platform for tag in self.tags}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """A subject's native files and the texts that rules ask for.

    ``members`` are the paths of all regular files, in order.  ``texts`` has the content of the
    small files that rules read, by path.  ``loads`` is what its Python sources load by name.
    ``problems`` is what was found while reading: damage, a RECORD that lies.
    """

    kind: Kind
    name: str
    path: Path
    size: int = 0
    wheel: WheelInfo | None = None
    natives: tuple[Native, ...] = ()
    members: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    loads: tuple[Load, ...] = ()
    problems: tuple[Finding, ...] = ()


def take_inventory(path: Path, scope: Scope = _ALL) -> Inventory:
    """The inventory of the file or folder at ``path``, as much of it as ``scope`` asks for.

    What can be read of a damaged subject is in it, and the damage is among its problems.  Raises
    :class:`ArchiveError` when there is nothing at ``path``.
    """
    subject = open_subject(path)
    taking = _Taking(subject, scope)
    try:
        for member, content in subject.members():
            taking.add(member, content)
    except ArchiveError as problem:
        taking.problems.append(Finding(rule="damaged-archive", message=problem.message))
    return taking.inventory()


class _Taking:
    """An inventory that is being taken."""

    def __init__(self, subject: Subject, scope: Scope) -> None:
        self._subject = subject
        self._scope = scope
        self._natives: list[Native] = []
        self._members: list[str] = []
        self._texts: dict[str, str] = {}
        self._loads: list[Load] = []
        self._record: Record | None = None
        self._size = 0
        self.problems: list[Finding] = []

    def add(self, member: Member, content: Content) -> None:
        """Take what is wanted of a member."""
        self._members.append(member.path)
        self._size += member.size
        try:
            self._read(member, content)
        except BinaryFormatError as problem:
            reason = problem.message.partition(": ")[2] or problem.message
            self._note("damaged-native", reason, member.path)
        except ArchiveError as problem:
            self._note("damaged-member", problem.message, member.path)

    def _note(self, rule: str, message: str, file: str | None) -> None:
        self.problems.append(Finding(rule=rule, message=message, file=file))

    def _read(self, member: Member, content: Content) -> None:
        path = member.path
        if self._subject.kind is Kind.WHEEL and self._scope.content:
            self._compare(member, content)
        if _is_text(path) and member.size <= _LARGEST_TEXT:
            self._texts[path] = _text(content)
        elif path.endswith((".py", ".pyw")):
            if self._scope.named:
                self._loads += find_loads(path, content.data())
        else:
            self._natives += natives_of(path, member.mode, content, self._scope)

    def _compare(self, member: Member, content: Content) -> None:
        if member.path.count("/") == 1 and member.path.endswith(".dist-info/RECORD"):
            self._record = self._record or parse_record(member.path, _text(content))
        if self._record:
            self.problems += self._record.check(member.path, content)

    def inventory(self) -> Inventory:
        """What was taken."""
        subject = self._subject
        subject.kind = self._kind()
        wheel = self._wheel() if subject.kind is Kind.WHEEL else None
        return Inventory(
            kind=subject.kind,
            name=subject.name,
            path=subject.path,
            size=self._size,
            wheel=wheel,
            natives=tuple(self._natives),
            members=tuple(self._members),
            texts=self._texts,
            loads=tuple(self._loads),
            problems=(*subject.problems, *self.problems),
        )

    def _kind(self) -> Kind:
        """The kind by what is inside, where the outside does not settle it."""
        kind = self._subject.kind
        if kind not in {Kind.ARCHIVE, Kind.SDIST, Kind.FOLDER}:
            return kind
        if any(path.rpartition("/")[2] == "image.sealift" for path in self._members):
            return Kind.PRODUCT
        if kind is not Kind.FOLDER:
            has_info = any(_PKG_INFO.fullmatch(path) for path in self._members)
            return Kind.SDIST if has_info else Kind.ARCHIVE
        return kind

    def _wheel(self) -> WheelInfo | None:
        if self._record:
            self.problems += self._record.ended()
        elif self._members and self._scope.content:
            self._note("record-missing", "it has no RECORD", None)
        try:
            name, version, _, tags = parse_wheel_filename(self._subject.name)
        except (InvalidWheelFilename, InvalidVersion) as problem:
            self._note("wheel-name", str(problem), None)
            return None
        folder = next(_dist_infos(self._members), "")
        described = read_headers(self._texts.get(f"{folder}/WHEEL", ""))
        metadata = read_headers(self._texts.get(f"{folder}/METADATA", ""))
        return WheelInfo(
            name=name,
            version=str(version),
            tags=tags,
            dist_info=folder,
            inner_tags=described.get("tag", ()),
            purelib=described.get("root-is-purelib", ("",))[0].lower() == "true",
            requires=metadata.get("requires-dist", ()),
        )


def _dist_infos(members: list[str]) -> Iterator[str]:
    for path in members:
        folder, slash, rest = path.partition("/")
        if slash and folder.endswith(".dist-info") and rest == "WHEEL":
            yield folder


def _text(content: Content) -> str:
    return bytes(content.data()).decode("utf-8", "surrogateescape")


def _is_text(path: str) -> bool:
    if path.endswith(_STARTUP):
        return True
    if ".dist-info/" not in path:
        return False
    parts = path.split("/")
    place = next((i for i, part in enumerate(parts) if part.endswith(".dist-info")), None)
    if place is None:
        return False
    rest = parts[place + 1 :]
    if rest[0] in {"sboms", "licenses", "license_files"} or rest[-1] in _DIST_INFO_TEXTS:
        return True
    return rest[-1].upper().startswith(_LICENCE_NAMES)

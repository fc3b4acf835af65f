"""Wheels: read with every promise checked, spread into the content store, and written.

Format: the binary distribution format 1.0 (PEP 427, PEP 491) and RECORD (PEP 376, PEP 627).  A
wheel is believed only when RECORD and content agree both ways.
"""

import base64
import configparser
import csv
import email.parser
import email.utils
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from sealift import store
from sealift.archive import file_mode
from sealift.entry import GROUPS, MODULES_GROUP, EntryPoint, parse_entry_points
from sealift.errors import ArchiveError
from sealift.strictzip import Member, StrictZip

_STRONG = ("sha256", "sha384", "sha512")
_UNSIGNED = ("RECORD", "RECORD.jws", "RECORD.p7s")
_SCHEMES = {
    "purelib": "lib",
    "platlib": "lib",
    "data": "data",
    "scripts": "scripts",
    "headers": "headers",
}
_SPREAD_FORMAT = "1"  # a new number forgets wheels spread before
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelFile:
    """What a wheel says of itself.

    ``name`` is as its metadata spells it; ``requires`` are PEP 508 texts, markers included;
    ``files`` are the paths of its members; ``dist_info`` is the name of that folder.  ``author``
    is a name without an address, ``license`` an SPDX expression or free text.
    """

    path: Path
    name: str
    version: str
    tags: frozenset[Tag]
    dist_info: str
    purelib: bool
    summary: str
    author: str
    license: str
    homepage: str
    requires: tuple[str, ...]
    requires_python: str
    extras: tuple[str, ...]
    entry_points: tuple[EntryPoint, ...]
    files: tuple[str, ...]


def read_wheel(path: Path) -> WheelFile:
    """The wheel at ``path``: names, tags and metadata, content not yet compared with RECORD.

    Raises :class:`ArchiveError` where it is no wheel or its parts disagree.
    """
    with StrictZip(path) as archive:
        return _read(archive)


def verify_wheel(path: Path) -> WheelFile:
    """The wheel at ``path``, all its content compared with RECORD."""
    with StrictZip(path) as archive:
        wheel = _read(archive)
        records = _records(archive, wheel.dist_info)
        for member in archive.files:
            for _ in _checked(archive, member, records.get(member.name)):
                pass
    return wheel


def unpack_wheel(path: Path, sha256: str) -> Path:
    """The verified wheel, spread into the content store; ``sha256`` is that of the wheel.

    The folder has ``lib`` (what goes to site-packages, purelib and platlib alike) and, where the
    wheel has such, ``data``, ``scripts`` and ``headers``.  Modes are 0644 or 0755, and RECORD is as
    the wheel has it.
    """
    key = store.digest_of(_SPREAD_FORMAT, sha256)
    return store.make_entry("wheels", key, lambda folder: _spread(path, folder))


def _spread(path: Path, folder: Path) -> None:
    (folder / "lib").mkdir(parents=True)
    with StrictZip(path) as archive:
        wheel = _read(archive)
        records = _records(archive, wheel.dist_info)
        places = _places(archive, wheel)
        for member in archive.files:
            target = folder / places[member.name]
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as out:
                out.writelines(_checked(archive, member, records.get(member.name)))
            target.chmod(file_mode(member.mode))


def _places(archive: StrictZip, wheel: WheelFile) -> dict[str, str]:
    """Where each member goes, by scheme; raises when two go to one place."""
    data = wheel.dist_info.removesuffix(".dist-info") + ".data"
    places: dict[str, str] = {}
    for member in archive.files:
        scheme, path = "purelib", member.name
        if member.name.startswith(f"{data}/"):
            scheme, _, path = member.name.removeprefix(f"{data}/").partition("/")
        if scheme not in _SCHEMES or not path:
            raise _wrong(archive, f"{member.name!r} belongs to no scheme: {', '.join(_SCHEMES)}")
        places[member.name] = f"{_SCHEMES[scheme]}/{path}"
    taken: dict[str, str] = {}
    for name, place in places.items():
        other = taken.setdefault(place, name)
        if other != name:
            raise _wrong(archive, f"{name!r} and {other!r} would be the same file")
    return places


def _read(archive: StrictZip) -> WheelFile:
    try:
        name, version, _, tags = parse_wheel_filename(archive.path.name)
    except (InvalidWheelFilename, InvalidVersion) as problem:
        raise _wrong(archive, f"its name is not a wheel's: {problem}") from problem
    dist_info = _dist_info(archive, name, version)
    _check_format(archive, dist_info)
    message = _message(archive, f"{dist_info}/METADATA")
    points = f"{dist_info}/entry_points.txt"
    return WheelFile(
        path=archive.path,
        name=_single(message, "Name") or name,
        version=_single(message, "Version") or str(version),
        tags=tags,
        dist_info=dist_info,
        purelib=_is_pure(archive, dist_info),
        summary=_single(message, "Summary"),
        author=_author(message),
        license=_single(message, "License-Expression") or _single(message, "License"),
        homepage=_homepage(message),
        requires=_texts(message, "Requires-Dist"),
        requires_python=_single(message, "Requires-Python"),
        extras=_texts(message, "Provides-Extra"),
        entry_points=_entry_points(archive, points) if points in archive.members else (),
        files=tuple(member.name for member in archive.files),
    )


def _texts(message: "email.message.Message", field: str) -> tuple[str, ...]:
    return tuple(str(value).strip() for value in message.get_all(field, []))


def _single(message: "email.message.Message", field: str) -> str:
    """The first of that name, in one line, as folded ones are to be read."""
    return " ".join(next(iter(_texts(message, field)), "").split())


def _author(message: "email.message.Message") -> str:
    """Who wrote it: ``Author``, or the names in ``Author-email``."""
    addresses = email.utils.getaddresses(_texts(message, "Author-email"))
    return _single(message, "Author") or ", ".join(name for name, _ in addresses if name)


def _homepage(message: "email.message.Message") -> str:
    urls = [text.partition(",") for text in _texts(message, "Project-URL")]
    # As PyPA's specification of well-known labels normalizes them.
    told = (url.strip() for label, _, url in urls if label.lower().strip(" -") == "homepage")
    return _single(message, "Home-page") or next(told, "")


def _entry_points(archive: StrictZip, name: str) -> tuple[EntryPoint, ...]:
    try:
        return parse_entry_points(archive.read(name).decode("utf-8"))
    except (UnicodeDecodeError, configparser.Error) as problem:
        raise _wrong(archive, f"{name} is damaged: {problem}") from problem


def _dist_info(archive: StrictZip, name: str, version: Version) -> str:
    tops = {member.split("/")[0] for member in archive.members}
    found = sorted(top for top in tops if top.endswith(".dist-info"))
    if len(found) != 1:
        raise _wrong(archive, f"it has {len(found)} dist-info folders where one has to be")
    stem, _, told = found[0].removesuffix(".dist-info").rpartition("-")
    try:
        fits = canonicalize_name(stem) == name and Version(told) == version
    except InvalidVersion:
        fits = False
    if not fits:
        raise _wrong(archive, f"{found[0]} belongs to another distribution or version")
    for part in ("WHEEL", "METADATA", "RECORD"):
        if f"{found[0]}/{part}" not in archive.members:
            raise _wrong(archive, f"{found[0]}/{part} is missing")
    return found[0]


def _wheel_message(archive: StrictZip, dist_info: str) -> "email.message.Message":
    return _message(archive, f"{dist_info}/WHEEL")


def _message(archive: StrictZip, name: str) -> "email.message.Message":
    """Headers in UTF-8 (core metadata 2.1), which a parser of bytes would take for unknown."""
    return email.parser.Parser().parsestr(archive.read(name).decode("utf-8", "replace"))


def _check_format(archive: StrictZip, dist_info: str) -> None:
    version = _single(_wheel_message(archive, dist_info), "Wheel-Version")
    if version.split(".")[0] != "1":
        raise _wrong(archive, f"it is in wheel format {version or 'unknown'}; 1.x is known")


def _is_pure(archive: StrictZip, dist_info: str) -> bool:
    text = _single(_wheel_message(archive, dist_info), "Root-Is-Purelib")
    return text.lower() == "true"


def _records(archive: StrictZip, dist_info: str) -> dict[str, tuple[str, str]]:
    """RECORD's hash and size by path; raises unless it names the files of the wheel exactly."""
    text = archive.read(f"{dist_info}/RECORD").decode("utf-8", "replace")
    records: dict[str, tuple[str, str]] = {}
    for row in csv.reader(text.splitlines()):
        if not row or row[0].endswith("/"):
            continue
        if len(row) != 3 or row[0] in records:
            raise _lies(archive, f"has a line that is damaged or there twice: {','.join(row)!r}")
        records[row[0]] = (row[1], row[2])
    bare = {f"{dist_info}/{name}" for name in _UNSIGNED}
    files = {member.name for member in archive.files}
    if unlisted := sorted(files - set(records) - bare):
        raise _lies(archive, f"does not name {_some(unlisted)}")
    if absent := sorted(set(records) - files - bare):
        raise _lies(archive, f"names {_some(absent)}, which is not in the wheel")
    unhashed = sorted(
        name for name, (digest, _) in records.items() if not digest and name not in bare
    )
    if unhashed:
        raise _lies(archive, f"has no hash for {_some(unhashed)}")
    return {name: record for name, record in records.items() if name not in bare}


def _checked(archive: StrictZip, member: Member, record: tuple[str, str] | None) -> Iterator[bytes]:
    """The content of ``member``; raises at its end when it is not what RECORD promised."""
    if record is None:
        yield from archive.chunks(member)
        return
    algorithm, _, promised = record[0].partition("=")
    if algorithm not in _STRONG:
        raise _lies(archive, f"hashes {member.name!r} with {algorithm}, which proves nothing")
    digest = hashlib.new(algorithm)
    for chunk in archive.chunks(member):
        digest.update(chunk)
        yield chunk
    if _encoded(digest.digest()) != promised.rstrip("="):
        raise _lies(archive, f"has another hash for {member.name!r} than its content")
    if record[1] and record[1] != str(member.size):
        raise _lies(archive, f"has another size for {member.name!r} than its content")


def _encoded(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]!r}{more}"


def _wrong(archive: StrictZip, reason: str) -> ArchiveError:
    return ArchiveError(f"cannot use {archive.path.name}: {reason}")


def _lies(archive: StrictZip, reason: str) -> ArchiveError:
    return ArchiveError(
        f"cannot use {archive.path.name}: its RECORD {reason}",
        hint="the wheel was damaged or changed after it was built; get it again or build it anew",
    )


def make_wheel(
    name: str,
    version: str,
    files: Mapping[str, bytes | Path],
    *,
    out: Path,
    entry_points: Sequence[EntryPoint] = (),
    requires: Sequence[str] = (),
    requires_python: str = "",
    tag: str = "py3-none-any",
) -> Path:
    """Write a wheel of ``files`` (path in site-packages to content) into folder ``out``.

    The same arguments give the same bytes.  Returns the wheel's path.
    """
    stem = f"{canonicalize_name(name).replace('-', '_')}-{version}"
    pure = tag.endswith("-none-any")
    content = {
        place: data.read_bytes() if isinstance(data, Path) else data
        for place, data in files.items()
    }
    info = f"{stem}.dist-info"
    content[f"{info}/METADATA"] = _metadata(name, version, requires, requires_python)
    content[f"{info}/WHEEL"] = (
        "Wheel-Version: 1.0\nGenerator: sealift\n"
        f"Root-Is-Purelib: {str(pure).lower()}\nTag: {tag}\n"
    ).encode()
    if entry_points:
        content[f"{info}/entry_points.txt"] = _entry_points_text(entry_points)
    content[f"{info}/RECORD"] = _record(content, f"{info}/RECORD")
    path = out / f"{stem}-{tag}.whl"
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for place in sorted(content, key=lambda place: (place.startswith(info), place)):
            member = zipfile.ZipInfo(place, _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3
            member.external_attr = 0o100644 << 16
            archive.writestr(member, content[place])
    return path


def _metadata(name: str, version: str, requires: Sequence[str], requires_python: str) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    if requires_python:
        lines.append(f"Requires-Python: {requires_python}")
    lines += [f"Requires-Dist: {text}" for text in requires]
    return ("\n".join(lines) + "\n").encode()


def _entry_points_text(points: Sequence[EntryPoint]) -> bytes:
    lines: list[str] = []
    for group, gui in GROUPS.items():
        is_module = group == MODULES_GROUP
        found = [
            f"{point.name} = {point}"
            for point in points
            if (point.function is None) is is_module and (is_module or point.gui is gui)
        ]
        lines += [f"[{group}]", *found, ""] if found else []
    return "\n".join(lines).encode()


def _record(content: Mapping[str, bytes], own: str) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for place, data in sorted(content.items()):
        writer.writerow((place, f"sha256={_encoded(hashlib.sha256(data).digest())}", len(data)))
    writer.writerow((own, "", ""))
    return out.getvalue().encode()


def module_files(wheel: WheelFile) -> dict[str, str]:
    """Members of ``wheel`` by the place in site-packages they go to."""
    data = wheel.dist_info.removesuffix(".dist-info") + ".data/"
    places = {name: name for name in wheel.files if not name.startswith(data)}
    for scheme in ("purelib/", "platlib/"):
        below = f"{data}{scheme}"
        places |= {n.removeprefix(below): n for n in wheel.files if n.startswith(below)}
    return places


def is_native(name: str) -> bool:
    """Whether a member's name is that of a native file.

    >>> is_native("numpy/_core/_multiarray.cpython-313-x86_64-linux-gnu.so")
    True
    """
    _, *parts = PurePosixPath(name).name.split(".")
    return bool(parts) and (parts[-1] in {"so", "pyd", "dll", "dylib"} or "so" in parts)


def runs_anywhere(name: str) -> bool:
    """Whether the name of a wheel says that it runs on every system.

    >>> runs_anywhere("six-1.17.0-py2.py3-none-any.whl")
    True
    """
    *_, tags = parse_wheel_filename(name)
    return all(tag.platform == "any" for tag in tags)

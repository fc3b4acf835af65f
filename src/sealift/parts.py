"""One distribution, or the interpreter, as a part of an image: its entries, ready to ship."""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sealift import console, store
from sealift.graft import graft
from sealift.image import SITE_PACKAGES, Entry, Kind
from sealift.interpreter import Interpreter
from sealift.introspection import reads_its_own_files
from sealift.manifest import folder_entries
from sealift.policy import stdlib_groups
from sealift.target import Target
from sealift.wheel import unpack_wheel
from sealift.wheelhouse import Wheel

INTERPRETER = "python"
GRAFTED = "graft"


@dataclass(frozen=True, slots=True)
class Part:
    """Entries of one origin; ``key`` identifies their content."""

    origin: str
    key: str
    entries: tuple[Entry, ...]

    def sources(self) -> list[tuple[str, Path]]:
        """Path in the product and file here of every module's source."""
        return [(entry.path, entry.source) for entry in self.entries if entry.kind is Kind.SOURCE]

    def natives(self) -> dict[str, Path]:
        """Path in the product → file here of every native file."""
        return {entry.path: entry.source for entry in self.entries if entry.kind is Kind.NATIVE}


def interpreter_part(interpreter: Interpreter, others: Sequence[Part], *, everything: bool) -> Part:
    """The interpreter's files, without the groups that nothing shipped mentions.

    ``data/stdlib.toml`` lists the groups (Tk and its libraries, for one); ``everything`` keeps
    them all.
    """
    entries = folder_entries(interpreter.root, prefix=".", origin=INTERPRETER, key=interpreter.key)
    left_out = []
    for group in stdlib_groups():
        if everything or any(_mentions(part, group.mentioned_by) for part in others):
            continue
        matches = re.compile("|".join(group.patterns)).match
        kept = tuple(entry for entry in entries if not matches(entry.path))
        if len(kept) < len(entries):
            left_out.append(group.name)
        entries = kept
    if left_out:
        console.detail(f"left out of the standard library: {', '.join(left_out)}")
    key = store.digest_of(interpreter.key, *left_out)
    return Part(INTERPRETER, key, entries)


def _mentions(part: Part, words: Sequence[str]) -> bool:
    found = store.remember(
        "mentions", store.digest_of(part.key, *words), lambda: _read_mentions(part, words)
    )
    return bool(found)


def _read_mentions(part: Part, words: Sequence[str]) -> bool:
    pattern = re.compile(rb"\b(" + b"|".join(word.encode() for word in words) + rb")\b")
    return any(pattern.search(path.read_bytes()) for _, path in part.sources())


def wheel_part(wheel: Wheel, interpreter: Interpreter, *, real: bool) -> Part:
    """A wheel's files where an installation would put them (PEP 427, sysconfig's posix_prefix).

    ``real`` asks for its sources as files on disk, which a distribution also gets that reads its
    own files.
    """
    unpacked = unpack_wheel(wheel.path, wheel.sha256)
    places = {"lib": f"{interpreter.stdlib}/{SITE_PACKAGES}", "data": ".", "scripts": "bin"}
    entries = [
        entry
        for name, prefix in places.items()
        if (unpacked / name).is_dir()
        for entry in folder_entries(
            unpacked / name, prefix=prefix, origin=wheel.name, key=wheel.sha256
        )
    ]
    part = Part(wheel.name, wheel.sha256, tuple(entries))
    reason = "asked for" if real else _reason_for_real(part)
    if not reason:
        return part
    console.detail(f"{wheel.name}: sources are real files ({reason})")
    return dataclasses.replace(
        part,
        key=store.digest_of(part.key, "real"),
        entries=tuple(dataclasses.replace(e, real=e.kind is Kind.SOURCE) for e in part.entries),
    )


def _reason_for_real(part: Part) -> str | None:
    found: str | None = store.remember(
        "introspection",
        store.digest_of(part.key),
        lambda: reads_its_own_files([path for _, path in part.sources()]),
    )
    return found


def grafted(
    parts: Sequence[Part], built: frozenset[str], provided: Mapping[str, Path], target: Target
) -> list[Part]:
    """``parts`` with the libraries of this machine that those ``built`` here ask for.

    ``provided`` are the libraries the interpreter brings, by product path.
    """
    natives = {path: file for p in parts if p.origin in built for path, file in p.natives().items()}
    if not natives:
        return list(parts)
    done = graft(natives, provided=provided, library_dir="lib", target=target)
    for missing in done.missing:
        console.warning(f"{missing.library} is not on this machine; {missing.asker} asks for it")
    edited = [
        dataclasses.replace(
            part,
            key=store.digest_of(part.key, *(str(file) for file in done.edited.values())),
            entries=tuple(_edited(entry, done.edited) for entry in part.entries),
        )
        if part.origin in built
        else part
        for part in parts
    ]
    added = tuple(_library(path, file) for path, file in sorted(done.added.items()))
    key = store.digest_of(*(entry.sha256 for entry in added))
    return [*edited, Part(GRAFTED, key, added)] if added else edited


def _edited(entry: Entry, edited: Mapping[str, Path]) -> Entry:
    file = edited.get(entry.path)
    if file is None:
        return entry
    return dataclasses.replace(
        entry, source=file, size=file.stat().st_size, sha256=store.file_sha256(file)
    )


def _library(path: str, file: Path) -> Entry:
    return Entry(
        path=path,
        kind=Kind.NATIVE,
        mode=0o755,
        size=file.stat().st_size,
        sha256=store.file_sha256(file),
        source=file,
        origin=GRAFTED,
    )


def merged(parts: Iterable[Part]) -> tuple[Entry, ...]:
    """All entries, sorted by path; of two at one path the later part's wins, as pip installs.

    Different bytes at one path are worth a warning: one distribution overwrites another's file.
    """
    by_path: dict[str, Entry] = {}
    for part in parts:
        for entry in part.entries:
            other = by_path.get(entry.path)
            if other and other.sha256 != entry.sha256:
                console.warning(
                    f"{entry.origin} overwrites {entry.path} of {other.origin}, "
                    "as an installation of both would"
                )
            by_path[entry.path] = entry
    return tuple(by_path[path] for path in sorted(by_path))

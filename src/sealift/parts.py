"""One distribution, or the interpreter, as a part of an image: its entries, ready to ship."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from sealift import console, runtimes, store
from sealift.graft import Native, graft
from sealift.image import INTERPRETER, SITE_PACKAGES, Entry, Kind
from sealift.interpreter import Interpreter
from sealift.introspection import reads_its_own_files
from sealift.manifest import file_entry, folder_entries
from sealift.owners import library_components, owners_of
from sealift.sbom import Component, package_url
from sealift.stdlib import load_rules
from sealift.target import Target, current_target
from sealift.wheel import unpack_wheel
from sealift.wheelhouse import Wheel

GRAFTED = "graft"


@dataclass(frozen=True, slots=True)
class Part:
    """Entries of one origin; ``key`` identifies their content.

    ``components`` is what a bill of materials says of it; of the application itself nothing.
    """

    origin: str
    key: str
    entries: tuple[Entry, ...]
    components: tuple[Component, ...] = ()

    def sources(self) -> list[tuple[str, Path]]:
        """Path in the product and file here of every module's source."""
        return [(entry.path, entry.source) for entry in self.entries if entry.kind is Kind.SOURCE]

    def natives(self) -> dict[str, Path]:
        """Path in the product → file here of every native file."""
        return {entry.path: entry.source for entry in self.entries if entry.kind is Kind.NATIVE}


def interpreter_part(
    interpreter: Interpreter, others: Sequence[Part], *, everything: bool, real: bool
) -> Part:
    """The interpreter's files, without the groups whose modules nothing shipped imports.

    ``data/stdlib.toml`` lists the groups (Tk and its libraries, for one); ``everything`` keeps
    them all.  ``real`` asks for its sources as files on disk.
    """
    entries = folder_entries(interpreter.root, prefix=".", origin=INTERPRETER, key=interpreter.key)
    askers = {
        group: next((part.origin for part in others if imports(part, group.modules)), None)
        for group in load_rules().groups.values()
    }
    left_out = [group for group, asker in askers.items() if not everything and not asker]
    kept = tuple(e for e in entries if not any(group.holds(e.path) for group in left_out))
    for group, asker in askers.items():
        if asker and not any(group.holds(entry.path) for entry in kept):
            console.warning(
                f"{asker} imports {group.modules[0]}, which the interpreter of "
                f"{interpreter.provider} for {interpreter.target} does not have"
            )
    unasked = frozenset() if everything else _unasked(kept, others)
    kept = tuple(e for e in kept if e.path not in unasked)
    names = sorted(group.name for group in left_out)
    if len(kept) < len(entries):
        console.detail(f"left out of the standard library: {', '.join(names)}")
    key = store.digest_of(interpreter.key, *names, *sorted(unasked))
    part = Part(INTERPRETER, key, kept, tuple(_python_components(interpreter, kept)))
    return _with_real_sources(part) if real else part


def _unasked(kept: Sequence[Entry], others: Sequence[Part]) -> frozenset[str]:
    """Paths of libraries that only wheels may ask for, and none does."""
    asked = load_rules().asked
    return runtimes.unasked(
        {entry.path: entry.source for entry in kept if asked.fullmatch(entry.path)},
        [(part.key, part.natives()) for part in others],
    )


def _python_components(interpreter: Interpreter, kept: Sequence[Entry]) -> Iterator[Component]:
    yield Component(
        name="cpython",
        version=interpreter.version,
        kind="platform",
        purl=package_url("generic", "cpython", interpreter.version),
    )
    paths = {entry.path for entry in kept}
    yield from (library for library in interpreter.libraries if paths.issuperset(library.files))


def _with_real_sources(part: Part) -> Part:
    return replace(
        part,
        key=store.digest_of(part.key, "real"),
        entries=tuple(replace(e, real=e.kind is Kind.SOURCE) for e in part.entries),
    )


def imports(part: Part, modules: Sequence[str]) -> bool:
    """Whether a source of ``part`` imports one of ``modules``."""
    key = store.digest_of(part.key, *modules)
    return bool(store.remember("imports", key, lambda: _read_imports(part, modules)))


def _read_imports(part: Part, modules: Sequence[str]) -> bool:
    names = "|".join(map(re.escape, modules)).encode()
    pattern = re.compile(
        rb"^[ \t]*(?:import|from)[ \t]+(?:[\w.]+(?:[ \t]+as[ \t]+\w+)?[ \t]*,[ \t]*)*(?:%b)\b"
        rb"|(?:import_module|__import__)\(\s*[\"'](?:%b)\b" % (names, names),
        re.MULTILINE,
    )
    return any(pattern.search(path.read_bytes()) for _, path in part.sources())


def wheel_part(wheel: Wheel, interpreter: Interpreter, *, real: bool) -> Part:
    """A wheel's files where an installation would put them (PEP 427; sysconfig's schemes).

    ``real`` asks for its sources as files on disk, which a distribution also gets that reads its
    own files.
    """
    unpacked = unpack_wheel(wheel.path, wheel.sha256)
    places = {
        "lib": f"{interpreter.stdlib}/{SITE_PACKAGES}",
        "data": ".",
        "scripts": interpreter.scripts_folder,
    }
    entries = [
        entry
        for name, prefix in places.items()
        if (unpacked / name).is_dir()
        for entry in folder_entries(
            unpacked / name, prefix=prefix, origin=wheel.name, key=wheel.sha256
        )
    ]
    components = () if wheel.is_project else (distribution_component(wheel),)
    part = Part(wheel.name, wheel.sha256, tuple(entries), components)
    reason = "asked for" if real else _reason_for_real(part)
    if not reason:
        return part
    console.detail(f"{wheel.name}: sources are real files ({reason})")
    return _with_real_sources(part)


def distribution_component(wheel: Wheel, *, kind: str = "library") -> Component:
    """What a bill of materials says of a distribution.

    A wheel that was made here has no digest that others know, and a project built here may be in
    no index.
    """
    own = wheel.built and wheel.is_project
    return Component(
        name=wheel.name,
        version=wheel.version,
        kind=kind,
        purl=None if own else package_url("pypi", wheel.name, wheel.version),
        sha256=None if wheel.built or wheel.merged else wheel.sha256,
    )


def _reason_for_real(part: Part) -> str | None:
    found: str | None = store.remember(
        "introspection",
        store.digest_of(part.key),
        lambda: reads_its_own_files([path for _, path in part.sources()]),
    )
    return found


def grafted(
    parts: Sequence[Part], python: Part, built: frozenset[str], target: Target
) -> list[Part]:
    """``parts`` with the libraries of this machine that they ask for and no system promises.

    ``built`` names the origins made on this machine: their natives lose their symbols, which name
    folders of this machine.  A product for another machine gets none: ours would not run there.
    """
    natives = {
        path: Native(path=file, built=part.origin in built, strip=part.origin in built)
        for part in parts
        for path, file in part.natives().items()
    }
    if not natives or target.name != current_target().name:
        return list(parts)
    provided = {PurePosixPath(path).name: path for path in python.natives()}
    done = graft(natives, provided=provided, library_dir="lib", target=target)
    for missing in done.missing:
        console.warning(
            f"{missing.soname} is neither shipped nor on this machine; "
            f"{missing.askers[0]} asks for it"
        )
    edited = [_with_edits(part, done.edited) for part in parts]
    added = tuple(
        file_entry(path, file, kind=Kind.NATIVE, origin=GRAFTED)
        for path, file in sorted(done.added.items())
    )
    key = store.digest_of(*(entry.sha256 for entry in added))
    found = library_components(done.origins, done.added, owners_of(done.origins.values()))
    return [*edited, Part(GRAFTED, key, added, found)] if added else edited


def _with_edits(part: Part, edited: Mapping[str, Path]) -> Part:
    own = {entry.path: edited[entry.path] for entry in part.entries if entry.path in edited}
    if not own:
        return part
    entries = tuple(_edited(entry, own.get(entry.path)) for entry in part.entries)
    key = store.digest_of(part.key, *(entry.sha256 for entry in entries if entry.path in own))
    return replace(part, key=key, entries=entries)


def _edited(entry: Entry, file: Path | None) -> Entry:
    if file is None:
        return entry
    return replace(entry, source=file, size=file.stat().st_size, sha256=store.file_sha256(file))


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

"""Where dyld finds libraries, with folders that stand for a Mac's file system.

Two kinds of places are told apart: one in the wheel is relative to site-packages, one outside is
absolute.  Rules: dyld(1) and the comments on ``@rpath`` in Apple's "Run-Path Dependent Libraries".
"""

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sealift.binary.macho import MachoFacts, read_macho
from sealift.policy.macos import base_cpu

LOADER, PROGRAM, RPATH = "@loader_path", "@executable_path", "@rpath"


def expanded(entry: str, folder: str, *, is_program: bool) -> str | None:
    """The place that ``entry`` means to a file in ``folder``; ``None`` where no one can tell.

    >>> expanded("@loader_path/../lib", "demo/sub", is_program=False)
    'demo/lib'
    >>> expanded("@loader_path/../lib", "/opt/x/bin", is_program=False)
    '/opt/x/lib'
    >>> expanded("@loader_path/../..", "demo", is_program=False) is None
    True
    """
    start, _, rest = entry.partition("/")
    if entry.startswith("/"):
        return posixpath.normpath(entry)
    if start != LOADER and not (start == PROGRAM and is_program):
        return None
    place = posixpath.normpath(posixpath.join(folder, rest))
    return None if place.split("/")[0] == ".." else place


def relative(target: str, folder: str) -> str:
    """The install name by which a file in ``folder`` asks for the wheel's ``target``.

    >>> relative("demo/.dylibs/liba.dylib", "demo/sub")
    '@loader_path/../.dylibs/liba.dylib'
    """
    return f"{LOADER}/{posixpath.relpath(target, folder or '.')}"


@dataclass(frozen=True, slots=True)
class Library:
    """A library outside of the wheel: where it was found, and its slices by CPU."""

    path: Path
    slices: tuple[MachoFacts, ...]

    def lacks(self, cpus: Iterable[str]) -> set[str]:
        """Those of ``cpus`` for which it has no code."""
        own = {facts.cpu for facts in self.slices}
        return {cpu for cpu in cpus if own.isdisjoint({cpu, base_cpu(cpu)})}


@dataclass(slots=True)
class Shelf:
    """Where libraries are looked for: ``folders`` first, then the paths that files name.

    Each of ``folders`` may hold libraries themselves or be a copy of any part of a Mac's tree: all
    ends of a path are tried below it, the longest first.
    """

    folders: Sequence[Path]
    _known: dict[Path, Library | None] = field(default_factory=dict)

    def find(self, places: Sequence[str], name: str) -> Iterator[Library]:
        """Libraries that ``name`` may mean where dyld would try ``places``, the best first.

        Raises :class:`~sealift.errors.BinaryFormatError` for one that is damaged.
        """
        seen: set[Path] = set()
        for path in self._candidates(places, name):
            library = self._read(path)
            if library and library.path not in seen:
                seen.add(library.path)
                yield library

    def _candidates(self, places: Sequence[str], name: str) -> Iterator[Path]:
        outside = [Path(place) for place in places if place.startswith("/")]
        below = [p for p in outside if any(p.is_relative_to(f.absolute()) for f in self.folders)]
        yield from below
        for folder in self.folders:
            for place in dict.fromkeys((*places, name)):
                parts = [part for part in place.split("/") if part not in {"", ".", ".."}]
                if place.startswith("@"):
                    parts = parts[1:]
                yield from (folder.joinpath(*parts[index:]) for index in range(len(parts)))
        yield from outside

    def _read(self, path: Path) -> Library | None:
        if path not in self._known:
            self._known[path] = _library(path)
        return self._known[path]


def _library(path: Path) -> Library | None:
    """The library for macOS at ``path``, if there is one."""
    try:
        slices = read_macho(path) or ()
        real = path.resolve()
    except (OSError, RuntimeError):  # there is none, or a ring of links
        return None
    fit = (facts for facts in slices if facts.kind == "dylib" and _is_for_macos(facts))
    found = tuple(fit)
    return Library(real, found) if found else None


def _is_for_macos(facts: MachoFacts) -> bool:
    return not facts.builds or any(build.platform == "macos" for build in facts.builds)

"""Where a file tells the loader to look: paths that leak, lead out or lead nowhere."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealift.audit.finding import Finding
from sealift.audit.inventory import Inventory
from sealift.audit.natives import Native
from sealift.audit.platform.roots import is_rooted
from sealift.audit.subject import Kind
from sealift.audit.verdict import Verdict
from sealift.binary.elf import ElfFacts

if TYPE_CHECKING:
    from sealift.binary.macho import MachoFacts

_ORIGIN = re.compile(r"^(?:\$ORIGIN|\$\{ORIGIN\})(?=/|$)")
_TOKEN = re.compile(r"\$(?:LIB|PLATFORM|\{LIB\}|\{PLATFORM\})")
_MACOS_SYSTEM = ("/usr/lib/", "/System/Library/")
_BUNDLED = ("@loader_path", "@executable_path", "@rpath")
_PYTHON = re.compile(r"/Python\.framework/|/libpython3")


def search_paths(inventory: Inventory, _: Verdict) -> Iterator[Finding]:
    """What is wrong with rpaths and install names."""
    place = _Place(inventory, _folders(inventory.members), is_rooted(inventory))
    told: set[tuple[str, str]] = set()  # the slices of a fat file say the same
    for native in inventory.natives:
        for finding in _of(place, native):
            if (native.path, finding.message) not in told:
                told.add((native.path, finding.message))
                yield finding


def _of(place: "_Place", native: Native) -> Iterator[Finding]:
    if native.facts.format == "elf":
        yield from _elf(place, native, native.facts)
    elif native.facts.format == "macho":
        yield from _macho(place, native, native.facts)


def _folders(members: tuple[str, ...]) -> frozenset[str]:
    found = {""}
    for path in members:
        folder = posixpath.dirname(path)
        while folder not in found:
            found.add(folder)
            folder = posixpath.dirname(folder)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class _Place:
    """A subject and the folders in it."""

    inventory: Inventory
    folders: frozenset[str]
    is_rooted: bool

    def relative(self, native: Native, what: str, rest: str) -> Iterator[Finding]:
        """What is wrong with a search path that is the folder of ``native`` and ``rest``."""
        if self.inventory.kind is Kind.FILE or _TOKEN.search(rest):
            return
        folder = posixpath.dirname(native.path)
        place = posixpath.normpath(posixpath.join(folder, rest.lstrip("/")))
        place = "" if place == "." else place
        if place.split("/")[0] == "..":
            message = f"its {what} leads out of {self.inventory.name}"
            yield _finding("search-path-leads-out", message, native)
        elif place not in self.folders:
            message = f"its {what} leads to {place}, which is not there"
            yield _finding("search-path-leads-nowhere", message, native)


def _elf(place: _Place, native: Native, facts: ElfFacts) -> Iterator[Finding]:
    for kind, entries in (("RPATH", facts.rpath), ("RUNPATH", facts.runpath)):
        for entry in entries:
            if origin := _ORIGIN.match(entry):
                yield from place.relative(native, f"{kind} {entry}", entry[origin.end() :])
            elif entry.startswith("/"):
                if not place.is_rooted:  # in a system an absolute path is right
                    yield _finding("search-path-leaks", f"its {kind} names {entry}", native)
            elif not _TOKEN.match(entry):
                message = f"its {kind} {entry!r} depends on the working directory"
                yield _finding("search-path-unsafe", message, native)


def _macho(place: _Place, native: Native, facts: "MachoFacts") -> Iterator[Finding]:
    for entry in facts.rpaths:
        if entry.startswith("@loader_path"):
            rest = entry.removeprefix("@loader_path")
            yield from place.relative(native, f"rpath {entry}", rest)
        elif entry.startswith("/") and not entry.startswith(_MACOS_SYSTEM):
            yield _finding("search-path-leaks", f"its rpath names {entry}", native)
    for dependency in facts.dependencies:
        name = dependency.name
        by_path = not name.startswith((*_MACOS_SYSTEM, *_BUNDLED))
        if name.startswith("@rpath/") and not facts.rpaths and facts.kind != "dylib":
            message = f"it asks for {name} and has no rpath"
            yield _finding("rpath-missing", message, native, library=name)
        elif by_path and not dependency.is_weak and not _PYTHON.search(name):
            message = f"it asks for {name} by a path of the machine it was built on"
            yield _finding("library-by-path", message, native, library=name)


def _finding(rule: str, message: str, native: Native, **details: object) -> Finding:
    return Finding(rule=rule, message=message, file=native.path, details=details)

"""Libraries that are loaded by name while the program runs, which no list of needs shows."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sealift.audit.finding import Finding
from sealift.audit.inventory import Inventory
from sealift.audit.natives import Native
from sealift.audit.verdict import Verdict

_HASHED = re.compile(r"^(?P<stem>.+?)-[0-9a-f]{8,}(?P<rest>(?:[.-].*)?)$")
_SUFFIX = re.compile(r"(?:\.so(?:\.\d+)*|(?:\.\d+)*\.dylib|\.dll)$", re.IGNORECASE)
# Always there where Python is: naming them surprises nobody.
_EVERYWHERE = {
    "c", "libc", "m", "libm", "dl", "pthread", "rt", "kernel32", "user32", "ntdll", "advapi32",
    "shell32", "ole32", "oleaut32", "gdi32", "ws2_32", "msvcrt", "ucrtbase", "psapi", "shlwapi",
    "crypt32", "comctl32", "comdlg32", "setupapi", "winmm", "version", "netapi32", "userenv",
    "system", "objc", "libsystem", "libobjc", "libpthread", "libdl", "librt", "iphlpapi",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Libraries:
    """The files of a subject by name, and the grafted ones by the name they had before."""

    own: frozenset[str]
    grafted: Mapping[str, str]

    def judge(self, what: str, finding: Finding, name: str) -> Finding:
        """``finding`` with its rule and message: ``what`` is asked for, and whether it is here."""
        renamed = self.grafted.get(stem_of(name))
        if renamed and name not in self.own:
            message = f"{what}, which is here as {renamed}"
            return replace(finding, rule="loads-renamed-library", message=message)
        where = "which is here" if name in self.own else "from outside"
        return replace(finding, message=f"{what}, {where}")


def loads(inventory: Inventory, _: Verdict) -> Iterator[Finding]:
    """What Python sources and native files may load by name."""
    own = frozenset(posixpath.basename(path) for path in inventory.members)
    libraries = _Libraries(own, _grafted(inventory.members))
    for load in inventory.loads:
        name = posixpath.basename(load.name.replace("\\", "/"))
        if not _is_everywhere(name) and "://" not in load.name:
            details = {"line": load.line, "call": load.call, "library": load.name}
            finding = Finding(rule="loads-library", message="", file=load.file, details=details)
            yield libraries.judge(f"line {load.line} loads {load.name!r}", finding, name)
    for native in {native.path: native for native in inventory.natives}.values():
        for path in unlinked(native):
            name = posixpath.basename(path)
            if not _is_everywhere(name):
                details = {"library": path}
                finding = Finding(
                    rule="loads-library", message="", file=native.path, details=details
                )
                yield libraries.judge(f"it may load {path}", finding, name)


def _is_everywhere(name: str) -> bool:
    return stem_of(name).lower() in _EVERYWHERE


def unlinked(native: Native) -> Iterator[str]:
    """Names in a file that are not there because it is linked to them."""
    facts = native.facts
    names = list(native.loads)
    if facts.format == "elf":
        linked = {*facts.needed, *facts.verneed, facts.soname or native.name, native.name}
        names += facts.notes.opens
    elif facts.format == "macho":
        linked = {*(it.name for it in facts.dependencies), facts.install_name or "", native.name}
    else:
        return
    stems = {stem_of(posixpath.basename(name)) for name in linked}
    for name in dict.fromkeys(names):
        if stem_of(posixpath.basename(name)) not in stems:
            yield name


def stem_of(name: str) -> str:
    """A library's name without what versions, hashes and systems add.

    >>> stem_of("libz-0a1b2c3d.so.1.2.11"), stem_of("libz.so.1")
    ('libz', 'libz')
    """
    name = _SUFFIX.sub("", name)
    while match := _HASHED.match(name):
        name = match["stem"]
    return name


def _grafted(members: tuple[str, ...]) -> Mapping[str, str]:
    """Libraries that have a hash in their name, by the name without it."""
    names = (posixpath.basename(path) for path in members if "-" in path)
    return {stem_of(name): name for name in names if _HASHED.match(_SUFFIX.sub("", name))}

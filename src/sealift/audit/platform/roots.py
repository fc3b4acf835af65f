"""Subjects that are the root of a Linux system, or a part of one: their paths are absolute ones."""

import re
from collections.abc import Sequence

from sealift.audit.inventory import Inventory
from sealift.audit.natives import Native
from sealift.audit.subject import Kind
from sealift.binary.elf import ElfFacts

_ROOTED = {Kind.DEB, Kind.RPM, Kind.IMAGE}
_PERHAPS_ROOTED = {Kind.ARCHIVE, Kind.FOLDER}
# Programs name their loader by such a path, so that it lies there in every system (gABI, psABIs).
_LOADER = re.compile(
    r"(?:usr/)?lib(?:32|64|x32)?/(?:[^/]+/)?(?:ld-linux[^/]*\.so|ld-2[^/]*\.so|ld64\.so|ld-musl-|ld\.so\.1)"
)
_MUSL = re.compile(r"(?:libc\.musl-|ld-musl-)\w+\.so\.1")


def is_rooted(inventory: Inventory) -> bool:
    """Whether the paths in ``inventory`` are those of a system: a package, an image, a rootfs."""
    return inventory.kind in _ROOTED or (
        inventory.kind in _PERHAPS_ROOTED and any(map(_LOADER.match, inventory.members))
    )


def own_libc(inventory: Inventory, natives: Sequence[Native], libc: str) -> str | None:
    """The C library "gnu" or "musl" that ``natives`` of a system bring, as in ``glibc 2.36``.

    musl tells no version.
    """
    if not is_rooted(inventory):
        return None
    for native in natives:
        facts = native.facts
        assert isinstance(facts, ElfFacts)
        if libc == "gnu" and facts.soname == "libc.so.6":
            versions = (re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", it) for it in facts.verdef)
            newest = max(((int(it[1]), int(it[2])) for it in versions if it), default=None)
            return f"glibc {newest[0]}.{newest[1]}" if newest else "glibc"
        if libc == "musl" and (_MUSL.fullmatch(native.name) or _MUSL.fullmatch(facts.soname or "")):
            return "musl"
    return None

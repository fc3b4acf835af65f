"""What files are called and where they lie once a wheel is repaired, and who is surprised by it."""

import posixpath
import re
from collections.abc import Iterator, Sequence

from sealift.audit.inventory import Inventory, Load
from sealift.audit.rules.loads import unlinked
from sealift.binary.pe_tables import with_suffix
from sealift.repair.plan import Graft

_DIGITS = 8
_SUFFIX = re.compile(r"(?:\.so(?![a-z]).*|(?:\.\d+)*\.dylib|\.(?:dll|pyd|drv|ocx))$", re.IGNORECASE)
_VERSION = re.compile(r"(?<=\.so)(?:\.\d+)+$|(?:\.\d+)+(?=\.dylib$)")
# Of the schemes of a wheel's data folder, those that end in site-packages, and all.
_DATA = re.compile(r"[^/]+\.data/(?:platlib|purelib)/")
_ELSEWHERE = re.compile(r"[^/]+\.data/(?!platlib/|purelib/)")


def hashed(name: str, digest: str) -> str:
    """The name of a graft.

    >>> hashed("libpq.so.5", "0123456789abcdef"), hashed("libpq.5.dylib", "0123456789abcdef")
    ('libpq-01234567.so.5', 'libpq-01234567.5.dylib')
    """
    suffix = _SUFFIX.search(name)
    end = suffix.start() if suffix else len(name)
    return f"{name[:end]}-{digest[:_DIGITS]}{name[end:]}"


def installed(path: str) -> str:
    """Where the file at ``path`` of a wheel lies in site-packages.

    >>> installed("demo-1.0.data/platlib/demo/_x.so")
    'demo/_x.so'
    """
    return _DATA.sub("", path)


def is_elsewhere(path: str) -> bool:
    """Whether the file at ``path`` of a wheel is installed outside of site-packages."""
    return bool(_ELSEWHERE.match(path))


def is_script(path: str) -> bool:
    """Whether the file at ``path`` of a wheel goes where users' commands are."""
    return "/scripts/" in path and is_elsewhere(path)


def distance(folder: str, own: str) -> int:
    """How many steps it is from one folder of a wheel to another."""
    return len(posixpath.relpath(folder or ".", own or ".").split("/"))


def loads_of_renamed(inventory: Inventory, grafts: Sequence[Graft]) -> Iterator[str]:
    """What loads a graft by the name that it had, told in words."""
    for load in inventory.loads:
        for graft in grafts:
            if _is_meant(graft, load):
                yield (
                    f"{load.file}:{load.line} loads {load.name} by name; the copy in the wheel is "
                    f"{graft.path}, so it finds only the system's"
                )
    names = ((native.path, name) for native in inventory.natives for name in unlinked(native))
    for path, name in dict.fromkeys(names):
        for graft in grafts:
            if posixpath.basename(name) in _names_of(graft):
                yield (
                    f"{path} may load {name} by name; the copy in the wheel is "
                    f"{graft.path}, so it would find only the system's"
                )


def _is_meant(graft: Graft, load: Load) -> bool:
    """Whether ``load`` would have found the library that ``graft`` is a copy of."""
    name = posixpath.basename(load.name.replace("\\", "/"))
    if load.call == "find_library":
        return posixpath.basename(graft.asked).partition(".")[0] in {name, f"lib{name}"}
    if graft.asked.lower().endswith(".dll"):
        return with_suffix(name).lower() == graft.asked.lower()
    return name in _names_of(graft)


def _names_of(graft: Graft) -> set[str]:
    """Its name, and the one without a version, by which a link to it is called."""
    return {graft.asked, _VERSION.sub("", graft.asked)}

"""Who needs whom: for each native file, the files of the subject and the libraries it loads."""

import posixpath
from collections.abc import Iterator, Mapping

from sealift.audit.inventory import Inventory
from sealift.audit.natives import Native

_OWN_PLACE = ("@rpath/", "@loader_path/", "@executable_path/")

Needs = Mapping[str, tuple[str, ...]]


def needs_of(inventory: Inventory) -> Needs:
    """By path of each native file, what it needs: paths of the subject, else names of libraries."""
    places = _places(inventory.natives)
    found: dict[str, dict[str, None]] = {}
    for native in inventory.natives:
        needed = found.setdefault(native.path, {})
        for name in _names(native):
            needed[_resolved(name, native, places)] = None
        needed.pop(native.path, None)
    return {path: tuple(needed) for path, needed in found.items()}


def roots_of(needs: Needs) -> tuple[str, ...]:
    """The files that no other needs, then those that only need one another."""
    asked = {name for path, needed in needs.items() for name in needed if name != path}
    roots = [path for path in needs if path not in asked]
    reached: set[str] = set()
    pending = list(roots)
    for path in needs:
        while pending:
            at = pending.pop()
            if at not in reached:
                reached.add(at)
                pending += needs.get(at, ())
        if path not in reached:
            roots.append(path)
            pending.append(path)
    return tuple(roots)


def _names(native: Native) -> Iterator[str]:
    if native.facts.format == "macho":
        yield from (it.name for it in native.facts.dependencies)
    else:
        yield from native.facts.needed


def _places(natives: tuple[Native, ...]) -> dict[str, list[str]]:
    """Paths by every name a file may be asked for."""
    places: dict[str, list[str]] = {}
    for native in natives:
        names = {native.name.lower() if native.facts.format == "pe" else native.name}
        if native.facts.format == "elf" and native.facts.soname:
            names.add(native.facts.soname)
        for name in names:
            paths = places.setdefault(name, [])
            if native.path not in paths:
                paths.append(native.path)
    return places


def _resolved(name: str, native: Native, places: Mapping[str, list[str]]) -> str:
    is_own = native.facts.format != "macho" or name.startswith(_OWN_PLACE)
    asked = name.lower() if native.facts.format == "pe" else posixpath.basename(name)
    paths = places.get(asked, ()) if is_own else ()
    folder = posixpath.dirname(native.path)
    near = (path for path in paths if posixpath.dirname(path) == folder)
    return next(near, next(iter(paths), name))

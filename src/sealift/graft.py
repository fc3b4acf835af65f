"""Shared libraries a tree of native files needs beyond the system's: found, copied, made findable.

The closure is taken as the loader of this machine would, or that of another system's root
(:mod:`sealift.libraries`); what the
policy leaves to the system stays out.  Copies are stripped, named as they are asked for, and lie
in one folder of the product; files that ask for them get a search path relative to themselves.
Files that need no edit keep their bytes.
"""

import posixpath
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from sealift import store
from sealift.binary.elf import ElfFacts, read_elf
from sealift.binary.elf_edit import ElfEdit, edit
from sealift.libraries import find_library, search_paths
from sealift.policy import load_policy
from sealift.target import Target

_EDIT_VERSION = "2"  # changes when the same edit gives other bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """A file of the tree, on disk at ``path``.

    ``built`` is true where it was made on this machine; false for a file of a wheel from an index,
    whose platform tag says what it may ask of the system.  ``strip`` asks for the symbols to go.
    """

    path: Path
    built: bool = True
    strip: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """A library nobody has: ``soname``, and the product paths of the files that ask for it."""

    soname: str
    askers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grafted:
    """What came of it; files lie in the content store.

    ``edited`` maps product paths of the tree to the files that replace them; ``added`` maps
    product paths of grafted libraries to their files; ``origins`` maps those paths to where they
    were found here, for an inventory.
    """

    edited: Mapping[str, Path]
    added: Mapping[str, Path]
    origins: Mapping[str, Path]
    missing: tuple[Missing, ...]


@dataclass(slots=True)
class _Asker:
    """A file whose needs are looked at, and the edits that come of it.

    ``rpaths`` are what its loaders pass on (DT_RPATH); ``folders`` of the product it must search.
    """

    product_path: str
    native: Native
    facts: ElfFacts
    is_found: bool = False
    rpaths: tuple[Path, ...] = ()
    folders: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.product_path)

    def own_entries(self) -> list[str]:
        """Entries of its search path that stay true in the product."""
        entries = self.facts.runpath or self.facts.rpath
        if self.is_found:
            return []
        if not self.native.built:
            return list(entries)
        return [entry for entry in entries if _inside_product(entry, self.folder) is not None]

    def rpath(self) -> tuple[str, ...]:
        """The search path it gets."""
        added = (_origin_entry(folder, self.folder) for folder in self.folders)
        return tuple(dict.fromkeys((*self.own_entries(), *added)))

    @property
    def is_edited(self) -> bool:
        """Whether its search path or what it asks for changes."""
        before = self.facts.runpath or self.facts.rpath
        return bool(self.renamed) or self.rpath() != tuple(dict.fromkeys(before))


def graft(
    natives: Mapping[str, Native],
    *,
    provided: Mapping[str, str],
    library_dir: str,
    target: Target,
    root: Path | None = None,
) -> Grafted:
    """Complete the tree ``natives``, which maps product paths to files.

    ``provided`` maps sonames that are in the product already (the interpreter's libraries) to
    product paths; others go to folder ``library_dir`` of the product.  Files of another CPU than
    ``target`` are data to it.  Libraries are looked for in the system at ``root``, or on this
    machine.  Raises :class:`~sealift.errors.BinaryFormatError` for a damaged file.
    """
    work = _Closure(natives, provided, library_dir, target, root=root)
    work.take()
    found = {asker.product_path: asker for asker in work.askers if asker.is_found}
    return Grafted(
        edited={
            asker.product_path: _finished(asker)
            for asker in work.askers
            if not asker.is_found and (asker.is_edited or asker.native.strip)
        },
        added={path: _finished(found[path]) for path in sorted(found)},
        origins={path: found[path].native.path for path in sorted(found)},
        missing=tuple(Missing(name, tuple(who)) for name, who in sorted(work.missing.items())),
    )


class _Closure:
    """The files of a tree and of what it asks for, followed until nothing new comes up."""

    def __init__(
        self,
        natives: Mapping[str, Native],
        provided: Mapping[str, str],
        library_dir: str,
        target: Target,
        *,
        root: Path | None,
    ) -> None:
        self._policy = load_policy(target)
        self._root = root
        self._library_dir = library_dir
        self.askers: list[_Asker] = []
        self._places: dict[str, list[str]] = defaultdict(list)
        self.missing: dict[str, list[str]] = defaultdict(list)
        for name, path in provided.items():
            self._places[name].append(path)
        for path, native in sorted(natives.items()):
            facts = read_elf(native.path)
            if facts and facts.kind in {"EXEC", "DYN"} and facts.runs_on(target.arch):
                self.askers.append(_Asker(path, native, facts))
                for name in {posixpath.basename(path), facts.soname or ""} - {""}:
                    self._places[name].append(path)

    def take(self) -> None:
        """Settle every need; ``askers`` grows by what is found for the ones before."""
        for asker in self.askers:
            for needed in asker.facts.needed:
                self._settle(asker, needed)

    def _settle(self, asker: _Asker, needed: str) -> None:
        name = posixpath.basename(needed)
        if self._policy.is_system(name, built=asker.native.built):
            return
        if needed != name:  # a path of this machine
            asker.renamed[needed] = name
        if name not in self._places and not self._find(asker, needed, name):
            self.missing[name].append(asker.product_path)
            return
        self._point(asker, name)

    def _find(self, asker: _Asker, needed: str, name: str) -> bool:
        own = search_paths(asker.facts, asker.native.path.parent, root=self._root)
        rpaths = (*own, *asker.rpaths)
        path = find_library(
            needed, asker=asker.facts, rpaths=rpaths, search=self._policy.search, root=self._root
        )
        facts = read_elf(path) if path else None
        if not path or not facts:
            return False
        product_path = posixpath.join(self._library_dir, name)
        # A DT_RUNPATH counts for its own file alone, a DT_RPATH also for what that one loads.
        passed_on = asker.rpaths if asker.facts.runpath else rpaths
        native = Native(path=path.resolve(), strip=True)
        self.askers.append(_Asker(product_path, native, facts, is_found=True, rpaths=passed_on))
        self._places[name].append(product_path)
        return True

    def _point(self, asker: _Asker, name: str) -> None:
        """Let ``asker`` search a folder that holds ``name``, unless it does or need not."""
        places = self._places[name]
        if name.startswith("libpython"):  # in the process before anything else
            return
        if not asker.native.built and any(self._is_shipped(place) for place in places):
            # Wheels find what they and their kin bring in their own ways, such as loading it first.
            return
        searched = {_inside_product(entry, asker.folder) for entry in asker.own_entries()}
        folders = [posixpath.dirname(place) for place in places]
        if searched.isdisjoint(folders) and not set(asker.folders) & set(folders):
            asker.folders.append(min(folders, key=lambda folder: _distance(folder, asker.folder)))

    def _is_shipped(self, place: str) -> bool:
        return posixpath.dirname(place) != self._library_dir


def _inside_product(entry: str, folder: str) -> str | None:
    """The product folder a search path entry means to a file in ``folder``, if it means one.

    >>> _inside_product("$ORIGIN/../x.libs", "site-packages/x")
    'site-packages/x.libs'
    >>> _inside_product("/opt/lib", "site-packages/x") is None
    True
    """
    head, _, rest = entry.replace("${ORIGIN}", "$ORIGIN").partition("/")
    place = posixpath.normpath(posixpath.join(folder, rest))
    return None if head != "$ORIGIN" or "$" in rest or place.startswith("..") else place


def _origin_entry(folder: str, own: str) -> str:
    relative = posixpath.relpath(folder or ".", own or ".")
    return "$ORIGIN" if relative == "." else f"$ORIGIN/{relative}"


def _distance(folder: str, own: str) -> tuple[int, str]:
    return len(PurePosixPath(posixpath.relpath(folder or ".", own or ".")).parts), folder


def _finished(asker: _Asker) -> Path:
    """The file with its edits, from the content store or made now."""
    key = store.digest_of(
        _EDIT_VERSION,
        store.file_sha256(asker.native.path),
        "strip" if asker.native.strip else "keep",
        *(asker.rpath() if asker.is_edited else ("unchanged",)),
        *(part for pair in sorted(asker.renamed.items()) for part in pair),
    )
    return store.make_entry("natives", key, lambda out: _edit(asker, out))


def _edit(asker: _Asker, out: Path) -> None:
    change = ElfEdit(strips=asker.native.strip)
    if asker.is_edited:
        change = replace(change, rpath=asker.rpath(), is_inherited=True, renamed=asker.renamed)
    edit(asker.native.path, out, change)

"""The native files of a macOS wheel, and what dyld finds for them as they are."""

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from sealift.audit.inventory import Inventory
from sealift.audit.natives import Native
from sealift.audit.platform.loading import Loaded, load
from sealift.audit.platform.macos import DyldLoader, judged_cpus
from sealift.audit.tags import Platform, parse_platform
from sealift.binary.macho import MachoFacts
from sealift.policy.macos import base_cpu, load_apple
from sealift.repair.dyld import RPATH, expanded
from sealift.repair.names import installed, is_elsewhere
from sealift.repair.plan import Graft

_KINDS = {"execute", "dylib", "bundle"}


def claimed_platforms(tags: Iterable[str]) -> list[Platform]:
    """Those of ``tags`` that are of macOS."""
    found = map(parse_platform, tags)
    return [platform for platform in found if platform and platform.system == "macos"]


@dataclass(slots=True)
class Asker:
    """A file whose needs are met: of the wheel, or one that comes into it as ``graft``.

    ``folder`` is what ``@loader_path`` means to it, and ``places`` its run path and those of its
    loaders, all as :mod:`~sealift.repair.dyld` has them.  ``settled`` are names that dyld answers
    as they are; ``own`` maps others to the file of the wheel that would.
    """

    path: str
    slices: tuple[MachoFacts, ...]
    folder: str
    places: tuple[str, ...] = ()
    graft: Graft | None = None
    settled: set[str] = field(default_factory=set)
    own: dict[str, str] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)

    @property
    def is_program(self) -> bool:
        return self.slices[0].is_program

    @property
    def place(self) -> str:
        """Where it is installed, below site-packages."""
        return installed(self.path)

    @property
    def names(self) -> tuple[str, ...]:
        """The libraries it asks for in any slice."""
        return tuple(dict.fromkeys(d.name for facts in self.slices for d in facts.dependencies))

    @property
    def rpaths(self) -> tuple[str, ...]:
        return tuple(entry for facts in self.slices for entry in facts.rpaths)

    def cpus(self, name: str) -> set[str]:
        """The CPUs of the slices that ask for ``name``."""
        asks = (f for f in self.slices if any(d.name == name for d in f.dependencies))
        return {base_cpu(facts.cpu) for facts in asks}

    def can_do_without(self, name: str) -> bool:
        """Whether no slice needs ``name`` to be loaded."""
        return all(d.is_weak for f in self.slices for d in f.dependencies if d.name == name)

    def run_path(self) -> tuple[str, ...]:
        """The places that its own run paths mean."""
        means = (expanded(it, self.folder, is_program=self.is_program) for it in self.rpaths)
        return tuple(place for place in means if place is not None)

    def tried(self, name: str) -> tuple[str, ...]:
        """The places where dyld would look for ``name``."""
        if name.startswith(f"{RPATH}/"):
            rest = name.removeprefix(f"{RPATH}/")
            found = (posixpath.normpath(posixpath.join(place, rest)) for place in self.places)
            return tuple(dict.fromkeys(found))
        place = expanded(name, self.folder, is_program=self.is_program)
        return () if place is None else (place,)


def askers_of(inventory: Inventory) -> list[Asker]:
    """The files of a wheel that are loaded or started, with their slices for its CPUs."""
    natives = _counted(inventory)
    slices: dict[str, list[MachoFacts]] = defaultdict(list)
    by_cpu: dict[str, list[Native]] = defaultdict(list)
    for native, facts in natives:
        slices[native.path].append(facts)
        by_cpu[base_cpu(facts.cpu)].append(replace(native, path=installed(native.path)))
    askers = {
        installed(path): Asker(path, tuple(found), posixpath.dirname(installed(path)))
        for path, found in slices.items()
    }
    loaded: dict[str, list[Loaded]] = defaultdict(list)
    for of_cpu in by_cpu.values():
        for it in load(of_cpu, DyldLoader(of_cpu)):
            loaded[it.native.path].append(it)
    for place, found_here in loaded.items():
        _settle(askers[place], found_here, askers)
    return list(askers.values())


def _counted(inventory: Inventory) -> list[tuple[Native, MachoFacts]]:
    """Slices that are loaded or started, for the CPUs that the wheel is judged for."""
    natives = [native for native in inventory.natives if isinstance(native.facts, MachoFacts)]
    claimed = inventory.wheel.platforms if inventory.wheel else ()
    cpus = judged_cpus(natives, claimed, load_apple("macos"))
    return [
        (native, native.facts)
        for native in natives
        if isinstance(native.facts, MachoFacts)
        and native.facts.kind in _KINDS
        and native.facts.platform in {None, "macos"}
        and base_cpu(native.facts.cpu) in cpus
    ]


def _settle(asker: Asker, loaded: Sequence[Loaded], askers: dict[str, Asker]) -> None:
    """Note what dyld finds for ``asker``, in all of its slices and however it is loaded."""
    loaders = [place for it in loaded for place in reversed(it.chain)]
    paths = (askers[place].run_path() for place in loaders)
    asker.places = tuple(dict.fromkeys((*asker.run_path(), *(p for path in paths for p in path))))
    if is_elsewhere(asker.path):
        return  # what lies around it in the wheel does not when it is installed
    for name in asker.names:
        asks = [it for it in loaded if name in it.found or name in it.missing]
        found = {it.found[name].path for it in asks if name in it.found}
        # A name without a start is looked for in the working directory.
        if (
            name.startswith("@")
            and all(name in it.found for it in asks)
            and not any(name in it.missing for it in asks)
        ):
            asker.settled.add(name)
        elif len(found) == 1:
            asker.own[name] = found.pop()

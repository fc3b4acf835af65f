"""What a Linux wheel needs to run where the libraries of this machine are not.

Libraries are looked for as the loader of this machine would (:mod:`sealift.libraries`), and taken
in unless a platform tag promises them.  A graft is called by a digest of its content and of what
it loads, in its file name, its DT_SONAME and wherever it is asked for, so that another wheel's copy
of another version never stands in for it.
"""

import functools
import posixpath
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sealift import store
from sealift.audit.inventory import Inventory
from sealift.audit.platform.linux import Machine, machine_of
from sealift.audit.tags import parse_platform, same_cpu
from sealift.audit.verdict import Verdict
from sealift.binary.elf import ElfFacts, read_elf
from sealift.binary.elf_edit import ElfEdit, edit
from sealift.errors import ConfigError, RefusedError
from sealift.libraries import find_library, search_paths
from sealift.policy.ladder import Ladder, load_ladder
from sealift.policy.system import load_system
from sealift.repair.names import distance, hashed, installed, is_elsewhere, loads_of_renamed
from sealift.repair.plan import Edit, Graft, Missing, Options, Tree, Work


def plan(tree: Tree, options: Options) -> Work:
    """The closure of libraries outside the policies, and the edits that make it be found.

    Raises :class:`RefusedError` where tag and files are not for one machine.
    """
    machine = machine_of(tree.inventory)
    if machine is None:
        return Work()
    _refuse_others(tree.inventory, machine)
    closure = _Closure(tree, options, machine)
    closure.take()
    closure.name_grafts()
    return Work(
        edits=dict(closure.edits()),
        grafts=closure.taken(),
        missing=tuple(closure.absent()),
        left=frozenset(closure.left),
        notes=tuple(closure.notes()),
    )


def _refuse_others(inventory: Inventory, machine: Machine) -> None:
    claimed = inventory.wheel.platforms if inventory.wheel else ()
    arches = sorted({tag.arch for tag in map(parse_platform, claimed) if tag})
    if not set(arches) - {machine.arch}:
        return
    msg = f"cannot repair {inventory.name}: its tag is for {', '.join(arches)}, "
    if all(same_cpu(arch, machine.arch) for arch in arches):  # files do not tell armv6l
        raise RefusedError(
            f"{msg}for which there are no policies", hint=f"the oldest is {machine.arch}"
        )
    raise RefusedError(
        f"{msg}its files are for {machine.arch}",
        hint="build a wheel for each CPU, with the name of that CPU in its tag",
    )


def platforms(verdict: Verdict) -> Sequence[str]:
    """The tag of ``verdict`` with its old name; none where no policy fits."""
    ladder = _ladder(verdict.best)
    rung = ladder.rung_of(verdict.best) if ladder and verdict.best else None
    if ladder is None or rung is None:
        return ()
    policy = ladder.policies[rung]
    return (policy.tag, *policy.aliases)


def reaches(verdict: Verdict, floor: str) -> bool:
    """Whether the tag of ``verdict`` is ``floor`` or older."""
    ladder = _ladder(floor)
    wanted = ladder.rung_of(floor) if ladder else None
    if ladder is None or wanted is None:
        msg = f"cannot repair for {floor!r}: no policy has that name"
        raise ConfigError(msg, hint="tags are such as manylinux_2_28_x86_64, musllinux_1_2_aarch64")
    best = ladder.rung_of(verdict.best or "")
    return best is not None and best <= wanted


def _ladder(tag: str | None) -> Ladder | None:
    found = parse_platform(tag or "")
    libc = {"manylinux": "gnu", "musllinux": "musl"}.get(found.family) if found else None
    return load_ladder(libc, found.arch) if found and libc else None


@dataclass(slots=True)
class _Asker:
    """A file whose needs are met, and the edits that come of it.

    ``source`` is the file as it was found; ``rpaths`` are what its loaders pass on (DT_RPATH).
    """

    path: str
    source: Path
    facts: ElfFacts
    graft: Graft | None = None
    rpaths: tuple[Path, ...] = ()
    renamed: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)

    @property
    def folder(self) -> str:
        """The folder it is installed in, relative to site-packages."""
        return posixpath.dirname(installed(self.path))

    def kept_entries(self) -> list[str]:
        """Entries of its search path that mean something in the wheel."""
        if self.graft:
            return []
        entries = self.facts.runpath or self.facts.rpath
        return [entry for entry in entries if _inside(entry, self.folder) is not None]

    def change(self, *, strips: bool) -> ElfEdit | None:
        """Its edit, or ``None`` where it stays as it is."""
        added = (_origin(folder, self.folder) for folder in self.folders)
        rpath = tuple(dict.fromkeys((*self.kept_entries(), *added)))
        before = self.facts.runpath or self.facts.rpath
        soname = posixpath.basename(self.graft.path) if self.graft else None
        if not (self.graft or self.renamed or strips or rpath != tuple(dict.fromkeys(before))):
            return None
        return ElfEdit(
            soname=soname,
            renamed=self.renamed,
            rpath=rpath if rpath or before else None,
            # What stays is as it was; a new one is DT_RPATH, before which LD_LIBRARY_PATH is not.
            is_inherited=not (self.facts.runpath and self.kept_entries()),
            strips=strips,
        )


class _Closure:
    """The native files of a wheel and all that they ask for."""

    def __init__(self, tree: Tree, options: Options, machine: Machine) -> None:
        self._tree = tree
        self._options = options
        self._libc = {"gnu": "glibc"}.get(machine.libc, machine.libc)
        self.grafts: dict[str, Graft] = {}
        self.missing: dict[str, list[str]] = defaultdict(list)
        self.left: set[str] = set()
        self._askers: list[_Asker] = []
        self._places: dict[str, list[str]] = defaultdict(list)
        self._sonames: dict[str, str] = {}
        self._by_digest: dict[str, Graft] = {}
        self._system = load_system(machine.libc, machine.arch)
        self._ladder = load_ladder(machine.libc, machine.arch)
        self._rung = self._wanted_rung()
        self._add_natives(machine)
        wheel = tree.inventory.wheel
        assert wheel
        self._library_folder = f"{wheel.dist_info.partition('-')[0]}.libs"

    def _wanted_rung(self) -> int:
        """The newest policy that will do."""
        floor = self._options.floor
        if self._ladder is None:
            return 0
        rung = self._ladder.rung_of(floor) if floor else None
        return self._ladder.never - 1 if rung is None else rung

    def _add_natives(self, machine: Machine) -> None:
        for native in machine.natives:
            facts = native.facts
            if not isinstance(facts, ElfFacts) or facts.kind not in {"EXEC", "DYN"}:
                continue
            self._askers.append(_Asker(native.path, self._tree.file(native.path), facts))
            if not is_elsewhere(native.path):
                self._places[native.name].append(installed(native.path))
                self._sonames.setdefault(facts.soname or native.name, native.name)

    def take(self) -> None:
        """Settle every need; the queue grows by what is taken in."""
        queue = deque(self._askers)
        while queue:
            asker = queue.popleft()
            for needed in asker.facts.needed:
                found = self._settle(asker, needed)
                if found:
                    self._askers.append(found)
                    queue.append(found)

    def name_grafts(self) -> None:
        """Let the name of each graft stand for what it loads, too.

        A process has one library of a name: a second wheel's copy of the same file that came with
        another version of what it asks for has to be another.
        """
        by_name = {posixpath.basename(path): graft for path, graft in self.grafts.items()}
        loads = {
            posixpath.basename(asker.path): [n for n in asker.renamed.values() if n in by_name]
            for asker in self._askers
            if asker.graft
        }
        new = {
            name: hashed(graft.asked, store.digest_of(*sorted(by_name[n].sha256 for n in reached)))
            for name, graft in by_name.items()
            if len(reached := _reached(name, loads)) > 1
        }
        for asker in self._askers:
            asker.renamed.update({a: new[n] for a, n in asker.renamed.items() if n in new})
            name = posixpath.basename(asker.path)
            if asker.graft and name in new:
                asker.path = f"{self._library_folder}/{new[name]}"
                asker.graft = replace(asker.graft, path=asker.path)
        taken = (asker.graft for asker in self._askers if asker.graft)
        self.grafts = {graft.path: graft for graft in taken}

    def _settle(self, asker: _Asker, needed: str) -> _Asker | None:
        """Meet a need; a library that is taken in for it is an asker of its own."""
        name = posixpath.basename(needed)
        if name != needed:  # a path of the building machine
            asker.renamed[needed] = name
        if self._ladder and self._ladder.for_library(name) <= self._rung:
            return None
        if self._options.excludes(name) or self._system.system.fullmatch(name):
            self.left.add(name)
            return None
        if name in self._sonames and name not in self._places and not asker.graft:
            # The loader looks for files by their names.
            name = asker.renamed[needed] = self._sonames[name]
        if name in self._places and not asker.graft:
            self._point(asker, name)
            return None
        if name.startswith("libpython"):
            return None  # no copy would do: the verdict says what is wrong with it
        return self._take_in(asker, needed, name)

    def _point(self, asker: _Asker, name: str) -> None:
        """Let ``asker`` find ``name`` of the wheel's own, unless it does."""
        folders = [posixpath.dirname(place) for place in self._places[name]]
        searched = {_inside(entry, asker.folder) for entry in asker.kept_entries()}
        if searched.isdisjoint(folders) and not set(asker.folders) & set(folders):
            nearest = min(folders, key=lambda f: (distance(f, asker.folder), f))
            asker.folders.append(nearest)

    def _take_in(self, asker: _Asker, needed: str, name: str) -> _Asker | None:
        rpaths = (*search_paths(asker.facts, asker.source.parent), *asker.rpaths)
        told = [Path(needed).parent] if needed.startswith("/") else []
        source = find_library(
            name,
            asker=asker.facts,
            rpaths=(*self._options.search, *told, *rpaths),
            search=self._system.search,
            libc=self._libc,
        )
        facts = read_elf(source) if source else None
        if not source or not facts:
            self.missing[name].append(asker.path)
            return None
        source = source.resolve()
        if is_elsewhere(asker.path):
            if source.is_relative_to(self._tree.folder.resolve()):
                return None  # its own search path finds it beside the file, and will where it goes
            msg = f"cannot repair {self._tree.inventory.name}: {asker.path} asks for {name}"
            raise RefusedError(
                f"{msg}, and is installed where it cannot find libraries of the wheel",
                hint="make it part of the package and start it from an entry point, or leave "
                f"{name} outside with --exclude",
            )
        digest = store.file_sha256(source)
        known = self._by_digest.get(digest)  # a library may be asked for by several names
        path = known.path if known else f"{self._library_folder}/{hashed(name, digest)}"
        asker.renamed[needed] = posixpath.basename(path)
        asker.folders.append(self._library_folder)
        if known:
            return None
        graft = Graft(asked=name, source=source, path=path, sha256=digest)
        self.grafts[path] = self._by_digest[digest] = graft
        # A DT_RUNPATH counts for its own file alone, a DT_RPATH also for what that one loads.
        passed_on = asker.rpaths if asker.facts.runpath else rpaths
        return _Asker(path, source, facts, graft=graft, rpaths=passed_on)

    def taken(self) -> tuple[Graft, ...]:
        """Libraries that come into the wheel."""
        return tuple(self.grafts[path] for path in sorted(self.grafts))

    def absent(self) -> Iterator[Missing]:
        """Libraries that are nowhere."""
        for name, askers in sorted(self.missing.items()):
            yield Missing(library=name, askers=tuple(askers))

    def edits(self) -> Iterator[tuple[str, Edit]]:
        """Each file's edit, where it has one."""
        for asker in self._askers:
            change = asker.change(strips=self._options.strips)
            if change:
                yield asker.path, functools.partial(edit, change=change)

    def notes(self) -> Iterator[str]:
        """What loads by name a library that has another name now, or that stays outside."""
        yield from loads_of_renamed(self._tree.inventory, self.taken())
        for name in sorted(self.left):
            yield f"{name} stays outside: the users' machines must have it"


def _reached(name: str, loads: Mapping[str, Sequence[str]]) -> set[str]:
    """``name`` and all that is loaded with it."""
    found, waiting = {name}, [name]
    while waiting:
        for other in loads.get(waiting.pop(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def _inside(entry: str, folder: str) -> str | None:
    """The folder of the wheel that a search path entry means to a file in ``folder``, if any."""
    head, _, rest = entry.replace("${ORIGIN}", "$ORIGIN").partition("/")
    place = posixpath.normpath(posixpath.join(folder, rest))
    if head != "$ORIGIN" or "$" in rest or place.split("/")[0] == "..":
        return None
    return "" if place == "." else place


def _origin(folder: str, own: str) -> str:
    relative = posixpath.relpath(folder or ".", own or ".")
    return "$ORIGIN" if relative == "." else f"$ORIGIN/{relative}"

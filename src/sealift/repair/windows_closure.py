"""The closure of a Windows wheel: what its files ask for, where copies go, and who is renamed.

A copy goes where whoever asks for it finds it.  Modules of a package find those in the wheel's
folder of DLLs, which the package tells Windows of (:mod:`.dll_folders`).  Beside them lie those for
modules outside of packages; for programs, which no Python tells anything; for Pythons before 3.8,
which look nowhere else; and where no package's source can tell.
"""

import fnmatch
import posixpath
import re
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sealift.audit.platform.windows import pythons_of
from sealift.binary.pe import PeFacts
from sealift.binary.pe_edit import PeEdit
from sealift.binary.pe_tables import with_suffix
from sealift.errors import RefusedError
from sealift.policy.windows import TAGS, load_windows
from sealift.repair.dll_packages import Packages
from sealift.repair.dll_search import Dll, Shelf, reached
from sealift.repair.names import (
    distance,
    installed,
    is_elsewhere,
    is_script,
    loads_of_renamed,
)
from sealift.repair.plan import Graft, Missing, Options, Tree

EXTENSION = ".pyd"
_FIRST_TOLD = (3, 8)  # the first Python with os.add_dll_directory
_RUNTIME = re.compile(r"(?:vcruntime|msvcp|concrt|vccorlib|vcomp|vcamp|mfc)\d.*", re.IGNORECASE)


@dataclass(slots=True, eq=False)
class _File:
    """A native file of the wheel, with what it asks for as :class:`Dll` has it.

    ``home`` is the folder of the wheel for copies that it needs, ``package`` the one that tells
    Windows of folders before it is loaded.
    """

    path: str
    facts: PeFacts
    tag: str
    home: str
    package: str | None
    needs: dict[str, Dll] = field(default_factory=dict)
    own: dict[str, Sequence[str]] = field(default_factory=dict)
    is_pointed: bool = False

    @property
    def folder(self) -> str:
        """Its folder, below site-packages."""
        return posixpath.dirname(installed(self.path))

    @property
    def is_extension(self) -> bool:
        return self.path.lower().endswith(EXTENSION)


class Closure:
    """What a wheel needs; :meth:`take` settles it, the others tell what came of it."""

    def __init__(self, tree: Tree, options: Options) -> None:
        wheel = tree.inventory.wheel
        assert wheel
        self._tree = tree
        self._options = options
        self._pythons = pythons_of(wheel)
        self._shelf = Shelf(options.search)
        self.packages = Packages(tree)
        self._libraries = f"{wheel.dist_info.partition('-')[0]}.libs"
        self._files = [*self._natives(wheel.platforms)]
        self._places: dict[tuple[str, str], list[str]] = defaultdict(list)
        for file in self._files:
            if file.facts.is_dll:
                name = posixpath.basename(file.path).lower()
                self._places[file.tag, name].append(file.path)
        self._copies: dict[str, Dll] = {}
        self._missing: dict[str, Missing] = {}
        self._notes: list[str] = []
        self.left: set[str] = set()

    def _natives(self, claimed: Sequence[str]) -> Iterator[_File]:
        natives = self._tree.inventory.natives
        old = any(python < _FIRST_TOLD for python in self._pythons)
        programs = {
            posixpath.dirname(native.path)
            for native in natives
            if isinstance(native.facts, PeFacts) and native.facts.is_program
        }
        for native in natives:
            facts = native.facts
            if not isinstance(facts, PeFacts) or facts.is_any_cpu:
                continue
            tag = TAGS.get(facts.machine, "")
            if tag not in claimed:
                continue
            folder = posixpath.dirname(native.path)
            is_for_program = folder in programs and not native.path.lower().endswith(EXTENSION)
            is_alone = old or is_for_program or is_elsewhere(native.path)
            package = None if is_alone else self.packages.telling(native.path)
            home = folder if package is None else self._libraries
            yield _File(native.path, facts, tag, home, package)

    def take(self) -> None:
        """Settle every need; the queue grows by what is taken in."""
        queue: deque[_File | Dll] = deque(self._files)
        known: set[Dll] = set()
        while queue:
            asker = queue.popleft()
            for name in asker.facts.needed:
                dll = self._settle(asker, name)
                if dll and dll not in known:
                    known.add(dll)
                    queue.append(dll)
        for file in self._files:
            self._place(file)

    def _settle(self, asker: _File | Dll, name: str) -> Dll | None:
        """Meet a need; a DLL that is taken in for it is an asker of its own."""
        policy = load_windows(asker.tag)
        own_name = asker.facts.name or posixpath.basename(asker.path)
        is_there = policy.is_system(name) or policy.is_pythons(name, self._pythons)
        if is_there or policy.is_optional(name, own_name):
            return None
        whole = with_suffix(name).lower()
        if any(fnmatch.fnmatchcase(whole, it.lower()) for it in self._options.exclude):
            self.left.add(name)
            return None
        if places := self._own(asker, whole):
            asker.own[name] = places
            return None
        dll = self._shelf.find(name, asker.tag)
        if dll is None:
            self._refuse_machine(asker, name)
            self._miss(with_suffix(name), asker.path)
            return None
        if isinstance(asker, _File) and is_script(asker.path):
            raise RefusedError(
                f"{self._cannot(asker, name)}, and is installed where commands are, not DLLs",
                hint="make it part of the package and start it from an entry point, or leave "
                f"{name} outside with --exclude",
            )
        asker.needs[name] = dll
        if _RUNTIME.fullmatch(name) and _is_older(dll.facts.linker, asker.facts.linker):
            self._notes.append(
                f"{asker.path} was linked by newer tools than {dll.source} comes from, which may "
                "lack what it asks for"
            )
        return dll

    def _own(self, asker: _File | Dll, name: str) -> list[str]:
        """The files of the wheel that may be meant by ``name``, a whole one in lower case.

        What is installed outside of site-packages has only what lies beside it.
        """
        places = self._places.get((asker.tag, name), [])
        if isinstance(asker, _File) and is_elsewhere(asker.path):
            folder = posixpath.dirname(asker.path)
            return [place for place in places if posixpath.dirname(place) == folder]
        return [place for place in places if not is_elsewhere(place)]

    def _miss(self, name: str, asker: str) -> None:
        known = self._missing.get(name.lower(), Missing(library=name, askers=()))
        self._missing[name.lower()] = replace(known, askers=(*known.askers, asker))

    def _refuse_machine(self, asker: _File | Dll, name: str) -> None:
        for path, machine in self._shelf.strangers(name, asker.tag):
            raise RefusedError(
                f"{self._cannot(asker, name)}, and {path} is for {machine}, not for {asker.tag}",
                hint="name the folder that has it for the wheel's machine with --search",
            )

    def _cannot(self, asker: _File | Dll, name: str) -> str:
        return f"cannot repair {self._tree.inventory.name}: {asker.path} asks for {name}"

    def _place(self, file: _File) -> None:
        """Put what ``file`` needs where it finds it."""
        copies = sorted(reached(file.needs.values()), key=lambda dll: dll.name)
        for dll in copies:
            self._copies[posixpath.join(file.home, dll.name)] = dll
        if file.needs and file.package is not None:
            self.packages.add(file.package, folder=self._libraries)
        askers: list[_File | Dll] = [file, *copies]
        for asker in askers:
            for name, places in asker.own.items():
                self._point(file, asker, name, places)
            late = {name.lower() for name in asker.facts.delay_imports}
            for name, dll in asker.needs.items():
                if name.lower() in late:
                    self._load_early(file, asker, name, dll)

    def _point(self, file: _File, asker: _File | Dll, name: str, places: Sequence[str]) -> None:
        """Let ``asker``, loaded for ``file``, find one of the wheel's own DLLs."""
        folders = {posixpath.dirname(installed(place)) for place in places}
        is_copy = isinstance(asker, Dll)
        if file.folder in folders or (is_copy and file.home in folders):
            return
        if not is_copy and (not file.is_extension or self.packages.see_to_it_themselves):
            return  # it has been found in ways of its own, or will be
        if file.package is None:
            self._notes.append(
                f"{asker.path} asks for {name}, which lies in {min(folders) or 'site-packages'}, "
                "where Windows does not look for it"
            )
            return
        nearest = min(folders, key=lambda folder: (distance(folder, file.folder), folder))
        self.packages.add(file.package, folder=nearest)
        file.is_pointed |= not is_copy

    def _load_early(self, file: _File, asker: _File | Dll, name: str, dll: Dll) -> None:
        if file.package is not None:
            self.packages.add(file.package, late=f"{self._libraries}/{dll.name}")
            return
        self._notes.append(
            f"{asker.path} asks for {name} late (a delay import), which Windows then finds only if "
            "something has loaded it before: link it without /DELAYLOAD"
        )

    def taken(self) -> tuple[Graft, ...]:
        """DLLs that come into the wheel."""
        return tuple(
            Graft(asked=dll.called, source=dll.source, path=path, sha256=dll.sha256)
            for path, dll in sorted(self._copies.items())
        )

    def absent(self) -> Iterator[Missing]:
        """DLLs that are nowhere."""
        yield from (self._missing[name] for name in sorted(self._missing))

    def changes(self) -> Iterator[tuple[str, PeEdit]]:
        """Each file's edit, where it has one."""
        askers: list[tuple[str, _File | Dll, bool]]
        askers = [(file.path, file, file.is_pointed) for file in self._files]
        askers += [(path, dll, bool(dll.own)) for path, dll in sorted(self._copies.items())]
        for path, asker, is_pointed in askers:
            change = PeEdit(
                renamed={name: dll.name for name, dll in asker.needs.items()},
                # What searches the system's folder only would find none of these.
                clears_load_flags=bool(asker.facts.load_flags and (asker.needs or is_pointed)),
            )
            if not change.is_empty:
                yield path, change

    def notes(self) -> Iterator[str]:
        """What is worth telling."""
        yield from dict.fromkeys(self._notes)
        yield from loads_of_renamed(self._tree.inventory, self.taken())
        signed = {file.path for file in self._files if file.facts.signature}
        signed |= {path for path, dll in self._copies.items() if dll.facts.signature}
        for path, _ in self.changes():
            if path in signed:
                yield f"{path} was signed; what it asks for has other names now, so it is not"
        for name in sorted(self.left):
            yield f"{name} stays outside: the users' machines must have it"


def _is_older(linker: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether tools of version ``linker`` are of an older line; those of one line get along."""
    return (linker[0], linker[1] // 10) < (other[0], other[1] // 10)

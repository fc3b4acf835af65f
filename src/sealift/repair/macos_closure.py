"""The closure of a macOS wheel: what its files ask for, and the edits that make it be found."""

import posixpath
import re
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence

from sealift import store
from sealift.binary.macho import MachoFacts
from sealift.binary.macho_edit import MachoEdit
from sealift.errors import RefusedError
from sealift.policy.macos import base_cpu, load_apple
from sealift.repair.dyld import LOADER, RPATH, Library, Shelf, expanded, relative
from sealift.repair.macos_files import Asker, askers_of, claimed_platforms
from sealift.repair.names import distance, hashed, installed, is_elsewhere, loads_of_renamed
from sealift.repair.plan import Graft, Missing, Options, Tree

# The only libraries of the system that are asked for by a run path.
_SWIFT = "/usr/lib/swift/libswift"
_PYTHON = re.compile(r"(?:^|/)Python\.framework/|(?:^|/)libpython3[^/]*$")


class Closure:
    """What a wheel needs; :meth:`take` settles it, the others tell what came of it."""

    def __init__(self, tree: Tree, options: Options) -> None:
        self._tree = tree
        self._options = options
        self._policy = load_apple("macos")
        self._shelf = Shelf(options.search)
        self._libraries = _library_folder(tree)
        self._grafts: dict[str, Graft] = {}
        self._missing: dict[str, list[str]] = defaultdict(list)
        self._absent_weak: list[tuple[str, str]] = []
        self._askers = askers_of(tree.inventory)
        self._names: dict[str, list[Asker]] = defaultdict(list)
        for asker in self._askers:
            called = {posixpath.basename(f.install_name or asker.path) for f in asker.slices}
            for name in {posixpath.basename(asker.path), *called}:
                self._names[name].append(asker)
        self.left: set[str] = set()

    def take(self) -> None:
        """Settle every need; the queue grows by what is taken in."""
        queue = deque(self._askers)
        while queue:
            asker = queue.popleft()
            for name in asker.names:
                if not self._policy.is_system(name) and name not in asker.settled:
                    found = self._settle(asker, name)
                    if found:
                        self._askers.append(found)
                        queue.append(found)

    def _settle(self, asker: Asker, name: str) -> Asker | None:
        """Meet a need; a library that is taken in for it is an asker of its own."""
        if self._options.excludes(posixpath.basename(name)) or self._options.excludes(name):
            self.left.add(name)
            return None
        own = asker.own.get(name) or self._in_place(asker, name)
        if not own and not asker.graft:
            own = self._called(asker, name)
        if not own and _PYTHON.search(name):
            raise RefusedError(
                f"{self._cannot(asker, name)}, and a copy of it would be a second Python",
                hint="link it with -undefined dynamic_lookup instead, or leave it to the users' "
                "machines with --exclude",
            )
        library = None if own else self._outside(asker, name)
        if library:
            return self._take_in(asker, name, library)
        own = own or self._called(asker, name)
        if own:
            self._point(asker, name, own)
        elif not any(place.startswith(_SWIFT) for place in asker.tried(name)):
            if asker.can_do_without(name):
                self._absent_weak.append((asker.path, name))
            else:
                self._missing[name].append(asker.path)
        return None

    def _in_place(self, asker: Asker, name: str) -> str | None:
        """The file of the wheel that dyld would find for ``name``."""
        fit = {it.place for it in self._fit(asker, name)}
        return next((place for place in asker.tried(name) if place in fit), None)

    def _called(self, asker: Asker, name: str) -> str | None:
        """The file of the wheel that is called as ``name`` is, the nearest one."""
        own = posixpath.dirname(asker.place)
        places = (it.place for it in self._fit(asker, name))
        steps = ((distance(posixpath.dirname(place), own), place) for place in places)
        return min(steps, default=(0, None))[1]

    def _fit(self, asker: Asker, name: str) -> Iterator[Asker]:
        """Files of the wheel that are called as ``name`` is, with code for all who ask."""
        for it in self._names.get(posixpath.basename(name), ()):
            cpus = {base_cpu(facts.cpu) for facts in it.slices}
            is_library = not it.is_program and not is_elsewhere(it.path)
            if it is not asker and is_library and asker.cpus(name) <= cpus:
                yield it

    def _outside(self, asker: Asker, name: str) -> Library | None:
        """The library outside of the wheel that ``name`` means, with code for all who ask."""
        cpus = asker.cpus(name)
        lacking: list[Library] = []
        for library in self._shelf.find(asker.tried(name), name):
            if not library.lacks(cpus):
                return library
            lacking.append(library)
        if lacking and not asker.can_do_without(name):
            first = lacking[0]
            missing = ", ".join(sorted(first.lacks(cpus)))
            raise RefusedError(
                f"{self._cannot(asker, name)} on {missing}, and {first.path} has no code for it",
                hint="put files for both in one, with `lipo -create A B -output C` or llvm-lipo, "
                "and name its folder with --search; or make one wheel for each architecture",
            )
        return None

    def _cannot(self, asker: Asker, name: str) -> str:
        return f"cannot repair {self._tree.inventory.name}: {asker.path} asks for {name}"

    def _take_in(self, asker: Asker, name: str, library: Library) -> Asker | None:
        digest = store.file_sha256(library.path)
        known = self._grafts.get(digest)
        graft = known or Graft(
            asked=posixpath.basename(name),
            source=library.path,
            path=f"{self._libraries}/{hashed(posixpath.basename(name), digest)}",
            sha256=digest,
        )
        self._point(asker, name, graft.path)
        if known:
            return None
        self._grafts[digest] = graft
        needed = self._judged(library.slices)
        found = Asker(graft.path, needed, folder=str(library.path.parent), graft=graft)
        found.places = (*found.run_path(), *asker.places)
        return found

    def _judged(self, slices: Sequence[MachoFacts]) -> tuple[MachoFacts, ...]:
        """Those of ``slices`` whose needs count: for CPUs that the wheel has files for."""
        cpus = {base_cpu(facts.cpu) for asker in self._askers for facts in asker.slices}
        return tuple(facts for facts in slices if base_cpu(facts.cpu) in cpus)

    def _point(self, asker: Asker, name: str, place: str) -> None:
        """Let ``asker`` ask for the file at ``place`` below site-packages."""
        if is_elsewhere(asker.path):
            raise RefusedError(
                f"{self._cannot(asker, name)}, and is installed where it cannot find libraries of "
                "the wheel",
                hint="make it part of the package and start it from an entry point, or leave "
                f"{posixpath.basename(name)} outside with --exclude",
            )
        asker.renamed[name] = relative(place, posixpath.dirname(asker.place))

    def taken(self) -> tuple[Graft, ...]:
        """Libraries that come into the wheel."""
        return tuple(sorted(self._grafts.values(), key=lambda graft: graft.path))

    def absent(self) -> Iterator[Missing]:
        """Libraries that are nowhere."""
        for name, askers in sorted(self._missing.items()):
            yield Missing(library=name, askers=tuple(askers))

    def changes(self) -> Iterator[tuple[str, MachoEdit]]:
        """Each file's edit, where it has one."""
        for asker in self._askers:
            is_library = any(facts.install_name for facts in asker.slices)
            change = MachoEdit(
                install_name=f"/DLC/{asker.path}" if asker.graft and is_library else None,
                renamed={old: new for old, new in asker.renamed.items() if old != new},
                rpaths=dict(self._rpaths(asker)),
            )
            if not change.is_empty or asker.graft:
                yield asker.path, change

    def _rpaths(self, asker: Asker) -> Iterator[tuple[str, str | None]]:
        """Run paths that go, and those that stand there twice, of which one stays."""
        for facts in asker.slices:
            seen: set[str] = set()
            for entry in facts.rpaths:
                if not self._keeps(asker, entry):
                    yield entry, None
                elif entry.rstrip("/") in seen:
                    yield entry, entry
                seen.add(entry.rstrip("/"))

    def _keeps(self, asker: Asker, entry: str) -> bool:
        """Whether the run path ``entry`` means something on users' machines."""
        # What stays outside may be found by them.
        is_used = any(name.startswith(RPATH) for name in self.left)
        if entry.partition("/")[0] == LOADER or (asker.is_program and not entry.startswith("/")):
            inside = expanded(entry, asker.folder, is_program=asker.is_program)
            return not asker.graft and (is_used or inside is not None)
        return is_used or self._policy.is_system(f"{entry.rstrip('/')}/")

    def notes(self) -> Iterator[str]:
        """What finds no library any more, what stays outside, and what raises the wheel's tag."""
        yield from loads_of_renamed(self._tree.inventory, self.taken())
        for name in sorted(self.left):
            yield f"{name} stays outside: the users' machines must have it"
        for path, name in self._absent_weak:
            yield f"{path} asks for {name}, which is nowhere on this machine, and does without it"
        for asker in self._askers:
            if asker.graft:
                yield from self._notes_on(asker.graft, asker.slices)

    def _notes_on(self, graft: Graft, slices: Sequence[MachoFacts]) -> Iterator[str]:
        wheel = self._tree.inventory.wheel
        if ".framework/" in str(graft.source):
            yield f"{graft.asked} is of a framework; nothing else of that comes with it"
        claims = claimed_platforms(wheel.platforms if wheel else ())
        for facts in slices:
            cpu = base_cpu(facts.cpu)
            versions = [platform.version for platform in claims if cpu in platform.cpus]
            if not facts.minimum or not versions:
                continue
            claimed = max(min(versions), self._policy.oldest.get(cpu, (0, 0)))
            major, minor, _ = facts.minimum
            version = f"{graft.asked} is made for macOS {major}.{minor} on {cpu}"
            if (major, 0 if major >= 11 else minor) > claimed:
                yield f"{version}, newer than what the wheel claims"
            elif (major, minor) > claimed:
                yield f"{version}, and no tag says more than {major}.0, where it may not load"


def _library_folder(tree: Tree) -> str:
    """Where grafts go, below site-packages: the one package's ``.dylibs``, or the wheel's."""
    wheel = tree.inventory.wheel
    assert wheel
    name = wheel.dist_info.partition("-")[0]
    packages = {
        place.partition("/")[0]
        for place in map(installed, tree.inventory.members)
        if place.count("/") == 1 and place.endswith("/__init__.py")
    }
    if name in packages:
        return f"{name}/.dylibs"
    return f"{packages.pop()}/.dylibs" if len(packages) == 1 else f"{name}.dylibs"

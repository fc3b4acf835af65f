"""Which files of a subject load which, begun where loading begins, by the rules of a loader.

Nothing of this machine is looked at: what the subject does not answer comes from outside.
"""

import itertools
import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sealift.audit.natives import Native

# In a crafted subject, the ways on which a file can be reached double with each layer of files, and
# chains have no end. Real ones have a few of the first and a dozen links of the second.
_MOST_WAYS = 8
_LONGEST_CHAIN = 64
# The schemes of a wheel's data folder that end in site-packages.
_DATA = re.compile(r"[^/]+\.data/(?:platlib|purelib)/")


def installed(path: str) -> str:
    """Where the file at ``path`` of a wheel lies in site-packages.

    >>> installed("demo-1.0.data/platlib/demo/_x.so")
    'demo/_x.so'
    """
    return _DATA.sub("", path, count=1) if _DATA.match(path) else path


@dataclass(slots=True)
class Way:
    """One way to load ``native``: by ``loader``, with the search path it ``inherited``.

    ``folders`` are where it is searched for libraries, by their turn.  ``found`` are the answers
    to what it asks for.
    """

    native: Native
    inherited: tuple[str, ...] = ()
    loader: "Way | None" = None
    folders: dict[str, int] = field(default_factory=dict)
    found: dict[str, Native] = field(default_factory=dict)

    def loaders(self) -> Iterator["Way"]:
        """Who loads it, nearest first."""
        way = self.loader
        for _ in range(_LONGEST_CHAIN):
            if way is None:
                return
            yield way
            way = way.loader

    def first_of(self, places: Mapping[str, Native]) -> Native | None:
        """The file in the folder that is searched first, of ``places`` by folder."""
        if len(self.folders) < len(places):
            return next((places[folder] for folder in self.folders if folder in places), None)
        turns = [(self.folders[folder], folder) for folder in places if folder in self.folders]
        return places[min(turns)[1]] if turns else None


class Loader(Protocol):
    """The rules of a system's loader, over the files of one subject."""

    def names(self, native: Native) -> set[str]:
        """All names by which others may ask for ``native``."""

    def asks(self, native: Native) -> Sequence[str]:
        """The libraries ``native`` asks for, as it spells them."""

    def searched(self, way: Way) -> Iterator[str]:
        """The folders of the subject where it is searched for libraries, in order."""

    def passed_on(self, way: Way) -> tuple[str, ...]:
        """The search path that files loaded by it inherit."""

    def find(self, way: Way, name: str) -> Native | None:
        """The file of the subject that answers ``name``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A file and where its needs are met.

    ``chain`` are the files through which it is loaded, outermost first, itself left out.  ``found``
    maps a name it asks for to the file of the subject that answers; ``missing`` are those that
    nothing answers on some way to load it.
    """

    native: Native
    chain: tuple[str, ...]
    found: Mapping[str, Native]
    missing: tuple[str, ...]


def load(natives: Sequence[Native], loader: Loader) -> tuple[Loaded, ...]:
    """Every one of ``natives``, in their order, with what it loads."""
    asked = set(itertools.chain(*(loader.asks(native) for native in natives)))
    walk = _Walk(loader)
    # Files that nobody asks for are where loading begins; then whatever was not reached.
    starts = [native for native in natives if asked.isdisjoint(loader.names(native))]
    for native in (*starts, *natives):
        if native.path not in walk.ways:
            walk.begin(native)
    return tuple(_summary(native, loader, walk.ways[native.path]) for native in natives)


class _Walk:
    """All ways to load the files of a subject, but for those that differ in nothing."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._queue: deque[Way] = deque()
        self.ways: dict[str, list[Way]] = defaultdict(list)
        self._seen: set[tuple[str, int]] = set()
        self._numbers: dict[tuple[str, ...], int] = {}

    def begin(self, native: Native) -> None:
        """Load ``native`` and what it asks for, breadth first, as loaders do."""
        self._add(Way(native))
        while self._queue:
            self._take(self._queue.popleft())

    def _add(self, way: Way) -> None:
        # Search paths are long and alike: a number stands for each.
        number = self._numbers.setdefault(way.inherited, len(self._numbers))
        path = way.native.path
        if (path, number) not in self._seen and len(self.ways[path]) < _MOST_WAYS:
            self._seen.add((path, number))
            self.ways[path].append(way)
            self._queue.append(way)

    def _take(self, way: Way) -> None:
        for turn, folder in enumerate(self._loader.searched(way)):
            way.folders.setdefault(folder, turn)
        passed_on = self._loader.passed_on(way)
        for name in self._loader.asks(way.native):
            native = self._loader.find(way, name)
            if native is None:
                # What is loaded already is taken by its name.
                native = next((it.found[name] for it in way.loaders() if name in it.found), None)
            if native is not None:
                way.found[name] = native
                self._add(Way(native, passed_on, way))


def _summary(native: Native, loader: Loader, ways: Sequence[Way]) -> Loaded:
    asked = tuple(dict.fromkeys(loader.asks(native)))
    # The way on which most is missing is the one to tell of.
    way = min(ways, key=lambda way: len(way.found))
    return Loaded(
        native=native,
        chain=tuple(it.native.path for it in way.loaders())[::-1],
        found={name: file for it in ways for name, file in it.found.items()},
        missing=tuple(name for name in asked if any(name not in it.found for it in ways)),
    )

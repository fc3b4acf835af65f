"""Which files of a subject load which, begun where loading begins, by the rules of a loader.

Nothing of this machine is looked at: what the subject does not answer comes from outside.
"""

import itertools
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sealift.audit.natives import Native

# In a crafted subject, the ways on which a file can be reached double with each layer of files.
_MOST_WAYS = 16


@dataclass(frozen=True, slots=True)
class Way:
    """One way to load ``native``: by ``loader``, with the search path it ``inherited``.

    ``found`` are the answers to what it asks for.
    """

    native: Native
    inherited: tuple[str, ...] = ()
    loader: "Way | None" = None
    found: dict[str, Native] = field(default_factory=dict)

    def loaders(self) -> Iterator["Way"]:
        """Who loads it, nearest first."""
        way = self.loader
        while way is not None:
            yield way
            way = way.loader


class Loader(Protocol):
    """The rules of a system's loader, over the files of one subject."""

    def asks(self, native: Native) -> Sequence[str]:
        """The libraries ``native`` asks for, as it spells them."""

    def find(self, way: Way, name: str) -> Native | None:
        """The file of the subject that answers ``name``."""

    def passed_on(self, way: Way) -> tuple[str, ...]:
        """The search path that files loaded by it inherit."""

    def names(self, native: Native) -> set[str]:
        """All names by which others may ask for ``native``."""


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
    ways: dict[str, list[Way]] = defaultdict(list)
    # Files that nobody asks for are where loading begins; then whatever was not reached.
    starts = [native for native in natives if asked.isdisjoint(loader.names(native))]
    for native in (*starts, *natives):
        if native.path not in ways:
            _walk(Way(native), loader, ways)
    return tuple(_summary(native, loader, ways[native.path]) for native in natives)


def _walk(start: Way, loader: Loader, ways: dict[str, list[Way]]) -> None:
    """Load ``start`` and what it asks for, breadth first, as loaders do."""
    queue = deque([start])
    while queue:
        way = queue.popleft()
        known = ways[way.native.path]
        if len(known) >= _MOST_WAYS or any(way.inherited == it.inherited for it in known):
            continue
        known.append(way)
        for name in loader.asks(way.native):
            native = loader.find(way, name)
            if native is None:
                # What is loaded already is taken by its name.
                native = next((it.found[name] for it in way.loaders() if name in it.found), None)
            if native is not None:
                way.found[name] = native
                queue.append(Way(native, loader.passed_on(way), way))


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

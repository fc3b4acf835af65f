"""The nouns of a repair: what is asked for, what a wheel has, and what is to be done to it."""

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from sealift.audit.inventory import Inventory
from sealift.audit.verdict import Verdict

Edit: TypeAlias = Callable[[Path, Path], None]
"""Writes an edited copy: from the first path to the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a user asks of a repair.

    ``floor`` is the newest platform tag that will do, such as ``manylinux_2_28_x86_64``; without it
    the oldest that can be had is taken.  ``exclude`` are patterns of libraries that stay outside,
    ``search`` folders to look for libraries in, before all others.  ``strips`` takes symbols out of
    every native file.
    """

    floor: str | None = None
    exclude: tuple[str, ...] = ()
    search: tuple[Path, ...] = ()
    strips: bool = False

    def excludes(self, library: str) -> bool:
        """Whether ``library`` was asked to stay outside."""
        return any(fnmatch.fnmatchcase(library, pattern) for pattern in self.exclude)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A wheel unpacked at ``folder``: its files, by the paths of ``inventory``."""

    folder: Path
    inventory: Inventory

    def file(self, path: str) -> Path:
        """The file at ``path`` of the wheel."""
        return self.folder / path


@dataclass(frozen=True, slots=True, kw_only=True)
class Graft:
    """A library taken in: asked for as ``asked``, found at ``source``, placed at ``path``.

    ``sha256`` is of the file as it was found.
    """

    asked: str
    source: Path
    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A library that is nowhere, and the files that ask for it."""

    library: str
    askers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be done.

    ``edits`` has what to do to a file, by its path in the wheel (a graft's, too).  ``texts`` are
    other files to write or to replace.  ``left`` are libraries that stay outside, against what tags
    promise; ``notes`` are worth telling.
    """

    edits: Mapping[str, Edit] = field(default_factory=dict)
    grafts: tuple[Graft, ...] = ()
    texts: Mapping[str, bytes] = field(default_factory=dict)
    missing: tuple[Missing, ...] = ()
    left: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


class System(Protocol):
    """What a module of one system offers to a repair."""

    def plan(self, tree: Tree, options: Options) -> Work:
        """What the wheel needs."""

    def platforms(self, verdict: Verdict) -> Sequence[str]:
        """The platform tags of a wheel with ``verdict``, old names among them."""

    def reaches(self, verdict: Verdict, floor: str) -> bool:
        """Whether a wheel with ``verdict`` runs wherever tag ``floor`` says.

        Raises :class:`~sealift.errors.ConfigError` for a tag that means nothing here.
        """

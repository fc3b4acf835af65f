"""All that judgement needs to know of a subject: facts, no bytes, no open files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from packaging.tags import Tag

from sealift.audit.finding import Finding
from sealift.audit.subject import Kind
from sealift.binary.elf import ElfFacts

Facts: TypeAlias = ElfFacts  # a union of the facts of all formats


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """A native file; a fat Mach-O file gives one for each of its slices, with the same ``path``."""

    path: str
    size: int
    facts: Facts

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelInfo:
    """What a wheel says of itself; ``tags`` are those of its file name, ``requires`` PEP 508."""

    name: str
    version: str
    tags: frozenset[Tag]
    dist_info: str
    purelib: bool = False
    requires: tuple[str, ...] = ()

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platform tags, sorted."""
        return tuple(sorted({tag.platform for tag in self.tags}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """A subject's native files and the texts that rules ask for.

    ``members`` are the paths of all regular files, in order.  ``texts`` has the content of the
    small files that rules read, by path.  ``problems`` is what was wrong with the container.
    """

    kind: Kind
    name: str
    path: Path
    wheel: WheelInfo | None = None
    natives: tuple[Native, ...] = ()
    members: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Finding, ...] = ()

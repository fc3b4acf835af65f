"""Which files of a standard library are shipped; ``data/stdlib.toml`` lists them with reasons."""

import fnmatch
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sealift.tables import load_table


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the standard library that is shipped only with products that use it.

    ``modules`` are the import names that show the use; ``pattern`` is over product paths.
    """

    name: str
    modules: tuple[str, ...]
    pattern: re.Pattern[str]

    def holds(self, path: str) -> bool:
        """Whether product path ``path`` belongs to the group."""
        return self.pattern.fullmatch(path) is not None


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of ``data/stdlib.toml``; ``read_by`` names who reads its sources by path.

    ``asked`` is over product paths of libraries that are shipped only when asked for.
    """

    left_out: re.Pattern[str]
    never: re.Pattern[str]
    scripts_left_out: re.Pattern[str]
    groups: Mapping[str, Group]
    asked: re.Pattern[str]
    read_by: frozenset[str]

    def ships(self, path: str, *, everything: bool = False) -> bool:
        """Whether ``path``, below the standard library's folder, is shipped.

        ``everything``: the setting ``stdlib = "all"``.
        """
        if self.never.fullmatch(path):
            return False
        return everything or not self.left_out.fullmatch(path)

    def group_of(self, path: str) -> Group | None:
        """The group that product path ``path`` belongs to, if any."""
        return next((group for group in self.groups.values() if group.holds(path)), None)


@functools.cache
def load_rules() -> Rules:
    """The rules, read once."""
    table = load_table("stdlib")
    groups = {
        name: Group(name, tuple(row["modules"]), _any_of(row["patterns"]))
        for name, row in table["group"].items()
    }
    return Rules(
        left_out=_any_of(table["left-out"]["patterns"]),
        never=_any_of(table["never"]["patterns"]),
        scripts_left_out=_any_of(table["scripts"]["left-out"]),
        groups=groups,
        asked=_any_of(table["asked"]["patterns"]),
        read_by=frozenset(table["read-by"]["distributions"]),
    )


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))

"""Which shared libraries an Android device has, by API level, and the ABIs of tags (PEP 738).

The lists and their sources are in ``data/policies/android.toml``.
"""

import fnmatch
import functools
from collections.abc import Mapping
from dataclasses import dataclass

from sealift.tables import load_table


@dataclass(frozen=True, slots=True, kw_only=True)
class AndroidPolicy:
    """``levels`` tells for each library the API level it came with; ``abis`` the ABI by CPU."""

    oldest: int
    given: tuple[str, ...]
    abis: Mapping[str, str]
    levels: Mapping[str, int]

    def level_of(self, soname: str) -> int | None:
        """The oldest API level whose devices have ``soname``; ``None`` where none has."""
        if any(fnmatch.fnmatchcase(soname, pattern) for pattern in self.given):
            return self.oldest
        return self.levels.get(soname)


@functools.cache
def load_android() -> AndroidPolicy:
    """The policy of all API levels."""
    data = load_table("policies/android")
    return AndroidPolicy(
        oldest=data["oldest"],
        given=tuple(data["given"]),
        abis=data["abis"],
        levels={name: int(level) for level, names in data["levels"].items() for name in names},
    )


def android_tag(level: int, abi: str) -> str:
    """The platform tag of API ``level``.

    >>> android_tag(24, "arm64_v8a")
    'android_24_arm64_v8a'
    """
    return f"android_{level}_{abi}"

"""The shared libraries that are never shipped, since the system has them.

Judgement over the facts of :mod:`sealift.binary.elf`; the lists and their grounds are in
``data/policies``.
"""

import fnmatch
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sealift.policy.ladder import load_ladder
from sealift.tables import load_table

if TYPE_CHECKING:
    from sealift.target import Target

_MULTIARCH = {  # GNU CPU name -> Debian's folder of libraries, where it is not <cpu>-linux-gnu
    "i686": "i386-linux-gnu",
    "armv7l": "arm-linux-gnueabihf",
    "ppc64le": "powerpc64le-linux-gnu",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The shared libraries of one kind of system, by soname.

    ``system`` are those of every product; ``promised`` what some platform tag of its architecture
    promises besides; ``search`` the folders where its loader looks last.
    """

    name: str
    system: re.Pattern[str]
    promised: frozenset[str]
    search: tuple[str, ...]

    def is_system(self, soname: str, *, built: bool) -> bool:
        """Whether ``soname`` is the system's to give.

        ``built``: the file that asks was built on this machine, so that no platform tag promises
        anything for it.
        """
        if self.system.fullmatch(soname):
            return True
        return not built and soname in self.promised


def load_policy(target: "Target") -> Policy:
    """The policy of ``target``, which has to be a Linux one."""
    return load_system(target.abi, target.arch)


@functools.cache
def load_system(abi: str, arch: str) -> Policy:
    """The policy of Linux with C library ``abi`` ("gnu" or "musl") on ``arch``."""
    table = load_table("policies/linux")[abi]
    multiarch = _MULTIARCH.get(arch, f"{arch}-linux-gnu")
    ladder = load_ladder(abi, arch)
    return Policy(
        name=abi,
        system=_any_of((*table["system"], *table["drivers"])),
        # The newest policy has what the older ones have.
        promised=ladder.policies[-1].libraries if ladder else frozenset(),
        search=tuple(folder.format(multiarch=multiarch) for folder in table["search"]),
    )


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))

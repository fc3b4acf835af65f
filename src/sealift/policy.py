"""What a system promises: the shared libraries that are never shipped.

Judgement over the facts of :mod:`sealift.binary.elf`; the lists and their grounds are in
``data/policies``.
"""

import fnmatch
import functools
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from sealift.target import Target

_MULTIARCH = {  # GNU CPU name -> Debian's folder of libraries, where it is not <cpu>-linux-gnu
    "i686": "i386-linux-gnu",
    "armv7l": "arm-linux-gnueabihf",
    "ppc64le": "powerpc64le-linux-gnu",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The shared libraries of one kind of system; patterns over sonames."""

    name: str
    system: re.Pattern[str]
    promised: re.Pattern[str]
    search: tuple[str, ...]

    def is_system(self, soname: str, *, built: bool) -> bool:
        """Whether ``soname`` is the system's to give.

        ``built``: the file that asks was built on this machine, so that no platform tag promises
        anything for it.
        """
        if self.system.fullmatch(soname):
            return True
        return not built and self.promised.fullmatch(soname) is not None


def load_policy(target: Target) -> Policy:
    """The policy of ``target``, which has to be a Linux one."""
    return _load(target.abi, _MULTIARCH.get(target.arch, f"{target.arch}-linux-gnu"))


@functools.cache
def _load(abi: str, multiarch: str) -> Policy:
    text = resources.files("sealift").joinpath("data/policies/linux.toml").read_text("utf-8")
    table = tomllib.loads(text)[abi]
    return Policy(
        name=abi,
        system=_any_of((*table["system"], *table["drivers"])),
        promised=_any_of(table["promised"]),
        search=tuple(folder.format(multiarch=multiarch) for folder in table["search"]),
    )


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))

"""Which DLLs a Windows machine has, and which its Python brings.

The lists and their sources are in ``data/policies/windows.toml``.
"""

import fnmatch
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sealift.tables import load_table

Version = tuple[int, int]

# Machines as PeFacts names them; arm64ec and arm64x have code for arm64 and for amd64 programs.
TAGS = {
    "x86": "win32", "amd64": "win_amd64",
    "arm64": "win_arm64", "arm64ec": "win_arm64", "arm64x": "win_arm64",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A library of Visual C++ that Pythons of versions ``first`` to ``last`` bring."""

    first: Version
    last: Version | None
    machines: str

    def comes_with(self, python: Version, tag: str) -> bool:
        """Whether the installer of ``python`` for platform ``tag`` has it."""
        is_there = self.machines == "*" or tag in self.machines.split()
        return is_there and self.first <= python and (self.last is None or python <= self.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsPolicy:
    """The DLLs of Windows machines with platform ``tag``; ``ten`` came with Windows 10."""

    tag: str
    system: frozenset[str]
    ten: frozenset[str]
    api_sets: re.Pattern[str]
    pythons: re.Pattern[str]
    runtimes: Mapping[str, Runtime]
    optional: Mapping[str, tuple[str, ...]]

    def is_optional(self, dll: str, asker: str) -> bool:
        """Whether ``asker`` does without ``dll`` on the systems of today."""
        return _stem(dll) in self.optional.get(_stem(asker), ())

    def is_system(self, dll: str) -> bool:
        """Whether Windows 10 and later have ``dll``."""
        name = _stem(dll)
        is_api_set = self.api_sets.fullmatch(dll.lower()) is not None
        return is_api_set or name in self.system or name in self.ten

    def came_with_ten(self, dll: str) -> bool:
        """Whether ``dll`` is Windows' since version 10: the C runtime's API sets, for one."""
        return _stem(dll) in self.ten or dll.lower().startswith("api-ms-win-crt-")

    def is_pythons(self, dll: str, pythons: Sequence[Version]) -> bool:
        """Whether every one of ``pythons`` has ``dll`` loaded or beside it.

        Without any, none is known to be around; Python's own library is never meant to be shipped.
        """
        if self.pythons.fullmatch(dll.lower()):
            return True
        runtime = self.runtimes.get(_stem(dll))
        if runtime is None or not pythons:
            return False
        return all(runtime.comes_with(python, self.tag) for python in pythons)


@functools.cache
def load_windows(tag: str) -> WindowsPolicy:
    """The policy of machines with platform ``tag``, such as "win_amd64"."""
    data = load_table("policies/windows")
    system = data["system"]
    return WindowsPolicy(
        tag=tag,
        system=frozenset((system["all"] + " " + system.get(tag, "")).split()),
        ten=frozenset(system["ten"].split()),
        api_sets=_any_of(data["api_sets"]),
        pythons=_any_of(data["pythons"]),
        runtimes={
            name: Runtime(
                first=_version(row["from"]),
                last=_version(row["to"]) if "to" in row else None,
                machines=row["machines"],
            )
            for name, row in data["runtimes"].items()
        },
        optional={asker: tuple(names) for asker, names in data["optional"].items()},
    )


def _stem(dll: str) -> str:
    return dll.lower().removesuffix(".dll")


def _any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))


def _version(text: str) -> Version:
    major, minor = text.split(".")
    return int(major), int(minor)

"""The machine a product is made for, and every question a resolver may ask of it.

A :class:`Target` is a row of ``data/targets.toml`` with a floor.  It answers with compatibility
tags (PEP 425, 600, 656) and a marker environment (PEP 508) that are computed, never asked of the
running interpreter: the machine Sealift runs on is one more target, :func:`current_target`.
"""

import difflib
import functools
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from packaging import tags
from packaging.markers import Environment

from sealift.errors import ConfigError
from sealift.tables import load_table

Version = tuple[int, int]

_MANYLINUX_ALIASES = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
_MARKERS = {  # os -> os_name, sys_platform, platform_system
    "linux": ("posix", "linux", "Linux"),
    "macos": ("posix", "darwin", "Darwin"),
    "windows": ("nt", "win32", "Windows"),
}


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """A kind of machine: operating system, CPU, C library and the oldest version to run on.

    ``floor`` is the system version that bounds which wheels may be taken (glibc, musl or macOS);
    ``None`` takes any up to ``newest``, the lowest first.
    """

    name: str
    os: str
    arch: str
    abi: str
    wheel: str
    machine: str
    triple: str
    oldest: Version | None = None
    newest: Version | None = None
    floor: Version | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def is_windows(self) -> bool:
        return self.os == "windows"

    @property
    def system(self) -> str:
        """What a floor counts versions of: glibc, musl, macOS or Windows."""
        return {"gnu": "glibc", "musl": "musl", "darwin": "macOS"}.get(self.abi, "Windows")

    def platforms(self) -> Iterator[str]:
        """Wheel platform tags that install here, the farthest-reaching (lowest floor) first."""
        match self.abi:
            case "gnu" | "musl":
                yield from self._linux_platforms()
                yield f"linux_{self.wheel}"
            case "darwin":
                version = self.floor or self.newest or (11, 0)
                yield from reversed(list(tags.mac_platforms(version, self.wheel)))
            case _:
                yield self.wheel

    def _linux_platforms(self) -> Iterator[str]:
        limit, oldest = self.floor or self.newest, self.oldest
        assert limit is not None
        assert oldest is not None
        prefix = "manylinux" if self.abi == "gnu" else "musllinux"
        for minor in range(oldest[1], limit[1] + 1):
            alias = _MANYLINUX_ALIASES.get((limit[0], minor))
            if alias and self.abi == "gnu":
                yield f"{alias}_{self.wheel}"
            yield f"{prefix}_{limit[0]}_{minor}_{self.wheel}"

    def tags(self, python: str, *, free_threaded: bool = False) -> tuple[tags.Tag, ...]:
        """Compatibility tags for CPython ``python`` ("3.13"), best first (PEP 425)."""
        version = _feature_version(python)
        flag = "t" if free_threaded else ""
        interpreter = f"cp{version[0]}{version[1]}"
        platforms = list(self.platforms())
        return (
            *tags.cpython_tags(version, abis=[interpreter + flag], platforms=platforms),
            *tags.compatible_tags(version, interpreter, platforms),
        )

    def marker_environment(self, python: str) -> Environment:
        """The environment markers see on this machine (PEP 508), for CPython ``python``.

        ``platform_release`` and ``platform_version`` are empty: they are not known of a kind of
        machine.
        """
        os_name, sys_platform, system = _MARKERS[self.os]
        feature = "{}.{}".format(*_feature_version(python))
        full = python if python.count(".") > 1 else f"{feature}.0"
        return {
            "implementation_name": "cpython",
            "implementation_version": full,
            "os_name": os_name,
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": system,
            "platform_version": "",
            "python_full_version": full,
            "python_version": feature,
            "sys_platform": sys_platform,
        }

    def with_floor(self, text: str) -> "Target":
        """This target bound to system version ``text``, such as glibc "2.17"."""
        if self.oldest is None:
            msg = f"{self.name} has no floor to set; got {text!r}"
            raise ConfigError(msg)
        parts = text.split(".")
        if len(parts) != 2 or not all(part.isdecimal() for part in parts):
            msg = f"floor of {self.name} must be two numbers such as '2.17'; got {text!r}"
            raise ConfigError(msg)
        floor = (int(parts[0]), int(parts[1]))
        if self.os == "linux" and floor[0] != self.oldest[0]:
            library = "musl" if self.abi == "musl" else "glibc"
            raise ConfigError(
                f"there is no {library} {text} to be the floor of {self.name}",
                hint=f"they are called {self.oldest[0]}.x",
            )
        return replace(self, floor=floor)


def _feature_version(python: str) -> Version:
    major, minor, *_ = python.split(".")
    return int(major), int(minor)


@functools.cache
def load_targets() -> dict[str, Target]:
    """All targets by name, in the order of ``data/targets.toml``."""
    rows: dict[str, dict[str, Any]] = load_table("targets")
    for row in rows.values():
        row.update({key: tuple(row[key]) for key in ("oldest", "newest") if key in row})
    return {name: Target(name=name, **row) for name, row in rows.items()}


def parse_target(text: str) -> Target:
    """The target called ``text``; "this" is the machine Sealift runs on.

    Raises :class:`ConfigError` with the nearest names when there is none.
    """
    if text == "this":
        return current_target()
    targets = load_targets()
    if text in targets:
        return targets[text]
    near = difflib.get_close_matches(text, targets, n=3, cutoff=0.5)
    raise ConfigError(
        f"there is no target {text!r}",
        hint=f"did you mean {' or '.join(near)}?" if near else "`sealift targets` lists them",
    )


@functools.cache
def current_target() -> Target:
    """The target whose programs this machine runs natively.

    The only place that asks the running interpreter where it is.
    """
    system = {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    machine = platform.machine()
    for target in load_targets().values():
        if target.os != system or target.machine.lower() != machine.lower():
            continue
        if target.os == "linux" and (target.abi == "musl") != (platform.libc_ver()[0] != "glibc"):
            continue
        return target
    raise ConfigError(
        f"Sealift does not know this machine: {sys.platform} on {machine}",
        hint="name a target with --target; `sealift targets` lists them",
    )


def cpu_count() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""The oldest system a set of native files runs on, computed from what they ask for."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sealift.binary.elf import ElfFacts, read_elf
from sealift.target import Target

Version = tuple[int, int]

FALLBACKS = "lib/fallback"
"""Folder of the product for libraries that are loaded only where the system has none."""

_GLIBC = re.compile(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?")
_GLIBCXX = re.compile(r"GLIBCXX_(\d+)\.(\d+)(?:\.(\d+))?")
# glibc 2.36 introduced packed relocations and this marker for files that need them.
_ABI_MARKERS = {"GLIBC_ABI_DT_RELR": (2, 36)}
# Programs for musl carry no symbol versions, so files cannot tell. Its ABI has only grown since
# 1.2 (2020, 64-bit time), the oldest that interpreters and compilers still build for.
_MUSL_FLOOR = (1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The oldest C library: ``version`` (glibc or musl), ``None`` where nothing asks for one.

    ``because`` names the file and the symbol version that set it; ``glibcxx`` is the highest
    version of the C++ library asked of the system, as in ``GLIBCXX_3.4.29``.
    """

    version: Version | None
    because: str = ""
    glibcxx: tuple[int, ...] | None = None


def floor_of(natives: Mapping[str, Path], target: Target) -> Floor:
    """The floor of ``natives`` (product path to file) on ``target``.

    Weak needs do not count: the loader forgives them.  Files of another CPU are data.  Raises
    :class:`~sealift.errors.BinaryFormatError` for a damaged file.
    """
    if target.os != "linux":
        return Floor(version=None)
    facts = dict(_facts(natives, target))
    if target.abi == "musl":
        return Floor(version=_MUSL_FLOOR, because="the oldest musl with today's ABI")
    # The first file by name among equals, so that the sentence does not change by chance.
    needs = [
        (version, path, symbol)
        for path in sorted(facts)
        for version, symbol in glibc_versions(facts[path])
    ]
    highest = max(needs, key=lambda need: need[0], default=None)
    return Floor(
        version=highest[0] if highest else None,
        because=f"{highest[1]} asks for {highest[2]}" if highest else "",
        glibcxx=_glibcxx(facts),
    )


def glibc_versions(facts: ElfFacts) -> Iterator[tuple[Version, str]]:
    """Versions of glibc that a file cannot do without, each with its name in the file."""
    for versions in facts.verneed.values():
        for name, weak in versions:
            found = _GLIBC.fullmatch(name)
            if weak:
                continue
            if found:
                yield (int(found[1]), int(found[2])), name
            elif name in _ABI_MARKERS:
                yield _ABI_MARKERS[name], name


def _facts(natives: Mapping[str, Path], target: Target) -> Iterator[tuple[str, ElfFacts]]:
    for path, file in natives.items():
        # What is loaded only where it is missed makes no system too old.
        facts = None if path.startswith(f"{FALLBACKS}/") else read_elf(file)
        if facts and facts.runs_on(target.arch):
            yield path, facts


def _glibcxx(facts: Mapping[str, ElfFacts]) -> tuple[int, ...] | None:
    """The highest version asked of a libstdc++ that is not among the files themselves."""
    if any(fact.soname == "libstdc++.so.6" for fact in facts.values()):
        return None
    asked = (
        tuple(int(part) for part in found.groups(default="0"))
        for fact in facts.values()
        for name, weak in fact.verneed.get("libstdc++.so.6", ())
        if not weak and (found := _GLIBCXX.fullmatch(name))
    )
    return max(asked, default=None)

"""The oldest system a set of native files runs on, computed from what they ask for."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sealift.binary.elf import ElfFacts, read_elf
from sealift.binary.macho import read_macho
from sealift.binary.pe import read_pe
from sealift.policy.windows import load_windows
from sealift.target import Target

Version = tuple[int, int]

RULES = "1"
"""A new number forgets floors computed before."""

FALLBACKS = "lib/fallback"
"""Folder of the product for libraries that are loaded only where the system has none."""

_GLIBC = re.compile(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?")
_GLIBCXX = re.compile(r"GLIBCXX_(\d+)\.(\d+)(?:\.(\d+))?")
# glibc 2.36 introduced packed relocations and this marker for files that need them.
_ABI_MARKERS = {"GLIBC_ABI_DT_RELR": (2, 36)}
# Programs for musl carry no symbol versions, so files cannot tell. Its ABI has only grown since
# 1.2 (2020, 64-bit time), the oldest that interpreters and compilers still build for.
_MUSL_FLOOR = (1, 2)
_FIRST_ON_APPLE = (11, 0, 0)  # of macOS on Apple's own processors
LAUNCHERS_MACOS = (10, 13)
"""The oldest macOS that launchers are compiled for: it has the calls that they make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The oldest system: ``version`` of the C library (glibc or musl), of macOS or of Windows.

    It is ``None`` where nothing asks for one.  ``because`` names the file that sets it and what it
    asks for; ``glibcxx`` is the highest version of the C++ library asked of the system, as in
    ``GLIBCXX_3.4.29``.
    """

    version: Version | None
    because: str = ""
    glibcxx: tuple[int, ...] | None = None


def floor_of(natives: Mapping[str, Path], target: Target) -> Floor:
    """The floor of ``natives`` (product path to file) on ``target``.

    Weak needs do not count: the loader forgives them.  Files of another CPU are data.  Raises
    :class:`~sealift.errors.BinaryFormatError` for a damaged file.
    """
    if target.os == "windows":
        return _highest(_windows_needs(natives, target))
    if target.os == "macos":
        return _highest(_macos_needs(natives, target))
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


def with_launcher(floor: Floor, target: Target) -> Floor:
    """``floor`` of native files that a launcher starts.

    On Linux the launcher asks for no newer system than they do; Macs may be older than it knows.
    """
    if target.os != "macos" or not floor.version or floor.version >= LAUNCHERS_MACOS:
        return floor
    told = ".".join(map(str, LAUNCHERS_MACOS))
    return Floor(version=LAUNCHERS_MACOS, because=f"the launcher is for macOS {told} and later")


def as_asked(floor: Floor, target: Target) -> Floor:
    """``floor`` of a product, or what the project's settings say of the oldest macOS.

    Files for macOS may say more than they need, or know less than the project does; a Mac believes
    the application.  For other systems the files are right.
    """
    if target.os != "macos" or not target.floor:
        return floor
    return Floor(version=target.floor, because="the project's settings say so")


def _highest(needs: Iterable[tuple[Version, str]]) -> Floor:
    version, because = max(needs, key=lambda need: need[0], default=(None, ""))
    return Floor(version=version, because=because)


def _windows_needs(natives: Mapping[str, Path], target: Target) -> Iterator[tuple[Version, str]]:
    """The Windows that each file names, and 10 where it asks for what came with that."""
    policy = load_windows(target.wheel)
    shipped = {PurePosixPath(path).name.lower() for path in natives}
    for path in sorted(natives):
        facts = read_pe(natives[path])
        if facts is None or not facts.runs_on(target.arch):
            continue
        major, minor = facts.subsystem_version
        yield facts.subsystem_version, f"{path} is for Windows {major}.{minor} and later"
        for name in facts.needed:
            if name.lower() not in shipped and policy.came_with_ten(name):
                yield (10, 0), f"{path} asks for {name}"


def _macos_needs(natives: Mapping[str, Path], target: Target) -> Iterator[tuple[Version, str]]:
    """The macOS that each file names for the CPUs of ``target``.

    For both kinds of Mac it is that of Intel's, as all others have 11.0 at least.
    """
    is_both = target.arch == "universal2"
    for path in sorted(natives):
        for facts in read_macho(natives[path]) or ():
            fits = facts.runs_on("x86_64" if is_both else target.arch)
            is_newer = is_both and (facts.minimum or (0, 0, 0)) > _FIRST_ON_APPLE
            if facts.minimum and (fits or (is_newer and facts.runs_on("aarch64"))):
                version = facts.minimum[:2]
                told = ".".join(map(str, version))
                yield version, f"{path} is for macOS {told} and later"


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

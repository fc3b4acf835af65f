"""Interpreters on this machine that may be shipped, wherever they come from."""

import functools
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from sealift import process, tools
from sealift.errors import ConfigError, SealiftError
from sealift.interpreters.installation import OLDEST, Installation, ask, refusal

_FEATURES = range(11, 20)  # minors that are looked for when no version is asked for
_VERSION = re.compile(r"(\d+)\.(\d+)(\.\d+((a|b|rc)\d+)?)?t?")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A program that may be an interpreter, and how it was come by."""

    program: Path
    origin: str


@dataclass(frozen=True, slots=True)
class Search:
    """What a search gave: the best fit, and why each of the others was not taken."""

    found: Installation | None
    origin: str
    refused: tuple[str, ...]


def fits(version: str, python: str, *, free_threaded: bool = False) -> bool:
    """Whether ``version`` is what ``python`` asks for: a feature version or a full one.

    A trailing "t" asks for a free-threaded build.

    >>> fits("3.13.1", "3.13"), fits("3.13.1", "3.13.0"), fits("3.13.1", "3.1")
    (True, False, False)
    """
    if python.endswith("t") != free_threaded:
        return False
    wanted = python.rstrip("t")
    return version == wanted or (wanted.count(".") == 1 and version.startswith(f"{wanted}."))


def check_version(python: str) -> None:
    """Raise :class:`ConfigError` where ``python`` cannot be the version of one that is shipped."""
    found = _VERSION.fullmatch(python)
    if not found:
        raise ConfigError(
            f"cannot ship Python {python!r}: it is not a version",
            hint="write it as 3.13, 3.13.1 or 3.13t; --interpreter takes the path of a program",
        )
    if (int(found[1]), int(found[2])) < OLDEST or found[1] != "3":
        oldest = ".".join(map(str, OLDEST))
        raise ConfigError(f"cannot ship Python {python}: Sealift ships CPython {oldest} and later")


def search(python: str, *, named: Path | None = None) -> Search:
    """The newest interpreter here that fits ``python`` and can be shipped.

    ``named`` is the only candidate where a user has named one.
    """
    candidates = [Candidate(named, "the one you named")] if named else list(_candidates(python))
    best: tuple[Installation, str] | None = None
    refused: list[str] = []
    seen: set[Path] = set()
    for candidate in candidates:
        try:
            answered = ask(candidate.program)
        except SealiftError as problem:
            refused.append(f"{candidate.program}: {problem.message}")
            continue
        if answered.program.resolve() in seen:
            continue
        seen.add(answered.program.resolve())
        reason = _misfit(answered, python) or refusal(answered)
        if reason:
            refused.append(f"{answered.program} ({answered.version}): {reason}")
        elif best is None or Version(answered.version) > Version(best[0].version):
            best = answered, candidate.origin
    found, origin = best or (None, "")
    return Search(found, origin, tuple(refused))


def program_for(feature: str) -> Path | None:
    """A program of this machine that compiles code for CPython ``feature``, if there is one."""
    found = search(feature).found
    return found.program if found else None


def named_program(text: str) -> Path:
    """The program a user names by a path, ``~`` and a relative one understood."""
    return Path(text).expanduser().absolute()


def features() -> Iterator[str]:
    """Feature versions there may be interpreters of here, by their names alone, newest first."""
    own = "{}.{}".format(*sys.version_info[:2])
    for minor in reversed(_FEATURES):
        feature = f"3.{minor}"
        if feature == own or next(_by_name(feature), None):
            yield feature


def _misfit(found: Installation, python: str) -> str | None:
    if fits(found.version, python, free_threaded=found.is_free_threaded):
        return None
    return f"it is not {python}"


def _candidates(python: str) -> Iterator[Candidate]:
    own = "{}.{}.{}".format(*sys.version_info[:3])
    if fits(own, python) or fits(own, python, free_threaded=True):
        yield Candidate(Path(sys.executable), "the one Sealift runs on")
    yield from _by_name(python)


def _by_name(python: str) -> Iterator[Candidate]:
    yield from _on_path(python)
    for folder, origin in ((_pyenv_versions(), "pyenv"), (_uv_versions(), "uv")):
        if folder and folder.is_dir():
            yield from _in_versions(folder, python, origin)


def _on_path(python: str) -> Iterator[Candidate]:
    suffix = "t" if python.endswith("t") else ""
    feature = ".".join(python.rstrip("t").split(".")[:2]) + suffix
    for folder in dict.fromkeys(os.get_exec_path()):
        found = shutil.which(f"python{feature}", path=folder)
        if found and Path(folder).name != "shims":  # pyenv's, which run what its folders hold
            yield Candidate(Path(found), f"python{feature} on PATH")


def _in_versions(folder: Path, python: str, origin: str) -> Iterator[Candidate]:
    """Interpreters in ``folder``, which holds one folder a version."""
    for home in sorted(folder.iterdir()):
        found = re.search(r"(?:^|-)(3\.\d+\.\d+\w*?)(\+freethreaded|t)?(?:$|-)", home.name)
        program = home / "bin" / "python3"
        if not found or not _is_version(found[1]) or not program.exists():
            continue
        if fits(found[1], python, free_threaded=bool(found[2])):
            yield Candidate(program, f"{found[1]} of {origin}")


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _pyenv_versions() -> Path | None:
    root = os.environ.get("PYENV_ROOT")
    return Path(root or Path.home() / ".pyenv") / "versions"


@functools.cache
def _uv_versions() -> Path | None:
    program = tools.UV.find()
    if not program:
        return None
    try:
        return Path(process.run([program, "python", "dir", "--color", "never"]).strip())
    except SealiftError:
        return None

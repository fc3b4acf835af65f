"""Which releases and architectures Debian has, and where its archive is to be had."""

import difflib
import functools
import os
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift.errors import ConfigError
from sealift.tables import load_table

MIRROR_VARIABLE = "SEALIFT_DEBIAN_MIRROR"
_APT = Path("/etc/apt")
_SCHEMES = {"http", "https", "file"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A row of ``data/debian.toml``: ``name`` as in ``debian-12``, ``codename`` as in ``bookworm``.

    ``minimal`` are the packages that a dynamically linked program needs; ``lacks`` are the
    architectures it was not released for.  ``own_mirror`` is set where the usual mirrors do not
    have it, which goes with ``is_archived``.
    """

    name: str
    codename: str
    minimal: tuple[str, ...]
    lacks: frozenset[str] = frozenset()
    own_mirror: str | None = None
    is_archived: bool = False

    @property
    def mirror(self) -> str:
        """URL of the archive: ``SEALIFT_DEBIAN_MIRROR``, what apt here uses, or Debian's own.

        A copy as of some day, such as snapshot.debian.org has them, will do.
        """
        named = os.environ.get(MIRROR_VARIABLE) or self.own_mirror or apt_mirror(_APT)
        return (named or _table()["mirror"]).rstrip("/")


@functools.cache
def _table() -> dict[str, Any]:
    return load_table("debian")


@functools.cache
def load_releases() -> dict[str, Release]:
    """All releases by name, oldest first."""
    return {
        name: Release(
            name=name,
            codename=row["codename"],
            minimal=tuple(row["minimal"]),
            lacks=frozenset(row.get("lacks", ())),
            own_mirror=row.get("mirror"),
            is_archived=row.get("archived", False),
        )
        for name, row in _table()["releases"].items()
    }


def assumed_packages() -> frozenset[str]:
    """Packages, virtual ones too, that dependencies need not bring."""
    return frozenset(_table()["assumed"])


def parse_release(text: str) -> Release:
    """The release called ``text``: ``debian-12``, ``debian-bookworm``, ``12`` or ``bookworm``.

    Raises :class:`ConfigError` with the nearest names when there is none.
    """
    releases = load_releases()
    plain = text.lower().removeprefix("debian-")
    for release in releases.values():
        if plain in {release.codename, release.name.removeprefix("debian-")}:
            return release
    codenames = (release.codename for release in releases.values())
    near = difflib.get_close_matches(text, (*releases, *codenames), n=1)
    raise ConfigError(
        f"there is no release {text!r} of Debian here",
        hint=f"did you mean {near[0]}?" if near else f"there are {', '.join(releases)}",
    )


def architecture(cpu: str) -> str | None:
    """Debian's name for the architecture of ``cpu``, a GNU name, where it has one.

    >>> architecture("aarch64"), architecture("m68k")
    ('arm64', None)
    """
    found: str | None = _table()["architectures"].get(cpu)
    return found


def apt_mirror(folder: Path) -> str | None:
    """The first archive of Debian among the sources of apt in ``folder`` (sources.list(5))."""
    files = [folder / "sources.list"]
    files += sorted((folder / "sources.list.d").glob("*.list"))
    files += sorted((folder / "sources.list.d").glob("*.sources"))
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        for line in text.splitlines():
            words = line.split()
            if words[:1] in (["deb"], ["URIs:"]):
                found = next(filter(_is_archive, words), None)
                if found:
                    return found
    return None


def _is_archive(word: str) -> bool:
    parts = urllib.parse.urlsplit(word)
    return parts.scheme in _SCHEMES and parts.path.rstrip("/").endswith("/debian")

"""Which releases and architectures Debian has, and where its archive is to be had."""

import difflib
import functools
import os
import re
import urllib.parse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sealift.errors import ConfigError
from sealift.tables import load_table

MIRROR_VARIABLE = "SEALIFT_DEBIAN_MIRROR"
_APT = Path("/etc/apt")
_SCHEMES = {"http", "https", "file"}
_MAIN, _SECURITY = "debian", "debian-security"
_ARCHIVE = re.compile(r"/debian(?=/?$|/\d{8}T)")  # in the end, or before the time of a snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A row of ``data/debian.toml``: ``name`` as in ``debian-12``, ``codename`` as in ``bookworm``.

    ``minimal`` are the packages that a dynamically linked program needs; ``lacks`` are the
    architectures it was not released for.  ``own_mirror`` is set where the usual mirrors do not
    have it, which goes with ``is_archived``.  ``archive`` is what the path of its archive ends
    with; ``updates`` is its codename in that of security updates, where it gets such.
    """

    name: str
    codename: str
    minimal: tuple[str, ...]
    lacks: frozenset[str] = frozenset()
    own_mirror: str | None = None
    is_archived: bool = False
    archive: str = _MAIN
    updates: str | None = None

    @property
    def mirror(self) -> str:
        """URL of the archive: ``SEALIFT_DEBIAN_MIRROR``, what apt here uses, or Debian's own.

        A copy as of some day, such as snapshot.debian.org has them, will do.  That of security
        updates is looked for beside the one that is named.
        """
        named = os.environ.get(MIRROR_VARIABLE)
        found = named or self.own_mirror or apt_mirror(_APT, self.archive) or _table()["mirror"]
        return _ARCHIVE.sub(f"/{self.archive}", found).rstrip("/")

    def security(self) -> "Release | None":
        """Its security updates as a release of their own, which has no other packages."""
        if not self.updates:
            return None
        name = f"{self.name}-security"
        return replace(self, name=name, codename=self.updates, archive=_SECURITY, updates=None)


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
            updates=row.get("updates"),
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


def apt_mirror(folder: Path, archive: str = _MAIN) -> str | None:
    """The first archive of Debian among the sources of apt in ``folder`` (sources.list(5)).

    Its path ends with ``archive``.
    """
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
                found = next((word for word in words if _is_archive(word, archive)), None)
                if found:
                    return found
    return None


def _is_archive(word: str, archive: str) -> bool:
    parts = urllib.parse.urlsplit(word)
    return parts.scheme in _SCHEMES and parts.path.rstrip("/").endswith(f"/{archive}")

"""Provider ``standalone``: python-build-standalone's releases, for many kinds of machine.

What there is, with URL and SHA-256, is told by the table that package ``pbs-installer`` carries, so
that nothing is downloaded unchecked and a plan needs no network.
"""

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any, ClassVar

from sealift import fetch
from sealift.config import Settings
from sealift.errors import InterpreterError
from sealift.fetch import Remote
from sealift.interpreter import Interpreter
from sealift.interpreters.candidates import fits
from sealift.interpreters.unpacked import load_table, prepare
from sealift.target import Target


@dataclass(frozen=True, slots=True)
class Release:
    """An archive of the table: for CPython ``version``, on what, and where."""

    version: str
    free_threaded: bool
    platform: str
    arch: str
    url: str
    sha256: str

    @property
    def order(self) -> tuple[tuple[int, ...], bool]:
        """What sorts the best last: the newest, of that the stripped one."""
        return tuple(int(part) for part in self.version.split(".")), "stripped" in self.url


class StandaloneInterpreters:
    """CPython as python-build-standalone releases it."""

    name: ClassVar[str] = "standalone"

    def refuses(self, python: str, target: Target, settings: Settings) -> str | None:  # noqa: ARG002  (the protocol's)
        """Why there is no such release, with what there is; asks no network."""
        return None if best_release(python, target) else _lack(python, target)

    def find(self, python: str, target: Target, settings: Settings) -> Interpreter:
        """The newest that fits: downloaded once, checked, unpacked, pruned."""
        release = best_release(python, target)
        if not release:
            raise InterpreterError(
                f"cannot get a standalone CPython {python} for {target}: {_lack(python, target)}"
            )
        path = fetch.fetch(remote(release, settings.config.mirror))
        return prepare(
            path,
            release.sha256,
            target,
            provider=self.name,
            reason=f"python-build-standalone {_day(release)}",
            everything=settings.config.stdlib == "all",
        )


def remote(release: Release, mirror: str | None) -> Remote:
    """Where ``release`` is fetched from; ``mirror`` takes the place of the releases' address."""
    base = load_table()["releases"]
    if mirror and release.url.startswith(base):
        return Remote(mirror.rstrip("/") + release.url.removeprefix(base), release.sha256)
    return Remote(release.url, release.sha256)


def best_release(python: str, target: Target) -> Release | None:
    """The newest release for ``target`` that ``python`` asks for."""
    fitting = (
        release
        for release in _releases_for(target)
        if fits(release.version, python, free_threaded=release.free_threaded)
    )
    return max(fitting, key=lambda release: release.order, default=None)


def _releases_for(target: Target) -> Iterator[Release]:
    row = load_table()["standalone"].get(target.name)
    for release in load_releases() if row else ():
        if (release.platform, release.arch) == (row["platform"], row["arch"]):
            yield release


@functools.cache
def load_releases() -> tuple[Release, ...]:
    """Every release of CPython that can be installed as it is and has a hash."""
    text = resources.files("pbs_installer").joinpath("versions.json").read_text("utf-8")
    return tuple(_read_releases(json.loads(text)))


def _read_releases(table: Any) -> Iterator[Release]:
    for row in table:
        version = row["python_version"]
        if version["implementation"] != "cpython":
            continue
        for file in row["files"]:
            if file["install_only"] and file["sha256"]:
                yield Release(
                    version="{major}.{minor}.{micro}".format_map(version),
                    free_threaded=version["freethreaded"],
                    platform=file["platform"],
                    arch=file["arch"],
                    url=file["url"],
                    sha256=file["sha256"],
                )


def _lack(python: str, target: Target) -> str:
    """Why there is no release, as the end of a sentence."""
    known = load_table()["standalone"]
    if target.name not in known:
        same = [name for name in known if name.startswith(f"{target.os}-")]
        return f"there are none with a known hash for {target}, only for {', '.join(same)}"
    features = sorted({_feature(release) for release in _releases_for(target)})
    newest = (f"3.{minor}{'t' if free else ''}" for minor, free in features if minor >= 11)
    return f"there is no {python} for {target}, only {', '.join(newest)}"


def _feature(release: Release) -> tuple[int, bool]:
    return int(release.version.split(".")[1]), release.free_threaded


def _day(release: Release) -> str:
    """The release's date, which is the folder it lies in."""
    return release.url.split("/")[-2]

"""Minimal roots of Debian's own archive, whose files apt's downloader brings."""

import functools
import os
import subprocess
import tempfile
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sealift.cross.debian_libraries import choose_packages, locate_libraries
from sealift.cross.library import debian_table
from sealift.debian.index import locate_index, open_index
from sealift.debian.releases import MIRROR_VARIABLE, Release, architecture, parse_release
from sealift.debian.resolution import resolve
from sealift.interpreters.debian import releases_for, select_interpreter
from sealift.target import Target, load_targets
from tests.support.tools import missing

_GIVEN = os.environ.get(MIRROR_VARIABLE)
_HELPER = Path("/usr/lib/apt/apt-helper")


def local_mirror(*systems: tuple[str, str]) -> str:
    """URL of a mirror that has the minimal root of each release and architecture named."""
    folder = _folder()
    for name, debian in systems:
        _bring(folder, parse_release(name), debian)
    return folder.as_uri()


def mirror_of_libraries(target: Target, *names: str) -> str:
    """URL of the mirror, which has the packages ``names`` and what comes along for ``target``."""
    folder = _folder()
    _bring_libraries(folder, target, names)
    return folder.as_uri()


@functools.cache
def _bring_libraries(folder: Path, target: Target, names: tuple[str, ...]) -> None:
    base = _base(parse_release(debian_table()["releases"][0]))
    with _mirror(folder.as_uri()):
        for name in debian_table()["releases"]:
            _download(folder, base, f"dists/{parse_release(name).codename}/InRelease")
        libraries = locate_libraries(names, target)
        _download(folder, base, _place(libraries.location.file.url, folder))
        for package in choose_packages(libraries):
            _download(folder, base, _place(package.file.url, folder))


def python_mirror(feature: str, *names: str) -> str:
    """URL of a mirror that has a CPython for each target named, and a minimal root to run it in."""
    folder = _folder()
    for name in names:
        _bring_python(folder, feature, load_targets()[name])
    return folder.as_uri()


@functools.cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="sealift-debian-mirror-"))


@functools.cache
def _bring(folder: Path, release: Release, architecture: str) -> None:
    base = _base(release)
    with _mirror(folder.as_uri()):
        _download(folder, base, f"dists/{release.codename}/InRelease")
        location = locate_index(release, architecture)
        _download(folder, base, _place(location.file.url, folder))
        for package in resolve(open_index(location), release.minimal):
            _download(folder, base, _place(package.file.url, folder))


@functools.cache
def _bring_python(folder: Path, feature: str, target: Target) -> None:
    release, debian = releases_for(target)[feature], architecture(target.arch)
    assert debian is not None
    _bring(folder, release, debian)
    with _mirror(_GIVEN):
        base = release.mirror
    with _mirror(folder.as_uri()):
        for package in select_interpreter(feature, target).packages:
            _download(folder, base, _place(package.file.url, folder))


def _base(release: Release) -> str:
    if not _HELPER.exists():
        missing("needs apt")
    with _mirror(_GIVEN):
        return release.mirror


@contextmanager
def _mirror(url: str | None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(MIRROR_VARIABLE, raising=False)
        if url:
            patch.setenv(MIRROR_VARIABLE, url)
        yield


def _place(url: str, folder: Path) -> str:
    return url.removeprefix(f"{folder.as_uri()}/")


def _download(folder: Path, base: str, place: str) -> None:
    path = folder / urllib.parse.unquote(place)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [str(_HELPER), "download-file", f"{base}/{place}", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"needs Debian's archive: {done.stderr[-300:]}")

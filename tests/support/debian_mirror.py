"""Minimal roots of Debian's own archive, whose files apt's downloader brings."""

import functools
import os
import subprocess
import tempfile
import urllib.parse
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import filelock
import pytest

from sealift.cross.debian_libraries import choose_packages, locate_libraries
from sealift.cross.library import debian_table
from sealift.cross.recipe import find_recipe, source_of
from sealift.debian.index import Package, locate_index, locate_sources, open_index
from sealift.debian.releases import MIRROR_VARIABLE, Release, architecture, parse_release
from sealift.debian.resolution import resolve
from sealift.interpreters.debian import releases_for, select_interpreter
from sealift.target import Target, load_targets
from tests.support.tools import missing

_GIVEN = os.environ.get(MIRROR_VARIABLE)
_HELPER = Path("/usr/lib/apt/apt-helper")
_AT_ONCE = 6


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
        _download_packages(folder, base, choose_packages(libraries))


def python_mirror(feature: str, *names: str) -> str:
    """URL of a mirror that has a CPython for each target named, and a minimal root to run it in."""
    folder = _folder()
    for name in names:
        _bring_python(folder, feature, load_targets()[name])
    return folder.as_uri()


def mirror_of_sources(*names: str) -> str:
    """URL of the mirror, which has the source packages that recipes ``names`` are built from."""
    folder = _folder()
    release = parse_release("debian-12")
    base = _base(release)
    with _mirror(folder.as_uri()):
        _download(folder, base, f"dists/{release.codename}/InRelease")
        _download(folder, base, _place(locate_sources(release).file.url, folder))
        for name in names:
            recipe = find_recipe(name)
            assert recipe is not None
            for file in source_of(recipe).files:
                _download(folder, base, _place(file.url, folder))
    return folder.as_uri()


@functools.cache
def _folder() -> Path:
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")  # which the processes of one run share
    if run is None:
        return Path(tempfile.mkdtemp(prefix="sealift-debian-mirror-"))
    folder = Path(tempfile.gettempdir(), f"sealift-debian-mirror-{run}")
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


@functools.cache
def _bring(folder: Path, release: Release, architecture: str) -> None:
    base = _base(release)
    with _mirror(folder.as_uri()):
        _download(folder, base, f"dists/{release.codename}/InRelease")
        location = locate_index(release, architecture)
        _download(folder, base, _place(location.file.url, folder))
        _download_packages(folder, base, resolve(open_index(location), release.minimal))


@functools.cache
def _bring_python(folder: Path, feature: str, target: Target) -> None:
    release, debian = releases_for(target)[feature], architecture(target.arch)
    assert debian is not None
    _bring(folder, release, debian)
    with _mirror(folder.as_uri()):
        packages = select_interpreter(feature, target).packages
    _download_packages(folder, _base(release), packages)


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


def _download_packages(folder: Path, base: str, packages: Iterable[Package]) -> None:
    places = [_place(package.file.url, folder) for package in packages]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda place: _download(folder, base, place), places))


def _download(folder: Path, base: str, place: str) -> None:
    path = folder / urllib.parse.unquote(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path.with_name(f".{path.name}.lock")):
        if path.exists():
            return
        part = path.with_name(f".{path.name}.part")
        command = [str(_HELPER), "download-file", f"{base}/{place}", str(part)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            missing(f"needs Debian's archive: {done.stderr[-300:]}")
        part.rename(path)

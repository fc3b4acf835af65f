"""Source packages of a release: what Debian builds its own packages from, patches included.

Format: dsc(5) and dpkg-source(1), "3.0 (quilt)".  Hashes come from the index that Debian signed, so
nothing here rests on the ``.dsc``.
"""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift import store
from sealift.archive import extract_tar
from sealift.debian.downloads import download
from sealift.debian.index import Location, read_stanzas, stanza_fields
from sealift.debian.versions import compare
from sealift.errors import ArchiveError, ConfigError, FetchError
from sealift.fetch import Remote
from sealift.patching import apply_patch

_MAIN = re.compile(r"\.orig\.tar\.\w+$")
_COMPONENT = re.compile(r"\.orig-([\w-]+)\.tar\.\w+$")
_DEBIAN = re.compile(r"\.debian\.tar\.\w+$")
_EPOCH = 315532800  # 1980-01-01
_UPSTREAM = re.compile(r"^(?:\d+:)?(.+?)(?:-[^-]*)?$")
_REALLY = re.compile(r"^.*\+really")
_REPACKED = re.compile(r"[.+~](?:dfsg|ds|repack).*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source package: its ``files`` are archives, the original ones and Debian's part."""

    name: str
    version: str
    files: tuple[Remote, ...]

    @property
    def upstream(self) -> str:
        """The version that its authors gave it; see :func:`upstream_version`."""
        return upstream_version(self.version)

    @property
    def key(self) -> str:
        """What tells it from others: its content."""
        return store.digest_of(self.name, self.version, *(file.sha256 for file in self.files))


def find_source(location: Location, name: str) -> Source:
    """The newest source package ``name`` of the index at ``location``.

    Raises :class:`ConfigError` where there is none, and :class:`FetchError`.
    """
    key = store.digest_of("1", location.file.sha256, name)
    found = store.remember("debian-sources", key, lambda: _newest(location, name))
    if found is None:
        raise ConfigError(f"there is no source package {name} in {location.release.name}")
    version, folder, files = found
    base = f"{location.mirror}/{folder}"
    remotes = tuple(Remote(f"{base}/{file}", sha256, size) for sha256, size, file in files)
    return Source(name=name, version=version, files=remotes)


def _newest(location: Location, name: str) -> Any:
    """Version, folder and files of the newest source called ``name``."""
    begins = f"Package: {name}\n"
    fields = [stanza_fields(text) for text in read_stanzas(location) if begins in text]
    best: Any = None
    for each in (it for it in fields if it.get("Package") == name):
        if best is None or compare(each["Version"], best[0]) > 0:
            try:
                best = (each["Version"], each["Directory"], [*_listed(each)])
            except (KeyError, ValueError) as problem:
                raise FetchError(
                    f"cannot read the index of {location.release.name}: {problem} is amiss in the "
                    f"entry of {name}"
                ) from problem
    return best


def _listed(fields: Mapping[str, str]) -> Iterator[tuple[str, int, str]]:
    """Hash, size and name of each archive of a source."""
    for line in fields["Checksums-Sha256"].split("\n"):
        sha256, size, file = line.split() if line else ("", "0", "")
        if any(kind.search(file) for kind in (_MAIN, _COMPONENT, _DEBIAN)):
            yield sha256, int(size), file


def unpack_source(source: Source, into: Path) -> None:
    """Unpack ``source`` into the folder ``into``, which is made, as ``dpkg-source -x`` does.

    Debian's patches are applied.  All files get one time, so that no build system takes one for
    outdated.  Raises :class:`FetchError` and :class:`ArchiveError`.
    """
    title = f"Source of {source.name} {source.upstream}"
    paths = download(source.files, title=title, kind="debian-sources-files")
    for kind in (_MAIN, _COMPONENT, _DEBIAN):
        for path in paths:
            match = kind.search(path.name)
            if match and kind is _COMPONENT:
                shutil.rmtree(into / match[1], ignore_errors=True)
                extract_tar(path, into / match[1], strip=1)
            elif match:
                extract_tar(path, into, strip=1 if kind is _MAIN else 0)
    _apply_series(source, into)
    for path in into.rglob("*"):
        os.utime(path, (_EPOCH, _EPOCH), follow_symlinks=False)


def _apply_series(source: Source, folder: Path) -> None:
    """Apply the patches that ``debian/patches/series`` lists (quilt(1)), as dpkg-source does."""
    patches = folder / "debian/patches"
    series = patches / "series"
    lines = series.read_text(encoding="utf-8").splitlines() if series.is_file() else []
    for name in (line.split()[0] for line in lines if line.strip() and line[0] != "#"):
        action = f"patch {source.name} {source.version} with {name}"
        apply_patch(patches / name, folder, error=ArchiveError, action=action)


def upstream_version(version: str) -> str:
    """What the authors call ``version`` of Debian's.

    >>> upstream_version("1:1.3.dfsg+really1.3.1-1+deb13u1"), upstream_version("3.4.8-2")
    ('1.3.1', '3.4.8')
    >>> upstream_version("2.12.7+dfsg+really2.9.14-2.1+deb13u3"), upstream_version("5.8.1")
    ('2.9.14', '5.8.1')
    """
    match = _UPSTREAM.match(version)
    return _REPACKED.sub("", _REALLY.sub("", match[1] if match else version))

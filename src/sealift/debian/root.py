"""Root file systems: the packages a program needs to run, of any release and architecture.

They are unpacked from packages whose hashes Debian signed, by nobody with any rights, and are kept
in the content store.  No script of a package runs, so nothing in them is set up.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sealift import store
from sealift.debian.downloads import download
from sealift.debian.index import locate_index, open_index
from sealift.debian.releases import Release
from sealift.debian.resolution import resolve
from sealift.debian.unpacking import unpack_packages

_RECIPE = "2"  # another one makes other trees of the same packages
_FOLDERS = ("dev", "etc", "home", "mnt", "opt", "proc", "root", "run", "sys", "tmp", "var/tmp")
_GLIBC = re.compile(r"(\d+)\.(\d+)")
# What scripts of packages would have written.
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"
    "user:x:1000:1000:user:/home/user:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A tree at ``path``, with the version of each package in it; not to be written to."""

    path: Path
    release: Release
    architecture: str
    packages: Mapping[str, str]

    @property
    def glibc(self) -> tuple[int, int]:
        """The version of its C library."""
        found = _GLIBC.match(self.packages["libc6"])
        assert found is not None
        return int(found[1]), int(found[2])

    def libraries(self) -> frozenset[str]:
        """The names of the shared libraries where its loader looks by itself."""
        places = (
            self.path / "usr/lib",
            self.path / "usr/lib64",
            *self.path.glob("usr/lib/*-linux-*"),
        )
        return frozenset(
            path.name for place in places if place.is_dir() for path in place.glob("*.so*")
        )


def make_root(release: Release, architecture: str, packages: Iterable[str] = ()) -> Root:
    """A root of ``release`` for ``architecture`` ("arm64") with ``packages`` besides the minimum.

    Raises :class:`~sealift.errors.FetchError`, :class:`~sealift.errors.ConfigError` for a package
    that is not to be had, and :class:`~sealift.errors.ArchiveError`.
    """
    location = locate_index(release, architecture)
    names = sorted({*release.minimal, *packages})
    key = store.digest_of(_RECIPE, location.file.sha256, release.codename, architecture, *names)

    def make(folder: Path) -> None:
        chosen = resolve(open_index(location), names)
        files = [package.file for package in chosen]
        debs = download(files, title=f"{release.name} for {architecture}", kind="debian-packages")
        folder.mkdir()
        unpack_packages(debs, folder / "tree")
        _complete(folder / "tree")
        versions = {package.name: package.version for package in chosen}
        (folder / "packages.json").write_text(json.dumps(versions, indent=1), encoding="utf-8")

    entry = store.make_entry("roots", key, make)
    versions = json.loads((entry / "packages.json").read_text(encoding="utf-8"))
    return Root(path=entry / "tree", release=release, architecture=architecture, packages=versions)


def _complete(root: Path) -> None:
    """Add what every system has, and no package brings by itself."""
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, text in _FILES.items():
        path = root / name
        if not path.exists():
            path.write_text(text, encoding="utf-8")
    shell = root / "usr/bin/sh"
    if (root / "usr/bin/dash").exists() and not shell.exists():
        shell.symlink_to("dash")

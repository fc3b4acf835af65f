"""Rust's standard library for a target, out of the packages of Debian that rustc here is from.

rustc takes only what was built from the sources that it was itself.  The package is not installed,
and nothing of it is run: rustc is told where it lies.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from sealift import store
from sealift.debian.downloads import download
from sealift.debian.index import Index, Location, Package, locate_index
from sealift.debian.releases import Release, architecture, load_releases
from sealift.debian.selection import select_packages
from sealift.debian.sources import upstream_version
from sealift.debian.unpacking import unpack_packages
from sealift.debian.versions import compare
from sealift.errors import FetchError, ToolError
from sealift.owners import Owner, owners_of
from sealift.target import Target

_FORMAT = "1"
_COMPILER = re.compile(r"rustc(-.+)?")  # rustc, rustc-web, rustc-1.85


def debian_compiler(rustc: Path) -> Owner | None:
    """The package of Debian that ``rustc`` is from, if it is from one."""
    owner = owners_of([rustc]).get(rustc)
    is_debian = owner and owner.system == "debian" and _COMPILER.fullmatch(owner.name)
    return owner if is_debian else None


def debian_library(compiler: Owner, target: Target, triple: str) -> Path | None:
    """The folder of the library for ``target`` that fits ``compiler``, a package of Debian.

    ``triple`` is Rust's name of the target.  ``None`` where Debian has none that fits.  Raises
    :class:`FetchError` and :class:`~sealift.errors.ArchiveError`.
    """
    is_gnu = target.os == "linux" and target.abi == "gnu"
    cpu = architecture(target.arch) if is_gnu else None
    name = f"libstd-{compiler.name.replace('rustc', 'rust', 1)}-dev"
    package = fitting_package(compiler, name, cpu) if cpu else None
    if package is None:
        return None

    def make(entry: Path) -> None:
        title = f"Rust's library for {target}"
        debs = download([package.file], title=title, kind="debian-packages")
        whole = entry.with_name("whole")
        unpack_packages(debs, whole)
        folder = whole / f"usr/lib/rustlib/{triple}/lib"
        if not any(folder.glob("libstd-*.rlib")):
            raise ToolError(f"cannot use {debs[0].name}: it has no library for {triple}")
        folder.rename(entry)

    key = store.digest_of(_FORMAT, package.file.sha256, triple)
    return store.make_entry("rust-libraries", key, make)


def fitting_package(compiler: Owner, name: str, cpu: str) -> Package | None:
    """The package ``name`` of the sources of ``compiler`` for ``cpu``, of its own release at best.

    ``cpu`` is Debian's name of an architecture.  Raises :class:`FetchError`.
    """
    failed: FetchError | None = None
    for place in _places(compiler.distro):
        if cpu not in place.lacks:
            try:
                found = _fitting(locate_index(place, cpu), name, compiler.version)
            except FetchError as problem:  # another place may have it, too
                failed = failed or problem
            else:
                if found:
                    return found[0]
    if failed:
        raise failed
    return None


def _places(own: str) -> Iterator[Release]:
    """Debian ``own`` and the one after it, which has other architectures; their updates first.

    Systems that do not tell a number are later than all that have one.
    """
    releases = list(load_releases().values())
    first = next((n for n, it in enumerate(releases) if it.name == own), len(releases) - 2)
    for release in releases[first : first + 2]:
        yield from filter(None, (release.security(), release))


def _fitting(location: Location, name: str, version: str) -> Sequence[Package]:
    """The package ``name`` of the same sources as ``version``: that very one, or the newest."""
    sources, order = upstream_version(version), functools.cmp_to_key(compare)

    def select(index: Index) -> Sequence[Package]:
        found = [it for it in index.packages(name) if upstream_version(it.version) == sources]
        return sorted(found, key=lambda it: (it.version == version, order(it.version)))[-1:]

    return select_packages(location, ("rust", name, version), select).packages

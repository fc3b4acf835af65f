"""Debian's packages of libraries for a target, as a tree that compilers of any floor can use.

The tree is laid out as Debian's: ``usr/include``, ``usr/lib/<multiarch>``.  What a toolchain brings
itself is not in it, nor are programs.  Its pkg-config files and scripts name it where they named
``/usr``.
"""

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sealift import store
from sealift.cross.library import debian_table
from sealift.debian.downloads import download
from sealift.debian.index import Index, Location, Package, locate_index
from sealift.debian.releases import Release, architecture, parse_release
from sealift.debian.resolution import resolve
from sealift.debian.selection import select_packages
from sealift.debian.unpacking import unpack_packages
from sealift.errors import RefusedError
from sealift.owners import Owner
from sealift.target import Target

_KEPT = ("include", "lib", "share/pkgconfig", "share/cmake")
_USR = re.compile(r"""(?:(?<![\w}/.-])|(?<=-[IL]))/usr(?=[/\s"':;)]|$)""", re.MULTILINE)
_TEXTS = (".pc", ".cmake", ".la", "Conf.sh")
_LARGEST_SCRIPT = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianLibraries:
    """Packages ``names`` of the index at ``location``, and what they need, less ``replaced``.

    ``replaced`` are packages with headers that come from elsewhere.
    """

    location: Location
    names: tuple[str, ...]
    replaced: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """What tells its content from others: the packages that it is now."""
        return store.digest_of("2", *(package.file.sha256 for package in choose_packages(self)))


def locate_libraries(
    names: Iterable[str], target: Target, *, replaced: Iterable[str] = ()
) -> DebianLibraries:
    """Where packages ``names`` for ``target`` are.

    Raises :class:`RefusedError` for a target Debian has nothing for, and
    :class:`~sealift.errors.FetchError`.
    """
    wanted = tuple(sorted(set(names)))
    for release, cpu in _places(target):
        location = locate_index(release, cpu)
        return DebianLibraries(location=location, names=wanted, replaced=frozenset(replaced))
    raise RefusedError(
        f"cannot get {', '.join(wanted)} for {target}: Debian has no packages for it, and there "
        "is no recipe that builds it from source",
        hint="build for Linux with glibc, or without the library",
    )


def has_libraries(target: Target) -> bool:
    """Whether Debian has libraries for ``target``."""
    return any(True for _ in _places(target))


def _places(target: Target) -> Iterator[tuple[Release, str]]:
    """Releases that are for ``target``, with their name of its architecture."""
    cpu = architecture(target.arch) if target.os == "linux" and target.abi == "gnu" else None
    for release in map(parse_release, debian_table()["releases"]):
        if cpu and cpu not in release.lacks:
            yield release, cpu


def unpack_libraries(libraries: DebianLibraries, tree: Path) -> dict[str, Owner]:
    """Unpack ``libraries`` into ``tree``; the packages of all files by their paths in it.

    Texts still name ``/usr``.

    Raises :class:`~sealift.errors.ConfigError` for a package that is not to be had,
    :class:`~sealift.errors.FetchError` and :class:`~sealift.errors.ArchiveError`.
    """
    place, chosen = libraries.location, choose_packages(libraries)
    title = f"Libraries of {place.release.name} for {place.architecture}"
    debs = download([package.file for package in chosen], title=title, kind="debian-packages")
    whole = tree.with_name(f"{tree.name}-whole")
    packages = dict(zip(debs, chosen, strict=True))
    origins = unpack_packages(debs, whole)
    (tree / "usr").mkdir(parents=True)
    for name in _KEPT:
        if (whole / "usr" / name).is_dir():
            (tree / "usr" / name).parent.mkdir(exist_ok=True)
            (whole / "usr" / name).rename(tree / "usr" / name)
    _keep_scripts(whole / "usr/bin", tree / "usr/bin")
    shutil.rmtree(whole)
    for folder in library_folders(tree):
        _link_alternatives(folder)
        _drop_archives(folder)
    return {
        path.relative_to(whole.resolve()).as_posix(): _owner(packages[deb], place)
        for path, deb in origins.items()
    }


def _owner(package: Package, place: Location) -> Owner:
    return Owner(
        kind="deb", name=package.name, version=package.version, arch=package.architecture,
        system="debian", distro=place.release.name,
    )  # fmt: skip


def choose_packages(libraries: DebianLibraries) -> tuple[Package, ...]:
    """The packages that ``libraries`` are, with all that comes along; see :func:`select_packages`.

    Raises :class:`~sealift.errors.ConfigError` and :class:`~sealift.errors.FetchError`.
    """
    table, replaced = debian_table(), sorted(libraries.replaced)
    rules = _Rules(table["followed"], table["left_out"].replace("\n", ""), libraries.replaced)

    def select(index: Index) -> tuple[Package, ...]:
        return resolve(index, libraries.names, is_assumed=rules)

    what = ("libraries", json.dumps([table["followed"], table["left_out"], replaced]))
    return select_packages(libraries.location, (*what, *libraries.names), select).packages


class _Rules:
    """Which dependencies are not followed."""

    def __init__(self, followed: str, left_out: str, replaced: frozenset[str]) -> None:
        self._followed = re.compile(followed)
        self._left_out = re.compile(left_out)
        self._replaced = replaced

    def __call__(self, names: Sequence[str]) -> bool:
        first = names[0]
        if not self._replaced.isdisjoint(names) or self._left_out.fullmatch(first):
            return True
        return not self._followed.fullmatch(first)


def library_folders(tree: Path) -> tuple[Path, ...]:
    """Where libraries lie in a tree: the folder of the architecture, and the one above."""
    own = sorted((tree / "usr/lib").glob("*-linux-*"))
    return (*own, tree / "usr/lib")


def _keep_scripts(programs: Path, kept: Path) -> None:
    """Keep the scripts that tell how to link, among ``programs`` of the target."""
    for path in sorted(programs.glob("*config*")) if programs.is_dir() else ():
        if not path.is_symlink() and path.stat().st_size < _LARGEST_SCRIPT:
            text = path.read_bytes()
            if text.startswith(b"#!") and b"sh\n" in text[:20]:
                kept.mkdir(exist_ok=True)
                shutil.copy(path, kept / path.name)


def _link_alternatives(folder: Path) -> None:
    """Links in ``folder`` to what Debian's set-up would have chosen among by links."""
    for name in debian_table()["alternatives"]:
        for path in _linkable(folder / name):
            link = folder / path.relative_to(folder / name)
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                up = [".."] * len(link.parent.relative_to(folder).parts)
                link.symlink_to(Path(*up, path.relative_to(folder)))


def _linkable(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.glob("lib*") if {".so", ".a"} & {*path.suffixes})
    yield from sorted(folder.glob("pkgconfig/*.pc"))
    yield from sorted(folder.glob("cmake/*/*.cmake"))


def _drop_archives(folder: Path) -> None:
    """Drop static libraries that no linker would take, since there is the shared one."""
    for path in sorted(folder.rglob("*.a")):
        if path.with_suffix(".so").exists():
            path.unlink()


def name_tree(usr: Path, final: Path) -> None:
    """Let texts in ``usr`` name ``final`` where they named ``/usr``."""
    for path in sorted(usr.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        is_script = path.parent == usr / "bin"
        if is_script or path.name.endswith(_TEXTS) or _is_linker_script(path):
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            body = renamed(text, str(final))
            if body != text:
                path.unlink()  # others may be links to the same file
                path.write_text(body, encoding="utf-8", errors="surrogateescape")
                path.chmod(0o755 if is_script else 0o644)


def _is_linker_script(path: Path) -> bool:
    if path.suffix != ".so" or path.stat().st_size > _LARGEST_SCRIPT:
        return False
    with path.open("rb") as file:
        return not file.read(4).startswith(b"\x7fELF")


def renamed(text: str, usr: str) -> str:
    """``text`` with ``usr`` where it names ``/usr``.

    >>> print(renamed("prefix=/usr x=-I/usr/include /usr/lib ${p}/usr /opt/usr", "/t"))
    prefix=/t x=-I/t/include /t/lib ${p}/usr /opt/usr
    """
    return _USR.sub(lambda _: usr, text)

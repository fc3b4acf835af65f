"""The C libraries that a wheel for another machine is built against: a sysroot of them.

They are Debian's packages for the target, whose hashes Debian signed, or built from Debian's
sources by recipes.  Nothing of this machine is in it, and nothing of Debian's C library, which is
the toolchain's part.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sealift import store
from sealift.cross.debian_libraries import (
    DebianLibraries,
    has_libraries,
    library_folders,
    locate_libraries,
    name_tree,
    unpack_libraries,
)
from sealift.cross.library import parse_libraries
from sealift.cross.pkg_config import find_pkgconf, module_folders, write_programs
from sealift.cross.recipe import (
    Recipe,
    build_triple,
    find_recipe,
    owner_of,
    source_of,
    with_needs,
)
from sealift.cross.source_build import SourceBuild, build_library
from sealift.cross.toolchain import GNU, Toolchain
from sealift.owners import Owner, record_owners
from sealift.target import Target

_FORMAT = "3"  # another one makes other trees of the same packages


@dataclass(frozen=True, slots=True, kw_only=True)
class Sysroot:
    """Headers and libraries below ``path``/``usr``, laid out as Debian lays them out.

    ``packages`` are what is in it, with versions: Debian's packages, and libraries built from its
    sources, which are called as in ``src:zlib``.  ``library_folders`` are where shared libraries
    lie, for whoever takes them into a wheel.  ``variables`` are those of the environment of a
    build; ones that are ``None`` are to be absent, and ``PATH`` is the folder of ``pkg-config``,
    ``pg_config`` and such, which comes before all others.
    """

    path: Path
    key: str
    packages: Mapping[str, str]
    library_folders: tuple[Path, ...]
    variables: Mapping[str, str | None]

    @property
    def programs(self) -> Path:
        """The folder of its programs, such as ``pkg-config``."""
        return self.path / "bin"


def make_sysroot(libraries: Sequence[str], toolchain: Toolchain) -> Sysroot:
    """The sysroot with ``libraries``, and what they need, for the target of ``toolchain``.

    Names are those of :func:`~sealift.cross.library.parse_library`.  Libraries are Debian's; those
    that have a recipe are built from source where the target has a floor, which Debian's may not
    keep, and where Debian has nothing for it.  It is made once for the same content.  Raises
    :class:`~sealift.errors.ConfigError` for a name that means nothing,
    :class:`~sealift.errors.RefusedError` where there is nothing for the target,
    :class:`~sealift.errors.FetchError`, :class:`~sealift.errors.ArchiveError` and what
    :func:`~sealift.cross.source_build.build_library` does.
    """
    debian, recipes = _chosen(libraries, toolchain.target)
    return _assembled(debian, [*_built(recipes, toolchain)], toolchain)


def sysroot_key(libraries: Sequence[str], target: Target) -> str:
    """What tells what :func:`make_sysroot` would make now from what it made of other packages.

    Nothing is built for it, and the network is asked at most once a day whether Debian has others.
    Raises as :func:`make_sysroot` does.
    """
    debian, recipes = _chosen(libraries, target)
    sources = (text for each in recipes for text in (each.text(target), source_of(each).key))
    return store.digest_of(debian.key if debian else "", *sources)


def _chosen(
    libraries: Sequence[str], target: Target
) -> tuple[DebianLibraries | None, tuple[Recipe, ...]]:
    """Debian's packages and the recipes that have ``libraries`` for ``target``."""
    wanted = parse_libraries(libraries)
    from_source = target.floor is not None or not has_libraries(target)
    built = [library for library in wanted if from_source and find_recipe(library.name)]
    taken = [library.debian for library in wanted if library not in built]
    replaced = [library.debian for library in built]
    debian = locate_libraries(taken, target, replaced=replaced) if taken else None
    return debian, with_needs(tuple(library.name for library in built), target)


@dataclass(frozen=True, slots=True)
class _Built:
    """A library at ``path``, built from what ``owner`` says.

    ``links`` are libraries of the system that it is linked to.
    """

    path: Path
    owner: Owner
    links: tuple[str, ...]

    def linked(self) -> list[str]:
        """How it is linked to by those who name no library that it needs; only static ones are."""
        found = sorted((self.path / "usr/lib").glob("lib*.a"))
        archives = [path for path in found if not path.is_symlink()]
        return [f"-l{name}" for name in (*(path.stem[3:] for path in archives), *self.links)]

    def owners(self) -> dict[str, Owner]:
        """The owner of its files, by their paths."""
        files = (path for path in self.path.rglob("*") if path.is_file())
        return {path.relative_to(self.path).as_posix(): self.owner for path in files}


def _built(recipes: Sequence[Recipe], toolchain: Toolchain) -> Iterator[_Built]:
    """What ``recipes`` make, each against the sysroot of those it needs."""
    target = toolchain.target
    done: dict[str, _Built] = {}
    for recipe in recipes:
        needed = [done[each.name] for each in with_needs(recipe.needed(target), target)]
        sysroot = _assembled(None, needed, toolchain)
        source = source_of(recipe)
        build = SourceBuild(
            recipe=recipe,
            source=source,
            toolchain=toolchain,
            needs=tuple(each.path for each in needed),
            variables=sysroot.variables,
        )
        links = recipe.links.get(target.os, ())
        done[recipe.name] = _Built(build_library(build), owner_of(recipe, source), links)
        yield done[recipe.name]


def _assembled(
    debian: DebianLibraries | None, built: Sequence[_Built], toolchain: Toolchain
) -> Sysroot:
    keys = (debian.key if debian else "", *(each.path.name for each in built))
    triple = build_triple(toolchain.target)
    key = store.digest_of(_FORMAT, triple, str(find_pkgconf()), *keys)
    final = store.store_root() / "sysroots" / key

    def make(entry: Path) -> None:
        entry.mkdir()
        owners = unpack_libraries(debian, entry) if debian else {}
        for each in built:
            shutil.copytree(each.path / "usr", entry / "usr", symlinks=True, dirs_exist_ok=True)
            owners |= each.owners()
        (entry / "usr").mkdir(exist_ok=True)
        name_tree(entry / "usr", final / "usr")
        write_programs(entry, final=final, triple=triple)
        record_owners(entry, owners)
        (entry / "packages.json").write_text(json.dumps(_versions(owners.values())), "utf-8")

    store.make_entry("sysroots", key, make)
    packages = json.loads((final / "packages.json").read_text(encoding="utf-8"))
    return Sysroot(
        path=final,
        key=key,
        packages=packages,
        library_folders=library_folders(final),
        # Those that need others in front of them.
        variables=_variables(final, toolchain, [it for one in built[::-1] for it in one.linked()]),
    )


def _versions(owners: Iterable[Owner]) -> dict[str, str]:
    found = {(it.name if it.arch != "source" else f"src:{it.name}"): it.version for it in owners}
    return dict(sorted(found.items()))


def _variables(path: Path, toolchain: Toolchain, linked: Sequence[str]) -> dict[str, str | None]:
    usr, folders = path / "usr", library_folders(path)
    headers = [*_header_folders(usr)]
    linking = [*(f"-L{folder}" for folder in folders), *linked]
    if toolchain.target.os == "linux":
        # Debian's libraries ask for a C library that is newer than the one that is linked to.
        linking.append("-Wl,--allow-shlib-undefined")
    if toolchain.name == GNU:
        linking += [f"-Wl,-rpath-link,{folder}" for folder in folders]
    modules = [folder / "cmake" for folder in folders]
    return {
        # CFLAGS is left to who builds.  Compilers look in CPATH after all that a build names.
        "CPPFLAGS": " ".join(f"-I{folder}" for folder in headers),
        "CPATH": _joined(headers),
        "LDFLAGS": " ".join(linking),
        "PATH": str(path / "bin"),
        "PKG_CONFIG": str(path / "bin/pkg-config"),
        "PKG_CONFIG_LIBDIR": _joined(module_folders(usr)),
        "PKG_CONFIG_SYSROOT_DIR": None,
        "CMAKE_PREFIX_PATH": _joined([usr, *modules]),
        "CMAKE_INCLUDE_PATH": _joined(headers),
        "CMAKE_LIBRARY_PATH": _joined(folders),
    }


def _header_folders(usr: Path) -> Iterator[Path]:
    yield usr / "include"
    yield from sorted((usr / "include").glob("*-linux-*"))


def _joined(paths: Sequence[Path]) -> str:
    return os.pathsep.join(map(str, paths))

"""The C libraries that a wheel for another machine is built against: a sysroot of them.

They are Debian's packages for the target, whose hashes Debian signed.  Nothing of this machine is
in it, and nothing of Debian's C library, which is the toolchain's part.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sealift import store
from sealift.cross.debian_libraries import library_folders, locate_libraries, unpack_libraries
from sealift.cross.library import parse_libraries
from sealift.cross.pkg_config import find_pkgconf, module_folders, write_programs
from sealift.cross.toolchain import GNU, Toolchain
from sealift.errors import RefusedError

_RECIPE = "2"  # another one makes other trees of the same packages


@dataclass(frozen=True, slots=True, kw_only=True)
class Sysroot:
    """Headers and libraries below ``path``/``usr``, laid out as Debian lays them out.

    ``packages`` are what is in it, with versions.  ``library_folders`` are where shared libraries
    lie, for whoever takes them into a wheel.  ``programs`` is the folder of ``pkg-config``,
    ``pg_config`` and such: it is to be the first on ``PATH`` of a build, since some find them in no
    other way.  ``variables`` are those of the environment besides; ones that are ``None`` are to be
    absent.
    """

    path: Path
    key: str
    packages: Mapping[str, str]
    library_folders: tuple[Path, ...]
    programs: Path
    variables: Mapping[str, str | None]


def make_sysroot(libraries: Sequence[str], toolchain: Toolchain, *, low_floor: bool) -> Sysroot:
    """The sysroot with ``libraries``, and what they need, for the target of ``toolchain``.

    Names are those of :func:`~sealift.cross.library.parse_library`.  It is made once for the same
    packages.  Raises :class:`~sealift.errors.ConfigError` for a name that means nothing,
    :class:`~sealift.errors.RefusedError` where there is nothing for the target,
    :class:`~sealift.errors.FetchError` and :class:`~sealift.errors.ArchiveError`.
    """
    if low_floor:
        raise RefusedError("cannot build libraries from source: there are no recipes")
    target = toolchain.target
    debian = locate_libraries((it.debian for it in parse_libraries(libraries)), target)
    key = store.digest_of(_RECIPE, debian.key, target.triple, str(find_pkgconf()))
    final = store.store_root() / "sysroots" / key

    def make(entry: Path) -> None:
        entry.mkdir()
        packages = unpack_libraries(debian, entry, final=final)
        write_programs(entry, final=final, triple=target.triple)
        (entry / "packages.json").write_text(json.dumps(packages, indent=1), encoding="utf-8")

    store.make_entry("sysroots", key, make)
    packages = json.loads((final / "packages.json").read_text(encoding="utf-8"))
    return Sysroot(
        path=final,
        key=key,
        packages=packages,
        library_folders=library_folders(final),
        programs=final / "bin",
        variables=_variables(final, toolchain),
    )


def _variables(path: Path, toolchain: Toolchain) -> dict[str, str | None]:
    usr, folders = path / "usr", library_folders(path)
    headers = [*_header_folders(usr)]
    linking = [f"-L{folder}" for folder in folders]
    # Its libraries ask for a C library that is newer than the one that is linked to.
    linking.append("-Wl,--allow-shlib-undefined")
    if toolchain.name == GNU:
        linking += [f"-Wl,-rpath-link,{folder}" for folder in folders]
    modules = [folder / "cmake" for folder in folders]
    return {
        # CFLAGS is left to who builds.  Compilers look in CPATH after all that a build names.
        "CPPFLAGS": " ".join(f"-I{folder}" for folder in headers),
        "CPATH": _joined(headers),
        "LDFLAGS": " ".join(linking),
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

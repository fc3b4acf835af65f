"""Provider ``debian``: CPython from Debian's packages, for every Linux CPU that Debian has.

The signature of the archive vouches for the packages.  They are unpacked, never run, and made
relocatable as an interpreter of this machine is, with the libraries of the same release grafted.
"""

import fnmatch
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sealift import store
from sealift.config import Settings
from sealift.debian.downloads import download
from sealift.debian.index import Index, Package, locate_index
from sealift.debian.releases import Release, architecture, parse_release
from sealift.debian.resolution import resolve
from sealift.debian.selection import Selection, select_packages
from sealift.debian.unpacking import unpack_packages
from sealift.errors import InterpreterError
from sealift.interpreter import Interpreter
from sealift.interpreters.candidates import fits, program_for
from sealift.interpreters.installation import Installation
from sealift.interpreters.relocate import RECIPE, load_prepared, make_tree
from sealift.interpreters.rooted import read_installation
from sealift.interpreters.unpacked import extension_suffix, load_table
from sealift.owners import Owner
from sealift.target import Target
from sealift.tools import GPGV

_RECIPE = "1"  # another one makes another tree of the same packages
_UPSTREAM = re.compile(r"(?:\d+:)?(\d+\.\d+\.\d+)~?((?:a|b|rc)\d+)?")


class DebianInterpreters:
    """CPython as Debian releases it: one feature version a release."""

    name: ClassVar[str] = "debian"

    def refuses(self, python: str, target: Target, settings: Settings) -> str | None:  # noqa: ARG002  (the protocol's)
        """Why Debian has no such interpreter, with what it has; asks no network."""
        if target.abi != "gnu":
            return "Debian's interpreters are for Linux with glibc"
        found = releases_for(target)
        if _feature(python) not in found:
            listed = ", ".join(f"{feature} of {found[feature].name}" for feature in found)
            return f"Debian has no {python} for {target}, only {listed or 'none at all'}"
        if GPGV.find() is None:
            return f"there is no gpgv, which checks Debian's signature ({GPGV.install})"
        return None

    def find(self, python: str, target: Target, settings: Settings) -> Interpreter:
        """That of the release with this feature version, whose patch is what it is."""
        wrong = self.refuses(python, target, settings)
        if wrong:
            raise InterpreterError(f"cannot take CPython {python} from Debian: {wrong}")
        feature = _feature(python)
        release = releases_for(target)[feature]
        selection = select_interpreter(feature, target)
        version = _version(selection.version(f"libpython{feature}"))
        if not fits(version, python):
            raise InterpreterError(
                f"cannot take CPython {python} from Debian: {release.name} has {version}"
            )
        shipped = _Shipped(release, selection.packages, version, target, settings.config.stdlib)
        entry = store.make_entry("interpreters", shipped.key, shipped.make)
        prepared = load_prepared(entry)
        return Interpreter(
            provider=self.name,
            version=version,
            target=target,
            root=prepared.root,
            stdlib=prepared.stdlib,
            library=prepared.library,
            static_library=None,  # it would ask for static libraries of the other machine
            headers=entry / "include" / f"python{feature}",
            program=program_for(feature),
            ext_suffix=extension_suffix(
                prepared.root / prepared.stdlib, version, target, free_threaded=False
            ),
            free_threaded=False,
            floor=prepared.floor,
            key=prepared.key,
            reason=f"{release.name} for {architecture(target.arch)}",
            libraries=prepared.libraries,
        )


def releases_for(target: Target) -> dict[str, Release]:
    """The releases that have a CPython for ``target``, by its feature version."""
    debian = architecture(target.arch)
    rows = {f: parse_release(name) for f, name in load_table()["debian"]["releases"].items()}
    return {f: release for f, release in rows.items() if debian and debian not in release.lacks}


def _feature(python: str) -> str:
    """The feature version of ``python``; "3.13t" stays as it is, which Debian has none of.

    >>> _feature("3.13.5"), _feature("3.13t")
    ('3.13', '3.13t')
    """
    return ".".join(python.split(".")[:2]) + ("t" if re.fullmatch(r".*\..*\..*t", python) else "")


def _version(package: str) -> str:
    """The version of CPython in a package of version ``package``.

    >>> _version("3.13.5-2+deb13u5"), _version("3.14.0~rc3-1")
    ('3.13.5', '3.14.0rc3')
    """
    found = _UPSTREAM.match(package)
    if not found:
        raise InterpreterError(f"cannot tell the version of CPython in Debian's {package}")
    return "".join(part or "" for part in found.groups())


def select_interpreter(feature: str, target: Target) -> Selection:
    """The packages of CPython ``feature`` for ``target``, and of the libraries that it needs.

    The provider must not refuse it.  Raises :class:`~sealift.errors.FetchError`, and
    :class:`~sealift.errors.ConfigError` where the release has not what it should.
    """
    release, debian = releases_for(target)[feature], architecture(target.arch)
    table = load_table()["debian"]["packages"]
    assert debian is not None
    wanted = [name.format(feature=feature) for name in table["all"]]
    either = [name.format(feature=feature) for name in table["first"]]

    def is_assumed(names: Sequence[str]) -> bool:
        return not _fits(names[0], table["follows"]) or _fits(names[0], table["except"])

    def select(index: Index) -> Iterable[Package]:
        tk = next((name for name in either if any(index.packages(name))), None)
        return resolve(index, [*wanted, *([tk] if tk else [])], is_assumed=is_assumed)

    return select_packages(locate_index(release, debian), (json.dumps(table), feature), select)


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class _Shipped:
    """CPython ``version`` in ``packages`` of ``release``, as it is shipped to ``target``."""

    release: Release
    packages: Sequence[Package]
    version: str
    target: Target
    stdlib: str

    @property
    def key(self) -> str:
        """What tells the tree that is made of it from others."""
        digests = (package.file.sha256 for package in self.packages)
        return store.digest_of(RECIPE, _RECIPE, self.target.name, self.stdlib, *digests)

    def make(self, out: Path) -> None:
        """Make the tree at ``out``, with the headers in ``include`` beside."""
        files = [package.file for package in self.packages]
        title = f"Python {self.version} for {self.target}"
        debs = download(files, title=title, kind="debian-packages")
        with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
            tree = Path(scratch, "tree").resolve()
            packages = dict(zip(debs, self.packages, strict=True))
            origins = unpack_packages(debs, tree)
            owners = {path: self._owner(packages[deb]) for path, deb in origins.items()}
            found = read_installation(tree, self.version)
            make_tree(
                out, found, self.target, everything=self.stdlib == "all",
                owners=lambda paths: {path: owners[path] for path in paths if path in owners},
            )  # fmt: skip
            _copy_headers(found, out / "include")

    def _owner(self, package: Package) -> Owner:
        return Owner(
            kind="deb", name=package.name, version=package.version, arch=package.architecture,
            system="debian", distro=self.release.name,
        )  # fmt: skip


def _copy_headers(found: Installation, folder: Path) -> None:
    """The C headers of ``found``, with the ``pyconfig.h`` to which Debian's own leads."""
    headers = folder / found.headers.name
    shutil.copytree(found.headers, headers)
    beside = found.headers.parent / str(found.variables["MULTIARCH"]) / found.headers.name
    shutil.copy(beside / "pyconfig.h", headers)

"""Which package of a system a file belongs to: this machine's, or that of a tree made here.

This machine's package manager is asked; a tree of packages has a list.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from sealift import process, store
from sealift.errors import SealiftError
from sealift.sbom import Component, package_url

_OS_RELEASE = Path("/etc/os-release")
_LIST = "owners.json"
_DIVERSIONS = ("diversion ", "local diversion ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A package of a system: ``kind`` is deb, rpm or apk, ``distro`` as in ``debian-12``.

    ``arch`` is ``source`` for what was built from a source package.  ``licence`` is an SPDX
    expression, where it is known.
    """

    kind: str
    name: str
    version: str
    arch: str
    system: str
    distro: str
    licence: str | None = None

    @property
    def purl(self) -> str:
        """Its package URL."""
        qualifiers = {"arch": self.arch, "distro": self.distro}
        return package_url(
            self.kind, self.name, self.version, namespace=self.system, qualifiers=qualifiers
        )


def owners_of(paths: Iterable[Path]) -> dict[Path, Owner]:
    """The packages that own the files at ``paths``, links followed; what none owns is left out."""
    real = {path: path.resolve() for path in paths}
    recorded = _recorded(real)
    return {**recorded, **_asked({path: it for path, it in real.items() if path not in recorded})}


def record_owners(tree: Path, owners: Mapping[str, Owner]) -> None:
    """Have :func:`owners_of` know the files of ``tree``, by their paths in it."""
    rows = {path: dataclasses.asdict(owner) for path, owner in sorted(owners.items())}
    (tree / _LIST).write_text(json.dumps(rows, indent=1), encoding="utf-8")


def _recorded(real: Mapping[Path, Path]) -> dict[Path, Owner]:
    """The owners of files that lie in trees with a list."""
    found: dict[Path, Owner] = {}
    for path, place in real.items():
        tree = next((folder for folder in place.parents if (folder / _LIST).is_file()), None)
        row = tree and _rows(tree / _LIST).get(place.relative_to(tree).as_posix())
        if row:
            found[path] = Owner(**row)
    return found


@functools.cache
def _rows(path: Path) -> Mapping[str, Any]:
    rows: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def _asked(real: Mapping[Path, Path]) -> dict[Path, Owner]:
    """The owners of files of this machine."""
    if not real:
        return {}
    for kind, ask in (("deb", _ask_dpkg), ("rpm", _ask_rpm), ("apk", _ask_apk)):
        try:
            found = ask(sorted(set(real.values())))
        except SealiftError:
            continue
        if found:
            system, distro = _system()
            owners = {
                path: Owner(
                    kind=kind, name=package.name, version=package.version, arch=package.arch,
                    system=system, distro=distro,
                )
                for path, package in found.items()
            }  # fmt: skip
            return {path: owners[place] for path, place in real.items() if place in owners}
    return {}


def library_components(
    found: Mapping[str, Path], files: Mapping[str, Path], owners: Mapping[Path, Owner]
) -> tuple[Component, ...]:
    """What a bill of materials says of libraries of a system that are shipped.

    ``found`` maps their paths in the product to where they were found, ``files`` to the files that
    are shipped, ``owners`` the former to packages.  One that no package owns goes by its own name.
    """
    return tuple(
        _component(path, owners.get(source), files[path]) for path, source in sorted(found.items())
    )


def _component(path: str, owner: Owner | None, file: Path) -> Component:
    return Component(
        name=owner.name if owner else PurePosixPath(path).name,
        version=owner.version if owner else None,
        purl=owner.purl if owner else None,
        licence=owner.licence if owner else None,
        sha256=store.file_sha256(file),
        files=(path,),
    )


class _Package(NamedTuple):
    name: str
    version: str
    arch: str


def _ask_dpkg(paths: Sequence[Path]) -> dict[Path, _Package]:
    names = {name: path for path in paths for name in _names(path)}
    # It ends with status 1 where one name of many belongs to no package.
    found = _answer(["dpkg-query", "--search", *names])
    packages: dict[str, list[Path]] = {}
    for line in found.splitlines():
        owners, _, name = line.rpartition(": ")  # "libc6:amd64, libc6:i386: /lib/libc.so.6"
        if name in names and not owners.startswith(_DIVERSIONS):
            packages.setdefault(owners.split(",")[0].strip(), []).append(names[name])
    if not packages:
        return {}
    form = "${binary:Package} ${Package} ${Version} ${Architecture}\n"
    shown = process.run(["dpkg-query", "--show", f"--showformat={form}", *packages])
    described: dict[str, _Package] = {}
    for full, *parts in (line.split(" ") for line in shown.splitlines()):
        described[full] = described[f"{full.split(':')[0]}:{parts[2]}"] = _Package(*parts)
    return {
        path: described[package]
        for package, places in packages.items()
        if package in described
        for path in places
    }


def _answer(command: Sequence[str | Path]) -> str:
    """What a package manager says in English; status 1 is for files that are no package's."""
    return process.run(command, env={**os.environ, "LC_ALL": "C"}, expected=(0, 1))


def _names(path: Path) -> Iterator[str]:
    """``path`` and what it was before ``/lib`` became a link to ``/usr/lib``."""
    yield str(path)
    if path.is_relative_to("/usr"):
        yield f"/{path.relative_to('/usr')}"


def _ask_rpm(paths: Sequence[Path]) -> dict[Path, _Package]:
    form = "%{NAME} %{VERSION}-%{RELEASE} %{ARCH}\n"
    found: dict[Path, _Package] = {}
    for path in paths:
        answer = _answer(["rpm", "--query", "--file", "--queryformat", form, path])
        parts = answer.split("\n")[0].split(" ")
        if len(parts) == 3:  # else a sentence that no package owns it
            found[path] = _Package(*parts)
    return found


def _ask_apk(paths: Sequence[Path]) -> dict[Path, _Package]:
    arch = process.run(["apk", "--print-arch"]).strip()
    found: dict[Path, _Package] = {}
    for path in paths:
        answer = _answer(["apk", "info", "--who-owns", path])
        if " is owned by " in answer:  # "/lib/libz.so.1 is owned by zlib-1.3.1-r0"
            name, version, revision = answer.split()[-1].rsplit("-", 2)
            found[path] = _Package(name, f"{version}-{revision}", arch)
    return found


@functools.cache
def _system() -> tuple[str, str]:
    """The system's name as in ``debian``, and with its release as in ``debian-12``."""
    try:
        lines = _OS_RELEASE.read_text(encoding="utf-8").splitlines()
    except OSError:
        return "linux", "linux"
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    name, release = (values.get(key, "").strip("\"'") for key in ("ID", "VERSION_ID"))
    return name or "linux", "-".join(filter(None, (name, release))) or "linux"

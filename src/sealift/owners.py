"""Which package of this machine's system a file belongs to, by asking its package manager."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sealift import process
from sealift.errors import SealiftError
from sealift.sbom import package_url

_OS_RELEASE = Path("/etc/os-release")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A package of the system: ``kind`` is deb, rpm or apk, ``distro`` as in ``debian-12``."""

    kind: str
    name: str
    version: str
    arch: str
    system: str
    distro: str

    @property
    def purl(self) -> str:
        """Its package URL."""
        qualifiers = {"arch": self.arch, "distro": self.distro}
        return package_url(
            self.kind, self.name, self.version, namespace=self.system, qualifiers=qualifiers
        )


def owner_of(path: Path) -> Owner | None:
    """The package that owns the file at ``path``, links followed; ``None`` where none does."""
    return _owner_of(path.resolve())


@functools.cache
def _owner_of(path: Path) -> Owner | None:
    for kind, ask in (("deb", _ask_dpkg), ("rpm", _ask_rpm), ("apk", _ask_apk)):
        try:
            answer = ask(path)
        except SealiftError:
            continue
        if answer:
            system, distro = _system()
            name, version, arch = answer
            return Owner(
                kind=kind, name=name, version=version, arch=arch, system=system, distro=distro
            )
    return None


def _ask_dpkg(path: Path) -> tuple[str, str, str] | None:
    for name in _names(path):
        try:
            found = process.run(["dpkg-query", "--search", name], action=f"ask whose {name} is")
        except SealiftError:
            continue
        package = found.splitlines()[0].partition(": ")[0].split(",")[0].strip()
        form = "${Package} ${Version} ${Architecture}"
        return _three(process.run(["dpkg-query", "--show", f"--showformat={form}", package]))
    return None


def _names(path: Path) -> Iterator[str]:
    """``path`` and what it was before ``/lib`` became a link to ``/usr/lib``."""
    yield str(path)
    if path.is_relative_to("/usr"):
        yield f"/{path.relative_to('/usr')}"


def _ask_rpm(path: Path) -> tuple[str, str, str] | None:
    form = "%{NAME} %{VERSION}-%{RELEASE} %{ARCH}\n"
    return _three(process.run(["rpm", "--query", "--file", "--queryformat", form, path]))


def _ask_apk(path: Path) -> tuple[str, str, str] | None:
    # "/lib/libz.so.1 is owned by zlib-1.3.1-r0"
    owned = process.run(["apk", "info", "--who-owns", path]).split()[-1]
    name, version, revision = owned.rsplit("-", 2)
    return name, f"{version}-{revision}", process.run(["apk", "--print-arch"]).strip()


def _three(text: str) -> tuple[str, str, str] | None:
    parts = text.split("\n", maxsplit=1)[0].split()
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None


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

"""A package that Apple's Installer installs, with what it shows: a product archive.

Format: as ``pkgbuild`` and ``productbuild`` write it: ``Distribution`` tells the Installer what to
say and ask, and a component below has the files (``Payload``), a bill of them (``Bom``), scripts,
and ``PackageInfo`` about all that.
"""

import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from sealift.apple.bom import make_bom
from sealift.apple.certificate import SigningCertificate
from sealift.apple.payload import Payload, write_payload
from sealift.apple.xar import Member, write_xar

_PROLOGUE = b'<?xml version="1.0" encoding="utf-8"?>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What is installed: the content of ``folder``, at ``location``.

    ``bundle`` is the path of an application in it, which replaces older versions of itself as a
    whole.  ``cpus`` are Apple's names, ``minimum`` the oldest macOS.  ``scripts`` are texts of
    programs by the names that the Installer knows.
    """

    title: str
    identifier: str
    version: str
    folder: Path
    location: str
    cpus: Sequence[str]
    minimum: tuple[int, int] | None = None
    bundle: str | None = None
    bundle_identifier: str = ""
    scripts: Mapping[str, str] = field(default_factory=dict)

    @property
    def component(self) -> str:
        """The component's name in the archive."""
        return f"{self.identifier.removesuffix('.pkg')}.pkg"


def write_package(
    package: Package,
    out: BinaryIO,
    *,
    level: int,
    modified: int,
    certificate: SigningCertificate | None,
) -> None:
    """Write ``package`` to ``out``, signed by ``certificate``; ``level`` is one of zlib.

    The same content gives the same bytes, but for timestamps.  Raises what
    :func:`~sealift.apple.payload.write_payload` and :func:`~sealift.apple.xar.write_xar` do.
    """
    with tempfile.TemporaryDirectory(prefix=".pkg-", dir=package.folder.parent) as scratch:
        place = Path(scratch) / "Payload"
        with place.open("xb") as file:
            payload = write_payload(package.folder, file, level=level, modified=modified)
        members = [
            Member("Distribution", _distribution(package, payload)),
            Member(f"{package.component}/PackageInfo", _package_info(package, payload)),
            Member(f"{package.component}/Bom", make_bom(payload.materials)),
            Member(f"{package.component}/Payload", place),
        ]
        if package.scripts:
            scripts = _scripts(package, Path(scratch), modified)
            members.append(Member(f"{package.component}/Scripts", scripts))
        write_xar(out, members, modified=modified, certificate=certificate)


def _scripts(package: Package, scratch: Path, modified: int) -> Path:
    folder = scratch / "scripts"
    folder.mkdir()
    for name, text in package.scripts.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    folder.chmod(0o755)
    place = scratch / "Scripts"
    with place.open("xb") as file:
        write_payload(folder, file, level=9, modified=modified)
    return place


def _package_info(package: Package, payload: Payload) -> bytes:
    root = ET.Element(
        "pkg-info",
        {
            "format-version": "2",
            "identifier": package.identifier,
            "version": package.version,
            "install-location": package.location,
            "auth": "root",
            "overwrite-permissions": "false",  # of /Applications and other shared folders
            "relocatable": "false",
        },
    )
    sizes = {"numberOfFiles": str(len(payload.materials)), "installKBytes": str(payload.kibibytes)}
    ET.SubElement(root, "payload", sizes)
    if package.bundle:
        told = {
            "path": f"./{package.bundle}",
            "id": package.bundle_identifier,
            "CFBundleShortVersionString": package.version,
            "CFBundleVersion": package.version,
        }
        ET.SubElement(root, "bundle", told)
        for name in ("bundle-version", "upgrade-bundle", "strict-identifier"):
            ET.SubElement(ET.SubElement(root, name), "bundle", id=package.bundle_identifier)
        for name in ("update-bundle", "atomic-update-bundle", "relocate"):
            ET.SubElement(root, name)
    if package.scripts:
        scripts = ET.SubElement(root, "scripts")
        for name in sorted(package.scripts):
            ET.SubElement(scripts, name, file=f"./{name}")
    return _xml(root)


def _distribution(package: Package, payload: Payload) -> bytes:
    root = ET.Element("installer-gui-script", minSpecVersion="2")
    ET.SubElement(root, "title").text = package.title
    cpus = ",".join(package.cpus)
    told = {"customize": "never", "require-scripts": "false", "hostArchitectures": cpus}
    ET.SubElement(root, "options", told)
    ET.SubElement(root, "domains", {"enable_localSystem": "true"})
    if package.minimum:
        allowed = ET.SubElement(ET.SubElement(root, "volume-check"), "allowed-os-versions")
        ET.SubElement(allowed, "os-version", min=".".join(map(str, package.minimum)))
    line = ET.SubElement(ET.SubElement(root, "choices-outline"), "line", choice="default")
    ET.SubElement(line, "line", choice=package.identifier)
    ET.SubElement(root, "choice", id="default")
    choice = ET.SubElement(root, "choice", id=package.identifier, visible="false")
    ET.SubElement(choice, "pkg-ref", id=package.identifier)
    told = {
        "id": package.identifier,
        "version": package.version,
        "onConclusion": "none",
        "installKBytes": str(payload.kibibytes),
    }
    ET.SubElement(root, "pkg-ref", told).text = f"#{package.component}"
    return _xml(root)


def _xml(root: ET.Element) -> bytes:
    ET.indent(root)
    return b"\n".join((_PROLOGUE, bytes(ET.tostring(root, "utf-8")), b""))

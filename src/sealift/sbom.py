"""Software bills of materials: what is inside, in CycloneDX 1.6 JSON (ECMA-424).

The same components give the same bytes: the serial number is a digest of the content, and there is
no time in it.
"""

import json
import urllib.parse
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sealift import __version__

_NAMESPACE = uuid.UUID("6d0c0b1e-5f0a-5a37-9c5b-1d3f2b6a7e10")


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part of a product.

    ``kind`` is CycloneDX's type: application, library, framework, file.  ``purl`` is a package URL
    (see :func:`package_url`), ``licence`` an SPDX expression.  ``sha256`` is of the file as it is
    inside, or of the wheel of a distribution; ``files`` are its paths inside.
    """

    name: str
    version: str | None = None
    kind: str = "library"
    purl: str | None = None
    licence: str | None = None
    sha256: str | None = None
    files: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """What other parts of the document call it by: several may be of one package."""
        whole = self.purl or "@".join(filter(None, (self.name, self.version, self.sha256)))
        return "#".join((whole, *self.files[:1]))


def package_url(
    kind: str,
    name: str,
    version: str | None,
    *,
    namespace: str = "",
    qualifiers: Mapping[str, str] | None = None,
) -> str:
    """The package URL of a package (ECMA-427).

    >>> package_url("deb", "libpq5", "15.18-0+deb12u1", namespace="debian")
    'pkg:deb/debian/libpq5@15.18-0%2Bdeb12u1'
    """
    parts = [urllib.parse.quote(part, safe="-._~") for part in (namespace, name) if part]
    url = f"pkg:{kind}/{'/'.join(parts)}"
    if version:
        url += "@" + urllib.parse.quote(version, safe="-._~:")
    pairs = sorted((qualifiers or {}).items())
    asked = "&".join(f"{key}={urllib.parse.quote(value, safe='-._~:')}" for key, value in pairs)
    return f"{url}?{asked}" if asked else url


def cyclonedx(subject: Component, components: Iterable[Component]) -> bytes:
    """The document that says ``subject`` contains ``components``, UTF-8, with a line end."""
    parts = {part.reference: part for part in components}
    references = sorted(parts)
    content: dict[str, Any] = {
        "metadata": {
            "tools": {
                "components": [{"type": "application", "name": "sealift", "version": __version__}]
            },
            "component": _described(subject),
        },
        "components": [_described(parts[reference]) for reference in references],
        "dependencies": [{"ref": subject.reference, "dependsOn": references}],
    }
    number = uuid.uuid5(_NAMESPACE, json.dumps(content, sort_keys=True))
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{number}",
        "version": 1,
        **content,
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _described(part: Component) -> dict[str, Any]:
    described: dict[str, Any] = {
        "type": part.kind, "bom-ref": part.reference, "name": part.name,
        "version": part.version, "purl": part.purl,
    }  # fmt: skip
    if part.licence:
        described["licenses"] = [{"expression": part.licence}]
    if part.sha256:
        described["hashes"] = [{"alg": "SHA-256", "content": part.sha256}]
    if part.files:
        described["evidence"] = {"occurrences": [{"location": path} for path in part.files]}
    return {key: value for key, value in described.items() if value is not None}

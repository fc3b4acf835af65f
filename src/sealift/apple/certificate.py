"""A certificate that signs for macOS, with its key and what it says of its owner.

Developer ID certificates come from Apple: one for applications and what is in them, another for
installer packages.  Others are taken as well, for those who run a root of their own.
"""

import warnings
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from typing import TYPE_CHECKING, Any

from sealift.apple.requirement import FOR_APPLICATIONS, FOR_INSTALLERS, Requirement
from sealift.certificate import CODE_SIGNING, Certificate, chain_of, open_certificate, unusable
from sealift.errors import ConfigError
from sealift.options import PKCS11
from sealift.signing import Identity

if TYPE_CHECKING:
    from cryptography import x509

APPLE_TIMESTAMPS = "http://timestamp.apple.com/ts01"
"""Apple's own authority, which notarization asks for."""

_COMMON_NAME, _UNIT = "2.5.4.3", "2.5.4.11"
_PACKAGE_SIGNING = "1.2.840.113635.100.4.13"


class Purpose(StrEnum):
    """What is to be signed."""

    APPLICATION = "application"
    INSTALLER = "installer"


_MARKS = {Purpose.APPLICATION: FOR_APPLICATIONS, Purpose.INSTALLER: FOR_INSTALLERS}
_USES = {
    Purpose.APPLICATION: frozenset({CODE_SIGNING}),
    Purpose.INSTALLER: frozenset({_PACKAGE_SIGNING, CODE_SIGNING}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningCertificate:
    """``chain`` begins with the certificate itself; ``key`` is an RSA or elliptic curve key.

    ``name`` is whom it is of, as Apple's tools print it; ``team`` that of a Developer ID, which
    Apple issues for software that is not in its shop; ``fingerprint`` the certificate's SHA-1.
    ``timestamp`` is the URL of an RFC 3161 authority.
    """

    chain: "tuple[x509.Certificate, ...]"
    key: Any = field(repr=False)
    name: str
    team: str | None
    fingerprint: bytes
    timestamp: str | None

    def requirement(self, identifier: str) -> Requirement:
        """What other versions of the code ``identifier`` are known by."""
        if self.team:
            return Requirement(identifier=identifier, team=self.team)
        return Requirement(identifier=identifier, leaf=self.fingerprint)


def load_certificate(identity: Identity, purpose: Purpose) -> SigningCertificate:
    """The certificate of ``identity``, fit for ``purpose``.

    Raises what :func:`~sealift.certificate.open_certificate` does, and :class:`ConfigError` when
    its key is of another kind or in a token, or when it must not sign code.
    """
    if identity.key and identity.key.startswith(PKCS11):
        raise ConfigError(
            "cannot sign for macOS with a key behind PKCS#11",
            hint="name a PKCS#12 or PEM file in `tool.sealift.signing.macos`",
        )
    found = open_certificate(identity)
    # Names in Apple's certificates may be longer than the standard allows.
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        return _fit(found, identity, purpose)


def _fit(found: Certificate, identity: Identity, purpose: Purpose) -> SigningCertificate:
    from cryptography.hazmat.primitives import hashes

    _check_key(found)
    _check_use(found, purpose)
    leaf = found.leaf
    is_developer_id = _MARKS[purpose] in _extensions(leaf)
    return SigningCertificate(
        chain=chain_of(leaf, [*found.chain, *apple_certificates()]),
        key=found.key,
        name=_attribute(leaf, _COMMON_NAME) or leaf.subject.rfc4514_string(),
        team=_attribute(leaf, _UNIT) if is_developer_id else None,
        fingerprint=leaf.fingerprint(hashes.SHA1()),  # noqa: S303  (the format's)
        timestamp=identity.timestamp or (APPLE_TIMESTAMPS if is_developer_id else None),
    )


def apple_certificates() -> "list[x509.Certificate]":
    """Apple's root and what issues Developer ID certificates: not every file has them."""
    from cryptography import x509

    data = resources.files("sealift").joinpath("data/apple-certificates.pem").read_bytes()
    return x509.load_pem_x509_certificates(data)


def _check_key(found: Certificate) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if not isinstance(found.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise unusable(found.path, "its key is neither RSA nor of an elliptic curve for ECDSA")


def _check_use(found: Certificate, purpose: Purpose) -> None:
    if not found.uses & _USES[purpose]:
        what = "code" if purpose is Purpose.APPLICATION else "packages"
        raise unusable(
            found.path,
            f"the certificate is not for signing {what}",
            hint=f'Apple calls the right kind "Developer ID {purpose.capitalize()}"',
        )
    other = next(kind for kind in Purpose if kind is not purpose)
    if _MARKS[other] in _extensions(found.leaf):
        raise ConfigError(
            f"cannot sign an {purpose} with {found.path}: "
            f'it is a certificate "Developer ID {other.capitalize()}"',
            hint=f'take the one that Apple calls "Developer ID {purpose.capitalize()}"',
        )


def _extensions(certificate: "x509.Certificate") -> set[str]:
    return {extension.oid.dotted_string for extension in certificate.extensions}


def _attribute(certificate: "x509.Certificate", oid: str) -> str | None:
    for attribute in certificate.subject:
        if attribute.oid.dotted_string == oid:
            return str(attribute.value)
    return None

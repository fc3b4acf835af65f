"""A certificate that signs for macOS, with its key and what it says of its owner.

Developer ID certificates come from Apple: one for applications and what is in them, another for
installer packages.  Others are taken as well, for those who run a root of their own.  Needs
cryptography, which comes with ``sealift[signing]``.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealift.apple.requirement import FOR_APPLICATIONS, FOR_INSTALLERS, Requirement
from sealift.errors import ConfigError, ToolError
from sealift.signing import Identity

if TYPE_CHECKING:
    from cryptography import x509

APPLE_TIMESTAMPS = "http://timestamp.apple.com/ts01"
"""Apple's own authority, which notarization asks for."""

_COMMON_NAME, _UNIT = "2.5.4.3", "2.5.4.11"
_CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
_PACKAGE_SIGNING = "1.2.840.113635.100.4.13"


class Purpose(StrEnum):
    """What is to be signed."""

    APPLICATION = "application"
    INSTALLER = "installer"


_MARKS = {Purpose.APPLICATION: FOR_APPLICATIONS, Purpose.INSTALLER: FOR_INSTALLERS}
_USES = {
    Purpose.APPLICATION: (_CODE_SIGNING,),
    Purpose.INSTALLER: (_PACKAGE_SIGNING, _CODE_SIGNING),
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


def load_certificate(
    identity: Identity, purpose: Purpose, *, now: datetime | None = None
) -> SigningCertificate:
    """The certificate of ``identity``, fit for ``purpose`` at this time.

    Raises :class:`ConfigError` when its file cannot be read, the password does not open it, it has
    no key or one of another kind, is not valid now, or must not sign code; :class:`ToolError`
    without the library.
    """
    try:
        # Names in Apple's certificates may be longer than the standard allows.
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            return _load(identity, purpose, now or datetime.now(UTC))
    except ImportError as problem:
        raise lacking(problem) from problem


def _load(identity: Identity, purpose: Purpose, now: datetime) -> SigningCertificate:
    from cryptography.hazmat.primitives import hashes

    leaf, others, key = _read(identity)
    _check_key(key, identity.certificate)
    _check_time(leaf, identity.certificate, now)
    _check_use(leaf, identity.certificate, purpose)
    is_developer_id = _MARKS[purpose] in _extensions(leaf)
    return SigningCertificate(
        chain=_chain(leaf, [*others, *apple_certificates()]),
        key=key,
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


def lacking(problem: ImportError) -> ToolError:
    """The error of not having the libraries that sign."""
    return ToolError(
        f"cannot sign for macOS: there is no {problem.name}", hint="pip install 'sealift[signing]'"
    )


def _read(identity: Identity) -> "tuple[x509.Certificate, list[x509.Certificate], Any]":
    """The certificate, the others that came with it, and its key."""
    path = identity.certificate
    if identity.key and identity.key.startswith("pkcs11:"):
        raise ConfigError(
            "cannot sign for macOS with a key behind PKCS#11",
            hint="name a PKCS#12 or PEM file in `tool.sealift.signing.macos`",
        )
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise _unusable(path, str(problem.strerror)) from problem
    password = identity.password.encode() or None
    if b"-----BEGIN" in data:
        return _read_pem(path, data, Path(identity.key) if identity.key else path, password)
    return _read_pkcs12(path, data, password)


def _read_pkcs12(
    path: Path, data: bytes, password: bytes | None
) -> "tuple[x509.Certificate, list[x509.Certificate], Any]":
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        key, leaf, others = pkcs12.load_key_and_certificates(data, password)
    except ValueError as problem:
        # Never the library's words: what was tried must not be told.
        if "password" in str(problem).lower():
            raise _wrong_password(path) from None
        raise _unusable(path, "it is no PKCS#12 or PEM file") from None
    if leaf is None or key is None:
        raise _unusable(path, f"it has no {'certificate' if leaf is None else 'private key'}")
    return leaf, others, key


def _read_pem(
    path: Path, data: bytes, key_path: Path, password: bytes | None
) -> "tuple[x509.Certificate, list[x509.Certificate], Any]":
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError:
        raise _unusable(path, "it has no certificate that can be read") from None
    text = key_path.read_bytes()
    if b"PRIVATE KEY-----" not in text:
        raise _unusable(key_path, "it has no private key")
    try:
        key = serialization.load_pem_private_key(text, password if b"ENCRYPTED" in text else None)
    except (TypeError, ValueError):
        raise _wrong_password(key_path) from None
    own = [one for one in found if one.public_key() == key.public_key()]
    if not own:
        raise _unusable(path, f"none of its certificates belongs to the key in {key_path}")
    return own[0], [one for one in found if one != own[0]], key


def _chain(
    leaf: "x509.Certificate", others: "Sequence[x509.Certificate]"
) -> "tuple[x509.Certificate, ...]":
    """``leaf`` and those who issued it, each the next, as far as they are known."""
    chain = [leaf]
    while chain[-1].issuer != chain[-1].subject:
        issuers = [one for one in others if one.subject == chain[-1].issuer and one not in chain]
        if not issuers:
            break
        chain.append(issuers[0])
    return tuple(chain)


def _check_key(key: Any, path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise _unusable(path, "its key is neither RSA nor of an elliptic curve for ECDSA")


def _check_time(leaf: "x509.Certificate", path: Path, now: datetime) -> None:
    if now > leaf.not_valid_after_utc:
        raise _unusable(path, f"it expired on {leaf.not_valid_after_utc:%Y-%m-%d}")
    if now < leaf.not_valid_before_utc:
        raise _unusable(path, f"it is not valid before {leaf.not_valid_before_utc:%Y-%m-%d}")


def _check_use(leaf: "x509.Certificate", path: Path, purpose: Purpose) -> None:
    from cryptography import x509

    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        allowed = {use.dotted_string for use in usage}
    except x509.ExtensionNotFound:
        allowed = set()
    if not allowed & set(_USES[purpose]):
        raise ConfigError(
            f"cannot sign with {path}: the certificate is not for signing "
            f"{'code' if purpose is Purpose.APPLICATION else 'packages'}",
            hint=f'Apple calls the right kind "Developer ID {purpose.capitalize()}"',
        )
    other = next(kind for kind in Purpose if kind is not purpose)
    if _MARKS[other] in _extensions(leaf):
        raise ConfigError(
            f"cannot sign an {purpose} with {path}: "
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


def _unusable(path: Path, reason: str) -> ConfigError:
    return ConfigError(f"cannot sign with {path}: {reason}")


def _wrong_password(path: Path) -> ConfigError:
    return ConfigError(
        f"cannot sign with {path}: the password does not open it",
        hint="`password-variable` in [tool.sealift.signing.macos] names the variable that has it",
    )

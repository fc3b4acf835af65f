"""A certificate for signing, opened to tell early and in words what is wrong with it."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sealift.errors import ConfigError, ToolError
from sealift.signing import Identity

if TYPE_CHECKING:
    from cryptography import x509

_PEM = b"-----BEGIN "
_CODE_SIGNING = "1.3.6.1.5.5.7.3.3"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is known of it: its subject and fingerprint (SHA-256 in hex), when it ``begins``."""

    subject: str
    fingerprint: str
    begins: int


def read_certificate(identity: Identity) -> Certificate:
    """The certificate of ``identity``, whose key fits and which is valid today.

    Raises :class:`ConfigError` where that is not so, :class:`ToolError` without ``cryptography``.
    """
    try:
        from cryptography.hazmat.primitives import hashes
    except ImportError as problem:
        raise ToolError(
            f"cannot sign: there is no {problem.name}", hint="pip install 'sealift[signing]'"
        ) from problem
    try:
        data = identity.certificate.read_bytes()
    except OSError as problem:
        raise _unusable(identity, problem.strerror or str(problem)) from problem
    key, found = _from_pem(identity, data) if _PEM in data else _from_pkcs12(identity, data)
    if key is not None and key.public_key() != found.public_key():
        raise _unusable(identity, "the key belongs to another certificate")
    _check_dates(identity, found)
    _check_purpose(identity, found)
    return Certificate(
        subject=found.subject.rfc4514_string(),
        fingerprint=found.fingerprint(hashes.SHA256()).hex(),
        begins=int(found.not_valid_before_utc.timestamp()),
    )


def _from_pkcs12(identity: Identity, data: bytes) -> "tuple[Any, x509.Certificate]":
    from cryptography.hazmat.primitives.serialization import pkcs12

    password = identity.password.encode() or None
    try:
        key, certificate, _ = pkcs12.load_key_and_certificates(data, password)
    except ValueError as problem:
        # It tells a wrong password and a damaged file apart by words alone.
        if "password" in str(problem).lower():
            raise _wrong_password(identity) from problem
        raise _unusable(identity, "it is neither PEM nor PKCS#12, or damaged") from problem
    if certificate is None or key is None:
        raise _unusable(identity, "it has no certificate with its key")
    return key, certificate


def _from_pem(identity: Identity, data: bytes) -> "tuple[Any, x509.Certificate]":
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificates(data)[0]
    except (ValueError, IndexError) as problem:
        raise _unusable(identity, "it has no certificate, or a damaged one") from problem
    if identity.key is None:
        return _load_key(identity, data, str(identity.certificate)), certificate
    if identity.key.startswith("pkcs11:"):
        return None, certificate  # the token has it, and tells nobody
    with open(identity.key, "rb") as file:  # noqa: PTH123
        return _load_key(identity, file.read(), identity.key), certificate


def _load_key(identity: Identity, data: bytes, name: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(data, identity.password.encode() or None)
    except TypeError as problem:  # with a password where none is needed, or the other way round
        if identity.password:
            return load_pem_private_key(data, None)
        raise _wrong_password(identity) from problem
    except (ValueError, UnsupportedAlgorithm) as problem:
        if "password" in str(problem).lower() or b"ENCRYPTED" in data:
            raise _wrong_password(identity) from problem
        raise ConfigError(f"cannot sign: {name} has no private key, or a damaged one") from problem


def _check_dates(identity: Identity, certificate: "x509.Certificate") -> None:
    now = dt.datetime.now(dt.UTC)
    if certificate.not_valid_after_utc < now:
        raise _unusable(identity, f"it expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
    if certificate.not_valid_before_utc > now:
        day = f"{certificate.not_valid_before_utc:%Y-%m-%d}"
        raise _unusable(identity, f"it is valid from {day} on")


def _check_purpose(identity: Identity, certificate: "x509.Certificate") -> None:
    """Refuse one that is for something else, such as a server's; one that tells nothing passes."""
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return
    if _CODE_SIGNING not in {usage.dotted_string for usage in extension.value}:
        raise _unusable(identity, "it is not for signing code (extended key usage)")


def _unusable(identity: Identity, reason: str) -> ConfigError:
    return ConfigError(f"cannot sign with {identity.certificate}: {reason}")


def _wrong_password(identity: Identity) -> ConfigError:
    if not identity.password:
        return ConfigError(
            f"cannot sign with {identity.certificate}: its key asks for a password",
            hint="name a variable that has it with `password-variable`",
        )
    return ConfigError(
        f"cannot sign with {identity.certificate}: the password is wrong",
        hint="it is what the variable has that `password-variable` names",
    )

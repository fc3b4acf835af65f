"""A certificate for signing with its key, opened to tell early and in words what is wrong with it.

Files are PKCS#12 (RFC 7292), or PEM (RFC 7468) in any order, with the key in a file of its own or
among the certificates.  No message has the password, nor a library's words about it.  Needs
cryptography, which comes with ``sealift[signing]``.
"""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealift.errors import ConfigError, ToolError
from sealift.options import PKCS11
from sealift.signing import Identity

if TYPE_CHECKING:
    from cryptography import x509

CODE_SIGNING = "1.3.6.1.5.5.7.3.3"

_PEM = b"-----BEGIN "
_LOCKED = re.compile(rb"BEGIN ENCRYPTED|4,ENCRYPTED")  # a label of PKCS#8, a header of RFC 1421


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The certificate of ``path`` that its owner signs with.

    ``chain`` begins with it, then come those who issued it, each the next, as far as the file has
    them.  ``key`` fits it, and is ``None`` where a token has it, which tells nobody.
    """

    path: Path
    is_pem: bool
    chain: "tuple[x509.Certificate, ...]"
    key: Any = field(repr=False)

    @property
    def leaf(self) -> "x509.Certificate":
        """The certificate itself."""
        return self.chain[0]

    @property
    def uses(self) -> frozenset[str]:
        """What it says it is for: OIDs of its extended key usage; empty where it says nothing."""
        from cryptography import x509

        try:
            extension = self.leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        except x509.ExtensionNotFound:
            return frozenset()
        return frozenset(use.dotted_string for use in extension.value)


def open_certificate(identity: Identity) -> Certificate:
    """The certificate of ``identity`` that fits its key: what PKCS#12 says, or the latest.

    Raises :class:`ConfigError` when a file cannot be read, the password does not open it, it has no
    key or none for its certificates, or the certificate is not valid now; :class:`ToolError`
    without the library.
    """
    try:
        # Names in certificates (Apple's) may be longer than the standard allows.
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            return _open(identity)
    except ImportError as problem:
        raise lacking(problem) from problem


def lacking(problem: ImportError) -> ToolError:
    """The error of not having the libraries that sign."""
    return ToolError(
        f"cannot sign: there is no {problem.name}", hint="pip install 'sealift[signing]'"
    )


def chain_of(
    leaf: "x509.Certificate", others: "Sequence[x509.Certificate]"
) -> "tuple[x509.Certificate, ...]":
    """``leaf`` and those of ``others`` who issued it, each the next, as far as they are known."""
    chain = [leaf]
    while chain[-1].issuer != chain[-1].subject:
        issuers = [one for one in others if one.subject == chain[-1].issuer and one not in chain]
        if not issuers:
            break
        chain.append(issuers[0])
    return tuple(chain)


def unusable(path: Path | str, reason: str, *, hint: str | None = None) -> ConfigError:
    """The error of a file that cannot sign."""
    return ConfigError(f"cannot sign with {path}: {reason}", hint=hint)


def _open(identity: Identity) -> Certificate:
    path = identity.certificate
    data = _content(path)
    is_pem = _PEM in data
    found, key = (_read_pem if is_pem else _read_pkcs12)(identity, data)
    if not found:
        raise unusable(path, "it has no certificate")
    # PKCS#12 says which is the key's own, and who signs takes that, though others fit.
    is_told = not is_pem and _fits(found[0], key)
    leaf = found[0] if is_told else _leaf(found, key)
    if leaf is None:
        place = f"the key in {identity.key}" if identity.key else "its key"
        raise unusable(path, f"none of its certificates belongs to {place}")
    _check_dates(leaf, path)
    _check_extensions(leaf, path)
    return Certificate(path=path, is_pem=is_pem, chain=chain_of(leaf, found), key=key)


def _read_pkcs12(identity: Identity, data: bytes) -> "tuple[list[x509.Certificate], Any]":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import pkcs12

    path = identity.certificate
    try:
        key, own, others = pkcs12.load_key_and_certificates(data, _password(identity))
    except UnsupportedAlgorithm:
        raise unusable(path, "it is encrypted in a way that is not known") from None
    except ValueError as problem:
        # It tells a wrong password and a damaged file apart by words alone.
        if "password" in str(problem).lower():
            raise _not_opened(identity, path) from None
        raise unusable(path, "it is neither PEM nor PKCS#12, or damaged") from None
    if identity.key:
        hint = "leave `key` out, or name a PEM file as `certificate`"
        raise unusable(path, "`key` goes with PEM files, and this is PKCS#12", hint=hint)
    if key is None:
        raise unusable(path, "it has no private key")
    return [*([own] if own else []), *others], key


def _read_pem(identity: Identity, data: bytes) -> "tuple[list[x509.Certificate], Any]":
    from cryptography import x509

    path, key = identity.certificate, identity.key
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError:
        raise unusable(path, "it has no certificate, or a damaged one") from None
    if key is None:
        return found, _load_key(identity, path, data)
    if key.startswith(PKCS11):
        return found, None
    return found, _load_key(identity, Path(key), _content(Path(key)))


def _load_key(identity: Identity, path: Path, data: bytes) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if b"PRIVATE KEY-----" not in data:
        hint = "`key` names the file that has it" if identity.key is None else None
        raise unusable(path, "it has no private key", hint=hint)
    is_locked = bool(_LOCKED.search(data))
    try:
        return load_pem_private_key(data, _password(identity) if is_locked else None)
    except UnsupportedAlgorithm:
        raise unusable(path, "its key is of a kind that is not known") from None
    except (TypeError, ValueError):
        if is_locked:
            raise _not_opened(identity, path) from None
        raise unusable(path, "its private key is damaged") from None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise unusable(path, problem.strerror or str(problem)) from problem


def _password(identity: Identity) -> bytes | None:
    return identity.password.encode() or None


def _leaf(found: "list[x509.Certificate]", key: Any) -> "x509.Certificate | None":
    """Which of ``found`` fits ``key``, the latest; the one that issued none, where it is secret."""
    if key is None:
        issuers = [one.issuer for one in found if one.issuer != one.subject]
        fit = [one for one in found if one.subject not in issuers]
    else:
        fit = [one for one in found if _fits(one, key)]
    return max(fit, key=lambda one: one.not_valid_after_utc, default=None)


def _fits(certificate: "x509.Certificate", key: Any) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return bool(certificate.public_key() == key.public_key())
    except (UnsupportedAlgorithm, ValueError):  # an issuer's, of a kind that is not known
        return False


def _check_dates(leaf: "x509.Certificate", path: Path) -> None:
    now = datetime.now(UTC)
    if leaf.not_valid_after_utc < now:
        raise unusable(path, f"it expired on {leaf.not_valid_after_utc:%Y-%m-%d}")
    if leaf.not_valid_before_utc > now:
        raise unusable(path, f"it is not valid before {leaf.not_valid_before_utc:%Y-%m-%d}")


def _check_extensions(leaf: "x509.Certificate", path: Path) -> None:
    from cryptography import x509

    try:
        _ = leaf.extensions
    except (ValueError, x509.DuplicateExtension):
        raise unusable(path, "its certificate is damaged") from None


def _not_opened(identity: Identity, path: Path) -> ConfigError:
    if not identity.password:
        hint = "`password-variable` names a variable that has it"
        return unusable(path, "it asks for a password", hint=hint)
    hint = "it is what the variable has that `password-variable` names"
    return unusable(path, "the password does not open it", hint=hint)

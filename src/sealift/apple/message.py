"""The message in which a certificate's owner vouches for code (RFC 5652, Apple's attributes in it).

What is signed is the first code directory, outside of the message.  Two attributes of Apple's name
all directories by their hashes: a property list of cut ones, and one of each whole hash.
"""

import hashlib
import plistlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sealift.apple.asn1 import ASN1
from sealift.apple.certificate import SigningCertificate
from sealift.apple.timestamp import timestamp
from sealift.binary.macho_seal import HashedDirectory
from sealift.binary.macho_signature import HASHES
from sealift.certificate import lacking

CDHASHES = "1.2.840.113635.100.9.1"
CDHASHES_WHOLE = "1.2.840.113635.100.9.2"
TIMESTAMP = "1.2.840.113549.1.9.16.2.14"

_TIMESTAMP_ROOM = 9000  # tokens with their certificates have 4 to 7 kB
_OTHER_ROOM = 2200  # attributes, names, a signature of up to 8192 bits


@dataclass(frozen=True, slots=True)
class CertificateAuthor:
    """Vouches for code in the name of a certificate's owner; see :class:`.macho_seal.Author`."""

    certificate: SigningCertificate

    @property
    def room(self) -> int:
        """The most bytes that a message has."""
        size = sum(len(encoded(one)) for one in self.certificate.chain) + _OTHER_ROOM
        return size + (_TIMESTAMP_ROOM if self.certificate.timestamp else 0)

    def message(self, directories: Sequence[HashedDirectory]) -> bytes:
        """The message about ``directories``.

        Raises :class:`~sealift.errors.FetchError` when there is no timestamp to be had.
        """
        with ASN1:
            attributes = list(directory_attributes(directories))
        return signed_message(self.certificate, directories[0].content, attributes)


def directory_attributes(directories: Sequence[HashedDirectory]) -> Iterator[tuple[str, list[Any]]]:
    """Apple's attributes of ``directories``: types and values."""
    from asn1crypto import core

    cdhashes = plistlib.dumps({"cdhashes": [one.cdhash for one in directories]})
    yield CDHASHES, [core.OctetString(cdhashes)]
    yield CDHASHES_WHOLE, [_whole(one) for one in directories]


def _whole(directory: HashedDirectory) -> Any:
    from asn1crypto import algos, core

    class Whole(core.Sequence):  # type: ignore[misc]
        _fields = [  # noqa: RUF012  (the library changes it)
            ("algorithm", algos.DigestAlgorithmId),
            ("digest", core.OctetString),
        ]

    return Whole({"algorithm": HASHES[directory.kind][0], "digest": directory.digest})


def signed_message(
    certificate: SigningCertificate, content: bytes, attributes: Sequence[tuple[str, list[Any]]]
) -> bytes:
    """A message that signs ``content``, which is not in it, with further signed ``attributes``.

    Raises :class:`~sealift.errors.FetchError` when there is no timestamp to be had,
    :class:`~sealift.errors.ToolError` without the libraries.
    """
    try:
        with ASN1:
            signed = _signed_attributes(content, attributes)
        signature = _sign(certificate, signed.dump())
        token = timestamp(certificate.timestamp, signature) if certificate.timestamp else None
        with ASN1:
            return _message(certificate, signed, signature, token)
    except ImportError as problem:
        raise lacking(problem) from problem


def _signed_attributes(content: bytes, attributes: Sequence[tuple[str, list[Any]]]) -> Any:
    from asn1crypto import cms, core, tsp

    assert tsp  # which tells cms of timestamps, as long as cms has not been used
    now = core.UTCTime(datetime.now(UTC).replace(microsecond=0))
    told = [
        ("content_type", [cms.ContentType("data")]),
        ("signing_time", [cms.Time({"utc_time": now})]),
        ("message_digest", [core.OctetString(hashlib.sha256(content).digest())]),
        *attributes,
    ]
    return cms.CMSAttributes([_attribute(kind, values) for kind, values in told])


def _message(
    certificate: SigningCertificate, signed: Any, signature: bytes, token: bytes | None
) -> bytes:
    from asn1crypto import cms, x509

    chain = [x509.Certificate.load(encoded(one)) for one in certificate.chain]
    issuer = {"issuer": chain[0].issuer, "serial_number": chain[0].serial_number}
    signer: dict[str, Any] = {
        "version": "v1",
        "sid": cms.SignerIdentifier({"issuer_and_serial_number": issuer}),
        "digest_algorithm": {"algorithm": "sha256"},
        "signed_attrs": signed,
        "signature_algorithm": {"algorithm": _algorithm(certificate)},
        "signature": signature,
    }
    if token:
        signer["unsigned_attrs"] = [_attribute(TIMESTAMP, [cms.ContentInfo.load(token)])]
    data = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "data"},
            "certificates": [cms.CertificateChoices({"certificate": one}) for one in chain],
            "signer_infos": [cms.SignerInfo(signer)],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": data}).dump())


def _attribute(kind: str, values: list[Any]) -> Any:
    from asn1crypto import cms

    return cms.CMSAttribute({"type": kind, "values": values})


def _algorithm(certificate: SigningCertificate) -> str:
    from cryptography.hazmat.primitives.asymmetric import rsa

    is_rsa = isinstance(certificate.key, rsa.RSAPrivateKey)
    return "sha256_rsa" if is_rsa else "sha256_ecdsa"


def _sign(certificate: SigningCertificate, content: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    key = certificate.key
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.sign(content, ec.ECDSA(hashes.SHA256()))


def encoded(certificate: Any) -> bytes:
    """A certificate in DER."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return bytes(certificate.public_bytes(Encoding.DER))

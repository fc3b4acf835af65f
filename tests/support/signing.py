"""Certificates made on the spot, and a timestamp authority with one of them."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tests.support.timestamps import answering_timestamps

DAY = dt.timedelta(days=1)


class Certificates:
    """A key and its self-signed certificate, in every form that a file of them has."""

    def __init__(
        self,
        *,
        begins: int = -1,
        ends: int = 365,
        usage: ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
    ) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sealift's tests")])
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now + begins * DAY)
            .not_valid_after(now + ends * DAY)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, password: str = "") -> bytes:
        """The key, encrypted where there is a password."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption(password)
        )

    def pfx(self, password: str = "") -> bytes:
        """Both, as PKCS#12."""
        return pkcs12.serialize_key_and_certificates(
            b"test", self.key, self.certificate, None, encryption(password)
        )


def encryption(password: str) -> serialization.KeySerializationEncryption:
    """How a key is kept by ``password``: openly where there is none."""
    if password:
        return serialization.BestAvailableEncryption(password.encode())
    return serialization.NoEncryption()


@contextmanager
def timestamp_authority(folder: Path) -> Iterator[str]:
    """The URL of an authority that runs here; ``tsa.pem`` in ``folder`` is its certificate."""
    own = Certificates(usage=ExtendedKeyUsageOID.TIME_STAMPING)
    with answering_timestamps(folder, own.pem(), own.key_pem()) as url:
        yield url

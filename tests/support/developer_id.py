"""Certificates as Apple's Developer ID gives them out, from a root of our own; and timestamps."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sealift.apple.requirement import FOR_APPLICATIONS, FOR_INSTALLERS, ISSUED_BY_DEVELOPER_ID
from sealift.signing import Identity
from tests.support.signing import encryption
from tests.support.timestamps import answering_timestamps

TEAM = "TEAM123456"
PASSWORD = "correct horse"  # noqa: S105
PACKAGE_SIGNING = x509.ObjectIdentifier("1.2.840.113635.100.4.13")


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, password: str = "") -> bytes:
        form = serialization.PrivateFormat.PKCS8
        return bytes(self.key.private_bytes(serialization.Encoding.PEM, form, encryption(password)))


def issue(
    name: str,
    issuer: Issued | None = None,
    *,
    uses: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CODE_SIGNING,),
    marks: tuple[str, ...] = (),
    unit: str = TEAM,
    days: tuple[int, int] = (-30, 365),
    elliptic: bool = False,
    key: Any = None,
) -> Issued:
    """A certificate for ``name``: an authority where nobody issues it, or it has no uses."""
    key = key or (ec.generate_private_key(ec.SECP256R1()) if elliptic else _rsa())
    attributes = [(NameOID.ORGANIZATIONAL_UNIT_NAME, unit), (NameOID.COMMON_NAME, name)]
    subject = x509.Name([x509.NameAttribute(kind, value) for kind, value in attributes])
    now = datetime.now(UTC).replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=not uses, path_length=None), critical=True)
    )
    if uses:
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=True)
    for mark in marks:
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(mark), b"\x05\x00")
        builder = builder.add_extension(extension, critical=False)
    return Issued(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class Authority:
    """A root, what issues Developer ID certificates below it, and two of those."""

    folder: Path
    root: Issued
    issuer: Issued
    application: Issued
    installer: Issued

    def identity(
        self,
        issued: Issued | None = None,
        *,
        timestamp: str | None = None,
        password: str = PASSWORD,
    ) -> Identity:
        """The PKCS#12 file of a certificate, by default of the one for applications."""
        issued = issued or self.application
        path = self.folder / f"{issued.certificate.serial_number:x}.p12"
        others = [self.issuer.certificate, self.root.certificate]
        path.write_bytes(
            pkcs12.serialize_key_and_certificates(
                b"signer", issued.key, issued.certificate, others, encryption(PASSWORD)
            )
        )
        return Identity(certificate=path, key=None, password=password, timestamp=timestamp)


def make_authority(folder: Path) -> Authority:
    """An authority whose files are in ``folder``."""
    root = issue("Made Root CA", uses=(), unit="Made")
    issuer = issue(
        "Made Developer ID CA", root, uses=(), unit="G2", marks=(ISSUED_BY_DEVELOPER_ID,)
    )
    made = Authority(
        folder=folder,
        root=root,
        issuer=issuer,
        application=issue("Developer ID Application: Made", issuer, marks=(FOR_APPLICATIONS,)),
        installer=issue(
            "Developer ID Installer: Made", issuer, uses=(PACKAGE_SIGNING,), marks=(FOR_INSTALLERS,)
        ),
    )
    (folder / "root.pem").write_bytes(root.pem)
    return made


@contextmanager
def timestamping(authority: Authority) -> Iterator[str]:
    """The URL of a timestamp authority of the same root."""
    tsa = issue("Made Timestamps", authority.root, uses=(ExtendedKeyUsageOID.TIME_STAMPING,))
    with answering_timestamps(authority.folder, tsa.pem, tsa.key_pem(), authority.root.pem) as url:
        yield url

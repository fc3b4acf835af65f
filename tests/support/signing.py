"""Certificates made on the spot, and a timestamp authority that answers as RFC 3161 asks."""

import datetime as dt
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tests.support.tools import require_tool

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
    openssl = require_tool("openssl")
    own = Certificates(usage=ExtendedKeyUsageOID.TIME_STAMPING)
    (folder / "tsa.pem").write_bytes(own.pem())
    (folder / "tsa.key").write_bytes(own.key_pem())
    (folder / "serial").write_text("01\n")
    (folder / "tsa.conf").write_text(
        "[tsa]\ndefault_tsa = own\n[own]\nserial = serial\nsigner_cert = tsa.pem\n"
        "signer_key = tsa.key\nsigner_digest = sha256\ndefault_policy = 1.2.3.4\n"
        "digests = sha256\nordering = no\ntsa_name = no\ness_cert_id_chain = no\n"
    )

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = folder / "query"
            query.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            answer = subprocess.run(
                [openssl, "ts", "-reply", "-config", "tsa.conf", "-queryfile", query],
                cwd=folder, capture_output=True, check=True,
            ).stdout  # fmt: skip
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()

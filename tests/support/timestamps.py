"""A timestamp authority that answers as RFC 3161 asks: ``openssl ts`` behind a server."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import Quiet, serving
from tests.support.tools import require_tool

_SETTINGS = """
[tsa]
default_tsa = own
[own]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
"""


@contextmanager
def answering_timestamps(
    folder: Path, certificate: bytes, key: bytes, issuer: bytes = b""
) -> Iterator[str]:
    """The URL of an authority with ``certificate``, kept as ``tsa.pem`` in ``folder``, and ``key``.

    Answers have the certificate of the ``issuer`` besides.  All are PEM.
    """
    openssl = require_tool("openssl")
    (folder / "tsa.pem").write_bytes(certificate)
    (folder / "tsa.key").write_bytes(key)
    (folder / "serial").write_text("01\n")
    (folder / "issuer.pem").write_bytes(issuer)
    told = "certs = issuer.pem\n" if issuer else ""
    (folder / "tsa.cnf").write_text(_SETTINGS + told)
    lock = threading.Lock()

    class Handler(Quiet):
        def do_POST(self) -> None:  # noqa: N802  (its base calls it)
            content = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:  # openssl counts in a file
                (folder / "query").write_bytes(content)
                answer = subprocess.run(
                    [openssl, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query"],
                    cwd=folder, check=True, capture_output=True,
                ).stdout  # fmt: skip
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    with serving(Handler) as host:
        yield f"http://{host}/ts"

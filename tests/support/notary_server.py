"""Apple's notary, its storage and its tickets, played on this machine."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from sealift.apple.notary import ApiKey, Notary
from tests.support.servers import Quiet, serving

NUMBER = "2efe2717-52ef-43a5-96dc-0797e4ca1041"
TICKET = b"s8ch a ticket"


@dataclass
class Apple:
    """What the server was given, and what it is to answer.

    ``states`` are answered one after the other, the last one again and again.
    """

    public: ec.EllipticCurvePublicKey
    states: list[str] = field(default_factory=lambda: ["In Progress", "Accepted"])
    refusal: tuple[int, Any] | None = None
    unknown: int = 0
    upload_status: int = 200
    url: str = ""
    told: dict[str, Any] = field(default_factory=dict)
    uploaded: bytes = b""
    upload_headers: dict[str, str] = field(default_factory=dict)
    records: list[str] = field(default_factory=list)
    claims: list[dict[str, Any]] = field(default_factory=list)

    def check(self, header: str) -> None:
        """Take note of a token; raises when the key did not sign it."""
        head, claims, signature = header.removeprefix("Bearer ").split(".")
        raw = _decoded(signature)
        numbers = (int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        content = f"{head}.{claims}".encode()
        self.public.verify(encode_dss_signature(*numbers), content, ec.ECDSA(hashes.SHA256()))
        self.claims.append({**json.loads(_decoded(head)), **json.loads(_decoded(claims))})

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Status and JSON for a request of the notary's interface, or of the tickets'."""
        rest = path.removeprefix("/notary/v2/submissions")
        if path.endswith("/records/lookup"):
            return 200, self._look_up(json.loads(body)["records"][0]["recordName"])
        if path == "/log":
            issue = {"severity": "error", "path": "x/bin", "message": "The binary is not signed."}
            return 200, {"statusSummary": "Archive contains critical errors", "issues": [issue]}
        if self.refusal:
            return self.refusal
        if method == "POST":
            self.told = json.loads(body)
            place = {
                "awsAccessKeyId": "ASIA", "awsSecretAccessKey": "secret", "bucket": "storage",
                "awsSessionToken": "token", "object": "prod/one two",
            }  # fmt: skip
            return 200, {"data": {"id": NUMBER, "attributes": place}}
        if rest == f"/{NUMBER}/logs":
            return 200, {"data": {"attributes": {"developerLogUrl": f"{self.url}/log"}}}
        if rest != f"/{NUMBER}":
            return 404, {"errors": [{"title": "Not found", "detail": "no such submission"}]}
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return 200, {"data": {"attributes": {"status": state}}}

    def _look_up(self, record: str) -> Any:
        self.records.append(record)
        if self.unknown:
            self.unknown -= 1
            return {"records": [{"recordName": record, "reason": "Record not found"}]}
        value = base64.b64encode(TICKET).decode()
        fields = {"signedTicket": {"type": "BYTES", "value": value}}
        return {"records": [{"recordName": record, "fields": fields}]}


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def make_key(folder: Path) -> ec.EllipticCurvePrivateKey:
    """A key as App Store Connect gives it out, in ``AuthKey.p8`` of ``folder``."""
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    (folder / "AuthKey.p8").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )
    return key


@contextmanager
def notary_server(folder: Path) -> Iterator[tuple[Apple, Notary]]:
    """The server, and who speaks to it with a key in ``folder``."""
    apple = Apple(make_key(folder).public_key())

    class Handler(Quiet):
        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path.startswith("/notary/"):
                apple.check(self.headers["Authorization"])
            if self.command == "PUT":
                apple.uploaded, apple.upload_headers = body, dict(self.headers)
                apple.upload_headers["path"] = self.path
                status, told = apple.upload_status, None
            else:
                status, told = apple.answer(self.command, self.path, body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        do_GET = do_POST = do_PUT = _reply  # noqa: N815  (its base calls them)

    with serving(Handler) as host:
        apple.url = f"http://{host}"
        key = ApiKey(issuer="69a6de70", number="2X9R4HXF34", path=folder / "AuthKey.p8")
        storage = apple.url + "/{bucket}/{object}"
        yield apple, Notary(key, api=apple.url, storage=storage, tickets=apple.url, pause=0.01)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

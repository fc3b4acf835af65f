"""Apple's notary: software is sent there, looked through, and given a ticket.

Interfaces: Apple's *Notary API* (version 2) with a key of App Store Connect (JWT, RFC 7519, signed
with ES256), and the public records of CloudKit in which tickets are found by what they are for.
"""

import base64
import json
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift import console, fetch
from sealift.apple.store_upload import StoreAccess, upload
from sealift.certificate import lacking
from sealift.errors import ConfigError, FetchError, RefusedError
from sealift.store import file_sha256

API = "https://appstoreconnect.apple.com"
STORAGE = "https://{bucket}.s3.us-west-2.amazonaws.com/{object}"
TICKETS = "https://api.apple-cloudkit.com"
_SUBMISSIONS = "/notary/v2/submissions"
_LOOKUP = "/database/1/com.apple.gk.ticket-delivery/production/public/records/lookup"
_AUDIENCE = "appstoreconnect-v1"
_TOKEN_SECONDS = 15 * 60  # Apple takes 20 minutes at most
_LIMIT = 1 << 24
_TICKET_TRIES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key of App Store Connect: its issuer and number, and the ``.p8`` file that has it."""

    issuer: str
    number: str
    path: Path

    def token(self, now: float) -> str:
        """What proves for some minutes that a request is from who has the key.

        Raises :class:`ConfigError` when the file has no such key,
        :class:`~sealift.errors.ToolError` without the library.
        """
        head = {"alg": "ES256", "kid": self.number, "typ": "JWT"}
        told = {
            "iss": self.issuer,
            "iat": int(now),
            "exp": int(now) + _TOKEN_SECONDS,
            "aud": _AUDIENCE,
        }
        text = b".".join(_url_safe(json.dumps(part).encode()) for part in (head, told))
        return b".".join((text, _url_safe(_signature(self.path, text)))).decode()


class Notary:
    """The notary, at its real addresses unless a test names others.

    ``pause`` is the seconds between two looks at what has not ended.
    """

    def __init__(
        self,
        key: ApiKey,
        *,
        api: str = API,
        storage: str = STORAGE,
        tickets: str = TICKETS,
        pause: float = 15,
    ) -> None:
        self._key = key
        self._api = api
        self._storage = storage
        self._tickets = tickets
        self._pause = pause

    def submit(self, path: Path, name: str) -> str:
        """Send the file at ``path`` as ``name``; the submission's number.

        Raises :class:`FetchError`, with what Apple says where it refuses.
        """
        digest = file_sha256(path)
        body = {"submissionName": name, "sha256": digest, "notifications": []}
        told = self._ask("POST", "", body)
        try:
            number, place = told["data"]["id"], told["data"]["attributes"]
            access = StoreAccess(
                key=place["awsAccessKeyId"],
                secret=place["awsSecretAccessKey"],
                token=place["awsSessionToken"],
            )
            name = urllib.parse.quote(place["object"], safe="/~")
            url = self._storage.format(bucket=place["bucket"], object=name)
        except (KeyError, TypeError) as problem:
            raise _nonsense(self._api) from problem
        upload(url, path, access, sha256=digest)
        return str(number)

    def wait(self, number: str, *, timeout: float) -> None:
        """Return when Apple has accepted the submission ``number``.

        Raises :class:`RefusedError` with Apple's log when it has not, :class:`FetchError` when that
        takes longer than ``timeout`` seconds.
        """
        end = time.monotonic() + timeout
        while True:
            told = self._ask("GET", f"/{number}")
            try:
                status = told["data"]["attributes"]["status"]
            except (KeyError, TypeError) as problem:
                raise _nonsense(self._api) from problem
            if status == "Accepted":
                return
            if status != "In Progress":
                raise RefusedError(
                    f"cannot notarize: Apple calls submission {number} {str(status).lower()!r}",
                    details=list(self._log(number)),
                )
            if time.monotonic() > end:
                raise FetchError(
                    f"cannot tell how submission {number} ends: Apple is still looking at it",
                    hint=f"come back to it with --submission {number}",
                )
            console.detail(f"submission {number} is in progress")
            time.sleep(self._pause)

    def ticket(self, record: str) -> bytes:
        """The ticket of what ``record`` names; it may take a minute to appear.

        Raises :class:`FetchError` where there is none.
        """
        body = json.dumps({"records": [{"recordName": record}]}).encode()
        reason = "nothing"
        for attempt in range(_TICKET_TRIES):
            time.sleep(self._pause if attempt else 0)
            answer = fetch.ask(
                self._tickets + _LOOKUP, method="POST", headers=_JSON, body=body, limit=_LIMIT
            )
            try:
                (found,) = _parsed(answer.content, self._tickets)["records"]
                if "fields" in found:
                    return base64.b64decode(found["fields"]["signedTicket"]["value"], validate=True)
                reason = found.get("reason", reason)
            except (KeyError, TypeError, ValueError) as problem:
                raise _nonsense(self._tickets) from problem
        raise FetchError(
            f"cannot find a ticket: Apple answered {reason!r} for {record}",
            hint="was just this file notarized? Otherwise try again in some minutes",
        )

    def _ask(self, method: str, rest: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {**_JSON, "Authorization": f"Bearer {self._key.token(time.time())}"}
        answer = fetch.ask(
            f"{self._api}{_SUBMISSIONS}{rest}",
            method=method,
            headers=headers,
            body=json.dumps(body).encode() if body else None,
            limit=_LIMIT,
        )
        if answer.status not in {200, 201}:
            raise FetchError(
                f"cannot notarize: Apple answered {answer.status}",
                details=list(_errors(answer.content)),
                hint=_HINTS.get(answer.status),
            )
        return _parsed(answer.content, self._api)

    def _log(self, number: str) -> Iterator[str]:
        """What Apple found, a line each."""
        try:
            url = self._ask("GET", f"/{number}/logs")["data"]["attributes"]["developerLogUrl"]
            answer = fetch.ask(url, method="GET", headers={}, limit=_LIMIT)
            told = _parsed(answer.content, url)
            yield str(told.get("statusSummary") or "")
            for issue in told.get("issues") or ():
                yield f"{issue.get('severity')}: {issue.get('path')}: {issue.get('message')}"
        except (FetchError, KeyError, TypeError, AttributeError) as problem:
            yield f"its log cannot be read: {problem}"


_JSON = {"Accept": "application/json", "Content-Type": "application/json"}
_HINTS = {
    401: "are --issuer, --key-id and --key of the same key, and is it valid?",
    403: "has the account's holder accepted Apple's newest agreements?",
    404: "is the number that of a submission with this key's account?",
}


def _parsed(content: bytes, url: str) -> Any:
    try:
        return json.loads(content)
    except ValueError as problem:
        raise _nonsense(url) from problem


def _nonsense(url: str) -> FetchError:
    return FetchError("cannot understand what Apple answered", details=[url])


def _errors(content: bytes) -> Iterator[str]:
    try:
        for error in json.loads(content)["errors"]:
            yield ": ".join(str(error[key]) for key in ("title", "detail") if error.get(key))
    except (ValueError, KeyError, TypeError):
        yield content.decode("utf-8", "replace")[:300]


def _url_safe(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _signature(path: Path, text: bytes) -> bytes:
    """The signature of ``text`` by the key at ``path``, as JWT has it: two numbers in a row."""
    try:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    except ImportError as problem:
        raise lacking(problem) from problem
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as problem:
        raise ConfigError(f"cannot use the key {path}: {problem.strerror}") from problem
    except (ValueError, TypeError):
        raise ConfigError(f"cannot use the key {path}: it is no PEM file with a key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise ConfigError(
            f"cannot use the key {path}: it is not of the kind that App Store Connect gives out",
            hint="download it under Users and Access, Integrations: AuthKey_….p8",
        )
    numbers = decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
    return b"".join(number.to_bytes(32, "big") for number in numbers)

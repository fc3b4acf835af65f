"""One file into Amazon's S3, which Apple's notary takes it from, with a signature of the request.

Format: AWS Signature Version 4.  Four short hashes do what botocore would need 15 MB for.
"""

import hashlib
import hmac
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sealift import fetch
from sealift.errors import FetchError

_ALGORITHM, _SERVICE = "AWS4-HMAC-SHA256", "s3"
_ANSWER_LIMIT = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAccess:
    """Credentials for one upload, which end soon."""

    key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    region: str = "us-west-2"


def upload(url: str, path: Path, access: StoreAccess, *, sha256: str) -> None:
    """Put the file at ``path``, whose digest is ``sha256``, at ``url``.

    Raises :class:`FetchError` when the server does not take it.
    """
    now = datetime.now(UTC)
    headers = signed_headers(
        "PUT", url, access, {"x-amz-security-token": access.token}, now=now, sha256=sha256
    )
    answer = fetch.ask(url, method="PUT", headers=headers, body=path, limit=_ANSWER_LIMIT)
    if answer.status != 200:
        raise FetchError(
            f"cannot upload {path.name}: the server answered {answer.status}",
            details=[answer.content.decode("utf-8", "replace")[:300]],
            hint="try again: its credentials end after some hours",
        )


def signed_headers(
    method: str,
    url: str,
    access: StoreAccess,
    headers: Mapping[str, str],
    *,
    now: datetime,
    sha256: str,
) -> dict[str, str]:
    """``headers`` of a request with what proves that it is from who has ``access``."""
    parts = urllib.parse.urlsplit(url)
    time = now.strftime("%Y%m%dT%H%M%SZ")
    told = {**headers, "host": parts.netloc, "x-amz-content-sha256": sha256, "x-amz-date": time}
    told = {name.lower(): value for name, value in told.items()}
    names = ";".join(sorted(told))
    request = "\n".join((
        method,
        urllib.parse.quote(urllib.parse.unquote(parts.path), safe="/~"),
        parts.query,
        *(f"{name}:{told[name]}" for name in sorted(told)),
        "",
        names,
        sha256,
    ))  # fmt: skip
    scope = f"{time[:8]}/{access.region}/{_SERVICE}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"{_ALGORITHM}\n{time}\n{scope}\n{digest}"
    key = f"AWS4{access.secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    credential = f"Credential={access.key}/{scope}"
    authorization = f"{_ALGORITHM} {credential},SignedHeaders={names},Signature={signature}"
    del told["host"]  # urllib has it already
    return {**told, "Authorization": authorization}

"""A moment vouched for by an authority: RFC 3161 over HTTP."""

import hashlib
import secrets

from sealift import fetch
from sealift.apple.asn1 import ASN1
from sealift.errors import FetchError

_LIMIT = 1 << 16
_GRANTED = {"granted", "granted_with_mods"}


def timestamp(url: str, content: bytes) -> bytes:
    """The token in which the authority at ``url`` says that ``content`` was there now.

    Raises :class:`FetchError` when it does not answer, refuses, or speaks of something else.
    """
    digest, nonce = hashlib.sha256(content).digest(), secrets.randbits(63)
    with ASN1:
        request = _request(digest, nonce)
    answer = fetch.ask(
        url,
        method="POST",
        headers={"Content-Type": "application/timestamp-query"},
        body=request,
        limit=_LIMIT,
    )
    if answer.status != 200:
        raise FetchError(
            f"cannot get a timestamp: the authority answered {answer.status}", details=[url]
        )
    try:
        with ASN1:
            status, token, told = _response(answer.content)
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise FetchError(
            "cannot get a timestamp: the authority's answer makes no sense", details=[url]
        ) from problem
    if status not in _GRANTED:
        raise FetchError(
            f"cannot get a timestamp: the authority answered {status!r}", details=[url]
        )
    if told != (digest, nonce):
        raise FetchError("cannot use the timestamp: it is of something else", details=[url])
    return token


def _request(digest: bytes, nonce: int) -> bytes:
    from asn1crypto import algos, tsp

    imprint = tsp.MessageImprint(
        {"hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}), "hashed_message": digest}
    )
    request = {"version": "v1", "message_imprint": imprint, "nonce": nonce, "cert_req": True}
    return bytes(tsp.TimeStampReq(request).dump())


def _response(content: bytes) -> tuple[str, bytes, tuple[bytes, int]]:
    """Status, token, and what the token is of: digest and nonce."""
    from asn1crypto import tsp

    response = tsp.TimeStampResp.load(content)
    status = str(response["status"]["status"].native)
    if status not in _GRANTED:
        return status, b"", (b"", 0)
    token = response["time_stamp_token"]
    told = token["content"]["encap_content_info"]["content"].parsed
    of = (told["message_imprint"]["hashed_message"].native, told["nonce"].native)
    return status, bytes(token.dump()), of

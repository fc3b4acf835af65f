"""A moment vouched for by an authority: RFC 3161 over HTTP."""

import hashlib
import secrets

from sealift import fetch
from sealift.errors import FetchError

_LIMIT = 1 << 16


def timestamp(url: str, content: bytes) -> bytes:
    """The token in which the authority at ``url`` says that ``content`` was there now.

    Raises :class:`FetchError` when it does not answer, refuses, or speaks of something else.
    """
    from asn1crypto import algos, tsp

    digest, nonce = hashlib.sha256(content).digest(), secrets.randbits(63)
    imprint = tsp.MessageImprint(
        {"hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}), "hashed_message": digest}
    )
    request = tsp.TimeStampReq(
        {"version": "v1", "message_imprint": imprint, "nonce": nonce, "cert_req": True}
    )
    answer = fetch.ask(
        url,
        method="POST",
        headers={"Content-Type": "application/timestamp-query"},
        body=request.dump(),
        limit=_LIMIT,
    )
    if answer.status != 200:
        raise FetchError(
            f"cannot get a timestamp: the authority answered {answer.status}", details=[url]
        )
    try:
        response = tsp.TimeStampResp.load(answer.content)
        status = response["status"]["status"].native
        if status not in {"granted", "granted_with_mods"}:
            raise FetchError(
                f"cannot get a timestamp: the authority answered {status!r}", details=[url]
            )
        token = response["time_stamp_token"]
        told = token["content"]["encap_content_info"]["content"].parsed
        fits = told["message_imprint"]["hashed_message"].native == digest
        fits = fits and told["nonce"].native == nonce
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise FetchError(
            "cannot get a timestamp: the authority's answer makes no sense", details=[url]
        ) from problem
    if not fits:
        raise FetchError("cannot use the timestamp: it is of something else", details=[url])
    return bytes(token.dump())

"""What is asked of an address, and what came of it."""

import time
from collections.abc import Sequence

import httpx
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, TypeAdapter, ValidationError


class Check(BaseModel):
    """One address to fetch and the status it has to answer with."""

    model_config = ConfigDict(frozen=True)

    url: HttpUrl
    expect: int = Field(default=200, ge=100, le=599)


class Outcome(BaseModel):
    """What an address answered: ``seconds`` until the last byte, ``size`` in bytes."""

    model_config = ConfigDict(frozen=True)

    url: HttpUrl
    expected: int
    status: int | None = None
    seconds: float = Field(default=0.0, ge=0)
    size: int = Field(default=0, ge=0)
    media_type: str = ""
    shape: str = ""
    problem: str = ""

    @property
    def is_good(self) -> bool:
        return not self.problem and self.status == self.expected


Document = TypeAdapter(dict[str, object] | list[object])


def shape_of(content: bytes) -> str:
    """How a JSON document is built at its top, or nothing when it is no document."""
    try:
        document = Document.validate_json(content)
    except ValidationError:
        return ""
    if isinstance(document, list):
        return f"list of {len(document)}"
    return "object of " + ", ".join(sorted(document))


def perform(client: httpx.Client, check: Check) -> Outcome:
    """Fetch one address."""
    start = time.perf_counter()
    try:
        response = client.get(str(check.url))
    except httpx.HTTPError as problem:
        return Outcome(url=check.url, expected=check.expect, problem=str(problem))
    media_type = response.headers.get("content-type", "").partition(";")[0]
    return Outcome(
        url=check.url,
        expected=check.expect,
        status=response.status_code,
        seconds=time.perf_counter() - start,
        size=len(response.content),
        media_type=media_type,
        shape=shape_of(response.content) if media_type == "application/json" else "",
    )


def perform_all(checks: Sequence[Check], *, timeout: float) -> list[Outcome]:
    """Fetch all addresses over one connection pool, following redirects."""
    with httpx.Client(timeout=timeout, follow_redirects=True) as client:
        return [perform(client, check) for check in checks]

"""Calls of uv: with the indexes that hold here, and its failures told as ours."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sealift import console, process
from sealift.errors import SealiftError
from sealift.indexes import Indexes, read_indexes
from sealift.tools import UV

_NETWORK = re.compile(
    r"dns error|error sending request|connection (refused|reset|closed)|timed out|"
    r"network is unreachable|failed to fetch|could not connect|network connectivity is disabled",
    re.IGNORECASE,
)
_URL = re.compile(r"(?:Failed to fetch: |error sending request for url \()`?(https?://[^\s`)]+)")
_REASONS = tuple(
    (re.compile(cause, re.IGNORECASE), told)
    for cause, told in (
        (r"temporary failure in name resolution", "names cannot be looked up now"),
        (r"dns error|failed to lookup address", "nobody knows a host of that name"),
        (r"connection refused", "nothing answers there"),
        (r"certificate", "its certificate is not trusted"),
        (r"timed out", "it does not answer in time"),
        (r"network is unreachable", "there is no network"),
        (r"connection (reset|closed)", "the connection broke off"),
    )
)
_DENIED = re.compile(r"\b(401|403)\b|unauthorized|forbidden", re.IGNORECASE)
_OF_NO_CONCERN = re.compile("requested interpreter resolved to")  # which uv only builds with
_KEPT = 12  # lines of a build backend's output


def call(
    arguments: Sequence[str | Path],
    *,
    cwd: Path,
    action: str,
    error: type[SealiftError],
    given: str = "",
    variables: Mapping[str, str] | None = None,
    indexes: Indexes | None = None,
) -> str:
    """Run uv in ``cwd`` and return its standard output; ``given`` is its standard input.

    ``variables`` are added to its environment.  Its warnings are passed on.

    The ``indexes`` are used, those that are configured for ``cwd`` by default; those of pip's on
    this machine are asked when the others know no answer.  A failure is raised as ``error`` with
    "cannot ``action``".
    """
    indexes = indexes or read_indexes(cwd)
    environment = process.clean_environment({**indexes.environment, **(variables or {})})
    command = [UV.require(), *arguments, "--no-python-downloads", *indexes.options]

    def run(options: Sequence[str]) -> str:
        try:
            return process.run(
                [*command, *options], cwd=cwd, env=environment, input_bytes=given.encode(),
                error=error, action=action, tail=400, listener=_pass_on,
            )  # fmt: skip
        except error as problem:
            raise _readable(problem, action) from problem

    try:
        return run(())
    except error as first:
        if not indexes.fallback:
            raise
        try:
            return run(indexes.fallback)
        except error:
            raise first from None


def running_python() -> Path:
    """The Python that uv asks for what depends on one where the shipped one is not at hand."""
    return Path(sys.executable)


def is_about_network(lines: Sequence[str]) -> bool:
    """Whether uv's words are about not reaching an index, rather than about requirements."""
    return any(_NETWORK.search(line) for line in lines)


def _pass_on(told: str) -> None:
    for line in told.splitlines():
        if line.startswith("warning: ") and not _OF_NO_CONCERN.search(line):
            console.warning(line.removeprefix("warning: "))


def _readable(problem: SealiftError, action: str) -> SealiftError:
    """``problem``, raised with uv's output as details, told in a sentence."""
    lines = [line for line in problem.details if line.strip()]
    start = next((i for i, line in enumerate(lines) if line.startswith("error:")), 0)
    text = [line.rstrip() for line in lines[start:] if not line.startswith("warning:")]
    end = next((i for i, line in enumerate(text) if line.startswith("hint:")), len(text))
    hints = [line.partition(":")[2].strip() for line in text[end:] if line.startswith("hint:")]
    told = text[:end]
    causes = [line.removeprefix("error: ").replace("  cause: ", "") for line in told]
    if len(causes) > _KEPT + 3:
        causes = [*causes[:3], "…", *causes[-_KEPT:]]
    if place := _unreachable(told):
        return type(problem)(f"cannot {action}: {place}", details=causes, hint=_hint(causes))
    first = (causes or [problem.message])[0]
    if first.startswith("No solution found"):
        first, causes = "no set of versions fits together", ["", *causes[1:]]
    return type(problem)(
        f"cannot {action}: {first if first[:2].isupper() else first[:1].lower() + first[1:]}",
        details=causes[1:],
        hint=hints[0] if hints else _hint(causes),
    )


def _unreachable(lines: Sequence[str]) -> str | None:
    """Which address cannot be reached, and why, where that is what uv says."""
    text = "\n".join(lines)
    url = _URL.search(text)
    if not url or not is_about_network(lines):
        return None
    reason = next((told for cause, told in _REASONS if cause.search(text)), None)
    return f"{url[1]} cannot be reached{f': {reason}' if reason else ''}"


def _hint(lines: Sequence[str]) -> str | None:
    text = "\n".join(lines)
    if "was not found in the package registry" in text:
        return "is the name right, and is the index that has it configured for uv or pip?"
    if _DENIED.search(text):
        return "give the index's credentials in its URL, in ~/.netrc, or as uv and pip read them"
    if is_about_network(lines):
        return (
            "is this machine online, and is the address of the index right? uv's and pip's "
            "settings name indexes, HTTPS_PROXY a proxy, SSL_CERT_FILE certificates"
        )
    return None

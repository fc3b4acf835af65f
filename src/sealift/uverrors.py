"""What uv says when it fails, as a message of ours."""

import re
from collections.abc import Sequence

from sealift.errors import LockError

_NETWORK = re.compile(
    r"dns error|error sending request|connection (refused|reset|closed)|timed out|"
    r"network is unreachable|failed to fetch|could not connect|network connectivity is disabled",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\b(401|403)\b|unauthorized|forbidden", re.IGNORECASE)
_KEPT = 12  # lines of a build backend's output


def is_about_network(lines: Sequence[str]) -> bool:
    """Whether uv's words are about not reaching an index, rather than about requirements."""
    return any(_NETWORK.search(line) for line in lines)


def readable(problem: LockError, name: str) -> LockError:
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
    first = (causes or [problem.message])[0]
    if first.startswith("No solution found"):
        first, causes = "no set of versions fits together", ["", *causes[1:]]
    return LockError(
        f"cannot lock {name}: {first[:1].lower()}{first[1:]}",
        details=causes[1:],
        hint=hints[0] if hints else _hint(causes),
    )


def _hint(lines: Sequence[str]) -> str | None:
    text = "\n".join(lines)
    if "was not found in the package registry" in text:
        return "is the name right, and is the index that has it configured for uv or pip?"
    if _DENIED.search(text):
        return "give the index's credentials in its URL, in ~/.netrc, or as uv and pip read them"
    if is_about_network(lines):
        return "is this machine online, and is the package index allowed?"
    return None

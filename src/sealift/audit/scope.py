"""How much of a subject is read: all of it, or what the rules that were asked for need."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

# The rules of data/findings.toml that need more than natives and metadata.
CONTENT = frozenset({
    "record-missing", "record-damaged", "record-wrong-hash", "record-wrong-size",
    "record-absent-file", "record-unlisted-file", "record-weak-hash", "damaged-member",
})  # fmt: skip
NAMED = frozenset({"loads-library", "loads-renamed-library"})
CODE = frozenset({"needs-newer-cpu", "needs-x86-64-v2"})


@dataclass(frozen=True, slots=True)
class Scope:
    """What is read besides what a verdict needs: native files and metadata.

    ``content``: every member, which is compared with RECORD.  ``named``: libraries that are loaded
    by name.  ``code``: the instructions of native files.
    """

    content: bool = True
    named: bool = True
    code: bool = True


def scope_of(rules: AbstractSet[str]) -> Scope:
    """The least scope in which ``rules`` find all they can."""
    return Scope(
        content=not rules.isdisjoint(CONTENT),
        named=not rules.isdisjoint(NAMED),
        code=not rules.isdisjoint(CODE),
    )

"""A finding: one thing an audit has to say, by a rule that has a name and a page."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sealift.errors import ConfigError
from sealift.tables import load_table


class Severity(StrEnum):
    """How bad it is.

    ``ERROR``: it will not work, or is unsafe, somewhere it says it works.  ``WARNING``: it works
    but will surprise.  ``NOTE``: to know.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A row of ``data/findings.toml``; ``name`` is its slug and its anchor in the docs."""

    name: str
    family: str
    title: str
    severity: Severity
    why: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What ``rule`` found in ``file``, a path inside of the subject.

    ``chain`` are the files through which it is reached, outermost first.  ``details`` has JSON
    values only, for machines.
    """

    rule: str
    message: str
    file: str | None = None
    chain: tuple[str, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        return load_rules()[self.rule].severity


@functools.cache
def load_rules() -> Mapping[str, Rule]:
    """Every rule by its name, in the order of the docs."""
    return {
        name: Rule(
            name=name,
            family=row["family"],
            title=row["title"],
            severity=Severity(row["severity"]),
            why=row["why"],
            remedy=row["remedy"],
        )
        for name, row in load_table("findings").items()
    }


def rules_called(name: str) -> frozenset[str]:
    """The rule ``name``, or those of the family whose heading in the docs that is.

    Raises :class:`ConfigError` where there is neither.

    >>> sorted(rules_called("stable-abi"))[0], *rules_called("not-pie")
    ('abi3-outside', 'not-pie')
    """
    rules = load_rules()
    families: dict[str, set[str]] = {}
    for rule in rules.values():
        families.setdefault(rule.family.lower().replace(" ", "-"), set()).add(rule.name)
    if name in rules:
        return frozenset({name})
    if name not in families:
        import difflib

        near = difflib.get_close_matches(name, [*rules, *families], 1)
        hint = (
            f"did you mean {near[0]}?" if near else f"rules are such as {', '.join([*rules][:4])}"
        )
        raise ConfigError(f"there is no rule {name!r}", hint=hint)
    return frozenset(families[name])

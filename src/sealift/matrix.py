"""A plan as a table: each distribution on each target, what is done and why, and how many."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sealift import jsonform
from sealift.plan import Action, Choice, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A distribution; ``choices`` are by target, those where it is not needed are not there."""

    name: str
    version: str
    choices: Mapping[str, Choice]

    @property
    def title(self) -> str:
        """Name and version, where that is known."""
        return f"{self.name} {self.version}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The rows by name, the names of the targets in the plan's order, and every reason once."""

    targets: tuple[str, ...]
    rows: tuple[Row, ...]
    reasons: tuple[str, ...]

    def counts(self, target: str) -> Counter[Action]:
        """How many distributions are taken, merged, built or refused for ``target``."""
        found = (row.choices.get(target) for row in self.rows)
        return Counter(choice.action for choice in found if choice)

    @property
    def actions(self) -> tuple[Action, ...]:
        """What is done to any distribution."""
        done = {choice.action for row in self.rows for choice in row.choices.values()}
        return tuple(action for action in Action if action in done)

    def to_json(self) -> Any:
        """JSON form: what is done and why by distribution and target, and the counts by target."""
        rows = [
            {
                "name": row.name,
                "version": row.version,
                "targets": {
                    target: {"action": choice.action.value, "reason": choice.reason}
                    for target, choice in row.choices.items()
                },
            }
            for row in self.rows
        ]
        counts = {
            target: {action.value: self.counts(target)[action] for action in self.actions}
            for target in self.targets
        }
        return jsonform.dump({"distributions": rows, "counts": counts})


def matrix_of(plan: Plan) -> Matrix:
    """The matrix of ``plan``; each release of a distribution has a row."""
    found: dict[tuple[str, str], dict[str, Choice]] = {}
    for job in plan.jobs:
        for choice in job.choices:
            key = choice.name, choice.version or ""
            found.setdefault(key, {})[job.target.name] = choice
    rows = tuple(
        Row(name=name, version=version, choices=found[name, version])
        for name, version in sorted(found)
    )
    return Matrix(
        targets=tuple(job.target.name for job in plan.jobs),
        rows=rows,
        reasons=tuple(dict.fromkeys(_reasons(rows))),
    )


def _reasons(rows: tuple[Row, ...]) -> Iterator[str]:
    for row in rows:
        for choice in row.choices.values():
            if choice.reason:
                yield choice.reason

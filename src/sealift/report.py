"""What commands answer: tables for people, JSON for machines."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.pylock import Pylock

from sealift import console, jsonform, plugins, store
from sealift.artifact import Artifact
from sealift.config import Settings
from sealift.image import Image
from sealift.interpreter import NoInterpreter
from sealift.interpreters import choose
from sealift.matrix import Matrix, matrix_of
from sealift.output import make_folder, write_json
from sealift.plan import Action, Choice, Plan
from sealift.preflight import format_problems, format_refusals, told
from sealift.target import current_target, load_targets
from sealift.wheelhouse import Wheel, Wheelhouse

_MARKS = {
    Action.TAKE: "wheel", Action.MERGE: "merge", Action.BUILD: "build", Action.REFUSE: "refused",
}  # fmt: skip
_TOTALS = {
    Action.TAKE: "wheels", Action.MERGE: "merged of two", Action.BUILD: "built here",
    Action.REFUSE: "refused",
}  # fmt: skip
_STYLES = {
    Action.TAKE: "green", Action.MERGE: "green", Action.BUILD: "yellow", Action.REFUSE: "red",
}  # fmt: skip


def artifacts(made: Sequence[Artifact]) -> None:
    """The closing table of a build."""
    columns = ("artifact", "size", "Python", "runs on", "distributions", "sha256")
    rows = [
        (
            console.escape(str(artifact.path)),
            console.size(artifact.size),
            artifact.python,
            _runs_on(artifact),
            str(artifact.distributions),
            artifact.sha256,
        )
        for artifact in made
    ]
    console.answer([artifact.to_json() for artifact in made], columns, rows)


def _runs_on(artifact: Artifact) -> str:
    targets = ", ".join(artifact.targets)
    if not artifact.floor:
        return targets
    system = load_targets()[artifact.targets[0]].system
    return f"{targets}, {system} ≥ {'.'.join(map(str, artifact.floor))}"


def plan(made: Plan, out: Path | None) -> None:
    """The matrix of distributions × targets, the reasons, and which formats cannot be made."""
    if out:
        write_json(out, made.to_json())
    found = matrix_of(made)
    rows = [
        (row.title, *(_cell(row.choices.get(target), found.reasons) for target in found.targets))
        for row in found.rows
    ]
    console.answer(
        {**made.to_json(), "matrix": found.to_json()},
        ("distribution", *found.targets),
        rows,
        totals=_totals(found),
    )
    for number, reason in enumerate(found.reasons, start=1):
        console.note(f"{number}: {reason}")
    for job in made.jobs:
        if isinstance(job.interpreter, NoInterpreter):
            console.warning(f"{job.target}: {'; '.join(job.interpreter.reasons)}")
    targets = [job.target for job in made.jobs]
    for refusal in format_refusals(made.project, targets):
        console.warning(refusal)
    for problem in format_problems(made.project, targets):
        console.warning(told(problem))


def _cell(choice: Choice | None, reasons: Sequence[str]) -> str:
    """What is done, with the number of the reason."""
    if choice is None:
        return "[dim]—[/]"
    number = f" [dim]{reasons.index(choice.reason) + 1}[/]" if choice.reason else ""
    return f"[{_STYLES[choice.action]}]{_MARKS[choice.action]}[/]{number}"


def _totals(found: Matrix) -> list[tuple[str, ...]]:
    counts = {target: found.counts(target) for target in found.targets}
    return [
        (
            f"[bold]{_TOTALS[action]}[/]",
            *(
                f"[bold {_STYLES[action]}]{counts[target][action] or '[dim]—[/]'}[/]"
                for target in found.targets
            ),
        )
        for action in found.actions
    ]


def wheelhouses(houses: Sequence[Wheelhouse], out: Path) -> None:
    """Copy the wheels to one folder a target, with a ``wheelhouse.json``."""
    for house in houses:
        folder = make_folder(out / house.target.name)
        for wheel in house.wheels:
            shutil.copyfile(wheel.path, folder / wheel.path.name)
        write_json(folder / "wheelhouse.json", house.to_json())
    rows = [
        (
            wheel.name,
            wheel.version,
            str(house.target),
            _source(wheel),
        )
        for house in houses
        for wheel in house.wheels
    ]
    columns = ("distribution", "version", "target", "from")
    console.answer([house.to_json() for house in houses], columns, rows)


def _source(wheel: Wheel) -> str:
    if wheel.merged:
        return "index, merged of two"
    return "built here" if wheel.built or wheel.crossed else "index"


def images(made: Sequence[Image], out: Path) -> None:
    """Write the manifests and tell what is in them."""
    make_folder(out)
    rows, answer = [], []
    for image in made:
        path = out / f"image-{image.target}.json"
        write_json(path, image.to_json())
        told = (str(len(image.entries)), console.size(image.size), image.key[:16])
        rows.append((console.escape(str(path)), *told))
        answer.append({"path": str(path), "key": image.key})
    console.answer(answer, ("image", "files", "size", "key"), rows)


def lock(made: Pylock, out: Path) -> None:
    """Where the lock was written."""
    console.result({"path": str(out), "packages": len(made.packages)}, str(out))


def settings(path: Path) -> None:
    """Where ``[tool.sealift]`` was added."""
    told = f"added [tool.sealift] to {path}; every line is a default, uncomment to change"
    console.result({"path": str(path)}, told)


def targets() -> None:
    """Every target × format: yes, or the number of a reason listed below; and its Pythons."""
    formats = {name: plugins.load("formats", name) for name in plugins.names("formats")}
    reasons: list[str] = []
    rows = []
    answer: dict[str, dict[str, dict[str, Any]]] = {}
    for target in load_targets().values():
        cells = []
        pythons = choose.offers(Settings(), target)
        answer[target.name] = {"formats": {}, "pythons": jsonform.dump(pythons)}
        for name, plugin in formats.items():
            refusal = plugin.refuses(target)
            answer[target.name]["formats"][name] = refusal
            if refusal and refusal not in reasons:
                reasons.append(refusal)
            cells.append(f"[red]{reasons.index(refusal) + 1}[/]" if refusal else "[green]yes[/]")
        here = " (this machine)" if target == current_target() else ""
        rows.append((f"{target}{here}", *cells, _told(pythons)))
    console.answer(answer, ("target", *formats, "Python from"), rows)
    for number, reason in enumerate(reasons, start=1):
        console.note(f"{number}: {reason}")


def _told(pythons: Mapping[str, Sequence[str]]) -> str:
    """Where a target's Pythons come from.

    >>> _told({"standalone": ["3.15", "3.14", "3.13"], "debian": ["3.13", "3.11"]}), _told({})
    ('standalone 3.13-3.15; debian 3.11, 3.13', 'an archive of your own')
    """
    told = []
    for name, features in pythons.items():
        oldest, newest = features[-1], features[0]
        minors = [int(feature.partition(".")[2]) for feature in (oldest, newest)]
        whole = len(features) > 2 and len(features) == minors[1] - minors[0] + 1
        told.append(f"{name} {f'{oldest}-{newest}' if whole else ', '.join(reversed(features))}")
    return "; ".join(told) or "an archive of your own"


def cache() -> None:
    """What the content store holds."""
    used = list(store.usage())
    rows = [(item.kind, str(item.entries), console.size(item.size)) for item in used]
    rows.append(("total", "", console.size(sum(item.size for item in used))))
    answer = {"path": str(store.store_root()), "kinds": jsonform.dump(tuple(used))}
    console.answer(answer, ("kind", "entries", "size"), rows)
    console.note(f"in {store.store_root()}")


def clear(kinds: tuple[str, ...]) -> None:
    """Clear the content store, or ``kinds`` of it, and tell how much was freed."""
    known = [used.kind for used in store.usage()]
    for kind in sorted(set(kinds) - set(known)):
        console.warning(f"the cache holds no {kind!r}, only {', '.join(known) or 'nothing'}")
    freed = store.clear(kinds)
    console.result({"freed": freed}, f"freed {console.size(freed)}")

"""The line: ``Project → Plan → Wheelhouse → Image → Artifact``, stage by stage.

Every function here runs the line up to its noun.  Finished parts come out of the content store, so
running one after the other costs little more than the last.
"""

import contextlib
import dataclasses
import difflib
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.pylock import Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from sealift import console, jsonform, plugins
from sealift.application import check_application
from sealift.artifact import Artifact, export
from sealift.config import Config, Settings
from sealift.errors import (
    ConfigError,
    FetchError,
    InterpreterError,
    LockError,
    ProjectError,
    RefusedError,
    SealiftError,
)
from sealift.extras import check_extras, extras_of
from sealift.image import INTERPRETER, Image
from sealift.interpreter import Interpreter, NoInterpreter
from sealift.interpreters.candidates import check_version
from sealift.interpreters.choose import NEWEST, choose
from sealift.interpreters.installation import OLDEST
from sealift.output import check_folder, make_folder, write_json
from sealift.plan import Action, Plan, make_plan
from sealift.preflight import formats_refused, require_formats, require_no_problem
from sealift.project import InputKind, Project, load_project
from sealift.resolve import indexes_of, lock, save_lock
from sealift.staging import stage
from sealift.target import Target, current_target, parse_target
from sealift.wheel import read_wheel
from sealift.wheelhouse import Wheelhouse, collect


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a command line asks for: an input and settings that win over the project's own."""

    given: str = "."
    overrides: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    upgrade: bool = False


def make_project(request: Request) -> Project:
    """The project as given, its settings overridden by the request's."""
    _check_names(Config(**request.overrides))
    with console.step(f"Reading {request.given}") as step:
        project = load_project(request.given, overrides=request.overrides)
        _check_names(project.settings.config)
        check_application(project.settings)
        if request.overrides.get("groups") and project.kind is not InputKind.FOLDER:
            raise ConfigError(
                f"cannot ship groups of a {project.kind}: only a folder has dependency groups"
            )
        step.done(" ".join(filter(None, (project.kind.value, project.name, project.version))))
    return project


def _check_names(config: Config) -> None:
    """Refuse early what would fail later: an unknown format or target, a name that is a path."""
    for name in config.formats:
        plugins.load("formats", name)
    for name in config.targets:
        parse_target(name)
    if config.python:
        check_version(config.python)
    if config.name and (config.name in {".", ".."} or any(c in "/\\\0" for c in config.name)):
        raise ConfigError(
            f"cannot name the product {config.name!r}: it is to be a file's name",
            hint="--out chooses the folder",
        )


def make_jobs(project: Project, *, upgrade: bool = False) -> Plan:
    """The plan, whatever its formats and choices are worth: nothing is refused yet."""
    settings = project.settings
    targets = targets_of(settings)
    silent: dict[str, str] = {}  # whose host did not answer, which takes long to find out
    interpreters = {target.name: _interpreter(project, target, silent) for target in targets}
    with console.step("Locking dependencies") as step:
        python = min(found.feature for found in interpreters.values())
        locked = lock(project, python=python, update=upgrade)
        step.done(console.count(len(locked.packages), "package"))
    _check_builds(project, locked)
    return make_plan(
        project,
        lock=locked,
        targets=targets,
        interpreters=interpreters,
        formats=tuple(dict.fromkeys(settings.config.formats)),
    )


def _check_builds(project: Project, locked: Pylock) -> None:
    """Warn of options for packages that are not there to be built."""
    there = {canonicalize_name(project.name), *(package.name for package in locked.packages)}
    for name in project.settings.builds:
        if name not in there:
            console.warning(
                f"[tool.sealift.build.{name}] is for nothing that is needed" + _meant(name, there)
            )


def _meant(name: str, there: Iterable[str]) -> str:
    near = difflib.get_close_matches(name.lower(), sorted(there), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _interpreter(
    project: Project, target: Target, silent: dict[str, str]
) -> Interpreter | NoInterpreter:
    settings, wanted = project.settings, project.settings.config.python
    with console.step(f"Choosing Python for {target}") as step:
        try:
            found = choose(wanted, project.requires_python, target, settings, silent=silent)
        except (InterpreterError, FetchError) as problem:
            if target.name == current_target().name:
                raise
            ours = choose(wanted, project.requires_python, current_target(), settings)
            step.done(f"{ours.feature}, which cannot be had now")
            reasons = (problem.message, *problem.details)
            return NoInterpreter(version=ours.version, reasons=reasons, program=ours.program)
        step.done(f"{found.version} ({found.provider}: {found.reason})")
        return found


def make_wheelhouses(
    project: Project, *, upgrade: bool = False, ahead: Callable[[Plan], None] | None = None
) -> tuple[Plan, tuple[Wheelhouse, ...]]:
    """The wheels of every job; raises :class:`RefusedError` with all refusals at once.

    ``ahead`` is called when it is known what will be made.
    """
    require_formats(project, targets_of(project.settings))
    plan = make_jobs(project, upgrade=upgrade)
    for job in plan.jobs:
        job.require_interpreter()
    _check_choices(plan)
    if ahead:
        ahead(plan)
    houses = []
    indexes = indexes_of(plan.project)
    for job in plan.jobs:
        with console.step(f"Collecting wheels for {job.target}") as step:
            house = collect(job, indexes)
            built = sum(wheel.built or wheel.crossed for wheel in house.wheels)
            told = console.count(len(house.wheels), "wheel")
            step.done(f"{told}, {built} built here" if built else told)
            _check_extras(house, plan.project)
            _check_materialized(house, plan.project)
            houses.append(house)
    return plan, tuple(houses)


def _check_extras(house: Wheelhouse, project: Project) -> None:
    """Refuse extras that only the wheel could tell the project does not have."""
    for wheel in house.wheels:
        if wheel.is_project and project.settings.config.extras:
            known = extras_of(read_wheel(wheel.path))
            check_extras(project.settings.config.extras, known, project=project.name)


def _check_materialized(house: Wheelhouse, project: Project) -> None:
    """Warn of names to materialize that nothing shipped has."""
    there = {INTERPRETER, "*", *(wheel.name for wheel in house.wheels)}
    for name in project.settings.config.materialize:
        if name not in there:
            console.warning(
                f"nothing called {name!r} is shipped that could be materialized"
                + _meant(name, there)
            )


def make_images(
    project: Project, *, upgrade: bool = False, ahead: Callable[[Plan], None] | None = None
) -> tuple[Plan, tuple[Image, ...]]:
    """The images, one a target; ``ahead`` as in :func:`make_wheelhouses`."""
    plan, houses = make_wheelhouses(project, upgrade=upgrade, ahead=ahead)
    images = []
    for house in houses:
        with console.step(f"Staging {house.target}") as step:
            image = stage(house, plan.project)
            files = console.count(len(image.entries), "file")
            step.done(f"{files}, {console.size(image.size)}")
            images.append(image)
    return plan, tuple(images)


def make_artifacts(request: Request, out: Path) -> tuple[Artifact, ...]:
    """The whole line; artifacts go to ``out``, with an ``artifacts.json`` beside them."""
    check_folder(out)
    project = make_project(request)
    require_no_problem(project, targets_of(project.settings))
    _, images = make_images(project, upgrade=request.upgrade, ahead=_prepare)
    return export_images(images, project.settings, out)


def _prepare(plan: Plan) -> None:
    """Let formats begin with what needs no image, in a thread that the process waits for."""

    def work() -> None:
        for job in plan.jobs:
            for name in job.formats:
                with contextlib.suppress(SealiftError):
                    plugins.load("formats", name).prepare(job.require_interpreter())

    threading.Thread(target=work, name="prepare").start()


def export_images(images: Sequence[Image], settings: Settings, out: Path) -> tuple[Artifact, ...]:
    """Write every format of every image that can be made so below ``out``."""
    make_folder(out)
    artifacts: list[Artifact] = []
    for name in dict.fromkeys(settings.config.formats):
        plugin: plugins.Format[Any] = plugins.load("formats", name)
        options = settings.format(name, plugin.options)
        for group, folder in _groups(plugin, images, out):
            target = " ".join(str(image.target) for image in group)
            with console.step(f"Writing {name} for {target}") as step:
                make_folder(folder)
                artifact = export(group, plugin, options, folder)
                step.done(f"{artifact.path} {console.size(artifact.size)}")
                artifacts.append(artifact)
    write_json(out / "artifacts.json", [artifact.to_json() for artifact in artifacts])
    return tuple(artifacts)


def _groups(
    plugin: plugins.Format[Any], images: Sequence[Image], out: Path
) -> list[tuple[Sequence[Image], Path]]:
    """Images that go into one artifact each, and the folder of it."""
    fitting = [image for image in images if plugin.refuses(image.target) is None]
    if plugin.several_targets or len(images) == 1:
        return [(fitting, out)]
    return [([image], out / image.target.name) for image in fitting]


def targets_of(settings: Settings) -> list[Target]:
    """The machines to ship to, with the floors that settings give them."""
    named = settings.config.targets
    targets = [parse_target(text) for text in dict.fromkeys(named)] or [current_target()]
    floors = ((target, settings.target(target.name).floor) for target in targets)
    return [target.with_floor(floor) if floor else target for target, floor in floors]


def _check_choices(plan: Plan) -> None:
    refused = [
        f"{choice.name} {choice.version or ''} for {job.target}: {choice.reason}"
        for job in plan.jobs
        for choice in job.choices
        if choice.action is Action.REFUSE
    ]
    if refused:
        raise RefusedError(
            f"cannot collect {plan.project.name}: not every distribution has a wheel",
            details=refused,
            hint="raise the floor of the target, pick another Python with --python, or leave the "
            "target out",
        )


def export_saved(path: Path, formats: Sequence[str], out: Path) -> tuple[Artifact, ...]:
    """Write a staged image, saved as JSON, in ``formats``, with the settings it was staged with."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ProjectError(
            f"cannot read {path}: it is not JSON in UTF-8: {problem}",
            hint="`sealift stage` writes an image-TARGET.json",
        ) from problem
    image = jsonform.load(Image, data, where=str(path))
    settings = Settings(
        config=Config(formats=tuple(formats)), formats=image.options, source=str(path)
    )
    refusals = [
        reason for n in formats if (reason := plugins.load("formats", n).refuses(image.target))
    ]
    if refusals:
        raise formats_refused(refusals)
    return export_images([image], settings, out)


def write_lock(request: Request, out: Path) -> Pylock:
    """Resolve the project and write its universal lock.

    It serves the Python that is asked for and all newer ones; without a wish, every Python that
    the project runs on and Sealift ships.
    """
    check_folder(out.parent)
    project = make_project(request)
    with console.step("Locking dependencies") as step:
        python = request.overrides.get("python", "").rstrip("t") or _oldest(project)
        locked = lock(project, python=python, update=True)
        save_lock(locked, out)
        step.done(f"{console.count(len(locked.packages), 'package')} in {out}")
    return locked


def _oldest(project: Project) -> str:
    """The oldest feature version that the project runs on and Sealift ships."""
    allowed = SpecifierSet(project.requires_python)
    for minor in range(OLDEST[1], NEWEST + 1):
        if allowed.contains(f"3.{minor}.99"):
            return f"3.{minor}"
    raise LockError(
        f"cannot lock {project.name}: it requires Python {allowed}, "
        f"and Sealift ships 3.{OLDEST[1]} to 3.{NEWEST}"
    )

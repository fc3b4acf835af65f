"""The second noun: for each target, an interpreter and a choice for every distribution."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from packaging.markers import Environment, Marker
from packaging.pylock import Package, PackageArchive, PackageSdist, PackageVcs, PackageWheel, Pylock
from packaging.utils import canonicalize_name

from sealift import jsonform
from sealift.config import BuildOptions
from sealift.entrypoint import pick_entry
from sealift.errors import InterpreterError, LockError
from sealift.interpreter import Interpreter, NoInterpreter
from sealift.project import InputKind, Project
from sealift.selection import Fit, can_compile, candidates_of, crosses, fit_of, siblings_of
from sealift.target import Target


class Action(StrEnum):
    """What is done to have a distribution's wheel for a target."""

    TAKE = "take"
    MERGE = "merge"
    BUILD = "build"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedFile:
    """A wheel or sdist that a lock names: where it is and what it must be.

    ``location`` is a URL or an absolute path, or ``git+URL@COMMIT`` with the folder of the project
    behind ``#subdirectory=``; ``sha256`` is in hex, empty for a commit, which is its own digest;
    ``size`` in bytes where the lock tells.
    """

    name: str
    location: str
    sha256: str
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One distribution on one target.

    TAKE has a wheel in ``file``; MERGE, for both kinds of Mac, that for Intel's processors in
    ``file`` and that for Apple's own in ``twin``; BUILD has an sdist in ``file`` or a folder in
    ``folder``.
    ``reason`` tells why a wheel was not taken: which was nearest and what it asks for.
    ``is_project`` marks the distribution the user asked to ship.  ``is_native`` tells that wheels
    for other machines have native code; ``siblings`` are some for the same system, to compare with
    what is built.
    """

    name: str
    version: str | None
    action: Action
    file: LockedFile | None = None
    twin: LockedFile | None = None
    folder: Path | None = None
    reason: str = ""
    is_project: bool = False
    is_native: bool = False
    siblings: tuple[LockedFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Everything that is to be done for one target.

    ``builds`` are the project's options for packages that are built for it, by name, ``toolchain``
    is what compiles them for other machines.
    """

    target: Target
    interpreter: Interpreter | NoInterpreter
    choices: tuple[Choice, ...]
    formats: tuple[str, ...]
    builds: Mapping[str, BuildOptions] = field(default_factory=dict)
    toolchain: str = "zig"

    def require_interpreter(self) -> Interpreter:
        """The interpreter; raises :class:`InterpreterError` with every provider's reason."""
        if isinstance(self.interpreter, Interpreter):
            return self.interpreter
        raise InterpreterError(
            f"cannot ship to {self.target}: there is no CPython {self.interpreter.version} for it",
            details=self.interpreter.reasons,
            hint="choose another with --python, or name where it is with --interpreter",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A project and its jobs, one a target."""

    project: Project
    jobs: tuple[Job, ...]

    def to_json(self) -> Any:
        """JSON form; :func:`sealift.jsonform.load` reads it back."""
        return jsonform.dump(self)


def make_plan(
    project: Project,
    *,
    lock: Pylock,
    targets: Sequence[Target],
    interpreters: Mapping[str, Interpreter | NoInterpreter],
    formats: Sequence[str],
) -> Plan:
    """Choose every distribution of ``lock`` for every target, offline and deterministically.

    ``interpreters`` are by the target's name.  What no target can have becomes a REFUSE with the
    reason, so that all refusals are known at once.  Raises :class:`LockError` where the lock as a
    whole is not for a target, and :class:`~sealift.errors.EntryPointError` where it is known by
    now that the project has several entry points.
    """
    if project.entry_points and not project.settings.config.entry:
        pick_entry(project.entry_points, project=project.name)
    packages = project.settings.builds
    jobs = [
        Job(
            target=target,
            interpreter=interpreters[target.name],
            choices=_choices(project, lock, target, interpreters[target.name]),
            formats=tuple(formats),
            builds={name: it.for_machine(target.os, target.arch) for name, it in packages.items()},
            toolchain=project.settings.config.toolchain,
        )
        for target in targets
    ]
    return Plan(project=project, jobs=tuple(jobs))


def _choices(
    project: Project, lock: Pylock, target: Target, interpreter: Interpreter | NoInterpreter
) -> tuple[Choice, ...]:
    environment = target.marker_environment(interpreter.version)
    _check_lock(lock, target, environment)
    own = canonicalize_name(project.name)
    fit = fit_of(target, interpreter)
    chosen: dict[str, Choice] = {}
    for package in _selected(lock, project, environment):
        given = project.kind is not InputKind.REQUIREMENT and package.name == own
        if given and (package.directory or package.archive):
            continue  # the lock was made with the project in it
        choice = _choose(package, fit)
        wrong = package.requires_python
        if wrong and not wrong.contains(interpreter.version, prereleases=True):
            choice = _refused(package, f"it requires Python {wrong}, not {interpreter.version}")
        if package.name in chosen:
            raise LockError(
                f"cannot use the lock for {target}: it has {package.name} twice there",
                details=[f"{package.name} {chosen[package.name].version}, {package.version}"],
            )
        chosen[package.name] = replace(choice, is_project=package.name == own)
    if project.kind is not InputKind.REQUIREMENT:
        chosen[own] = _own_choice(project, fit)
    elif own not in chosen:
        raise LockError(f"cannot use the lock for {target}: it does not have {project.name}")
    return tuple(choice for _, choice in sorted(chosen.items()))


def _check_lock(lock: Pylock, target: Target, environment: Environment) -> None:
    version = environment["python_full_version"]
    wanted = lock.requires_python
    if wanted and not wanted.contains(version, prereleases=True):
        raise LockError(
            f"cannot use the lock for {target}: it is for Python {wanted}, not {version}",
            hint="`sealift lock` makes it anew; --python chooses another Python",
        )
    if lock.environments and not any(_holds(m, environment) for m in lock.environments):
        raise LockError(
            f"cannot use the lock for {target}: it was made for other machines",
            details=[str(marker) for marker in lock.environments],
            hint="`sealift lock` makes one for every machine",
        )


def _holds(marker: Marker, environment: Mapping[str, Any]) -> bool:
    return marker.evaluate(cast("dict[str, Any]", dict(environment)), context="lock_file")


def _selected(lock: Pylock, project: Project, environment: Environment) -> Iterator[Package]:
    """Packages of the lock whose markers hold, with the project's extras and groups."""
    config = project.settings.config
    groups = config.groups or tuple(lock.default_groups or ())
    known = {
        **environment,
        "extras": frozenset(config.extras),
        "dependency_groups": frozenset(groups),
    }
    for package in lock.packages:
        if package.marker is None or _holds(package.marker, known):
            yield package


def _choose(package: Package, fit: Fit) -> Choice:
    name, version = package.name, str(package.version) if package.version else None
    base = Choice(name=name, version=version, action=Action.BUILD)
    if package.directory:
        folder = Path(package.directory.path, package.directory.subdirectory or ".")
        return _here(replace(base, folder=folder), fit, "it is a folder")
    if package.vcs:
        file = locked_commit(name, package.vcs)
        return _here(replace(base, file=file), fit, "it is a commit")
    if package.archive:
        return _choose_archive(base, package.archive, fit)
    candidates = candidates_of(package.wheels or ())
    best, pair = fit.best(candidates), fit.pair(candidates)
    if pair and not (best and best.is_native):
        intel, apple = (locked_file(half.wheel, half.name) for half in pair)
        told = "it has a wheel for each kind of Mac"
        return replace(base, action=Action.MERGE, file=intel, twin=apple, reason=told)
    if best:
        return replace(base, action=Action.TAKE, file=locked_file(best.wheel, best.name))
    reason = fit.why_not(candidates)
    if package.sdist is None:
        return replace(base, action=Action.REFUSE, reason=f"{reason}, and it has no sdist")
    choice = replace(
        base,
        file=locked_file(package.sdist, package.sdist.filename),
        is_native=any(candidate.is_native for candidate in candidates),
    )
    if crosses(fit.target):
        siblings = siblings_of(candidates, fit)
        choice = replace(
            choice, siblings=tuple(locked_file(each.wheel, each.name) for each in siblings)
        )
    return _here(choice, fit, reason)


def _choose_archive(base: Choice, archive: PackageArchive, fit: Fit) -> Choice:
    name = (
        re.sub(r"[?#].*", "", archive.path or archive.url or "").replace("\\", "/").split("/")[-1]
    )
    choice = replace(base, file=locked_file(archive, name))
    if not name.endswith(".whl"):
        return _here(choice, fit, "it is an sdist")
    wheel = PackageWheel(name=name, url=archive.url, path=archive.path, hashes=archive.hashes)
    candidates = candidates_of([wheel])
    if fit.best(candidates):
        return replace(choice, action=Action.TAKE)
    return replace(base, action=Action.REFUSE, reason=fit.why_not(candidates))


def _here(choice: Choice, fit: Fit, reason: str) -> Choice:
    """``choice`` to be built, or its refusal where nothing on this machine can build it."""
    if not fit.can_build:
        lacking = f"to build it needs a Python {fit.python} on this machine"
    elif choice.is_native and not can_compile(fit.target):
        lacking = f"native code is not built for {fit.target} here"
    else:
        return replace(choice, reason=reason)
    told = f"{reason}; {lacking}"
    return replace(choice, action=Action.REFUSE, file=None, folder=None, reason=told)


def _refused(package: Package, reason: str) -> Choice:
    version = str(package.version) if package.version else None
    return Choice(name=package.name, version=version, action=Action.REFUSE, reason=reason)


def _own_choice(project: Project, fit: Fit) -> Choice:
    """The project itself: its folder or sdist to build, its wheel to take."""
    name = str(canonicalize_name(project.name))
    base = Choice(name=name, version=project.version, action=Action.BUILD, is_project=True)
    if project.archive is None:
        folder = replace(base, folder=project.path)
        return _here(folder, fit, "it is a folder")
    assert project.sha256 is not None
    archive = PackageArchive(path=str(project.archive), hashes={"sha256": project.sha256})
    return _choose_archive(base, archive, fit)


def locked_commit(name: str, vcs: PackageVcs) -> LockedFile:
    """The commit of package ``name`` that a lock names, as a file."""
    below = f"#subdirectory={vcs.subdirectory}" if vcs.subdirectory else ""
    location = f"{vcs.type}+{vcs.url or Path(vcs.path or '.').as_uri()}@{vcs.commit_id}{below}"
    return LockedFile(name=f"{name}-{vcs.commit_id[:12]}", location=location, sha256="")


def locked_file(part: PackageWheel | PackageSdist | PackageArchive, name: str) -> LockedFile:
    """The file that ``part`` of a lock names; raises :class:`LockError` without a SHA-256."""
    sha256 = part.hashes.get("sha256")
    if sha256 is None:
        raise LockError(
            f"cannot use the lock: {name} has no SHA-256",
            details=[f"it has {', '.join(part.hashes)}"],
            hint="`sealift lock` makes it anew",
        )
    local = part.path if part.path and (Path(part.path).exists() or not part.url) else None
    location = local or part.url
    assert location is not None
    return LockedFile(name=name, location=location, sha256=sha256.lower(), size=part.size)

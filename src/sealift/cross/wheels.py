"""What ``sealift wheel`` does: orders of every input for every target and Python, one by one."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.pylock import Package
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from sealift import console
from sealift.audit.report import audit
from sealift.backend import BuildPython, read_pyproject
from sealift.building import make_wheel
from sealift.config import BuildOptions, PackageOptions, Settings
from sealift.errors import ConfigError, InterpreterError, ProjectError
from sealift.fetch import Remote, fetch
from sealift.index import find_release
from sealift.indexes import read_indexes
from sealift.inputs.reading import tool_table
from sealift.interpreter import NoInterpreter
from sealift.interpreters import candidates
from sealift.interpreters.candidates import check_version
from sealift.order import Order
from sealift.output import check_folder, copy_file, make_folder
from sealift.plan import LockedFile, locked_commit, locked_file
from sealift.project import InputKind, Project, load_project, settings_of
from sealift.selection import Fit, candidates_of, fit_of, siblings_of
from sealift.sources import Sources
from sealift.target import Target, current_target, parse_target

_COLUMNS = ("wheel", "size", "target", "runs on", "libraries taken in")


@dataclass(frozen=True, slots=True)
class Made:
    """A wheel at ``path`` for ``target``; ``best`` is the platform that its audit tells."""

    path: Path
    target: Target
    best: str
    grafts: tuple[str, ...]


def run(inputs: Sequence[str], out: Path, options: Mapping[str, Any]) -> None:
    """Build wheels of all ``inputs`` into ``out`` and show them.

    ``options`` are those of the command.  Raises what :func:`sealift.building.make_wheel` does at
    the first wheel that cannot be built; those before it are there.
    """
    check_folder(out)
    targets = [parse_target(text) for text in options["targets"]] or [current_target()]
    if options["floor"]:
        targets = [target.with_floor(options["floor"]) for target in targets]
    made = []
    for text in inputs:
        for python in options["pythons"] or (_newest(),):
            for target, order in _orders(text, targets, python, options):
                made.append(_make(order, target, out))
    console.answer([_plain(each) for each in made], _COLUMNS, [_row(each) for each in made])


def _orders(
    text: str, targets: Sequence[Target], python: str, options: Mapping[str, Any]
) -> Iterator[tuple[Target, Order]]:
    build_python = _build_python(python)
    project = load_project(text)
    settings = _settings(project)
    source = _source(project, text, build_python)
    wanted = settings.builds.get(str(canonicalize_name(source.name)), PackageOptions())
    for target in (_bound(each, settings) for each in targets):
        free = python.endswith("t")
        fit = _fit(target, build_python, free_threaded=free)
        yield (
            target,
            Order(
                name=source.name,
                version=source.version,
                sources=source.sources,
                target=target,
                python=build_python,
                options=_with(wanted.for_machine(target.os, target.arch), options),
                toolchain=options["toolchain"] or settings.config.toolchain,
                free_threaded=free,
                is_native=source.is_native,
                siblings=source.siblings(fit),
            ),
        )


def _bound(target: Target, settings: Settings) -> Target:
    floor = settings.target(target.name).floor
    return target.with_floor(floor) if floor and not target.floor else target


def _fit(target: Target, python: BuildPython, *, free_threaded: bool) -> Fit:
    interpreter = NoInterpreter(
        version=python.version,
        reasons=(),
        program=python.program,
        free_threaded=free_threaded,
    )
    return fit_of(target, interpreter)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """What is built, and its release on the index where it comes from there."""

    name: str
    version: str | None
    sources: Sources
    release: Package | None = None

    @property
    def is_native(self) -> bool:
        wheels = self.release.wheels if self.release else None
        return any(candidate.is_native for candidate in candidates_of(wheels or ()))

    def siblings(self, fit: Fit) -> tuple[Path, ...]:
        """Wheels of the release to compare with; see :func:`~sealift.selection.siblings_of`."""
        wheels = self.release.wheels if self.release else None
        found = siblings_of(candidates_of(wheels or ()), fit)
        return tuple(_fetched(locked_file(each.wheel, each.name)) for each in found)


def _source(project: Project, text: str, python: BuildPython) -> _Source:
    name = str(canonicalize_name(project.name))
    if project.kind is InputKind.REQUIREMENT:
        with console.step(f"Finding {text}") as step:
            release = find_release(text, python=python.version)
            version = str(release.version) if release.version else None
            sources = _sources_of(release)
            step.done(sources.archive.name if sources.archive else sources.commit)
        return _Source(name=release.name, version=version, sources=sources, release=release)
    _check_python(project, python)
    if project.kind is InputKind.FOLDER:
        return _Source(name=name, version=project.version, sources=Sources(folder=project.path))
    if project.kind is not InputKind.SDIST:
        raise ProjectError(
            f"cannot build a wheel of {text}: it is a {project.kind}",
            hint="give a folder, an sdist or a requirement",
        )
    assert project.sha256
    sources = Sources(archive=project.archive, sha256=project.sha256)
    return _Source(name=name, version=project.version, sources=sources)


def _check_python(project: Project, python: BuildPython) -> None:
    if not SpecifierSet(project.requires_python).contains(python.version, prereleases=True):
        raise ProjectError(
            f"cannot build {project.name} for CPython {python.version}: it requires Python "
            f"{project.requires_python}",
            hint="choose another with --python",
        )


def _sources_of(release: Package) -> Sources:
    if release.vcs:
        return Sources(commit=locked_commit(release.name, release.vcs).location)
    part = release.sdist or release.archive
    assert part
    file = locked_file(part, release.name)
    return Sources(archive=_fetched(file), sha256=file.sha256)


def _fetched(file: LockedFile) -> Path:
    if "://" not in file.location:
        return Path(file.location)
    logins = read_indexes(Path.cwd()).logins
    with console.progress(f"Downloading {file.name}", 0) as bar:
        return fetch(Remote(file.location, file.sha256, file.size), logins=logins, bar=bar)


def _settings(project: Project) -> Settings:
    """The settings of a folder; for everything else those here, be it a project or not."""
    here = Path("pyproject.toml").absolute()
    if project.kind is InputKind.FOLDER or not here.is_file():
        return project.settings
    return settings_of(tool_table(read_pyproject(here.parent)), source=str(here))


def _with(wanted: BuildOptions, options: Mapping[str, Any]) -> BuildOptions:
    """``wanted`` with what the command line asks besides."""
    settings = dict(wanted.config_settings)
    for key, value in _pairs(options["settings"], "--config-setting"):
        settings[key] = (*settings.get(key, ()), value)
    return dataclasses.replace(
        wanted,
        environment={**wanted.environment, **dict(_pairs(options["environment"], "--env"))},
        config_settings=settings,
        libraries=(*wanted.libraries, *options["libraries"]),
    )


def _pairs(texts: Sequence[str], option: str) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ConfigError(f"cannot read {option} {text!r}: write it as NAME=VALUE")
        yield name, value


def _newest() -> str:
    found = next((it for it in candidates.features() if candidates.search(it).found), None)
    if found is None:
        raise InterpreterError(
            "cannot build wheels: there is no CPython on this machine to build them with",
            hint="install one with its headers, such as python3 and python3-dev",
        )
    return found


def _build_python(python: str) -> BuildPython:
    check_version(python)
    found = candidates.search(python)
    if found.found is None and python.endswith("t"):  # one with the lock can stand for it
        found = candidates.search(python.rstrip("t"))
    if found.found is None:
        raise InterpreterError(
            f"cannot build wheels for CPython {python}: there is none on this machine, and a build "
            "is run by one of the same version",
            details=found.refused,
            hint=f"install it, or choose another with --python: {', '.join(candidates.features())}",
        )
    return BuildPython(program=found.found.program, version=found.found.version)


def _make(order: Order, target: Target, out: Path) -> Made:
    with console.step(f"Building {order.label} for {target}") as step:
        path = make_wheel(order)
        final = make_folder(out) / path.name
        copy_file(path, final)
        report = audit(final)
        step.done(path.name)
    grafts = tuple(native for native in report.natives if ".libs/" in native)
    return Made(final, target, report.verdict.best or "", grafts)


def _plain(made: Made) -> Any:
    return {
        "path": str(made.path), "target": made.target.name, "best": made.best,
        "grafts": list(made.grafts),
    }  # fmt: skip


def _row(made: Made) -> tuple[str, ...]:
    size = console.size(made.path.stat().st_size)
    path = console.escape(str(made.path))
    return path, size, made.target.name, made.best, str(len(made.grafts) or "")

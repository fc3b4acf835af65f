"""What settings alone tell of the formats that are asked for, before anything takes time."""

from collections import Counter
from collections.abc import Iterator, Sequence

from sealift import console, plugins
from sealift.errors import ConfigError, RefusedError, SealiftError
from sealift.project import Project
from sealift.target import Target


def format_refusals(project: Project, targets: Sequence[Target]) -> list[str]:
    """Which of the project's formats cannot be made for which target, and why."""
    return [f"{name} for {target}: {reason}" for name, target, reason in _refused(project, targets)]


def _refused(project: Project, targets: Sequence[Target]) -> Iterator[tuple[str, Target, str]]:
    """Format, target and reason."""
    for target in targets:
        for name in dict.fromkeys(project.settings.config.formats):
            if reason := plugins.load("formats", name).refuses(target):
                yield name, target, reason


def format_problems(project: Project, targets: Sequence[Target]) -> list[SealiftError]:
    """What :meth:`~sealift.plugins.Format.check` raises, each problem once."""
    found: dict[str, SealiftError] = {}
    for problem in _problems(project, targets):
        found.setdefault(problem.message, problem)
    return list(found.values())


def _problems(project: Project, targets: Sequence[Target]) -> Iterator[SealiftError]:
    for name in dict.fromkeys(project.settings.config.formats):
        plugin = plugins.load("formats", name)
        for target in targets:
            if plugin.refuses(target) is None:
                try:
                    plugin.check(project, project.settings.format(name, plugin.options), target)
                except SealiftError as problem:
                    yield problem


def require_formats(project: Project, targets: Sequence[Target]) -> None:
    """Raise :class:`RefusedError` for formats that no target has, and targets that get none.

    What else cannot be made is left out, and told: installers of several systems are asked for
    together.
    """
    refused = list(_refused(project, targets))
    by_format = Counter(name for name, _, _ in refused)
    by_target = Counter(target for _, target, _ in refused)
    formats = set(project.settings.config.formats)
    hopeless = [
        f"{name} for {target}: {reason}"
        for name, target, reason in refused
        if by_format[name] == len(targets) or by_target[target] == len(formats)
    ]
    if hopeless:
        raise formats_refused(hopeless)
    for name, target, reason in refused:
        console.note(f"no {name} for {target}: {reason}")


def formats_refused(refusals: Sequence[str]) -> RefusedError:
    """The error of formats that cannot be made."""
    return RefusedError(
        "cannot make what was asked",
        details=refusals,
        hint="`sealift targets` shows which format goes where",
    )


def require_no_problem(project: Project, targets: Sequence[Target]) -> None:
    """Raise what :func:`format_problems` finds: it as it is, or :class:`ConfigError` with all."""
    match format_problems(project, targets):
        case []:
            return
        case [problem]:
            raise problem
        case problems:
            raise ConfigError("cannot make what was asked", details=[*map(told, problems)])


def told(problem: SealiftError) -> str:
    """A problem and what to do, as a line among others."""
    return f"{problem.message} ({problem.hint})" if problem.hint else problem.message

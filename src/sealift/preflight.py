"""What settings alone tell of the formats that are asked for, before anything takes time."""

from collections.abc import Iterator, Sequence

from sealift import plugins
from sealift.errors import ConfigError, RefusedError, SealiftError
from sealift.project import Project
from sealift.target import Target


def format_refusals(project: Project, targets: Sequence[Target]) -> list[str]:
    """Which of the project's formats cannot be made for which target, and why."""
    return [
        f"{name} for {target}: {reason}"
        for target in targets
        for name in dict.fromkeys(project.settings.config.formats)
        if (reason := plugins.load("formats", name).refuses(target))
    ]


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
    """Raise :class:`RefusedError` where a format cannot be made for a target, with all such."""
    if refusals := format_refusals(project, targets):
        raise formats_refused(refusals)


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

"""Which interpreter is shipped, when the user leaves it open; ``docs/design/interpreters.md``."""

import dataclasses
from collections.abc import MutableMapping

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from sealift import plugins
from sealift.config import Settings
from sealift.errors import FetchError, InterpreterError
from sealift.fetch import silence
from sealift.interpreter import Interpreter
from sealift.interpreters import candidates
from sealift.interpreters.candidates import named_program
from sealift.interpreters.installation import OLDEST, ask
from sealift.target import Target, current_target

AUTO = "auto"
_HERE = ("local", "standalone", "debian", "wheels")
_ELSEWHERE = _HERE[1:]
_SYSTEMS = {"debian": {"linux"}, "wheels": {"windows", "macos"}}  # of those that have but some
NEWEST = 15  # minor version of the newest stable CPython known here
_DETAILS = 12


def choose(
    python: str | None,
    requires_python: str,
    target: Target,
    settings: Settings,
    *,
    silent: MutableMapping[str, str] | None = None,
) -> Interpreter:
    """The interpreter to ship to ``target``, prepared.

    ``python`` is a feature version, a full one, or ``None`` for the newest that
    ``requires_python`` allows, one this machine has before others.  ``silent`` are providers whose
    host did not answer, and why; they are not asked, and more may be added.  Raises
    :class:`InterpreterError` with every provider's reason.
    """
    allowed = SpecifierSet(requires_python)
    reasons: list[str] = []
    silent = {} if silent is None else silent
    failed = {name: f"not asked again: {reason}" for name, reason in silent.items()}
    for wanted in _versions(python, allowed, settings):
        passed_over: list[str] = []
        for name in _providers(target, settings):
            if name in failed:
                passed_over.append(f"{name}: {failed[name]}")
                continue
            try:
                found = _take(name, wanted, target, settings)
                _check(found, allowed, target, python)
            except InterpreterError as problem:
                passed_over.append(f"{name}: {problem.message}")
            except FetchError as problem:
                if settings.config.interpreter != AUTO:
                    raise
                failed[name] = problem.message
                if reason := silence(problem):
                    silent[name] = reason
                passed_over.append(f"{name}: {problem.message}")
            else:
                return dataclasses.replace(found, reason="; ".join((found.reason, *passed_over)))
        reasons += passed_over
    raise InterpreterError(
        f"cannot find CPython {python or requires_python or 'of any version'} for {target}",
        details=list(dict.fromkeys(reasons))[:_DETAILS],
        hint="choose another with --python, name an interpreter with --interpreter, or give an "
        f"archive in [tool.sealift.target.{target}]",
    )


def preview(settings: Settings, target: Target) -> list[str]:
    """Interpreters of this machine that can be shipped to ``target``; none is prepared."""
    local = plugins.load("interpreters", "local")
    found = []
    for feature in candidates.features():
        if local.refuses(feature, target, settings) is None:
            result = candidates.search(feature)
            if result.found:
                found.append(f"{result.found.version} ({result.origin})")
    return found


def offers(settings: Settings, target: Target) -> dict[str, tuple[str, ...]]:
    """The feature versions that each provider has for ``target``, newest first; asks no network."""
    found: dict[str, tuple[str, ...]] = {}
    for name in _providers(target, settings):
        provider: plugins.Interpreters = plugins.load("interpreters", name)
        features = [f for f in _known() if provider.refuses(f, target, settings) is None]
        if features:
            found[name] = tuple(features)
    return found


def _providers(target: Target, settings: Settings) -> tuple[str, ...]:
    asked = settings.config.interpreter
    if "/" in asked:
        return ("local",)
    if asked != AUTO:
        return (asked,)
    others = sorted(set(plugins.names("interpreters")) - {*_HERE, "archive"})
    configured = ("archive",) if settings.target(target.name).archive else ()
    order = _HERE if target.name == current_target().name else _ELSEWHERE
    fitting = (name for name in order if target.os in _SYSTEMS.get(name, {target.os}))
    return (*configured, *fitting, *others)


def _versions(python: str | None, allowed: SpecifierSet, settings: Settings) -> list[str]:
    """What to ask providers for, in order."""
    if not python and "/" in settings.config.interpreter:
        python = ask(named_program(settings.config.interpreter)).feature
    if not python:
        return [feature for feature in _features() if _may_allow(allowed, feature)]
    if not _may_allow(allowed, python):
        raise InterpreterError(
            f"cannot ship CPython {python}: the project asks for Python {allowed}",
            hint="choose another with --python",
        )
    return [python]


def _may_allow(allowed: SpecifierSet, python: str) -> bool:
    """Whether some version that ``python`` stands for, a feature or a full one, is ``allowed``."""
    full = python.rstrip("t")
    versions = [full] if full.count(".") > 1 else [f"{full}.{micro}" for micro in range(100)]
    return any(allowed.contains(version, prereleases=True) for version in versions)


def _features() -> list[str]:
    """Feature versions, newest first, those that this machine has before others.

    Bytecode is compiled by an interpreter of the same feature version, so that one is needed here
    whatever the target is.
    """
    here = [feature for feature in candidates.features() if candidates.search(feature).found]
    return list(dict.fromkeys((*here, *_known())))


def _known() -> list[str]:
    """Feature versions that Sealift ships, newest first."""
    return [f"3.{minor}" for minor in range(NEWEST, OLDEST[1] - 1, -1)]


def _take(name: str, python: str, target: Target, settings: Settings) -> Interpreter:
    """The interpreter of provider ``name``, or an error that says why there is none."""
    provider: plugins.Interpreters = plugins.load("interpreters", name)
    reason = provider.refuses(python, target, settings)
    if reason:
        raise InterpreterError(reason)
    return provider.find(python, target, settings)


def _check(found: Interpreter, allowed: SpecifierSet, target: Target, asked: str | None) -> None:
    """Raise :class:`InterpreterError` when an interpreter that exists is not to be shipped."""
    if not asked and Version(found.version).is_prerelease:
        raise InterpreterError(f"its {found.version} is a pre-release, shipped only when asked for")
    if not allowed.contains(found.version, prereleases=True):
        raise InterpreterError(f"it has {found.version}, and the project asks for {allowed}")
    if target.floor and found.floor and found.floor > target.floor:
        have, want = (".".join(map(str, floor)) for floor in (found.floor, target.floor))
        raise InterpreterError(
            f"its {found.version} needs {target.system} {have}, the floor is to be {want}"
        )

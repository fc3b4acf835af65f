"""Which entry point of a wheel is meant, and whether it is there; nothing is imported."""

import ast
import difflib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from sealift import console
from sealift.archive import read_member
from sealift.entry import EntryPoint, parse_entry_point
from sealift.errors import EntryPointError
from sealift.wheel import WheelFile, module_files, read_wheel

_NATIVE = (".so", ".pyd")
_EXAMPLE = "package.module:function"


def choose_entry(
    wheel: WheelFile, *, explicit: str | None = None, among: Sequence[Path] = ()
) -> EntryPoint:
    """What the product made of ``wheel`` starts, proven to be there.

    ``explicit`` is the user's choice: a script's name, "package.module:function", or "package" as
    ``python -m`` starts it.  Its module may lie in the standard library or in one of ``among``, the
    paths of the other wheels, which are read only when the wheel itself does not have it.
    Raises :class:`EntryPointError` that lists all there are, or names what is nearest.
    """
    runnable = runnable_packages(wheel)
    try:
        found = pick_entry(
            wheel.entry_points, project=wheel.name, explicit=explicit, runnable=runnable
        )
        _check_exists(found, [wheel])
    except EntryPointError:
        others = [read_wheel(path) for path in among if path != wheel.path]
        if not others:
            raise
        points = [point for each in (wheel, *others) for point in each.entry_points]
        if explicit is None:
            points = [*wheel.entry_points]
        found = pick_entry(points, project=wheel.name, explicit=explicit, runnable=runnable)
        _check_exists(found, [wheel, *others])
    besides = [point.name for point in wheel.entry_points if point != found]
    if explicit is None and besides:
        console.note(f"it starts {found.name}; --entry chooses {' or '.join(besides)} instead")
    return found


def pick_entry(
    points: Sequence[EntryPoint],
    *,
    project: str,
    explicit: str | None = None,
    runnable: Sequence[str] = (),
) -> EntryPoint:
    """The entry point that is meant: ``explicit``, or the only one there can be.

    ``runnable`` are packages that ``python -m`` can start.  Without ``explicit`` it is the only
    console script, the only script, the one named as the project, or the only runnable package.
    """
    if explicit:
        return _explicit(explicit, points, project)
    known = {str(point) for point in points}
    modules = [EntryPoint(name.split(".")[0], name) for name in runnable if name not in known]
    scripts = [point for point in points if not point.gui]
    for group in (scripts, points) if points else (modules,):
        if len(group) == 1:
            return group[0]
        named = [p for p in group if canonicalize_name(p.name) == canonicalize_name(project)]
        if len(named) == 1:
            return named[0]
    if not points and not modules:
        raise EntryPointError(
            f"cannot start {project}: it has no console script and no __main__ module",
            hint=f'name what to start: --entry "{_EXAMPLE}"',
        )
    every = (*points, *modules)
    width = max(len(point.name) for point in every)
    raise EntryPointError(
        f"cannot tell what {project} starts: it has {len(every)} entry points",
        details=[f"{point.name:<{width}}  {_told(point)}" for point in every],
        hint=f"choose one: --entry {every[0].name}",
    )


def runnable_packages(wheel: WheelFile) -> tuple[str, ...]:
    """Top-level packages of ``wheel`` that ``python -m`` starts."""
    mains = (PurePosixPath(place) for place in module_files(wheel))
    return tuple(
        sorted(
            path.parts[0]
            for path in mains
            if len(path.parts) == 2 and path.name == "__main__.py" and path.parts[0].isidentifier()
        )
    )


def _told(point: EntryPoint) -> str:
    return str(point) if point.function else f"python -m {point}"


def _explicit(text: str, points: Sequence[EntryPoint], project: str) -> EntryPoint:
    for point in points:
        if text in (point.name, str(point)):
            return point
    plain = text.removesuffix(".py").replace("/", ".") if text.endswith(".py") else text
    if not all(part.isidentifier() for part in plain.replace(":", ".").split(".")):
        names = [point.name for point in points]
        near = difflib.get_close_matches(text, names, n=1)
        raise EntryPointError(
            f"cannot start {project}: it has no script {text!r}",
            hint=f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names) or 'none'}",
        )
    return parse_entry_point(project, plain)


def _check_exists(point: EntryPoint, wheels: Sequence[WheelFile]) -> None:
    for wheel in wheels:
        places = module_files(wheel)
        if place := _module_place(places, point.module):
            _check_attribute(point, wheel, places, place)
            return
    if point.module.split(".")[0] in sys.stdlib_module_names:
        return
    modules = [
        name for wheel in wheels for place in module_files(wheel) if (name := _module(place))
    ]
    near = difflib.get_close_matches(point.module, modules, n=3) or [
        name for name in modules if name.split(".")[-1] == point.module.split(".")[-1]
    ]
    scripts = [p.name for p in wheels[0].entry_points]
    meant = [*difflib.get_close_matches(str(point), scripts, n=1), *near][:3]
    there = ", ".join(scripts or runnable_packages(wheels[0]))
    raise EntryPointError(
        f"cannot start {point}: there is no module {point.module!r} in {wheels[0].name}",
        hint=f"did you mean {' or '.join(meant)}?" if meant else there and f"it starts {there}",
    )


def _check_attribute(
    point: EntryPoint, wheel: WheelFile, places: Mapping[str, str], place: str
) -> None:
    names = _names_in(read_member(wheel.path, places[place])) if place.endswith(".py") else None
    if point.function is None:
        is_package = place == f"{point.module.replace('.', '/')}/__init__.py"
        if is_package and not _module_place(places, f"{point.module}.__main__"):
            example = f"{point.module}:main" if "main" in (names or ()) else _EXAMPLE
            raise EntryPointError(
                f"cannot start {point.module}: it is a package without a __main__ module",
                hint=f'name a function: --entry "{example}"',
            )
        return
    wanted = point.function.split(".")[0]
    if names is None or wanted in names or _module_place(places, f"{point.module}.{wanted}"):
        return
    near = difflib.get_close_matches(wanted, sorted(names), n=1)
    raise EntryPointError(
        f"cannot start {point}: module {point.module} has no {wanted!r}",
        hint=f"did you mean {point.module}:{near[0]}?" if near else None,
    )


def _module_place(places: Mapping[str, str], module: str) -> str | None:
    """The place of ``module``: a source, a package's ``__init__``, an extension or a folder."""
    base = module.replace(".", "/")
    for place in (f"{base}/__init__.py", f"{base}.py", f"{base}.pyc"):
        if place in places:
            return place
    natives = (p for p in places if p.startswith(f"{base}.") and p.endswith(_NATIVE))
    below = (p for p in places if p.startswith(f"{base}/"))
    return next(natives, None) or next(below, None)


def _module(place: str) -> str | None:
    """The module a place is, or ``None`` where it is none."""
    if not place.endswith(".py"):
        return None
    parts = place.removesuffix(".py").split("/")
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else None


def _names_in(source: bytes) -> set[str] | None:
    """Names a module may bind, or ``None`` where its source does not tell."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name):
            names.add(node.id if isinstance(node.ctx, ast.Store) else f"read {node.id}")
    # A star import, a module __getattr__ or a write to globals() can bind any name.
    return None if names & {"*", "__getattr__", "read globals"} else names

"""What a product starts: entry points of wheels, and which one is meant."""

import ast
import configparser
import contextlib
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sealift.errors import EntryPointError

_GROUPS = {"console_scripts": False, "gui_scripts": True}


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """What the product starts: ``module`` as ``python -m`` does, or a function in it.

    ``name`` is the console script's; ``function`` may be dotted, as in ``Class.method``.
    """

    name: str
    module: str
    function: str | None = None
    gui: bool = False

    def __str__(self) -> str:
        return f"{self.module}:{self.function}" if self.function else self.module


def parse_entry_point(name: str, text: str, *, gui: bool = False) -> EntryPoint:
    """``package.module:function`` or ``package`` as an entry point called ``name``.

    >>> parse_entry_point("demo", "demo.cli:App.run [fast]")
    EntryPoint(name='demo', module='demo.cli', function='App.run', gui=False)
    """
    module, _, function = text.partition("[")[0].replace(" ", "").partition(":")
    parts = [*module.split("."), *(function.split(".") if function else [])]
    if not all(part.isidentifier() for part in parts):
        raise EntryPointError(
            f"cannot use entry point {text!r}: it is not a module, nor a module and a function",
            hint='write "package.module:function", "package" or the name of a script',
        )
    return EntryPoint(name, module, function or None, gui)


def parse_entry_points(text: str) -> tuple[EntryPoint, ...]:
    """Console and GUI scripts in the text of ``entry_points.txt``, in its order.

    Those with an illegal value are left out.  Raises :class:`configparser.Error`.
    """
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # names keep their case
    parser.read_string(text)
    found: list[EntryPoint] = []
    for group, gui in _GROUPS.items():
        for name, value in parser.items(group) if parser.has_section(group) else ():
            with contextlib.suppress(EntryPointError):  # nothing could start it
                found.append(parse_entry_point(name, value, gui=gui))
    return tuple(found)


def choose_entry(
    points: Sequence[EntryPoint],
    *,
    project: str,
    explicit: str | None = None,
    runnable: Sequence[str] = (),
) -> EntryPoint:
    """The entry point that is meant: ``explicit``, or the only one there can be.

    ``runnable`` are packages and modules that ``python -m`` can start.  Without ``explicit`` it is
    the only console script, the only script, the one named as the project, or the only runnable
    module.  Raises :class:`EntryPointError` that lists all there are.
    """
    if explicit:
        return _explicit(explicit, points, project)
    modules = [EntryPoint(name.rpartition(".")[2], name) for name in runnable]
    for group in ([p for p in points if not p.gui], points, modules):
        if len(group) == 1:
            return group[0]
        named = [p for p in group if _same(p.name, project)]
        if len(named) == 1:
            return named[0]
    if not points and not modules:
        raise EntryPointError(
            f"cannot start {project}: it has no console script and no __main__ module",
            hint='name what to start: --entry "package.module:function"',
        )
    width = max(len(point.name) for point in (*points, *modules))
    raise EntryPointError(
        f"cannot tell what {project} starts: it has {len(points) + len(modules)} entry points",
        details=[
            *(f"{point.name:<{width}}  {point}" for point in points),
            *(f"{point.name:<{width}}  python -m {point}" for point in modules),
        ],
        hint=f"choose one: --entry {(*points, *modules)[0].name}",
    )


def _explicit(text: str, points: Sequence[EntryPoint], project: str) -> EntryPoint:
    for point in points:
        if text in (point.name, str(point)):
            return point
    if not all(part.isidentifier() for part in text.replace(":", ".").split(".")):
        names = [point.name for point in points]
        near = difflib.get_close_matches(text, names, n=1)
        raise EntryPointError(
            f"cannot start {project}: it has no script {text!r}",
            hint=f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names) or 'none'}",
        )
    return parse_entry_point(project, text)


def _same(one: str, other: str) -> bool:
    return one.lower().replace("_", "-").replace(".", "-") == other.lower().replace(
        "_", "-"
    ).replace(".", "-")


def entry_of(
    folder: Path,
    *,
    project: str,
    explicit: str | None = None,
    search: Sequence[Path] = (),
) -> EntryPoint:
    """The entry point of an unpacked wheel, proven to exist; nothing is imported.

    ``folder`` is what goes to site-packages (``lib`` of the unpacked wheel); ``search`` are those
    of the other distributions and the standard library, where an explicit module may lie as well.
    """
    points = _points_in(folder)
    found = choose_entry(
        points, project=project, explicit=explicit, runnable=() if points else find_runnable(folder)
    )
    _check_exists(found, (folder, *search), project)
    return found


def _points_in(folder: Path) -> tuple[EntryPoint, ...]:
    files = sorted(folder.glob("*.dist-info/entry_points.txt"))
    texts = [path.read_text(encoding="utf-8") for path in files]
    return tuple(point for text in texts for point in parse_entry_points(text))


def find_runnable(folder: Path) -> tuple[str, ...]:
    """Top-level packages of ``folder`` that ``python -m`` starts: they have a ``__main__``."""
    mains = sorted(folder.glob("*/__main__.py"))
    return tuple(path.parent.name for path in mains if path.parent.name.isidentifier())


def is_guarded(source: str) -> bool:
    """Whether a module's source has a top-level ``if __name__ == "__main__"``."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return any(isinstance(node, ast.If) and _is_main_test(node.test) for node in tree.body)


def _is_main_test(test: ast.expr) -> bool:
    if not isinstance(test, ast.Compare) or len(test.comparators) != 1:
        return False
    sides = [test.left, test.comparators[0]]
    names = [side.id for side in sides if isinstance(side, ast.Name)]
    values = [side.value for side in sides if isinstance(side, ast.Constant)]
    return names == ["__name__"] and values == ["__main__"] and isinstance(test.ops[0], ast.Eq)


def _check_exists(point: EntryPoint, folders: Sequence[Path], project: str) -> None:
    path = next(
        (found for folder in folders if (found := _module_file(folder, point.module))), None
    )
    if path is None:
        _no_module(point, folders, project)
        return
    if point.function is None:
        if path.name == "__init__.py" and not _module_file(path.parent, "__main__"):
            raise EntryPointError(
                f"cannot start {point.module}: it is a package without a __main__ module",
                hint=f'name a function: --entry "{point.module}:main"',
            )
        return
    names = _names_in(path)
    wanted = point.function.split(".")[0]
    if names is None or wanted in names or _module_file(path.parent, wanted):
        return
    near = difflib.get_close_matches(wanted, sorted(names), n=1)
    raise EntryPointError(
        f"cannot start {point}: module {point.module} has no {wanted!r}",
        hint=f"did you mean {point.module}:{near[0]}?" if near else None,
    )


def _no_module(point: EntryPoint, folders: Sequence[Path], project: str) -> None:
    near = difflib.get_close_matches(point.module, list(_modules_in(folders[0])), n=3)
    raise EntryPointError(
        f"cannot start {point}: there is no module {point.module!r} in {project}",
        hint=f"did you mean {' or '.join(near)}?" if near else None,
    )


def _module_file(folder: Path, module: str) -> Path | None:
    """The file of ``module`` below ``folder``: a source, a package or an extension."""
    base = folder.joinpath(*module.split("."))
    for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
        if path.is_file():
            return path
    natives = base.parent.glob(f"{base.name}.*") if base.parent.is_dir() else ()
    native = next((path for path in natives if path.suffix in {".so", ".pyd"}), None)
    return native or (base if base.is_dir() else None)


def _modules_in(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if parts and all(part.isidentifier() for part in parts):
            yield ".".join(parts)


def _names_in(path: Path) -> set[str] | None:
    """Names a module binds at its top level, or ``None`` where that cannot be told."""
    if path.suffix != ".py":
        return None
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return None
    names: set[str] = set()
    for node in ast.walk(ast.Module(body=tree.body, type_ignores=[])):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return None if names & {"*", "__getattr__"} or "globals" in _called(tree) else names


def _called(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & {"globals"}

"""Which distributions read their own files: list their own folders, open or run their own ``.py``.

In a product, modules come from the image and need no files; a distribution that looks for them on
disk gets real ones.  This is found by reading its sources: values that come from ``__file__``,
``__path__`` and the like are followed through assignments, calls and returns, without regard to
order, and judged where they reach a call that lists a folder or opens a file.  Data files are real
in any case, so a path that is known to hold none of the distribution's modules is harmless.
"""

import ast
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_ORIGINS = re.compile(rb"__file__|__path__|getfile|getsourcefile|getabsfile")
_USES = re.compile(
    rb"listdir|scandir|walk\(|glob\(|iterdir|copytree|open\(|read_text|read_bytes|run_path"
    rb"|load_source|spec_from_file_location|FileLoader|sys.executable"
)
_LISTS = re.compile(rb"listdir|scandir|walk\(|glob\(|iterdir|copytree")
_TESTS = frozenset({"tests", "test", "testing", "conftest.py", "setup.py"})

_LISTING = frozenset(
    {"listdir", "scandir", "walk", "glob", "iglob", "iterdir", "rglob", "copytree"}
)
_DEEP = frozenset({"walk", "rglob", "copytree"})
_OPENING = frozenset({"open", "read_text", "read_bytes", "copy", "copyfile", "copy2"})
_RUNNING = frozenset(
    {"run_path", "spec_from_file_location", "SourceFileLoader", "load_source", "execfile"}
)
_SAME = frozenset(
    {"abspath", "realpath", "normpath", "expanduser", "fspath", "str", "Path", "PurePath",
     "resolve", "absolute", "as_posix", "normcase", "list", "next", "iter"}
)  # fmt: skip
_FILES = frozenset({"getfile", "getsourcefile", "getabsfile"})
_SELF = frozenset({"self", "cls"})
_PASSES = 4  # a value may go through that many names


class _Somewhere:
    """A path among the distribution's own that is not known exactly."""


SOMEWHERE = _Somewhere()
_Own = Path | _Somewhere | None


@dataclass(frozen=True, slots=True)
class _Distribution:
    """All sources, the folders that hold them, and functions that list a folder they are given."""

    files: frozenset[str]
    folders: frozenset[str]
    listing: Mapping[str, frozenset[int]]

    def has_modules(self, folder: Path, *, deep: bool) -> bool:
        """Whether sources lie in ``folder``, or anywhere below it."""
        name = os.path.normpath(folder)
        if name in self.folders:
            return True
        return deep and any(other.startswith(name + os.sep) for other in self.folders)

    def is_module(self, path: Path) -> bool:
        """Whether ``path`` is one of the sources."""
        return os.path.normpath(path) in self.files


def reads_its_own_files(sources: Iterable[Path]) -> str | None:
    """Why the distribution that consists of ``sources`` needs them as files, or ``None``.

    The reason names the file and the line, to be shown to users.
    """
    paths = sorted(path for path in sources if path.suffix == ".py")
    texts = {path: path.read_bytes() for path in paths if not _TESTS.intersection(path.parts[-4:])}
    listers = (text for text in texts.values() if _LISTS.search(text))
    distribution = _Distribution(
        files=frozenset(os.path.normpath(path) for path in paths),
        folders=frozenset(os.path.normpath(path.parent) for path in paths),
        listing=_listing_functions(listers),
    )
    named = "|".join(map(re.escape, distribution.listing)).encode() or b"(?!)"
    called = re.compile(rb"\b(?:" + named + rb")\b")
    for path, text in texts.items():
        if _ORIGINS.search(text) and (_USES.search(text) or called.search(text)):
            tree = _parsed(text)
            reason = tree and _Module(path, tree).reason(distribution)
            if reason:
                return reason
    return None


def _parsed(text: bytes) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _listing_functions(texts: Iterable[bytes]) -> dict[str, frozenset[int]]:
    """Functions by name, with the positions of parameters whose folders they list."""
    found: dict[str, frozenset[int]] = {}
    for text in texts:
        tree = _parsed(text)
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.FunctionDef):
                listed = {
                    name.id
                    for call in ast.walk(node)
                    if isinstance(call, ast.Call) and _name(call.func) in _LISTING
                    for part in _subjects(call)
                    for name in ast.walk(part)
                    if isinstance(name, ast.Name)
                }
                positions = (i for i, name in enumerate(_parameters(node)) if name in listed)
                if numbers := frozenset(positions):
                    found[node.name] = found.get(node.name, frozenset()) | numbers
    return found


def _parameters(node: ast.FunctionDef) -> list[str]:
    return [arg.arg for arg in node.args.args if arg.arg not in _SELF]


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _subjects(call: ast.Call) -> Iterator[ast.expr]:
    """What a call is about: its arguments, and what it is a method of."""
    yield from call.args
    yield from (keyword.value for keyword in call.keywords)
    if isinstance(call.func, ast.Attribute):
        yield call.func.value


def _is_for_data(call: ast.Call) -> bool:
    """Whether a call such as ``folder.glob("*.json")`` asks for no modules."""
    match call.args:
        case [ast.Constant(value=str(pattern)), *_] if _name(call.func) in {"glob", "rglob"}:
            return Path(pattern).suffix not in {"", ".py", ".*"}
        case _:
            return False


def _only_explains(node: ast.AST) -> bool:
    """Whether ``node`` handles an exception only to raise another, with a better message."""
    return isinstance(node, ast.ExceptHandler) and isinstance(node.body[-1], ast.Raise)


@dataclass(slots=True)
class _Module:
    """One source and what is known of its names; ``known`` has returns as ``name()``."""

    file: Path
    tree: ast.Module
    known: dict[str, _Own] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)

    def reason(self, distribution: _Distribution) -> str | None:
        """Where it reads the distribution's own modules, or ``None``."""
        nodes = list(ast.walk(self.tree))
        for node in nodes:
            if isinstance(node, ast.Import):
                self.imported.update(
                    alias.asname or alias.name.split(".")[0]
                    for alias in node.names
                    if not self._is_own(alias.name)
                )
        for _ in range(_PASSES):
            before = dict(self.known)
            self._follow(nodes)
            if before == self.known:
                break
        explaining = {inner for node in nodes if _only_explains(node) for inner in ast.walk(node)}
        for node in nodes:
            if node in explaining or not isinstance(node, ast.Call):
                continue
            if what := self._judge(node, distribution):
                return f"{what} in {Path(*self.file.parts[-2:])}, line {node.lineno}"
        return None

    def _is_own(self, module: str) -> bool:
        return module.split(".", maxsplit=1)[0] in self.file.parts

    def _follow(self, nodes: Sequence[ast.AST]) -> None:
        functions = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
        for node in nodes:
            match node:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        self._assign(target, value)
                case (
                    ast.AnnAssign(target=target, value=ast.expr() as value)
                    | ast.NamedExpr(target=target, value=value)
                    | ast.For(target=target, iter=value)
                    | ast.comprehension(target=target, iter=value)
                ):
                    self._assign(target, value)
                case ast.Call(func=called, args=args) if _name(called) in functions:
                    for name, value in zip(
                        _parameters(functions[_name(called)]), args, strict=False
                    ):
                        self._learn(name, self._value(value))
        for name, function in functions.items():
            for inner in ast.walk(function):
                if isinstance(inner, ast.Return | ast.Yield) and inner.value:
                    self._learn(f"{name}()", self._value(inner.value))

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name | ast.Attribute):
            self._learn(_name(target), self._value(value))

    def _learn(self, name: str, value: _Own) -> None:
        if value is None:
            return
        old = self.known.get(name)
        self.known[name] = value if old is None or old == value else SOMEWHERE

    def _value(self, node: ast.expr) -> _Own:
        match node:
            case ast.Name(id="__file__"):
                return self.file
            case ast.Name(id="__path__"):
                return self.file.parent
            case ast.Name(id=name):
                return self.known.get(name)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                return self._item(node)
            case ast.BinOp(left=left, op=ast.Div() | ast.Add(), right=right):
                return self._joined(left, [right])
            case ast.Call():
                return self._call(node)
            case _:
                return self._any(ast.iter_child_nodes(node))

    def _attribute(self, node: ast.Attribute) -> _Own:
        match node:
            case ast.Attribute(value=module, attr="__file__" | "__path__"):
                external = isinstance(module, ast.Name) and module.id in self.imported
                return None if external else SOMEWHERE
            case ast.Attribute(value=inner, attr="parent"):
                return self._above(inner)
            case _:
                return self.known.get(node.attr)

    def _item(self, node: ast.Subscript) -> _Own:
        match node:
            case ast.Subscript(
                value=ast.Attribute(value=inner, attr="parents"),
                slice=ast.Constant(value=int(count)),
            ):
                return self._above(inner, count + 1)
            case ast.Subscript(
                value=ast.Call(func=function, args=[inner]), slice=ast.Constant(value=0)
            ) if _name(function) == "split":
                return self._above(inner)
            case _:
                return self._value(node.value)

    def _any(self, nodes: Iterable[ast.AST]) -> _Own:
        values = (self._value(node) for node in nodes if isinstance(node, ast.expr))
        return next((value for value in values if value is not None), None)

    def _above(self, node: ast.expr, count: int = 1) -> _Own:
        value = self._value(node)
        for _ in range(count):
            value = value.parent if isinstance(value, Path) else value
        return value

    def _joined(self, first: ast.expr, others: Iterable[ast.expr]) -> _Own:
        value = self._value(first)
        for other in others:
            match other:
                case ast.Constant(value=str(text)) if isinstance(value, Path):
                    value = value / text.lstrip("/")
                case ast.Attribute(attr="pardir") if isinstance(value, Path):
                    value = value / ".."
                case ast.Attribute(attr="sep"):
                    pass
                case _:
                    value = SOMEWHERE if value is not None else self._value(other)
        return value

    def _call(self, node: ast.Call) -> _Own:
        name = _name(node.func)
        inner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name in _FILES:
            own = node.args and isinstance(node.args[0], ast.Call)  # inspect.currentframe()
            return self.file if own else SOMEWHERE
        if name == "dirname" and node.args:
            return self._above(node.args[0])
        if name == "join" and node.args:
            return self._joined(node.args[0], node.args[1:])
        if name == "joinpath" and inner:
            return self._joined(inner, node.args)
        if name in {"with_name", "with_suffix"} and inner:
            return SOMEWHERE if self._value(inner) is not None else None
        if name in _SAME:
            return self._any([*node.args, *([inner] if inner else [])])
        return self.known.get(f"{name}()")

    def _judge(self, call: ast.Call, distribution: _Distribution) -> str | None:
        """What a call does to the distribution's own modules, or ``None``."""
        name = _name(call.func)
        if name in _LISTING:
            lists = any(self._lists(part, name, distribution) for part in _subjects(call))
            lists = lists and not _is_for_data(call)
            return f"{name}() of its own folder" if lists else None
        if name in _OPENING:
            opens = any(self._opens(part, distribution) for part in _subjects(call))
            return f"{name}() of its own source" if opens else None
        if name in _RUNNING:
            runs = any(self._value(part) is not None for part in call.args)
            return f"{name}() of its own file" if runs else None
        for position in distribution.listing.get(name, ()):
            if position < len(call.args) and self._lists(call.args[position], "walk", distribution):
                return f"{name}(), which lists a folder, of its own"
        values = [part for part in ast.walk(call) if isinstance(part, ast.expr)]
        if any(isinstance(v, ast.Attribute) and v.attr == "executable" for v in values):
            runs = any(self._opens(part, distribution) for part in values)
            return "a process of its own source" if runs else None
        return None

    def _lists(self, node: ast.expr, name: str, distribution: _Distribution) -> bool:
        value = self._value(node)
        if not isinstance(value, Path):
            return value is not None
        pattern = next((i for i, part in enumerate(value.parts) if "*" in part), None)
        if pattern is None:
            return distribution.has_modules(value, deep=name in _DEEP)
        folder = Path(*value.parts[:pattern])
        deep = pattern + 1 < len(value.parts)
        suffix = Path(value.parts[-1]).suffix
        return suffix in {"", ".py", ".*"} and distribution.has_modules(folder, deep=deep)

    def _opens(self, node: ast.expr, distribution: _Distribution) -> bool:
        value = self._value(node)
        if isinstance(value, Path):
            return distribution.is_module(value)
        return value is not None and any(
            isinstance(part, ast.Constant) and str(part.value).endswith(".py")
            for part in ast.walk(node)
        )

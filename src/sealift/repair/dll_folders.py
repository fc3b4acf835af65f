"""Python source that tells Windows of folders with DLLs, put into the ``__init__.py`` of a package.

Since Python 3.8 Windows looks for the DLLs of an extension module beside it, in its own folder and
in those that ``os.add_dll_directory`` was given.  So a package whose modules share a folder of DLLs
has to tell of it before any of them is loaded: behind the docstring and ``from __future__`` imports
of its ``__init__.py``, which Python runs first.

What is asked for late (a delay import) is loaded by code of the module itself, for which those
folders do not count, but what is loaded already does: such DLLs are loaded there.  All others
Windows loads when they are asked for, in the right order.
"""

import ast
import io
import posixpath
import re
import tokenize
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

_BEGIN = "# sealift: DLLs of this wheel"
_END = "# sealift: end"
_FUNCTION = "_sealift_dlls"
_BLOCK = re.compile(rf"{_BEGIN}.*?{_END}(?:\r\n|\r|\n|\Z)", re.DOTALL)
_LISTS = re.compile(r"[\r\n]    (?P<name>folders|late) = (?P<value>\[[^\r\n]*\])")
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_NAMESPACE = re.compile(r"\bextend_path\b|\bdeclare_namespace\b")
_STATEMENTS = 3  # of a block

_HEAD = """\
{begin}, in folders that Windows is told of
def {function}():
    import os

    folders = {folders}
"""
_HEAD_LATE = """\
    late = {late}
"""
_BODY = """\
    if not hasattr(os, "add_dll_directory"):
        return  # not Windows
    here = os.path.dirname(os.path.abspath(__file__))
    for folder in (os.path.normpath(os.path.join(here, name)) for name in folders):
        if os.path.isdir(folder):
            os.add_dll_directory(folder)
"""
_BODY_LATE = """\
    import ctypes

    for path in (os.path.normpath(os.path.join(here, name)) for name in late):
        try:
            ctypes.WinDLL(path)
        except OSError:
            pass  # what asks for it will say so
"""
_CALL = """

{function}()
del {function}
{end}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What Windows is told of in a package: ``folders``, and DLLs to load for ``late`` askers.

    Both are relative to the package, with ``/``.
    """

    folders: tuple[str, ...] = ()
    late: tuple[str, ...] = ()

    def __or__(self, other: "Told") -> "Told":
        return Told(
            folders=tuple(sorted({*self.folders, *other.folders})),
            late=tuple(sorted({*self.late, *other.late})),
        )


def relative_to(package: str, path: str) -> str:
    """``path`` from the folder of ``package``, both relative to site-packages."""
    return posixpath.relpath(path or ".", package or ".")


def tell(source: bytes, told: Told) -> bytes | None:
    """``source``, an ``__init__.py``, with ``told``, and with what it told already.

    Encoding, line ends and all other bytes stay.  ``None`` where nothing can be put in: what no
    Python of today reads, and a namespace package, whose file other distributions bring as well.
    """
    decoded = _decoded(source)
    if decoded is None or _NAMESPACE.search(decoded[0]):
        return None
    text, encoding = decoded
    known = _BLOCK.search(text)
    ends = re.search(r"\r\n|\r|\n", text)
    end = ends[0] if ends else "\n"
    before = _without_block(_parsed(source)) if known else _parsed(source)
    if before is None:
        return None
    if known:
        block = _block(_read(known[0]) | told).replace("\n", end)
        made = text[: known.start()] + block + text[known.end() :]
    else:
        made = _inserted(text, before, _block(told).replace("\n", end), end)
    after = _without_block(_parsed(made.encode(encoding)))
    return made.encode(encoding) if after and ast.dump(before) == ast.dump(after) else None


def _decoded(source: bytes) -> tuple[str, str] | None:
    """Text and encoding, where these give the same bytes again."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        text = source.decode(encoding)
        return (text, encoding) if text.encode(encoding) == source else None
    except (SyntaxError, UnicodeError):
        return None


def _parsed(source: bytes) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _read(block: str) -> Told:
    """What ``block`` tells."""
    lists: dict[str, tuple[str, ...]] = {}
    for found in _LISTS.finditer(block):
        try:
            names = ast.literal_eval(found["value"])
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        lists[found["name"]] = tuple(name for name in names if isinstance(name, str))
    return Told(folders=lists.get("folders", ()), late=lists.get("late", ()))


def _block(told: Told) -> str:
    parts = (_HEAD, _HEAD_LATE, _BODY, _BODY_LATE, _CALL)
    layout = "".join(part for part in parts if told.late or part not in {_HEAD_LATE, _BODY_LATE})
    folders, late = (ascii([*names]) for names in (told.folders, told.late))
    return layout.format(begin=_BEGIN, end=_END, function=_FUNCTION, folders=folders, late=late)


def _inserted(text: str, tree: ast.Module, block: str, end: str) -> str:
    """``text`` with ``block`` behind what has to come first."""
    lines = _LINES.findall(text)
    first = 0
    while first < len(tree.body) and _comes_first(tree.body[first], is_first=first == 0):
        first += 1
    if not first:
        at = sum(map(len, lines[: _comments(lines)]))
        head, tail = text[:at], text[at:]
    else:
        last = tree.body[first - 1].end_lineno or 0
        at = sum(map(len, lines[:last]))
        if first < len(tree.body) and tree.body[first].lineno == last:
            line, column = lines[last - 1], tree.body[first].col_offset
            at += len(line.encode()[:column].decode()) - len(line)
        head, tail = text[:at], text[at:]
    if head and not head.endswith(("\n", "\r")):
        head += end
    return head + (end if head else "") + block + (end if tail.strip() else "") + tail


def _comes_first(statement: ast.stmt, *, is_first: bool) -> bool:
    """Whether nothing may stand before it: the docstring, ``from __future__``."""
    match statement:
        case ast.Expr(value=ast.Constant(value=str())):
            return is_first
        case ast.ImportFrom(module="__future__", level=0):
            return True
    return False


def _comments(lines: Sequence[str]) -> int:
    """How many lines of comments the file begins with: ``#!``, its encoding, its licence."""
    count = 0
    while count < len(lines) and lines[count].startswith("#"):
        count += 1
    return count


def _without_block(tree: ast.Module | None) -> ast.Module | None:
    """``tree`` less its block; ``None`` where it has none."""
    body = tree.body if tree else []
    for at, statement in enumerate(body):
        if isinstance(statement, ast.FunctionDef) and statement.name == _FUNCTION:
            return ast.Module([*body[:at], *body[at + _STATEMENTS :]], [])
    return None

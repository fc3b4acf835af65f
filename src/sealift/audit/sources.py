"""Libraries that Python sources load by name: ``ctypes``, ``cffi``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import stringzilla  # type: ignore[import-not-found]

if TYPE_CHECKING:
    import ast

    from sealift.audit.content import Data

_HINTS = (b"DLL", b"dLibrary", b"d_library", b"dlopen")  # most files have none of these
_CALL = re.compile(
    rb"\b(?:CDLL|PyDLL|WinDLL|OleDLL|LoadLibrary|find_library|dlopen)\s*\(\s*[rRuU]?[\"']"
)
_LOADERS = {"CDLL", "PyDLL", "WinDLL", "OleDLL", "LoadLibrary", "dlopen"}
_FINDER = "find_library"
_LARGEST = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A library that ``file`` asks for by name in ``line``, through ``call``.

    ``name`` is as it stands there: of a file for ``CDLL``, without ``lib`` and suffix for
    ``find_library``.
    """

    file: str
    line: int
    call: str
    name: str


def find_loads(file: str, source: "Data") -> tuple[Load, ...]:
    """The libraries that ``source`` names where it loads them; none for what does not parse."""
    if len(source) > _LARGEST or all(stringzilla.find(source, hint) < 0 for hint in _HINTS):
        return ()
    source = bytes(source)
    if not _CALL.search(source):
        return ()
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
        return tuple(_loads(file, tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _loads(file: str, tree: "ast.AST") -> Iterator[Load]:
    import ast

    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        match node.func:
            case ast.Name(id=call) | ast.Attribute(attr=call):
                pass
            case _:
                continue
        match node.args[0]:
            case ast.Constant(value=str(name)) if name and call in {*_LOADERS, _FINDER}:
                yield Load(file=file, line=node.lineno, call=call, name=name)

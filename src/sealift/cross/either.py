"""Files that differ between wheels for Intel's and for Apple's processors, made one that is right.

Modules in Python choose between the two texts when they are imported, C headers when they are
compiled, static libraries have a part for each.  What is none of these cannot be made one.
"""

import ast
from collections.abc import Sequence
from pathlib import PurePosixPath

from sealift.ar import MAGIC
from sealift.binary.macho_fat import merged_archives

_ASKS = '__import__("platform").machine() == "arm64"'  # "x86_64" for Rosetta's programs
_NOTE = "# Made of the modules for Intel's and for Apple's processors.\n"


def either(name: str, intel: bytes, apple: bytes) -> bytes | None:
    """What is ``intel`` there and ``apple`` here, or ``None``; ``name`` is the file's."""
    if intel.startswith(MAGIC) and apple.startswith(MAGIC):
        return merged_archives({"x86_64": intel, "arm64": apple})
    match PurePosixPath(name).suffix:
        case ".py":
            return _either_module(intel, apple)
        case ".h" | ".hpp":
            return b"#if defined(__aarch64__)\n%b\n#else\n%b\n#endif\n" % (apple, intel)
    return None


def _either_module(intel: bytes, apple: bytes) -> bytes | None:
    """A module that is one or the other, where both begin alike and can be read here."""
    try:
        one, other = ast.parse(intel), ast.parse(apple)
    except (SyntaxError, ValueError):
        return None
    head = _head(one)
    if _dumped(head) != _dumped(_head(other)):
        return None
    choice = ast.If(
        test=ast.parse(_ASKS, mode="eval").body,
        body=other.body[len(head) :] or [ast.Pass()],
        orelse=one.body[len(head) :] or [ast.Pass()],
    )
    made = ast.Module(body=[*head, choice], type_ignores=[])
    return f"{_NOTE}{ast.unparse(ast.fix_missing_locations(made))}\n".encode()


def _head(module: ast.Module) -> list[ast.stmt]:
    """What has to stand first: the docstring, and imports from ``__future__``."""
    size = int(ast.get_docstring(module) is not None)
    for statement in module.body[size:]:
        if not isinstance(statement, ast.ImportFrom) or statement.module != "__future__":
            break
        size += 1
    return module.body[:size]


def _dumped(statements: Sequence[ast.stmt]) -> list[str]:
    return [ast.dump(statement) for statement in statements]

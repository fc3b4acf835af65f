"""What a product starts, as a value: a module, or a function in one."""

import ast
import configparser
import contextlib
from dataclasses import dataclass

from sealift.errors import EntryPointError

MODULES_GROUP = "sealift.modules"  # of wheels made of scripts: modules to run as __main__
GROUPS = {"console_scripts": False, "gui_scripts": True, MODULES_GROUP: False}


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
    module, _, function = (part.strip() for part in text.partition("[")[0].partition(":"))
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
    for group, gui in GROUPS.items():
        for name, value in parser.items(group) if parser.has_section(group) else ():
            with contextlib.suppress(EntryPointError):  # nothing could start it
                found.append(parse_entry_point(name, value, gui=gui))
    return tuple(found)


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

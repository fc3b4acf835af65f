"""A CPython installed in the root of another system, read off its files without running it."""

import ast
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sealift.errors import InterpreterError
from sealift.interpreters.installation import Installation

_PATHS = ("DESTSHARED", "INCLUDEPY", "LIBDIR", "LIBPL")  # of those that are asked for


def read_installation(root: Path, version: str) -> Installation:
    """CPython ``version`` below ``usr`` of the system whose root is the folder ``root``.

    Raises :class:`InterpreterError` where it is not there, or does not tell how it was built.
    """
    feature = ".".join(version.split(".")[:2])
    stdlib = root / f"usr/lib/python{feature}"
    variables: dict[str, Any] = defaultdict(lambda: None, _build_variables(stdlib))
    for name in _PATHS:
        if variables[name]:
            variables[name] = str(root / variables[name].lstrip("/"))
    return Installation(
        program=root / f"usr/bin/python{feature}",
        version=version,
        implementation="cpython",
        prefix=str(root / "usr"),
        exec_prefix=str(root / "usr"),
        stdlib=stdlib,
        builtins=(),
        variables=variables,
        root=root,
    )


def _build_variables(stdlib: Path) -> Mapping[str, Any]:
    """What the build wrote down of itself, as :mod:`sysconfig` reads it."""
    for path in sorted(stdlib.glob("_sysconfigdata__*.py")):
        try:
            tree = ast.parse(path.read_bytes())
            (value,) = (node.value for node in tree.body if isinstance(node, ast.Assign))
            told: Mapping[str, Any] = ast.literal_eval(value)
        except (ValueError, SyntaxError) as problem:
            raise InterpreterError(f"cannot read {path}: {problem}") from problem
        return told
    raise InterpreterError(f"cannot use the CPython in {stdlib}: it has no _sysconfigdata")

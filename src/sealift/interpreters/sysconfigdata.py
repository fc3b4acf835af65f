"""The module from which :mod:`sysconfig` knows how Python was built: paths in it made relative."""

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sealift.binary.build_paths import first_leak


def relative_sysconfig(text: str, names: Mapping[str, str], paths: Sequence[str]) -> str:
    """The module ``_sysconfigdata*`` with prefixes that are found out at run time.

    ``names`` maps paths to what Python calls them; others of ``paths`` become neutral text.  A
    text that has none of ``paths`` stays as it is.
    """
    if not first_leak(text.encode(), paths):
        return text
    (assigned,) = (node for node in ast.parse(text).body if isinstance(node, ast.Assign))
    values: dict[str, Any] = ast.literal_eval(assigned.value)
    lines = (f"    {key!r}: {_expression(value, names, paths)},\n" for key, value in values.items())
    return f"import sys\n\nbuild_time_vars = {{\n{''.join(lines)}}}\n"


def _expression(value: Any, names: Mapping[str, str], paths: Sequence[str]) -> str:
    """Python text that gives ``value``, with ``names`` for some of ``paths`` in it.

    >>> _expression("-L/opt/py/lib", {"/opt/py": "sys.prefix"}, ["/opt/py"])
    "'-L' + sys.prefix + '/lib'"
    """
    if not isinstance(value, str):
        return repr(value)
    parts = re.split("(" + "|".join(map(re.escape, paths)) + ")", value)
    shown = (
        (names.get(part) or repr("/sealift")) if part in paths else repr(part)
        for part in parts
        if part
    )
    return " + ".join(shown) or "''"

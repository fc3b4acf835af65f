"""What was recorded when a given host Python was built: read, not run."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift import process
from sealift.errors import ConfigError, InterpreterError
from sealift.interpreters import candidates

FEATURE = re.compile(r"python(\d+\.\d+)t?$")
"""What the folder of a standard library is called."""
_JSON_NAME = "_sysconfig_vars"
_LOAD_BYTECODE = """
import importlib.machinery, json, sys
loader = importlib.machinery.SourcelessFileLoader("data", sys.argv[1])
space = {}
exec(loader.get_code("data"), space)
print(json.dumps(space["build_time_vars"]))
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of a CPython are: its prefix, and where its variables may be."""

    home: Path
    folders: tuple[Path, ...]
    is_build: bool = False


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of a build, and the file they are in."""

    path: Path
    values: Mapping[str, Any]

    @property
    def module(self) -> str:
        """The module that :mod:`sysconfig` has them from."""
        return self.path.name.partition(".")[0].replace(_JSON_NAME, "_sysconfigdata")


def read_variables(place: Place, named: Path | None) -> Variables:
    """The variables of the Python in ``place``, or those in the file that is ``named``.

    Raises :class:`ConfigError` where that is not there, :class:`InterpreterError` where there are
    none, or several that differ.
    """
    if named and not named.is_file():
        raise ConfigError(f"there is no file {named}, which --sysconfigdata-file names")
    candidates = [named] if named else list(_data_files(place))
    read = [Variables(path, _parse(path)) for path in candidates]
    if not read:
        raise InterpreterError(
            f"cannot build for the Python at {place.home}: it has no _sysconfigdata*.py",
            details=[f"looked in {folder}" for folder in place.folders[:1]],
            hint="install its development files, or name the file with --sysconfigdata-file",
        )
    if any(other.values != read[0].values for other in read[1:]):
        raise InterpreterError(
            f"cannot build for the Python at {place.home}: it has several files of variables, "
            "and they differ",
            details=[str(each.path) for each in read],
            hint="name one with --sysconfigdata-file",
        )
    return read[0]


def _data_files(place: Place) -> Iterator[Path]:
    """Sources, or where there are none, the JSON that is beside them from 3.14 on, or bytecode."""
    for pattern in ("_sysconfigdata*.py", f"{_JSON_NAME}*.json", "_sysconfigdata*.pyc"):
        found = [path for folder in place.folders for path in sorted(folder.glob(pattern))]
        found = [path for path in found if path.is_file()]
        if found:
            yield from found
            return


def _parse(path: Path) -> Mapping[str, Any]:
    if path.suffix == ".pyc":
        return _parse_bytecode(path)
    try:
        if path.suffix == ".json":
            return _checked(path, json.loads(path.read_text(encoding="utf-8")))
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        for node in tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id="build_time_vars")], value=value):
                    return _checked(path, ast.literal_eval(value))
    except (SyntaxError, ValueError) as problem:
        raise InterpreterError(
            f"cannot read {path}: it is no table of a build's variables ({problem})"
        ) from problem
    raise InterpreterError(f"cannot read {path}: build_time_vars is not assigned in it")


def _parse_bytecode(path: Path) -> Mapping[str, Any]:
    """What a module of bytecode holds, which only a Python of the same version can read."""
    feature = next((m[1] for part in path.parts if (m := FEATURE.fullmatch(part))), None)
    found = candidates.search(feature).found if feature else None
    if found is None:
        raise InterpreterError(
            f"cannot read {path}: that takes a CPython {feature or 'of its version'} here",
            hint=f"uv python install {feature}" if feature else None,
        )
    said = process.run(
        [found.program, "-I", "-S", "-c", _LOAD_BYTECODE, path],
        env=process.clean_environment(),
        error=InterpreterError,
        action=f"read {path} with CPython {found.version}",
    )
    return _checked(path, json.loads(said))


def _checked(path: Path, values: Any) -> Mapping[str, Any]:
    needed = ("VERSION", "EXT_SUFFIX", "CC")
    missing = [name for name in needed if not isinstance(values, dict) or not values.get(name)]
    if missing:
        raise InterpreterError(f"cannot read {path}: it does not say {', '.join(missing)}")
    found: Mapping[str, Any] = values
    return found

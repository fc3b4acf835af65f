"""A folder with ``pyproject.toml`` (PEP 621), or with only ``setup.py`` or ``setup.cfg``.

What is static is read here; what is dynamic is asked of the wheel when it is built.
"""

import ast
import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sealift.entry import EntryPoint, parse_entry_point
from sealift.errors import ConfigError, ProjectError
from sealift.inputs.reading import Reading, parse_toml, tool_table

PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_SCRIPTS = {"scripts": False, "gui-scripts": True}


def read_folder(folder: Path) -> Reading:
    """The project in ``folder``; raises :class:`ProjectError` where there is none."""
    if not any((folder / name).is_file() for name in PROJECT_FILES):
        scripts = sorted(folder.glob("*.py"))
        raise ProjectError(
            f"cannot read {folder}: it has neither {' nor '.join(PROJECT_FILES)}",
            hint=f"to ship one script, name it: {scripts[0]}"
            if scripts
            else "a project has a pyproject.toml with a [project] table",
        )
    path = folder / "pyproject.toml"
    if not path.is_file():
        return Reading(name=_legacy_name(folder), version=None, source=str(folder))
    return read_pyproject(path.read_bytes(), folder=folder, source=str(path))


def read_pyproject(content: bytes, *, folder: Path, source: str) -> Reading:
    """What ``pyproject.toml`` tells statically; ``folder`` is where it lies."""
    try:
        data = parse_toml(content.decode("utf-8-sig"), source)
    except UnicodeDecodeError as problem:
        raise ConfigError(f"{source} is not UTF-8: {problem.reason}") from problem
    project = data.get("project")
    if project is None:
        return _without_metadata(data, folder, source)
    if not isinstance(project, Mapping) or not isinstance(project.get("name"), str):
        raise ProjectError(f"cannot read {source}: [project] needs a name")
    return Reading(
        name=project["name"],
        version=project.get("version"),
        dependencies=_strings(project, "dependencies", source),
        requires_python=str(project.get("requires-python", "")),
        extras=_extras(project, source),
        entry_points=_entry_points(project, source),
        table=tool_table(data),
        source=source,
    )


def _without_metadata(data: Mapping[str, Any], folder: Path, source: str) -> Reading:
    tool = data.get("tool", {})
    poetry = tool.get("poetry", {}) if isinstance(tool, Mapping) else {}
    legacy = any((folder / name).is_file() for name in PROJECT_FILES[1:])
    if not (poetry or legacy or "build-system" in data):
        raise ProjectError(
            f"cannot read {source}: it has no [project] table",
            hint='add [project] with name = "…" and version = "…", and a [build-system]',
        )
    name = poetry.get("name") if isinstance(poetry, Mapping) else None
    return Reading(name=str(name or _legacy_name(folder)), table=tool_table(data), source=source)


def _strings(table: Mapping[str, Any], key: str, source: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError(f"{source}: `project.{key}` must be a list of strings")
    return tuple(value)


def _extras(project: Mapping[str, Any], source: str) -> tuple[str, ...] | None:
    if "optional-dependencies" in _strings(project, "dynamic", source):
        return None
    table = project.get("optional-dependencies", {})
    if not isinstance(table, Mapping):
        raise ConfigError(f"{source}: `project.optional-dependencies` must be a table")
    return tuple(table)


def _entry_points(project: Mapping[str, Any], source: str) -> tuple[EntryPoint, ...]:
    points: list[EntryPoint] = []
    for key, gui in _SCRIPTS.items():
        table = project.get(key, {})
        if not isinstance(table, Mapping):
            raise ConfigError(f"{source}: `project.{key}` must be a table")
        points += [parse_entry_point(name, str(text), gui=gui) for name, text in table.items()]
    return tuple(points)


def _legacy_name(folder: Path) -> str:
    """The name ``setup.cfg`` or ``setup.py`` tells as plain text, else the folder's."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(folder / "setup.cfg", encoding="utf-8")
        found = parser.get("metadata", "name", fallback="")
    except (configparser.Error, UnicodeDecodeError):
        found = ""
    return found or _setup_name(folder / "setup.py") or folder.resolve().name


def _setup_name(path: Path) -> str:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    keywords = (word for call in calls for word in call.keywords if word.arg == "name")
    values = (word.value.value for word in keywords if isinstance(word.value, ast.Constant))
    return next((value for value in values if isinstance(value, str)), "")

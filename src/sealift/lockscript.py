"""A script with a ``[tool.uv]`` table, locked by uv as a script, so that uv reads the table.

uv is given a copy that has only the metadata block, so that nothing is written beside the script.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from sealift import console, uv
from sealift.errors import LockError
from sealift.indexes import Indexes
from sealift.inputs.script import inline_metadata
from sealift.lockfile import inline_toml, toml_lines
from sealift.project import InputKind, Project

# They say how a package is built, which uv heeds while it resolves; Sealift builds by itself.
_BUILDING = (
    "build-constraint-dependencies",
    "config-settings",
    "config-settings-package",
    "extra-build-dependencies",
    "extra-build-variables",
    "no-build-isolation",
    "no-build-isolation-package",
)


def uv_table(project: Project) -> Mapping[str, Any]:
    """``[tool.uv]`` of a script, its paths absolute; empty for other inputs."""
    if project.kind is not InputKind.SCRIPT or project.path is None:
        return {}
    text = project.path.read_text(encoding="utf-8", errors="replace")
    tool = inline_metadata(text, str(project.path)).get("tool")
    table = tool.get("uv") if isinstance(tool, Mapping) else None
    return _absolute(table, project.path.parent) if isinstance(table, Mapping) else {}


def script_block(project: Project, table: Mapping[str, Any], python: str) -> str:
    """The metadata block that is locked for CPython ``python`` and newer (PEP 723)."""
    lines = [
        "/// script",
        f'requires-python = ">={python}"',
        f"dependencies = {inline_toml(list(project.dependencies))}",
        "[tool.uv]",
        *(f"{inline_toml(key)} = {inline_toml(value)}" for key, value in table.items()),
        "///",
    ]
    return "".join(f"# {line}\n" for line in lines)


def lock_script(
    block: str, project: Project, *, folder: Path, scratch: Path, indexes: Indexes
) -> str:
    """The lock of the script with ``block``, as the text of a ``pylock.toml``.

    Paths in it are relative to ``folder``; uv writes below ``scratch``.  Raises :class:`LockError`,
    for a key that uv does not take in a script, too.
    """
    copy = scratch / "script.py"
    copy.write_text(block, encoding="utf-8")
    table: Mapping[str, Any] = inline_metadata(block, str(copy))["tool"]["uv"]
    if building := [key for key in _BUILDING if key in table]:
        console.warning(
            f"{project.path}: {', '.join(building)} of [tool.uv] hold while resolving, "
            "not where Sealift builds a package"
        )
    command: list[str | Path] = ["--script", copy, "--python", uv.running_python()]
    form = ["--frozen", "--format", "pylock.toml", "--no-header"]
    text = ""
    for step in (["lock", *command], ["export", *command, *form]):
        try:
            text = uv.call(
                step, cwd=folder, action=f"lock {project.name}", error=LockError, indexes=indexes
            )
        except LockError as problem:
            if "TOML parse error" not in problem.message:
                raise
            raise LockError(  # whose lines are those of the copy
                f"cannot lock {project.name}: uv does not take [tool.uv] of {project.path}",
                details=problem.details[-1:],
            ) from problem
    return _allowed(text, table)


def _absolute(table: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """``table`` with what is relative to the script's ``folder`` made absolute."""
    found = dict(table)
    if isinstance(sources := found.get("sources"), Mapping):
        found["sources"] = {name: _each(value, "path", folder) for name, value in sources.items()}
    if "index" in found:
        found["index"] = _each(found["index"], "url", folder)
    for key in ("index-url", "extra-index-url", "find-links"):
        value = found.get(key)
        if isinstance(value, list):
            found[key] = [_placed(item, folder) for item in value]
        elif value is not None:
            found[key] = _placed(value, folder)
    return found


def _each(value: Any, key: str, folder: Path) -> Any:
    """A table, or a list of tables, with the place under ``key`` made absolute."""
    if isinstance(value, list):
        return [_each(item, key, folder) for item in value]
    if not isinstance(value, Mapping) or key not in value:
        return value
    return {**value, key: _placed(value[key], folder)}


def _placed(place: Any, folder: Path) -> Any:
    """``place`` unless it is a relative path."""
    if not isinstance(place, str) or "://" in place or place.startswith("file:"):
        return place
    return str(folder.joinpath(Path(place).expanduser()).absolute())


def _allowed(text: str, table: Mapping[str, Any]) -> str:
    """The lock without the wheels or sdists that ``table`` rules out, which uv leaves in."""
    no_binary = table.get("no-binary"), table.get("no-binary-package", ())
    no_build = table.get("no-build"), table.get("no-build-package", ())
    data = tomllib.loads(text)
    for package in data.get("packages", []):
        for (all_of_them, named), part in ((no_binary, "wheels"), (no_build, "sdist")):
            if all_of_them or package["name"] in map(canonicalize_name, named):
                package.pop(part, None)
    return "\n".join(toml_lines(data)) + "\n"

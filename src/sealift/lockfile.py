"""``pylock.toml`` (PEP 751) from text and to text.

Paths in a lock are relative to it; here they are absolute, so that a lock means the same wherever
it is used, and relative again when it is written.
"""

import datetime as dt
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError

from sealift.errors import LockError

_SOURCES = ("archive", "directory", "sdist", "vcs")


def parse_lock(text: str, *, folder: Path, source: str) -> Pylock:
    """The lock in ``text``; its paths are relative to ``folder``, ``source`` names it in errors."""
    try:
        data = tomllib.loads(text)
        for part in _located(data):
            part["path"] = str(folder.absolute().joinpath(part["path"]))
        return Pylock.from_dict(data)
    except tomllib.TOMLDecodeError as problem:
        raise LockError(f"cannot read {source}: it is not valid TOML: {problem}") from problem
    except PylockUnsupportedVersionError as problem:
        raise LockError(f"cannot read {source}: {problem}") from problem
    except PylockValidationError as problem:
        raise LockError(
            f"cannot read {source}: {problem}", hint="`sealift lock` makes it anew"
        ) from problem


def load_lock(path: Path) -> Pylock:
    """The lock at ``path``."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not UTF-8"
        raise LockError(f"cannot read {path}: {reason}") from problem
    return parse_lock(text, folder=path.parent, source=str(path))


def lock_text(lock: Pylock, *, folder: Path) -> str:
    """``lock`` as the text of a ``pylock.toml`` that lies in ``folder``."""
    data = json_like(dict(lock.to_dict()))
    for part in _located(data):
        part["path"] = _relative(Path(part["path"]), folder.absolute())
    data["created-by"] = "sealift"
    return "\n".join(toml_lines(data)) + "\n"


def json_like(value: Any) -> Any:
    """A copy of ``value`` in plain dicts and lists, free to change."""
    if isinstance(value, Mapping):
        return {key: json_like(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_like(item) for item in value]
    return value


def inline_toml(value: Any) -> str:
    """``value`` as TOML on one line.

    >>> inline_toml({"a": [1, "b"], "c d": True})
    '{ a = [1, "b"], "c d" = true }'
    """
    match value:
        case bool():
            return str(value).lower()
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat().replace("+00:00", "Z")
        case int() | float():
            return repr(value)
        case Mapping():
            inside = ", ".join(f"{_key(key)} = {inline_toml(item)}" for key, item in value.items())
            return f"{{ {inside} }}" if inside else "{}"
        case list() | tuple():
            return f"[{', '.join(map(inline_toml, value))}]"
        case _:
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a ``pylock.toml`` that says ``data``."""
    for key, value in data.items():
        if key != "packages":
            yield f"{_key(key)} = {inline_toml(value)}"
    if not data.get("packages"):
        yield "packages = []"
    for package in data.get("packages", []):
        yield "\n[[packages]]"
        for key, value in package.items():
            if key == "wheels" and len(value) > 1:
                yield "wheels = ["
                yield from (f"    {inline_toml(wheel)}," for wheel in value)
                yield "]"
            else:
                yield f"{_key(key)} = {inline_toml(value)}"


def _key(key: str) -> str:
    plain = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if plain else json.dumps(key, ensure_ascii=False)


def _located(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every table of the lock that has a path on this machine."""
    packages = data.get("packages", [])
    for package in packages if isinstance(packages, list) else []:
        parts = [package.get(kind) for kind in _SOURCES] if isinstance(package, dict) else []
        wheels = package.get("wheels", []) if isinstance(package, dict) else []
        for part in (*parts, *(wheels if isinstance(wheels, list) else [])):
            if isinstance(part, dict) and isinstance(part.get("path"), str):
                yield part


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path.as_posix()

"""What a reader of inputs finds out, before settings are understood."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sealift.entry import EntryPoint
from sealift.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An input, read.

    ``archive`` is the wheel or sdist that stands for it: the one given, or a wheel made of a script
    or a zip of code.  ``extras`` is ``None`` where only the built wheel tells.  ``table`` is
    ``[tool.sealift]``, ``source`` the file it was read from.
    """

    name: str
    version: str | None = None
    archive: Path | None = None
    dependencies: tuple[str, ...] = ()
    requires_python: str = ""
    extras: tuple[str, ...] | None = None
    entry_points: tuple[EntryPoint, ...] = ()
    table: Mapping[str, Any] = field(default_factory=dict)
    source: str = "the command line"


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """``text`` as TOML; raises :class:`ConfigError` that names ``source`` and the line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"{source} is not valid TOML: {problem}") from problem


def tool_table(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """``[tool.sealift]`` of a parsed ``pyproject.toml`` or script header; empty where absent."""
    tool = data.get("tool", {})
    table = tool.get("sealift", {}) if isinstance(tool, Mapping) else {}
    return table if isinstance(table, Mapping) else {}

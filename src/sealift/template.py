"""``sealift init``: a commented ``[tool.sealift]`` table, derived from the settings' fields."""

import dataclasses
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sealift import plugins
from sealift.config import TABLES, Config
from sealift.errors import ConfigError, ProjectError
from sealift.options import default_of
from sealift.output import write_text


def add_table(folder: Path) -> Path:
    """Append the table to ``folder``'s ``pyproject.toml``; refuses when there is one."""
    path = folder / "pyproject.toml"
    if not path.is_file():
        raise ProjectError(
            f"cannot add settings: {path} does not exist",
            hint="`uv init` makes one; a script carries [tool.sealift] in its PEP 723 block",
        )
    try:
        text = path.read_text(encoding="utf-8")
        known = tomllib.loads(text)
    except (OSError, ValueError) as problem:
        raise ConfigError(f"cannot read {path}: {problem}") from problem
    if "sealift" in known.get("tool", {}):
        raise ConfigError(f"cannot add settings: {path} has [tool.sealift] already")
    write_text(path, text.rstrip("\n") + "\n\n" + "\n".join(table_lines()) + "\n")
    return path


def table_lines() -> Iterator[str]:
    """The table, every key commented out at its default."""
    yield "[tool.sealift]"
    yield from _lines(Config)
    for name in plugins.names("formats"):
        plugin = plugins.load("formats", name)
        if dataclasses.fields(plugin.options):
            yield f"\n# [tool.sealift.{name}]  # {plugin.summary}"
            yield from _lines(plugin.options)
    for table in TABLES:
        yield f"\n# [tool.sealift.{table.title(table.example)}]  # {table.text}"
        yield from _lines(table.options)


def _lines(options: type[Any]) -> Iterator[str]:
    for field in dataclasses.fields(options):
        choices = field.metadata["choices"]
        shown = f" ({' | '.join(choices)})" if choices else ""
        yield f"# {field.metadata['help']}{shown}"
        yield f"# {field.name.replace('_', '-')} = {toml_value(default_of(field))}"


def toml_value(value: Any) -> str:
    """A default as TOML writes it.

    >>> toml_value(("onefile",)), toml_value(True), toml_value(None)
    ('["onefile"]', 'true', '""')
    """
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return '""'
        case tuple():
            return "[" + ", ".join(toml_value(item) for item in value) + "]"
        case dict():
            return (
                "{" + ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items()) + "}"
            )
        case str():
            return f'"{value}"'
        case _:
            return str(value)

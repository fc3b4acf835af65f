"""How a settings table is read: a frozen dataclass whose fields carry their help.

The parser, the defaults, ``sealift init`` and the reference page are derived from it.  Unknown keys
are errors with a near match, wrong types name the file, the dotted path and what is allowed.
"""

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sealift.errors import ConfigError

Options = TypeVar("Options")
PKCS11 = "pkcs11:"  # how a key that is no file is named (RFC 7512)


def option(default: Any, text: str, *, choices: Sequence[str] = (), is_path: bool = False) -> Any:
    """A settings field: its default, one line of help, and what it may be, or its keys.

    ``is_path`` is for a field that names files: relative to the one its table is in, absolute once
    it is read.
    """
    told = {"help": text, "choices": tuple(choices), "is_path": is_path}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy, metadata=told)
    return dataclasses.field(default=default, metadata=told)


def default_of(field: "dataclasses.Field[Any]") -> Any:
    """What a settings field is where nobody sets it."""
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


def _rooted(folder: Path, told: str | tuple[str, ...]) -> str | tuple[str, ...]:
    if isinstance(told, tuple):
        return tuple(str(folder / path) for path in told)
    return told if told.startswith(PKCS11) else str(folder / told)


def read_options(
    options: type[Options],
    table: Mapping[str, Any],
    *,
    where: str,
    source: str,
    also: Sequence[str] = (),
) -> Options:
    """``table`` as the dataclass ``options``; ``where`` is its dotted path, for messages.

    ``also`` are keys that it may have besides, read elsewhere.  Raises :class:`ConfigError`.
    """
    fields = {field.name.replace("_", "-"): field for field in dataclasses.fields(options)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(options)
    values: dict[str, Any] = {}
    for key, value in table.items():
        check_known(key, (*fields, *also), where, source)
        field = fields[key]
        typed = _typed(value, hints[field.name], f"{where}.{key}", source)
        if field.metadata["is_path"] and typed:
            typed = _rooted(Path(source).absolute().parent, typed)
        values[field.name] = typed
        choices = field.metadata["choices"]
        if choices and isinstance(value, dict):
            for name in value:
                check_known(name, choices, f"{where}.{key}", source)
        elif choices and value not in choices:
            raise ConfigError(
                f"{source}: `{where}.{key}` must be {_listed(choices)}; got {value!r}"
            )
    return options(**values)


def _typed(value: Any, hint: Any, where: str, source: str) -> Any:
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for kind in allowed:
        if typing.get_origin(kind) is tuple:
            (item, _) = typing.get_args(kind)
            if isinstance(value, list) and all(isinstance(part, item) for part in value):
                return tuple(value)
        elif typing.get_origin(kind) is Mapping:
            if isinstance(value, dict):
                _, item = typing.get_args(kind)
                return {
                    key: _item(part, item, f"{where}.{key}", source) for key, part in value.items()
                }
        elif isinstance(kind, type) and dataclasses.is_dataclass(kind):
            if isinstance(value, dict):
                return read_options(kind, value, where=where, source=source)
        elif kind is not types.NoneType and type(value) is kind:
            return value
    raise ConfigError(f"{source}: `{where}` must be {_kinds(allowed)}; got {value!r}")


def _item(value: Any, hint: Any, where: str, source: str) -> Any:
    """One value of a table; a list of one may be written as the text alone."""
    if typing.get_origin(hint) is tuple and isinstance(value, str):
        return (value,)
    return _typed(value, hint, where, source)


def _kinds(allowed: Sequence[Any]) -> str:
    names = {str: "a string", bool: "true or false", int: "a whole number"}
    others = {tuple: "a list of strings"}
    return " or ".join(
        names.get(kind) or others.get(typing.get_origin(kind), "a table")
        for kind in allowed
        if kind is not types.NoneType
    )


def check_known(key: str, known: Sequence[str], where: str, source: str) -> None:
    """Raise :class:`ConfigError` for a ``key`` of table ``where`` that is none of ``known``."""
    if key in known:
        return
    near = difflib.get_close_matches(key, known, n=1)
    raise ConfigError(
        f"{source}: `{where}` has no key {key!r}",
        hint=f"did you mean {near[0]!r}?" if near else f"it may have {_listed(sorted(known))}",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)

"""The JSON form of the nouns, both ways, derived from their dataclass fields.

Paths become strings, enums their values, tuples lists.  Reading checks types as it goes, so that
a file of another version gives a sentence and not a surprise later.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from sealift.errors import SealiftError

Noun = TypeVar("Noun")


def dump(value: Any) -> Any:
    """``value`` as JSON types.

    >>> dump((Path("a/b"), None, 3))
    ['a/b', None, 3]
    """
    match value:
        case Enum():
            return value.value
        case Path():
            return str(value)
        case Mapping():
            return {str(key): dump(item) for key, item in value.items()}
        case tuple() | list():
            return [dump(item) for item in value]
        case _ if dataclasses.is_dataclass(value):
            return {f.name: dump(getattr(value, f.name)) for f in dataclasses.fields(value)}
        case _:
            return value


def load(noun: type[Noun], data: Any, *, where: str) -> Noun:
    """The ``noun`` that ``data`` is the JSON form of; ``where`` names the file in errors."""
    return typing.cast("Noun", _load(noun, data, where))


def _load(hint: Any, data: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if isinstance(hint, types.UnionType) or origin is typing.Union:
        return _load_union(hint, data, where)
    if hint is Any:
        return data
    if origin is tuple:
        items = typing.get_args(hint)
        _expect(data, list, where)
        if items[1:] == (Ellipsis,):
            return tuple(_load(items[0], part, f"{where}[{i}]") for i, part in enumerate(data))
        return tuple(_load(kind, part, where) for kind, part in zip(items, data, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        _expect(data, dict, where)
        return {key: _load(typing.get_args(hint)[1], part, where) for key, part in data.items()}
    if dataclasses.is_dataclass(hint):
        return _load_fields(hint, data, where)
    if isinstance(hint, type) and issubclass(hint, Enum | Path):
        _expect(data, str, where)
        return hint(data)
    if hint is not types.NoneType:
        _expect(data, hint, where)
    return data


def _load_union(hint: Any, data: Any, where: str) -> Any:
    if data is None:
        return None
    kinds = [part for part in typing.get_args(hint) if part is not types.NoneType]
    if len(kinds) > 1:  # nouns that can be told apart by their fields
        kinds = [kind for kind in kinds if {f.name for f in dataclasses.fields(kind)} == set(data)]
        if not kinds:
            raise SealiftError(f"{where}: not the JSON of this version of Sealift")
    return _load(kinds[0], data, where)


def _load_fields(noun: Any, data: Any, where: str) -> Any:
    _expect(data, dict, where)
    hints = typing.get_type_hints(noun)
    names = {field.name for field in dataclasses.fields(noun)}
    if names != set(data):
        odd = ", ".join(sorted(names ^ set(data)))
        raise SealiftError(f"{where}: not the JSON of this version of Sealift: {odd}")
    return noun(**{name: _load(hints[name], data[name], f"{where}.{name}") for name in names})


def _expect(data: Any, kind: type, where: str) -> None:
    if not isinstance(data, kind):
        raise SealiftError(f"{where}: expected {kind.__name__}, found {data!r}")

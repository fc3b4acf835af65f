"""Nouns survive the way to JSON and back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from sealift import jsonform
from sealift.errors import SealiftError


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Inner:
    pair: tuple[int, int] | None
    colour: Colour


@dataclass(frozen=True)
class Outer:
    path: Path
    inners: tuple[Inner, ...]
    table: Mapping[str, Any]


VALUE = Outer(Path("a/ü b"), (Inner((2, 17), Colour.RED), Inner(None, Colour.RED)), {"x": [1]})


def test_round_trip() -> None:
    text = json.dumps(jsonform.dump(VALUE))
    assert jsonform.load(Outer, json.loads(text), where="file") == VALUE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": 3}, "file.path: expected str, found 3"),
        ({"inners": {}}, "file.inners: expected list"),
        ({"extra": 1}, "not the JSON of this version of Sealift: extra"),
    ],
)
def test_foreign_json_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SealiftError) as caught:
        jsonform.load(Outer, {**jsonform.dump(VALUE), **change}, where="file")
    assert message in caught.value.message

"""The fifth noun: a finished file or folder, with what a user wants to know of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift import jsonform
from sealift.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What a format wrote: ``size`` in bytes, ``sha256`` in hex (of the tree for a folder)."""

    path: Path
    format: str
    target: Target
    size: int
    sha256: str
    python: str
    floor: tuple[int, int] | None
    distributions: int

    def to_json(self) -> Any:
        """JSON form; :func:`sealift.jsonform.load` reads it back."""
        return jsonform.dump(self)

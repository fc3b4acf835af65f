"""The fifth noun: a finished file or folder, with what a user wants to know of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

    def to_json(self) -> Mapping[str, Any]:
        """JSON form, one object an artifact in ``artifacts.json``."""
        return {
            "path": str(self.path),
            "format": self.format,
            "target": str(self.target),
            "size": self.size,
            "sha256": self.sha256,
            "python": self.python,
            "floor": ".".join(map(str, self.floor)) if self.floor else None,
            "distributions": self.distributions,
        }

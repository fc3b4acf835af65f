"""The third noun: one verified wheel for every distribution of a job."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift import jsonform
from sealift.interpreter import Interpreter
from sealift.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel file on disk whose content is ``sha256``.

    ``built`` is true where it was made on this machine: then its native files may ask for this
    machine's libraries, which are grafted.
    """

    name: str
    version: str
    path: Path
    sha256: str
    built: bool = False
    is_project: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheelhouse:
    """The wheels of one target, sorted by name."""

    target: Target
    interpreter: Interpreter
    wheels: tuple[Wheel, ...]

    def to_json(self) -> Any:
        """JSON form; :func:`sealift.jsonform.load` reads it back."""
        return jsonform.dump(self)

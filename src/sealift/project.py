"""The first noun: what the user gave, as a name, requirements and entry points."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sealift import jsonform
from sealift.config import Settings


class InputKind(StrEnum):
    """What was given on the command line."""

    FOLDER = "folder"
    WHEEL = "wheel"
    SDIST = "sdist"
    ZIP = "zip"
    SCRIPT = "script"
    REQUIREMENT = "requirement"


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """What the product starts: ``module`` as ``python -m`` does, or a function in it.

    ``name`` is the console script's; ``function`` may be dotted, as in ``Class.method``.
    """

    name: str
    module: str
    function: str | None = None
    gui: bool = False

    def __str__(self) -> str:
        return f"{self.module}:{self.function}" if self.function else self.module


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project as given: a source to build or a wheel or a requirement, and what is known of it.

    ``path`` is the folder, wheel, sdist, zip or script (``None`` for a requirement);
    ``requirement`` is the PEP 508 text that the lock has to resolve besides ``dependencies``.
    ``entry_points`` is empty where only the built or fetched wheel tells.
    """

    kind: InputKind
    name: str
    version: str | None
    path: Path | None
    requirement: str | None
    dependencies: tuple[str, ...]
    requires_python: str
    entry_points: tuple[EntryPoint, ...]
    settings: Settings

    def to_json(self) -> Any:
        """JSON form; :func:`sealift.jsonform.load` reads it back."""
        return jsonform.dump(self)

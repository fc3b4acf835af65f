"""The second noun: for each target, an interpreter and a choice for every distribution."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sealift import jsonform
from sealift.interpreter import Interpreter
from sealift.project import Project
from sealift.target import Target


class Action(StrEnum):
    """What is done to have a distribution's wheel for a target."""

    TAKE = "take"
    BUILD = "build"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedFile:
    """A wheel or sdist that a lock names: where it is and what it must be.

    ``location`` is a URL or an absolute path; ``sha256`` is in hex; ``size`` in bytes where the
    lock tells.
    """

    name: str
    location: str
    sha256: str
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One distribution on one target.

    TAKE has a wheel in ``file``; BUILD has an sdist in ``file`` or a folder in ``folder``.
    ``reason`` tells why a wheel was not taken: which was nearest and what it asks for.
    ``is_project`` marks the distribution the user asked to ship.
    """

    name: str
    version: str | None
    action: Action
    file: LockedFile | None = None
    folder: Path | None = None
    reason: str = ""
    is_project: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Everything that is to be done for one target."""

    target: Target
    interpreter: Interpreter
    choices: tuple[Choice, ...]
    formats: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A project and its jobs, one a target."""

    project: Project
    jobs: tuple[Job, ...]

    def to_json(self) -> Any:
        """JSON form; :func:`sealift.jsonform.load` reads it back."""
        return jsonform.dump(self)

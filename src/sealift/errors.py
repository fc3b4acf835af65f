"""Every failure Sealift reports, with its exit status.

A message is one sentence: what could not be done, to which thing, why.  ``hint`` says what to do,
``details`` are further lines, ``log`` is the path of a full log.  Each class has its own exit
status, so that scripts can tell failures apart without reading text.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar


class SealiftError(Exception):
    """A failure that is the user's to solve: shown without a traceback."""

    exit_status: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        details: Sequence[str] = (),
        log: Path | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)
        self.log = log


class ConfigError(SealiftError):
    """A setting in ``pyproject.toml``, a script header or on the command line is wrong."""

    exit_status = 3


class ProjectError(SealiftError):
    """The input is not a project Sealift can read."""

    exit_status = 4


class EntryPointError(ProjectError):
    """There is no entry point, several, or one that does not exist."""

    exit_status = 5


class LockError(SealiftError):
    """Requirements cannot be resolved, or a lock does not fit the target."""

    exit_status = 6


class FetchError(SealiftError):
    """A download failed or gave other bytes than promised."""

    exit_status = 7


class ArchiveError(SealiftError):
    """A wheel, sdist, zip or tar is damaged or unsafe."""

    exit_status = 8


class BuildError(SealiftError):
    """A build backend or a compiler failed."""

    exit_status = 9


class InterpreterError(SealiftError):
    """No interpreter fits, or the one named is unusable."""

    exit_status = 10


class RefusedError(SealiftError):
    """A format or a target cannot do what was asked, with the reason."""

    exit_status = 11


class OutputError(SealiftError):
    """A result cannot be written: permissions, space, a name in the way."""

    exit_status = 12


class ToolError(SealiftError):
    """An external tool is absent, too old, or failed."""

    exit_status = 13


class BinaryFormatError(SealiftError):
    """A native file is truncated or is not what it says."""

    exit_status = 14


class FindingsError(SealiftError):
    """An audit found what it was told to fail on."""

    exit_status = 15


class PolicyError(SealiftError):
    """Something does not run, or does not say that it runs, where it was asked to."""

    exit_status = 16


def exit_statuses() -> dict[int, type[SealiftError]]:
    """Every exit status with its class, for the reference page; proves that none is shared."""
    found: dict[int, type[SealiftError]] = {}
    pending: list[type[SealiftError]] = [SealiftError]
    while pending:
        cls = pending.pop()
        if cls.exit_status in found:
            msg = f"{cls.__name__} shares exit status {cls.exit_status}"
            raise AssertionError(msg)
        found[cls.exit_status] = cls
        pending.extend(cls.__subclasses__())
    return dict(sorted(found.items()))

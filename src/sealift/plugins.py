"""The plug points: what a provider and a format must do, and how they are found.

Built-ins register by entry point like anyone's (``[project.entry-points."sealift.formats"]``), so
a new format is one file and one line.
"""

import difflib
import functools
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, runtime_checkable

from sealift.config import Settings
from sealift.errors import ConfigError
from sealift.image import Image
from sealift.interpreter import Interpreter
from sealift.machine import Machine
from sealift.target import Target

if TYPE_CHECKING:
    from sealift.project import Project

Options_contra = TypeVar("Options_contra", contravariant=True)


@runtime_checkable
class Interpreters(Protocol):
    """Where interpreters come from."""

    name: ClassVar[str]

    def refuses(self, python: str, target: Target, settings: Settings) -> str | None:
        """Why this provider has no CPython ``python`` for ``target``, or ``None``; no network."""

    def find(self, python: str, target: Target, settings: Settings) -> Interpreter:
        """The interpreter, prepared in the content store.

        ``python`` is a feature version ("3.13") or a full one.  Raises
        :class:`~sealift.errors.InterpreterError` or :class:`~sealift.errors.FetchError`.
        """


@runtime_checkable
class Format(Protocol[Options_contra]):
    """How images become a file (or a folder).

    ``options`` is the dataclass of ``[tool.sealift.<name>]``; the reference page, ``init`` and the
    parser are derived from it.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    options: ClassVar[type[Any]]
    several_targets: ClassVar[bool]
    ships_interpreter: ClassVar[bool]

    def refuses(self, target: Target) -> str | None:
        """Why this format cannot be made for ``target``, or ``None``."""

    def check(self, project: "Project", options: Options_contra, target: Target) -> None:
        """Look at what is known before anything is built: settings, the files they name, tools.

        ``target`` is one that is not refused.  Raises :class:`~sealift.errors.SealiftError` where
        :meth:`write` would fail for it.  Takes no time to speak of, and no network.
        """

    def prepare(self, interpreter: Interpreter) -> None:
        """Do what takes long and needs no image, while wheels are collected.

        What fails here is tried and told again by :meth:`write`.
        """

    def filename(self, image: Image) -> str:
        """The artifact's name below the output folder."""

    def write(self, images: Sequence[Image], options: Options_contra, out: Path) -> None:
        """Write the artifact at ``out``, which does not exist yet, in a folder that does.

        ``out`` is absolute, so that tools may run in any folder.  ``images`` has one member, or one
        a target where ``several_targets`` is true.  The same images give the same bytes.
        """


@runtime_checkable
class Runner(Protocol):
    """How programs are tried on other systems than this one.

    ``os`` is what the programs are for, as in ``targets.toml``.
    """

    name: ClassVar[str]
    os: ClassVar[str]

    def systems(self) -> Sequence[str]:
        """The systems it knows, as they are called in ``sealift test --on``."""

    def refuses(self, system: str, arch: str) -> str | None:
        """Why it cannot run programs for CPU ``arch`` on ``system`` here, or ``None``; no network.

        Raises :class:`~sealift.errors.ConfigError` when there is no such system.
        """

    def start(self, system: str, arch: str) -> Machine:
        """``system`` on a CPU ``arch``, ready; prepared in the content store.

        Raises :class:`~sealift.errors.FetchError` or :class:`~sealift.errors.ToolError`.
        """


GROUPS = {
    "interpreters": "sealift.interpreters",
    "formats": "sealift.formats",
    "runners": "sealift.runners",
}


@functools.cache
def names(kind: str) -> tuple[str, ...]:
    """The names registered for ``kind``; imports none of them."""
    return tuple(sorted({point.name for point in metadata.entry_points(group=GROUPS[kind])}))


@functools.cache
def load(kind: str, name: str) -> Any:
    """The plug-in ``name`` of ``kind``; imports only this one."""
    found = metadata.entry_points(group=GROUPS[kind], name=name)
    if not found:
        near = difflib.get_close_matches(name, names(kind), n=1)
        raise ConfigError(
            f"there is no {kind.rstrip('s')} {name!r}",
            hint=f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names(kind))}",
        )
    (point, *_) = found
    return point.load()()

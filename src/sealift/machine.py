"""What a runner offers: a system to run programs on, and how a program ended there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

PROGRAMS = "/opt"
"""Where programs lie on every machine of a runner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A system by name ("debian-11"), its C library ("glibc 2.31") and CPU (a GNU name).

    ``glibc`` is the version of that C library where it is glibc, ``libraries`` are the names of
    the shared libraries in its usual folders.
    """

    name: str
    libc: str
    arch: str
    glibc: tuple[int, int] | None = None
    libraries: frozenset[str] = field(default_factory=frozenset, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a program ended: its exit status, ``None`` when it was stopped after ``seconds``.

    As shells have it, a status of 128 and more is a signal.  ``output`` has both streams.
    """

    status: int | None
    seconds: float
    output: str


class Machine(Protocol):
    """A system that is ready to run programs."""

    @property
    def system(self) -> System:
        """What it is."""

    def run(
        self, command: Sequence[str], *, programs: Mapping[str, Path], timeout: float
    ) -> Ending:
        """Run ``command`` as an ordinary user, without network, and wait ``timeout`` seconds.

        ``programs`` are files and folders of this machine, by the names they have in
        :data:`PROGRAMS`, which is on PATH.  Nothing that it writes stays.
        """

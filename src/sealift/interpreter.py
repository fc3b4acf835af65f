"""The CPython that is shipped: a relocatable tree, and the answers every stage needs of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift import jsonform
from sealift.sbom import Component
from sealift.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class NoInterpreter:
    """That no provider has an interpreter now, such as offline: a plan can still be made.

    ``version`` is the one that was looked for, ``reasons`` what each provider said; ``program`` is
    a Python of that feature version on this machine, if any.
    """

    version: str
    reasons: tuple[str, ...]
    program: Path | None
    free_threaded: bool = False

    @property
    def feature(self) -> str:
        """The feature version, such as "3.13"."""
        return ".".join(self.version.split(".")[:2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A prepared interpreter.

    ``root`` is a folder of the content store in the layout in which it is shipped:
    ``lib/pythonX.Y`` (``stdlib``) with sources and data, modules in C in its ``lib-dynload``
    (``dynload``), shared libraries in ``lib``; on Windows ``Lib`` and ``DLLs``, ``pythonXY.dll``
    and what it needs to start at the top, as Windows' loader and CPython look for them.  Its files
    are final: relocatable, stripped, without paths of this machine, whatever lies outside the
    system policy grafted.  ``headers`` (outside ``root``) is the folder of ``Python.h``.

    ``library`` is libpython's path below ``root``, ``static_library`` a ``libpythonX.Y.a`` on this
    machine; at least one is there.  The latter is as it was built: ``build_paths`` are the paths
    of this machine that it may hold.  ``program`` runs on this machine and compiles
    bytecode of the same magic number; ``None`` where there is none.  ``key`` identifies the
    content of ``root``; ``reason`` says why this one was chosen.  ``libraries`` are those in
    ``root`` that came from packages of this machine's system.
    """

    provider: str
    version: str
    target: Target
    root: Path
    stdlib: str
    library: str | None
    static_library: Path | None
    headers: Path | None
    program: Path | None
    ext_suffix: str
    free_threaded: bool
    floor: tuple[int, int] | None
    key: str
    reason: str
    build_paths: tuple[str, ...] = ()
    libraries: tuple[Component, ...] = ()

    @property
    def feature(self) -> str:
        """The feature version, such as "3.13"."""
        return ".".join(self.version.split(".")[:2])

    @property
    def dynload(self) -> str:
        """The folder below ``root`` of the standard library's modules in C."""
        return "DLLs" if self.target.is_windows else f"{self.stdlib}/lib-dynload"

    @property
    def libraries_folder(self) -> str:
        """The folder below ``root`` that the standard library is in, or is: ``lib`` or ``Lib``."""
        return self.stdlib.partition("/")[0]

    @property
    def scripts_folder(self) -> str:
        """The folder below ``root`` where an installation of wheels puts programs."""
        return "Scripts" if self.target.is_windows else "bin"

    def to_json(self) -> Any:
        """JSON form; :func:`sealift.jsonform.load` reads it back."""
        return jsonform.dump(self)

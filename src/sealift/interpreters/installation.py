"""A CPython that is installed: what it answers of itself, and whether it can be shipped."""

import functools
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from sealift import process
from sealift.errors import InterpreterError

OLDEST = (3, 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """An interpreter's answers; ``variables`` are those of :mod:`sysconfig` that it was asked.

    ``root`` is the folder of the system it is installed in, where that is not this machine; paths
    are those of this machine anyhow.
    """

    program: Path
    version: str
    implementation: str
    prefix: str
    exec_prefix: str
    stdlib: Path
    builtins: tuple[str, ...]
    variables: Mapping[str, Any]
    root: Path | None = None

    @property
    def feature(self) -> str:
        """The feature version, such as "3.13"."""
        return ".".join(self.version.split(".")[:2])

    @property
    def is_free_threaded(self) -> bool:
        """Whether it is built without the global lock (PEP 703)."""
        return bool(self.variables["Py_GIL_DISABLED"])

    @property
    def headers(self) -> Path:
        """The folder that ought to hold ``Python.h``."""
        return Path(self.variables["INCLUDEPY"] or "")

    def dynload(self) -> Path:
        """The folder of the standard library's modules in C."""
        return Path(self.variables["DESTSHARED"] or self.stdlib / "lib-dynload")

    def shared_library(self) -> Path | None:
        """The file of libpython as a shared library, if there is one."""
        soname = self.variables["INSTSONAME"]
        if not soname or ".so" not in soname:
            soname = f"libpython{self.feature}{'t' if self.is_free_threaded else ''}.so.1.0"
        return _first(folder / soname for folder in self._library_folders())

    def static_library(self) -> Path | None:
        """The file of libpython as an archive, if there is one.

        Debian has two: the usual one is for programs at a fixed address.
        """
        name = self.variables["LIBRARY"]
        if not name:
            return None
        names = (f"{name.removesuffix('.a')}-pic.a", name)
        return _first(folder / each for each in names for folder in self._library_folders())

    def _library_folders(self) -> Iterator[Path]:
        for folder in (self.variables["LIBDIR"], self.variables["LIBPL"]):
            if folder:
                yield Path(folder)
                yield Path(folder, self.variables["MULTIARCH"] or "")
        yield Path(self.exec_prefix, "lib")


def ask(program: Path) -> Installation:
    """What the interpreter at ``program`` says of itself, its virtual environment set aside.

    Raises :class:`InterpreterError` when it does not run or does not answer.
    """
    # Where it was found may change what a launcher script starts: pyenv's do, by folder.
    stamp = program.stat() if program.exists() else None
    return _ask(program, stamp and stamp.st_mtime_ns, Path.cwd())


@functools.cache
def _ask(program: Path, _stamp: int | None, _folder: Path) -> Installation:
    script = resources.files("sealift.interpreters").joinpath("ask.py").read_text("utf-8")
    answer = process.run(
        [program, "-I", "-S", "-c", script],
        env=process.clean_environment(),
        error=InterpreterError,
        action=f"ask {program} what it is",
    )
    try:
        values = json.loads(answer)
        return Installation(
            **{
                **values,
                "program": Path(values["program"]),
                "stdlib": Path(values["stdlib"]),
                "builtins": tuple(values["builtins"]),
            }
        )
    except (ValueError, TypeError, KeyError) as problem:
        raise InterpreterError(
            f"cannot use {program}: it does not answer as CPython does ({problem})"
        ) from problem


def refusal(found: Installation) -> str | None:
    """Why ``found`` cannot be shipped, or ``None``."""
    if found.implementation != "cpython":
        return f"it is {found.implementation}; Sealift ships CPython"
    feature = tuple(int(part) for part in found.feature.split("."))
    if feature < OLDEST:
        return f"it is CPython {found.version}; Sealift ships {OLDEST[0]}.{OLDEST[1]} and later"
    if found.variables["Py_DEBUG"]:
        return "it is a debug build, which wheels do not fit"
    if not (found.stdlib / "os.py").is_file():
        return f"its standard library is not at {found.stdlib}"
    if not (found.headers / "Python.h").is_file():
        return f"Python.h is not at {found.headers}{_package_hint(found)}"
    if not found.shared_library() and not found.static_library():
        return f"it has no libpython, neither shared nor static{_package_hint(found)}"
    return None


def _package_hint(found: Installation) -> str:
    if found.prefix != "/usr":
        return ""
    if Path("/etc/debian_version").exists():
        return f" (apt install python{found.feature}-dev)"
    return f" (install the package python{found.feature}-devel or python3-dev)"


def _first(paths: Iterator[Path]) -> Path | None:
    return next((path for path in paths if os.access(path, os.R_OK)), None)

"""Has a Python of this machine answer as the one that a wheel is built for.

A copy of it is ``sitecustomize`` to the process that runs a build backend and to the Pythons that
process starts; nothing else sees it.  ``answers.json`` lies beside it.  Standard library only.

Where the host is no Linux, two kinds of code ask ``sys.platform`` and ``os.name``.  The standard
library, setuptools and other tools ask how to start a compiler *here*; the project that is built
asks what to compile *there*, in its ``setup.py`` above all.  So each gets its own answer, by where
the code that asks lies.  That holds only in a process that runs a project's build: other programs
that a build starts are tools, be they part of the project, as numpy's own Meson is.
"""

import importlib.machinery
import json
import os
import platform
import sys
import sysconfig
from pathlib import Path
from types import FrameType, ModuleType
from typing import NamedTuple

_SYSTEMS = {"win32": ("nt", "Windows"), "darwin": ("posix", "Darwin")}
# What is run to build: setup.py, or what calls the hooks of a backend (Sealift's, pip's).
_BUILDERS = {"setup.py", "backend_worker.py", "_in_process.py", "-c"}
# What CPython there was compiled with, as ``sys.version`` ends.
_COMPILERS = {"AMD64": "[MSC v.1944 64 bit (AMD64)]", "ARM64": "[MSC v.1944 64 bit (ARM64)]"}
# Where Python and what is installed for it lie; this is read before more comes to the path.  What
# is not in an environment has a prefix such as /usr, below which projects may lie, too.
_OWN = [sys.prefix] if sys.prefix != sys.base_prefix else []
_INSTALLED = tuple(f"{path.rstrip(os.sep)}{os.sep}" for path in (*sys.path, *_OWN) if path)


class _Windows(NamedTuple):
    """What ``sys.getwindowsversion`` gives: Windows 10, the oldest that CPython still runs on."""

    major: int = 10
    minor: int = 0
    build: int = 19045
    platform: int = 2
    service_pack: str = ""


def answer_for_host() -> None:
    """Let ``os.uname``, and :mod:`platform` after it, tell the host's CPU; headers are its own.

    The other answers come from variables that CPython's own build uses for the same purpose:
    ``_PYTHON_HOST_PLATFORM`` and ``_PYTHON_SYSCONFIGDATA_NAME``.
    """
    answers = json.loads(Path(__file__).with_name("answers.json").read_text(encoding="utf-8"))
    here = os.uname()
    told = os.uname_result((here.sysname, here.nodename, here.release, here.version,
                            answers["machine"]))  # fmt: skip

    def uname() -> os.uname_result:
        return told

    os.uname = uname
    # Import itself goes on with the suffixes of this machine, which it has asked for before.
    importlib.machinery.EXTENSION_SUFFIXES = answers["suffixes"]  # type: ignore[misc]
    include = answers["include"].replace("{", "{{").replace("}", "}}")
    schemes = sysconfig._INSTALL_SCHEMES  # type: ignore[attr-defined]  # noqa: SLF001
    for scheme in schemes.values():
        for name in ("include", "platinclude"):
            if name in scheme:
                scheme[name] = include
    builds = any(Path(argument).name in _BUILDERS for argument in sys.orig_argv[1:])
    if builds and answers["system"] in _SYSTEMS:
        _answer_projects(answers["system"], answers["machine"])


def _answer_projects(system: str, machine: str) -> None:
    """Let the code of projects see ``sys.platform`` and the like of another system."""
    name, spoken = _SYSTEMS[system]
    _tell(sys, "platform", system)
    _tell(os, "name", name)
    if system == "win32":
        _tell(sys, "getwindowsversion", _Windows)
        _tell(sys, "version", f"{sys.version.partition('[')[0]}{_COMPILERS[machine]}")
    here = platform.system

    def asked() -> str:
        return spoken if _is_of_project(sys._getframe(1)) else here()  # noqa: SLF001

    platform.system = asked


def _tell(module: ModuleType, name: str, value: object) -> None:
    """Let code of projects find ``value`` as ``name`` of ``module``; others what is there."""
    absent = object()
    own = vars(module).get(name, absent)

    def get(_: ModuleType) -> object:
        if _is_of_project(sys._getframe(1)):  # noqa: SLF001
            return value
        if own is absent:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        return own

    def new(_: type, *given: str) -> ModuleType:
        # Import makes other modules by calling the type of sys.
        return ModuleType(*given)

    kind = type(module)
    module.__class__ = type(kind.__name__, (kind,), {name: property(get), "__new__": new})


def _is_of_project(frame: FrameType) -> bool:
    """Whether the code of ``frame`` belongs to neither Python, nor what is installed for it."""
    # What setuptools runs as setup.py has no file name of its own, but tells its place.
    place = frame.f_globals.get("__file__") or frame.f_code.co_filename
    return isinstance(place, str) and not place.startswith(("<", *_INSTALLED))


if __name__ == "sitecustomize":
    answer_for_host()

"""A CPython for another machine, read off its files: nothing of it runs.

It may be installed, in the folder it was built in, in the image of a system (below a folder that
stands for ``/``), or unpacked from a distribution's packages.  Sources: ``_sysconfigdata*.py`` and
``Makefile`` of CPython's build, ``build-details.json`` (PEP 739), ``patchlevel.h``.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift.cross.hostmachine import other_cpu, target_of
from sealift.cross.hostvariables import FEATURE, Place, Variables, read_variables
from sealift.errors import InterpreterError
from sealift.target import Target

_PLATFORM = re.compile(r"^_PYTHON_HOST_PLATFORM=[ \t]*(\S+)", re.MULTILINE)
_VERSION = re.compile(r'^#define\s+PY_VERSION\s+"([^"+]+)', re.MULTILINE)
_MAIN = b"Py_BytesMain"  # the function that every CPython's program starts


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPython:
    """A CPython at ``home``, which stands for the ``prefix`` it was configured with.

    ``variables`` are the build's, as recorded in a module called ``name``.  ``headers`` are folders
    whose files together are its headers, the last one's counting.  ``version`` is the full one
    where the headers tell.  ``target`` has ``machine``, what ``uname -m`` prints there.
    """

    program: Path
    home: Path
    version: str
    name: str
    variables: Mapping[str, Any]
    headers: tuple[Path, ...]
    makefile: Path | None
    target: Target

    @property
    def feature(self) -> str:
        """The feature version, such as "3.13"."""
        return str(self.variables["VERSION"])

    @property
    def prefix(self) -> str:
        """Where it believes to be."""
        return str(self.variables.get("prefix") or "")

    @property
    def root(self) -> Path | None:
        """The folder that stands for ``/`` where it is in the image of a system."""
        parts = Path(self.prefix).parts[1:]
        if not parts or self.home.parts[-len(parts) :] != parts or str(self.home) == self.prefix:
            return None
        return self.home.parents[len(parts) - 1]

    @property
    def is_free_threaded(self) -> bool:
        """Whether it is built without the global lock (PEP 703)."""
        return bool(self.variables.get("Py_GIL_DISABLED"))


def read_host_python(
    program: Path, *, sysconfigdata: Path | None = None, machine: str | None = None
) -> HostPython:
    """The CPython whose program is at ``program``; it need not be one that runs here.

    ``sysconfigdata`` names the file of its variables where there are several, ``machine`` what its
    kernel calls its CPU where that cannot be told.  Raises :class:`InterpreterError`.
    """
    path = Path(os.path.abspath(program))  # noqa: PTH100  (a link may only lead somewhere there)
    _check_program(path)
    place = _in_build_folder(path) or _installed(path)
    found = read_variables(place, sysconfigdata)
    makefile = _makefile(place, found)
    headers = _headers(place, found)
    version, platform = _details(place)
    host = HostPython(
        program=path,
        home=place.home,
        version=version or _version(headers) or str(found.values["VERSION"]),
        name=found.module,
        variables=found.values,
        headers=headers,
        makefile=makefile,
        target=target_of(found.values, path, platform or _platform(makefile), machine),
    )
    _check(host)
    return host


def _check_program(path: Path) -> None:
    if path.is_dir():
        inside = sorted(path.glob("bin/python3*")) or [path / "bin" / "python3"]
        raise InterpreterError(
            f"cannot build for {path}: it is a folder, not the program of a Python",
            hint=f"name the program, such as {inside[0]}",
        )
    if not os.path.lexists(path):
        raise InterpreterError(f"cannot build for {path}: there is no such file")
    if path.is_file() and "python" not in path.name and _MAIN not in path.read_bytes():
        raise InterpreterError(
            f"cannot build for {path}: it is no Python", hint="name the program of one"
        )


def _in_build_folder(program: Path) -> Place | None:
    folder = program.parent
    told = folder / "pybuilddir.txt"
    if told.is_file():
        data = folder / told.read_text(encoding="utf-8").strip()
        return Place(folder, (data,), is_build=True)
    if (folder / "Modules" / "Setup.local").is_file() or (folder / "Modules/Setup").is_file():
        raise InterpreterError(
            f"cannot build for {program}: it is in a build folder without pybuilddir.txt",
            hint="build that Python first: make",
        )
    return None


def _installed(program: Path) -> Place:
    homes = dict.fromkeys((_home(program), _home(program.resolve())))
    for home in homes:
        libraries = sorted(
            path
            for path in home.glob("lib*/python3.*")
            if FEATURE.fullmatch(path.name) and path.is_dir()
        )
        if libraries:
            chosen = _library(program, libraries)
            return Place(home, (chosen, *sorted(p for p in chosen.iterdir() if p.is_dir())))
    raise InterpreterError(
        f"cannot build for {program}: it is no Python, or its library is not beside it",
        details=[f"there is no {home}/lib/python3.X" for home in homes],
        hint="name the program in the tree of its installation, such as ROOT/usr/bin/python3",
    )


def _home(program: Path) -> Path:
    """The prefix of what is installed as ``program``; that of a virtual environment's Python."""
    home = program.parent.parent
    settings = home / "pyvenv.cfg"
    if settings.is_file():
        for line in settings.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "home":
                return Path(value.strip()).parent
    return home


def _library(program: Path, libraries: Sequence[Path]) -> Path:
    """The one of ``libraries`` that is ``program``'s, by its name or that of what it links to."""
    names = [program.name]
    if program.is_symlink():
        names.append(os.path.basename(os.readlink(program)))  # noqa: PTH115, PTH119
    for name in reversed(names):
        fitting = [path for path in libraries if path.name == name]
        if fitting:
            return fitting[-1]
    if len({path.name for path in libraries}) == 1:
        return libraries[-1]
    raise InterpreterError(
        f"cannot build for {program}: it may be of any of several Pythons",
        hint=f"name the program as one of {', '.join(path.name for path in libraries)}",
    )


def here(place_home: Path, prefix: str, text: str) -> str:
    """``text`` with the path of the host's ``prefix`` as it is on this machine.

    >>> here(Path("/image/usr"), "/usr", "-L/usr/lib -I/usr/include /opt/usr/x /usr")
    '-L/image/usr/lib -I/image/usr/include /opt/usr/x /image/usr'
    """
    if prefix in {"", "/"}:
        return text
    named = rf"""(?:(?<![\w}}/.-])|(?<=-[IL])){re.escape(prefix)}(?=[/\s:"',]|$)"""
    return re.sub(named, lambda _: str(place_home), text)


def _makefile(place: Place, found: Variables) -> Path | None:
    folder = here(place.home, str(found.values.get("prefix")), str(found.values.get("LIBPL") or ""))
    paths = [place.home / "Makefile"] if place.is_build else [Path(folder, "Makefile")]
    paths += [each / "Makefile" for each in place.folders]
    return next((path for path in paths if path.is_file()), None)


def _platform(makefile: Path | None) -> str | None:
    found = makefile and _PLATFORM.search(makefile.read_text("utf-8", "replace"))
    return found[1] if found else None


def _details(place: Place) -> tuple[str | None, str | None]:
    """The full version and the platform, where ``build-details.json`` (PEP 739) tells them."""
    for folder in place.folders[:1]:
        path = folder / "build-details.json"
        if not path.is_file():
            continue
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            version = told["implementation"]["version"]
            return "{major}.{minor}.{micro}".format(**version), str(told["platform"])
        except (ValueError, KeyError, TypeError) as problem:
            raise InterpreterError(f"cannot read {path}: it is damaged ({problem})") from problem
    return None, None


def _headers(place: Place, found: Variables) -> tuple[Path, ...]:
    values = found.values
    if place.is_build:
        source = place.home / str(values.get("srcdir") or ".")
        return source / "Include", place.home
    name = f"python{values['VERSION']}{values.get('ABIFLAGS') or ''}"
    told = Path(here(place.home, str(values.get("prefix")), str(values.get("INCLUDEPY") or "")))
    usual = place.home / "include" / name
    own = next((path for path in (told, usual) if (path / "Python.h").is_file()), usual)
    # Debian's pyconfig.h leads to that of each CPU, which is in a folder of its own.
    of_cpu = own.parent / str(values.get("MULTIARCH") or "") / own.name
    return (own, of_cpu) if (of_cpu / "pyconfig.h").is_file() and of_cpu != own else (own,)


def _version(headers: Sequence[Path]) -> str | None:
    for folder in headers:
        path = folder / "patchlevel.h"
        if path.is_file() and (found := _VERSION.search(path.read_text("utf-8", "replace"))):
            return found[1]
    return None


def _check(host: HostPython) -> None:
    if host.program.is_file() and (other := other_cpu(host.program, host.target)):
        raise InterpreterError(
            f"cannot build for {host.program}: it is for {other}, but what was recorded "
            f"when it was built is for {host.target.arch}",
            hint="is it a launcher of another Python? --sysconfigdata-file names the host's file",
        )
    for name in ("Python.h", "pyconfig.h"):
        if not any((folder / name).is_file() for folder in host.headers):
            raise InterpreterError(
                f"cannot build for {host.program}: there is no {name} in {host.headers[0]}",
                hint="install its development files, such as Debian's "
                f"libpython{host.feature}-dev, into the same tree",
            )

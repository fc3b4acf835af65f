"""The compilers that a host Python was built with, or others that are named for it."""

import shlex
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sealift import process, store
from sealift.cross.hostmachine import other_cpu
from sealift.cross.hostpython import HostPython, here
from sealift.cross.toolchain import GNU, Toolchain
from sealift.errors import ToolError


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """Commands of compilers and of ``ar``, with arguments where they need some.

    ``None`` stands for what the host Python was built with; ``is_relative`` takes those from PATH,
    wherever they were.  ``sysroot`` is a folder that may have a C library, which then is linked to.
    """

    cc: str | None = None
    cxx: str | None = None
    ar: str | None = None
    is_relative: bool = False
    sysroot: Path | None = None


def find_given_toolchain(host: HostPython, commands: Commands) -> Toolchain:
    """The toolchain of ``commands`` for ``host``; its compiler is tried on an empty file.

    Raises :class:`ToolError` where it is not here, does not work, or is for another CPU.
    """
    cc = _words(host, commands, "CC", commands.cc)
    compiler = shutil.which(cc[0])
    if compiler is None:
        raise _missing(host, cc[0], is_recorded=commands.cc is None)
    cxx = _words(host, commands, "CXX", commands.cxx or _beside(cc, "gcc", "g++"))
    if commands.sysroot and has_c_library(commands.sysroot) and "--sysroot" not in " ".join(cc):
        cc, cxx = ([*words, f"--sysroot={commands.sysroot}"] for words in (cc, cxx))
    _try(host, cc)
    ar = _words(host, commands, "AR", commands.ar)
    if shutil.which(ar[0]) is None and commands.ar is None:
        ar = [_program(cc, "ar")]
    version = process.run([*cc, "--version"], action=f"ask {cc[0]} for its version")
    return Toolchain(
        name=GNU,
        target=host.target,
        identity=f"{shlex.join([*cc, *cxx, *ar])} {version}",
        floor=None,
        cc=_path(cc),
        cxx=_path(cxx),
        ar=_path(ar),
        ranlib=Path(_program(cc, "ranlib")),
        strip=Path(_program(cc, "strip")),
        ld=Path(_program(cc, "ld")),
    )


def _words(host: HostPython, commands: Commands, name: str, named: str | None) -> list[str]:
    """The command ``name``: as ``named``, else as it was when the host Python was built."""
    if named:
        return shlex.split(named)
    words = shlex.split(str(host.variables.get(name) or "")) or [name.lower()]
    if commands.is_relative:
        words[0] = Path(words[0]).name
    return words


def _beside(cc: Sequence[str], end: str, other: str) -> str | None:
    """The C++ compiler that belongs to ``cc``, where there is one beside it."""
    if not cc[0].endswith(end):
        return None
    found = shutil.which(cc[0].removesuffix(end) + other)
    return shlex.join([found, *cc[1:]]) if found else None


def _missing(host: HostPython, program: str, *, is_recorded: bool) -> ToolError:
    origin = f"which {host.program} was built with" if is_recorded else "which --cc names"
    on_path = Path(program).is_absolute() and shutil.which(Path(program).name)
    return ToolError(
        f"cannot find the C compiler {program}, {origin}",
        hint=("--relative-toolchain takes it from PATH   |   " if on_path else "")
        + "--cc names another   |   --toolchain zig needs none",
    )


def has_c_library(sysroot: Path) -> bool:
    """Whether ``sysroot`` has what compiling and linking C takes."""
    libraries = [sysroot / "usr/lib", *sysroot.glob("usr/lib/*-linux-*"), sysroot / "lib"]
    has_library = any((folder / "libc.so").is_file() for folder in libraries)
    return has_library and (sysroot / "usr/include/stdio.h").is_file()


def _try(host: HostPython, cc: Sequence[str]) -> None:
    """Make a shared library of nothing, as extension modules are, to see what CPU it is for."""
    folder = here(host.home, host.prefix, str(host.variables.get("LIBDIR") or ""))
    searched = [f"-L{folder}"] if host.variables.get("Py_ENABLE_SHARED") and folder else []
    with tempfile.TemporaryDirectory(prefix="sealift-cc-") as scratch:
        source, result = Path(scratch, "empty.c"), Path(scratch, "empty.so")
        source.write_text("int nothing;\n", encoding="utf-8")
        process.run(
            [*cc, "-shared", "-fPIC", source, *searched, "-o", result],
            action=f"compile for {host.target} with {shlex.join(cc)}",
            hint="--cc names another compiler   |   --sysroot names its C library   |   "
            "--toolchain zig needs none",
        )
        other = other_cpu(result, host.target)
    if other:
        raise ToolError(
            f"cannot build for {host.program} with {shlex.join(cc)}: it compiles for "
            f"{other}, but that Python is for {host.target.arch}",
            hint="--cc names another compiler   |   --toolchain zig needs none",
        )


def _program(cc: Sequence[str], name: str) -> str:
    """The tool ``name`` that belongs to a compiler: GCC and Clang tell it."""
    told = process.run(
        [*cc, f"-print-prog-name={name}"],
        action=f"ask {cc[0]} for its {name}",
        expected=range(256),
    ).strip()
    return shutil.which(told or name) or name


def _path(command: Sequence[str]) -> Path:
    """A program that is ``command``, for those who expect one without arguments."""
    found = shutil.which(command[0]) or command[0]
    if len(command) == 1:
        return Path(found)
    text = f'#!/bin/sh\nexec {shlex.join([found, *command[1:]])} "$@"\n'

    name = Path(command[0]).name

    def make(folder: Path) -> None:
        folder.mkdir()
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)

    return store.make_entry("toolchains", store.digest_of("given", text), make) / name

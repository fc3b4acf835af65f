"""The machines that one launcher is for, each with C headers to compile it with.

A launcher for both kinds of Mac is compiled for each and made one.  Interpreters from wheels have
no headers: those of a Python of the same feature version on this machine are set right for theirs,
as for extension modules.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sealift import store
from sealift.binary.macho_fat import merged
from sealift.binary.macho_sign import signed
from sealift.cross.host import make_host
from sealift.cross.toolchain import ZIG, default_floor, find_toolchain
from sealift.cross.universal import halves
from sealift.interpreter import Interpreter
from sealift.target import Target, Version


def by_machine(interpreter: Interpreter) -> tuple[Interpreter, ...]:
    """``interpreter`` as it is for each kind of machine that its target means."""
    target = interpreter.target
    targets = halves(target) if target.arch == "universal2" else (target,)
    return tuple(
        _with_headers(replace(interpreter, target=one, floor=_floor(interpreter, one)))
        for one in targets
    )


def _floor(interpreter: Interpreter, target: Target) -> Version | None:
    """That of the interpreter, but on macOS no older one than launchers are compiled for."""
    if target.os != "macos" or not interpreter.floor:
        return interpreter.floor
    return max(interpreter.floor, default_floor(target) or interpreter.floor)


def _with_headers(interpreter: Interpreter) -> Interpreter:
    target, program = interpreter.target, interpreter.program
    if interpreter.headers or target.os == "linux" or not program:
        return interpreter
    toolchain = find_toolchain(ZIG, replace(target, floor=None))
    host = make_host(program, toolchain, free_threaded=interpreter.free_threaded)
    return replace(interpreter, headers=host.headers)


def joined(launchers: Sequence[Path], name: str) -> Path:
    """The launchers for macOS at ``launchers`` in one file of the content store, signed ad hoc.

    ``name`` is what it is called as Python: its signature names it so.
    """
    contents = {f"launcher {number}": path.read_bytes() for number, path in enumerate(launchers)}
    key = store.digest_of("2", name, *contents.values())

    def make(out: Path) -> None:
        (first, *others) = contents.values()
        out.write_bytes(signed(merged(contents) if others else first, name, identifier=name))

    return store.make_entry("launchers", key, make)

"""What ``sealift cross env`` does: a host made of this machine's CPython, and its environment."""

import shlex
from pathlib import Path

from sealift import console
from sealift.cross.apple_sdk import find_sdk
from sealift.cross.environment.creation import Variable, Wishes, make_environment
from sealift.cross.host import Host, make_host
from sealift.cross.sysroot import make_sysroot
from sealift.cross.toolchain import Toolchain, find_toolchain
from sealift.errors import InterpreterError
from sealift.interpreters import candidates
from sealift.interpreters.installation import ask
from sealift.target import parse_target
from sealift.uv import running_python


def run(
    target: str,
    folder: Path,
    *,
    python: str | None,
    floor: str | None,
    toolchain: str,
    libraries: tuple[str, ...],
    clear: bool,
) -> None:
    """Make the environment and tell how to use it."""
    machine = parse_target(target)
    if floor:
        machine = machine.with_floor(floor)
    program = find_program(python and python.removesuffix("t"))
    with console.step(f"Making an environment for {machine}") as step:
        is_free = python is not None and python.endswith("t")
        compilers = find_toolchain(toolchain, machine, sdk=find_sdk(machine))
        host = make_host(program, compilers, free_threaded=is_free)
        wishes = Wishes(
            cleared=frozenset({"build", "cross"} if clear else ()),
            variables=_of_libraries(libraries, host.toolchain),
        )
        make_environment(host, program, folder, wishes)
        step.done(f"CPython {host.version}, {host.toolchain.name}")
    tell(folder, host)


def find_program(python: str | None) -> Path:
    """A CPython of this machine that is ``python``; of Sealift's own version by default."""
    if python is None:
        return ask(running_python()).program
    candidates.check_version(python)
    search = candidates.search(python)
    if search.found is None:
        raise InterpreterError(
            f"cannot find CPython {python} on this machine",
            details=search.refused,
            hint=f"uv python install {python}",
        )
    return search.found.program


def _of_libraries(libraries: tuple[str, ...], toolchain: Toolchain) -> tuple[Variable, ...]:
    if not libraries:
        return ()
    sysroot = make_sysroot(libraries, toolchain)
    told = {name: value for name, value in sysroot.variables.items() if value is not None}
    return (
        ("PATH", "=:", str(sysroot.programs)),
        *((name, "?=", value) for name, value in told.items()),
    )


def tell(folder: Path, host: Host) -> None:
    """Say how the environment is used."""
    value = {
        "path": str(folder),
        "target": str(host.target),
        "python": host.version,
        "compiler": str(host.toolchain.cc),
    }
    console.result(value, f". {shlex.quote(str(folder / 'bin/activate'))}")

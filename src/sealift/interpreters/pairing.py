"""Whether a standard library and a CPython of other patch levels fit together.

Modules in Python and modules in C of one feature version are released together, but a bugfix
release may change both sides of what they share.  What can go wrong is looked for in the files: a
regular expression is compiled for one version of the engine (``_sre.MAGIC``), and names are
imported from modules in C when a module in Python is.  Bytecode is no matter: its magic number does
not change once a feature version is released.
"""

import ast
import json
from collections.abc import Container, Mapping
from importlib import resources
from pathlib import Path

from sealift import process
from sealift.errors import InterpreterError

_ENGINE = "re/_constants.py"


def check_pairing(
    sources: Mapping[str, Path],
    library: Path,
    modules: Mapping[str, Path],
    *,
    absent: Container[str],
    program: Path,
    told: str,
) -> None:
    """Raise :class:`InterpreterError` where ``sources`` ask for what the CPython has not.

    ``sources`` are modules in Python by path below the standard library; ``library`` is CPython's
    own, with the modules that are built in; ``modules`` are the others in C, by name; ``absent``
    are those that are not for this system, so that what asks for them is not, either.  ``program``
    is a Python of the sources' version that runs here, ``told`` names both in a message.
    """
    built_in = library.read_bytes()
    compiled = {name: path.read_bytes() for name, path in modules.items()}
    engine = _engine_version(sources[_ENGINE])
    if engine is None or engine.to_bytes(4, "little") not in built_in:
        raise _unpaired(told, f"re is for version {engine} of the engine, which is another")
    for path, asked in _asked(sources, program).items():
        for module, name in asked:
            # Public modules lose no names in bugfix releases.
            if not module.startswith("_") or module in absent or _is_python(module, sources):
                continue
            # A module may give types that are CPython's.
            if not _has(compiled.get(module, b""), name) and not _has(built_in, name):
                raise _unpaired(told, f"{path} asks for {module}.{name}, which is not there")


def _unpaired(told: str, reason: str) -> InterpreterError:
    return InterpreterError(
        f"cannot join {told}: {reason}",
        hint="install a Python of this feature version whose patch level is nearer",
    )


def _engine_version(path: Path) -> int | None:
    for node in ast.parse(path.read_bytes()).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="MAGIC")], value=ast.Constant(value=int(number))):
                return number
    return None


def _asked(sources: Mapping[str, Path], program: Path) -> dict[str, list[tuple[str, str]]]:
    """What each module in Python cannot be imported without, as ``program`` reads it."""
    script = resources.files("sealift.interpreters").joinpath("ask_names.py").read_text("utf-8")
    names = {str(source): path for path, source in sources.items() if path.endswith(".py")}
    answer = process.run(
        [program, "-I", "-S", "-c", script],
        input_bytes="".join(f"{name}\n" for name in sorted(names)).encode(),
        env=process.clean_environment(),
        error=InterpreterError,
        action=f"read the standard library of {program}",
    )
    return {names[file]: asked for file, asked in json.loads(answer).items()}


def _is_python(module: str, sources: Mapping[str, Path]) -> bool:
    stem = module.replace(".", "/")
    return f"{stem}.py" in sources or f"{stem}/__init__.py" in sources


def _has(code: bytes, name: str) -> bool:
    """Whether a C string ``name`` is in ``code``: names of what a module gives are."""
    return name.encode() + b"\0" in code

"""Interpreters of this machine, described by hand: enough to compile and start launchers."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

from sealift.interpreter import Interpreter
from sealift.target import current_target
from tests.support.tools import missing

_ASK = """
import json, sys, sysconfig
v = sysconfig.get_config_var
print(json.dumps([sys.version.split()[0], sys.base_prefix, v("LIBDIR"), v("INSTSONAME"),
    v("EXT_SUFFIX"), sysconfig.get_path("include"), sysconfig.get_path("stdlib"),
    bool(v("Py_ENABLE_SHARED")), v("LIBPL"), v("LIBRARY")]))
"""


def shared_interpreter(feature: str = "3.13") -> Interpreter:
    """One with a shared libpython and headers."""
    return _found(feature, static=False)


def static_interpreter(feature: str = "3.13") -> Interpreter:
    """One with a static libpython and headers."""
    return _found(feature, static=True)


@functools.cache
def _found(feature: str, *, static: bool) -> Interpreter:
    described = (_describe(program, static=static) for program in _programs(feature))
    found = next(filter(None, described), None)
    return found or missing(
        f"needs CPython {feature} with headers and a {'static' if static else 'shared'} library"
    )


def _programs(feature: str) -> list[Path]:
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    folders += sorted(versions.glob(f"{feature}.*/bin"))
    found = [shutil.which(f"python{feature}", path=str(folder)) for folder in folders]
    return [Path(program) for program in found if program and "shims" not in program]


def _describe(program: Path, *, static: bool) -> Interpreter | None:
    import json

    done = subprocess.run([program, "-I", "-c", _ASK], capture_output=True, check=False)
    if done.returncode:
        return None
    version, prefix, libdir, name, suffix, headers, stdlib, shared, libpl, archive = json.loads(
        done.stdout
    )
    static_library = Path(libpl) / archive
    usable = static_library.is_file() if static else shared and (Path(libdir) / name).is_file()
    if not usable or not (Path(headers) / "Python.h").is_file():
        return None
    root = Path(prefix)
    return Interpreter(
        provider="test",
        version=version,
        target=current_target(),
        root=root,
        stdlib=Path(stdlib).relative_to(root).as_posix(),
        library=None if static else (Path(libdir) / name).relative_to(root).as_posix(),
        static_library=static_library if static else None,
        headers=Path(headers),
        program=program,
        ext_suffix=suffix,
        free_threaded=False,
        floor=None,
        key=f"{program}",
        reason="for tests",
    )

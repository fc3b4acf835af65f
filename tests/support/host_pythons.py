"""Trees as CPythons for other machines leave them, without the programs."""

import pprint
from pathlib import Path
from typing import Any

VARIABLES = {
    "VERSION": "3.13", "EXT_SUFFIX": ".cpython-313-aarch64-linux-gnu.so",
    "MULTIARCH": "aarch64-linux-gnu", "HOST_GNU_TYPE": "aarch64-unknown-linux-gnu",
    "ABIFLAGS": "", "CC": "aarch64-linux-gnu-gcc -pthread", "CXX": "aarch64-linux-gnu-g++ -pthread",
    "AR": "aarch64-linux-gnu-ar", "LDSHARED": "aarch64-linux-gnu-gcc -pthread -shared -L/usr/lib",
    "prefix": "/usr", "INCLUDEPY": "/usr/include/python3.13", "MACHDEP": "linux",
    "LIBDIR": "/usr/lib", "LIBPL": "/usr/lib/python3.13/config-3.13-aarch64-linux-gnu",
    "SIZEOF_VOID_P": 8,
}  # fmt: skip
NAME = "_sysconfigdata__linux_aarch64-linux-gnu"


def write_data(path: Path, **changed: Any) -> Path:
    """A file of variables, laid out as CPython's build writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = pprint.pformat({**VARIABLES, **changed}, width=80)
    path.write_text(f"# system configuration generated\nbuild_time_vars = {text}\n")
    return path


def write_headers(folder: Path, version: str = "3.13.5") -> None:
    """The headers that are looked at."""
    folder.mkdir(parents=True)
    (folder / "Python.h").write_text("")
    (folder / "pyconfig.h").write_text("#define SIZEOF_LONG 8\n")
    (folder / "patchlevel.h").write_text(f'#define PY_VERSION      "{version}"\n')


def installed(prefix: Path, *, platform: str = "", **changed: Any) -> Path:
    """The program of an installed Python 3.13 at ``prefix``."""
    data = prefix / "lib/python3.13" / f"{NAME}.py"
    write_data(data, **changed)
    write_headers(prefix / "include/python3.13")
    makefile = prefix / "lib/python3.13/config-3.13-aarch64-linux-gnu/Makefile"
    makefile.parent.mkdir()
    makefile.write_text(f"prefix=/usr\n_PYTHON_HOST_PLATFORM={platform}\nBUILDPYTHON=python\n")
    program = prefix / "bin/python3.13"
    program.parent.mkdir()
    program.write_bytes(b"")
    return program


def in_build_folder(folder: Path, **changed: Any) -> Path:
    """The program of a Python 3.13 in the folder it was built in, its sources beside."""
    sources, built = folder / "Python-3.13.5", folder / "built"
    write_headers(sources / "Include")
    (sources / "Include/pyconfig.h").unlink()
    write_data(
        built / "build/lib.linux-aarch64-3.13" / f"{NAME}.py", srcdir="../Python-3.13.5", **changed
    )
    (built / "Modules").mkdir()
    (built / "Modules/Setup.local").write_text("")
    (built / "pybuilddir.txt").write_text("build/lib.linux-aarch64-3.13")
    (built / "pyconfig.h").write_text("#define SIZEOF_LONG 8\n")
    (built / "Makefile").write_text("_PYTHON_HOST_PLATFORM=linux-aarch64\n")
    program = built / "python"
    program.write_bytes(b"")
    return program

"""Import libraries of CPython's DLLs, so that extension modules for Windows can be linked here.

A linker needs the names that a DLL exports, and which of them are data.  CPython's headers say so
of each: what they declare with ``PyAPI_FUNC`` and ``PyAPI_DATA`` is imported, and a compiler that
reads them as code for Windows does finds just what is there on Windows.  Besides, there is the
stable ABI, with names that headers no longer declare (``abi3info``, from CPython's own
``stable_abi.toml``).
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sealift import process
from sealift.cross.toolchain import Toolchain
from sealift.errors import BuildError

_IMPORTED = re.compile(r"__attribute__\(\(dllimport\)\)([^;{]*)[;{]")
_ATTRIBUTE = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)")
_POINTER = re.compile(r"\(\s*\*\s*(_?Py\w*)\s*\)\s*\(")  # to a function
_FUNCTION = re.compile(r"\b(_?Py\w*)\s*\(")
_DATUM = re.compile(r"\b(_?Py\w*)\s*(?:\[[^\]]*\]\s*)*$")
# Read for themselves they need what only programs have that use them.
_APART = {"pyconfig.h", "py_curses.h", "pyexpat.h"}


def write_import_libraries(
    folder: Path, *, headers: Path, version: str, abi: str, machine: str, toolchain: Toolchain
) -> None:
    """Write ``pythonXY.lib`` and, for the stable ABI, ``python3.lib`` into ``folder``.

    ``headers`` are those of CPython ``version`` as configured for Windows, ``machine`` is how
    ``dlltool`` calls the CPU.  Raises :class:`BuildError`.
    """
    folder.mkdir()
    stable = stable_names(version)
    every = {**stable, **declared_names(headers, toolchain)}
    for library, names in ((f"python{abi}", every), ("python3", stable)):
        definition = folder / f"{library}.def"
        lines = [f"{name} DATA" if is_data else name for name, is_data in sorted(names.items())]
        definition.write_text("\n".join([f"LIBRARY {library}.dll", "EXPORTS", *lines, ""]), "ascii")
        assert toolchain.dlltool
        process.run(
            [toolchain.dlltool, "-m", machine, "-d", definition, "-D", f"{library}.dll",
             "-l", folder / f"{library}.lib"],
            error=BuildError,
            action=f"make an import library of {library}.dll",
        )  # fmt: skip


def declared_names(headers: Path, toolchain: Toolchain) -> dict[str, bool]:
    """The names that ``headers`` say the interpreter exports; true are those of data."""
    found: dict[str, bool] = {}
    names = [path.relative_to(headers).as_posix() for path in _headers(headers)]
    # Some functions have another name for callers that define this.
    for prelude in ("#define PY_SSIZE_T_CLEAN 1\n", ""):
        lines = [f"#include <{name}>\n" for name in ["Python.h", *names]]
        with tempfile.TemporaryDirectory(prefix="sealift-names-") as scratch:
            source = Path(scratch, "all.c")
            source.write_text(f"#define Py_BUILD_CORE_MODULE 1\n{prelude}{''.join(lines)}", "utf-8")
            text = process.run(
                [toolchain.cc, "-E", "-P", f"-I{headers}", f"-I{headers / 'internal'}", source],
                error=BuildError,
                action="read the headers of CPython for Windows",
            )
        found.update(imported(text))
    return found


def _headers(folder: Path) -> Iterator[Path]:
    for path in [*sorted(folder.glob("*.h")), *sorted(folder.glob("internal/*.h"))]:
        if path.name not in _APART:
            yield path


def imported(text: str) -> dict[str, bool]:
    """What preprocessed C declares as imported of CPython's names; true are those of data.

    >>> imported("__attribute__((dllimport)) long PyLong_AsLong(PyObject *);")
    {'PyLong_AsLong': False}
    >>> imported("__attribute__((dllimport)) int (*PyOS_InputHook)(void);")
    {'PyOS_InputHook': True}
    """
    found: dict[str, bool] = {}
    for declaration in _IMPORTED.findall(text):
        plain = _ATTRIBUTE.sub(" ", declaration).strip()
        for pattern, is_data in ((_POINTER, True), (_FUNCTION, False), (_DATUM, True)):
            if match := pattern.search(plain):
                found[match[1]] = is_data
                break
    return found


def stable_names(version: str) -> dict[str, bool]:
    """The stable ABI of CPython ``version`` on Windows; true are those of data."""
    import abi3info  # type: ignore[import-untyped]

    feature = tuple(map(int, version.split(".")[:2]))
    return {
        known.symbol.name: is_data
        for is_data, table in ((False, abi3info.FUNCTIONS), (True, abi3info.DATAS))
        for known in table.values()
        if (known.added.major, known.added.minor) <= feature
        and (known.ifdef is None or known.ifdef.name == "MS_WINDOWS")
    }

"""Wheels for Windows made on the spot with MinGW, and repaired ones taken apart again."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sealift import archive
from sealift.binary.pe import PeFacts, read_pe
from sealift.binary.pe_edit import PeEdit, edit
from sealift.wheel import make_wheel
from sealift.wheel_writer import write_wheel
from tests.support.tools import require_tool

MINGW = "x86_64-w64-mingw32"
PYTHON = f"{sys.version_info[0]}{sys.version_info[1]}"
TAG = f"cp{PYTHON}-cp{PYTHON}-win_amd64"

# What delvewheel adds to names and to sources.
_MANGLED = re.compile(r"-[0-9a-f]{32}(?=\.dll$)")
_PATCH = re.compile(
    rb"^[\"' ]*# start delvewheel patch.*?# end delvewheel patch\r?\n", re.MULTILINE | re.DOTALL
)

# The few structures of CPython's stable interface that a module has to fill in (not free-threaded).
MODULE = """
typedef struct object PyObject;
typedef long long ssize;
typedef struct {{ const char *name; PyObject *(*call)(PyObject *, PyObject *); int flags;
                 const char *doc; }} Method;
typedef struct {{ ssize count; void *type; void *start; ssize index; void *copy; const char *name;
                 const char *doc; ssize size; Method *methods; void *slots, *traverse, *clear,
                 *free; }} Module;
__declspec(dllimport) PyObject *PyLong_FromLong(long);
__declspec(dllimport) PyObject *PyModule_Create2(Module *, int);
{declarations}
__declspec(dllexport) int plain_value(void) {{ return {expression}; }}
static PyObject *value(PyObject *self, PyObject *none) {{ return PyLong_FromLong(plain_value()); }}
static Method methods[] = {{{{"value", value, 4, ""}}, {{0}}}};
static Module module = {{1, 0, 0, 0, 0, "{name}", "", 0, methods}};
__declspec(dllexport) PyObject *PyInit_{name}(void) {{ return PyModule_Create2(&module, 1013); }}
"""


def dll(out: Path, source: str, *, links: Sequence[Path] = (), late: Sequence[str] = ()) -> Path:
    """A DLL at ``out`` that asks for ``links``, which this made.

    Those called by names in ``late`` are asked for when they are first called, which GNU's linker
    cannot do.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    code, compiled = out.with_suffix(".c"), out.with_suffix(".o")
    code.write_text(f"{source}\nint entry(void) {{ return 1; }}\n")
    compiler, linker = require_tool(f"{MINGW}-gcc"), require_tool("ld.lld")
    subprocess.run([compiler, "-O1", "-c", code, "-o", compiled], check=True)
    asked = subprocess.run(
        [compiler, "-print-file-name=libkernel32.a"], capture_output=True, text=True, check=True
    )
    subprocess.run(
        [linker, "-m", "i386pep", "-shared", "-s", "-e", "entry", compiled,
         *map(import_library, links),
         *(f"-Xlink=-delayload:{name}" for name in late), f"-L{Path(asked.stdout).parent}",
         "-ldelayimp", "-lmingwex", "-lmsvcrt", "-lkernel32",
         "--out-implib", import_library(out), "-o", out],
        check=True,
    )  # fmt: skip
    code.unlink()
    compiled.unlink()
    return out


def import_library(library: Path) -> Path:
    """Where the import library of a DLL lies."""
    return library.with_suffix(".a")


def module(
    folder: Path,
    name: str,
    expression: str,
    *,
    declarations: str = "",
    links: Sequence[Path] = (),
    late: Sequence[str] = (),
    python: str = PYTHON,
) -> Path:
    """An extension module whose ``value()`` is ``expression``, which a C function also gives."""
    out = folder / f"{name}.cp{python}-win_amd64.pyd"
    source = MODULE.format(name=name, expression=expression, declarations=declarations)
    return dll(out, source, links=[*links, python_library(folder, python)], late=late)


def python_library(folder: Path, python: str) -> Path:
    """A DLL of Python, of which only the import library is there, with what modules here need."""
    folder.mkdir(parents=True, exist_ok=True)
    definition, library = folder / "python.def", folder / "python.dll"
    definition.write_text(
        f"LIBRARY python{python}.dll\nEXPORTS\nPyLong_FromLong\nPyModule_Create2\nPy_Main\n"
    )
    subprocess.run(
        [require_tool(f"{MINGW}-dlltool"), "-d", definition, "-l", import_library(library)],
        check=True,
    )
    return library


def windows_wheel(
    out: Path, name: str, files: Mapping[str, bytes | Path], *, tag: str = TAG
) -> Path:
    """A wheel of ``files``."""
    return make_wheel(name, "1.0", files, out=out, tag=tag)


def unpacked(wheel: Path, folder: Path) -> Path:
    """The wheel as an installer would lay it out."""
    archive.extract_zip(wheel, folder)
    return folder


def facts_in(folder: Path) -> dict[str, PeFacts]:
    """The facts of all PE files below ``folder``, by their paths."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if facts := read_pe(path):
            found[path.relative_to(folder).as_posix()] = facts
    return found


def unrepaired(wheel: Path, out: Path) -> tuple[Path, Path]:
    """``wheel`` as it was before delvewheel saw it, and the folder where its DLLs lie."""
    folder, dlls = out / "tree", out / "dlls"
    archive.extract_zip(wheel, folder)
    dlls.mkdir()
    grafts = {
        path.name: _MANGLED.sub("", path.name)
        for path in folder.rglob("*.dll")
        if _MANGLED.search(path.name)
    }
    for name, facts in facts_in(folder).items():
        renamed = {asked: grafts[asked] for asked in facts.needed if asked in grafts}
        edit(folder / name, folder / name, PeEdit(renamed=renamed))
    for path in [path for path in folder.rglob("*.dll") if path.name in grafts]:
        shutil.move(path, dlls / grafts[path.name])
    for path in folder.rglob("*.py"):
        path.write_bytes(_PATCH.sub(b"", path.read_bytes()))
    (info,) = folder.glob("*.dist-info")
    (info / "DELVEWHEEL").unlink()
    (out / "wheels").mkdir()
    write_wheel(out / "wheels" / wheel.name, folder, info.name)
    return out / "wheels" / wheel.name, dlls

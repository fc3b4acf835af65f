"""Wheels with native files made on the spot: libraries and modules in C."""

import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from sealift.wheel import make_wheel
from tests.support.tools import require_tool

LINUX = f"cp{sys.version_info[0]}{sys.version_info[1]}"
TAG = f"{LINUX}-{LINUX}-linux_x86_64"
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")

MODULE = """#include <Python.h>
{declarations}
static PyObject *value(PyObject *self, PyObject *none) {{ return PyLong_FromLong({expression}); }}
static PyMethodDef methods[] = {{{{"value", value, METH_NOARGS, ""}}, {{0}}}};
static PyModuleDef module = {{PyModuleDef_HEAD_INIT, "{name}", "", 0, methods}};
PyMODINIT_FUNC PyInit_{name}(void) {{ return PyModule_Create(&module); }}
"""


def c_library(
    folder: Path, name: str, source: str, *, links: Sequence[Path] = (), options: Sequence[str] = ()
) -> Path:
    """A shared library ``name``, which is also its soname; it finds ``links`` where they lie."""
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / name
    (folder / f"{name}.c").write_text(source)
    rpaths = [f"-Wl,-rpath,{link.parent}" for link in links]
    subprocess.run(
        [require_tool("gcc"), "-shared", "-fPIC", f"-Wl,-soname,{name}", *rpaths, *options,
         folder / f"{name}.c", *links, "-o", out],
        check=True,
    )  # fmt: skip
    return out


def c_module(
    folder: Path,
    name: str,
    expression: str,
    *,
    declarations: str = "",
    links: Sequence[Path] = (),
    options: Sequence[str] = (),
) -> Path:
    """An extension module whose ``value()`` is ``expression``."""
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / f"{name}{SUFFIX}"
    source = folder / f"{name}.c"
    source.write_text(MODULE.format(name=name, declarations=declarations, expression=expression))
    include = sysconfig.get_path("include")
    rpaths = [f"-Wl,-rpath,{link.parent}" for link in links]
    subprocess.run(
        [require_tool("gcc"), "-shared", "-fPIC", f"-I{include}", *rpaths, *options,
         source, *links, "-o", out],
        check=True,
    )  # fmt: skip
    return out


def native_wheel(
    out: Path, name: str, files: Mapping[str, bytes | Path], *, tag: str = TAG
) -> Path:
    """A wheel of ``files``."""
    return make_wheel(name, "1.0", files, out=out, tag=tag)

"""Products whose Python is inside of the launcher, and the reasons to keep it a file."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest

from sealift.binary.elf import read_elf
from sealift.formats.folder import Folder
from sealift.image import Entry, Image, Kind
from sealift.interpreter import Interpreter
from sealift.launcher.compile import launcher_for
from sealift.launcher.linking import settled
from sealift.launcher.product import RuntimeOptions
from sealift.manifest import file_entry
from tests.support.interpreters import static_interpreter
from tests.support.products import behaviour_wheels, local_interpreter, make_image
from tests.support.tools import require_tool

ASK = "import ctypes, json; print(ctypes.pythonapi.Py_IsInitialized(), json.dumps('ä'))"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    static_interpreter("3.13")  # says what is missing where there is none
    wheels = behaviour_wheels(tmp_path_factory.mktemp("wheels"))
    return make_image(local_interpreter("3.13"), wheels, "behaviour.cli:main", name="demo")


def answer(image: Image, out: Path, code: str = ASK) -> str:
    Folder().write([image], RuntimeOptions(), out)
    done = subprocess.run([out / "bin/python3.13", "-c", code], capture_output=True, check=True)
    return done.stdout.decode().strip()


def test_python_is_inside_of_the_launcher(image: Image, tmp_path: Path) -> None:
    library = image.interpreter.library
    assert library
    assert any(entry.path == library for entry in image.entries)
    assert answer(image, tmp_path / "out") == '1 "\\u00e4"'
    assert not (tmp_path / "out" / library).exists()
    facts = read_elf(tmp_path / "out/demo")
    assert facts
    assert facts.is_pie
    data = (tmp_path / "out/demo").read_bytes()
    for path in image.interpreter.build_paths:
        assert path.encode() not in data


def exported(file: Path) -> set[str]:
    command = [str(require_tool("nm")), "--dynamic", "--defined-only", str(file)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[-1].partition("@")[0] for line in lines}


# What linkers add to every program with symbols.
LINKERS_OWN = {
    "_IO_stdin_used", "__bss_start", "__data_start", "data_start", "_edata", "_end", "_start",
    "__dso_handle", "_init", "_fini", "environ", "__environ", "_environ", "stdin", "stdout",
    "stderr",
}  # fmt: skip


def test_the_launcher_offers_all_that_libpython_does_and_no_more(
    image: Image, tmp_path: Path
) -> None:
    interpreter = image.interpreter
    assert interpreter.library
    offered = exported(interpreter.root / interpreter.library)
    assert {"PyExc_ValueError", "_Py_NoneStruct", "PyObject_Repr"} < offered
    launcher = launcher_for(_asking_for_zlib(interpreter, tmp_path))
    assert b"incorrect header check" in launcher.read_bytes()
    assert offered - exported(launcher) == set()
    assert exported(launcher) - offered - LINKERS_OWN == {"sealift_test_inflate"}


def _asking_for_zlib(interpreter: Interpreter, folder: Path) -> Interpreter:
    """``interpreter`` with a module built in that takes zlib, as Debian's has."""
    assert interpreter.static_library
    archive = Path(shutil.copy(interpreter.static_library, folder / "libpython.a"))
    (folder / "module.c").write_text(
        "int inflate(void *, int);\nint sealift_test_inflate(void *s) { return inflate(s, 0); }\n"
    )
    made = folder / "module.o"
    subprocess.run(
        [require_tool("gcc"), "-c", "-fPIC", folder / "module.c", "-o", made], check=True
    )
    subprocess.run([require_tool("ar"), "qs", archive, made], check=True)
    stdlib = folder / "root" / interpreter.stdlib
    stdlib.mkdir(parents=True)
    text = "build_time_vars = {'MODLIBS': '-lz', 'LIBS': '-ldl', 'SYSLIBS': '-lm'}\n"
    (stdlib / "_sysconfigdata__linux_.py").write_text(text)
    return dataclasses.replace(
        interpreter, library=None, static_library=archive, root=folder / "root"
    )


def test_a_file_that_asks_for_libpython_gets_the_only_one(image: Image, tmp_path: Path) -> None:
    interpreter = image.interpreter
    assert interpreter.library
    entry = _extension(image, tmp_path)
    entries = tuple(sorted((*image.entries, entry), key=lambda e: e.path))
    other = dataclasses.replace(image, entries=entries).with_key()
    assert settled(other).interpreter.static_library is None
    code = "import asking, sys; print(asking.version() == sys.version)"
    assert answer(other, tmp_path / "out", code) == "True"


def _extension(image: Image, folder: Path) -> Entry:
    """A module linked with libpython, as build systems of large C++ programs make them."""
    interpreter = image.interpreter
    (folder / "asking.c").write_text(
        """#include <Python.h>
static PyObject *version(PyObject *self, PyObject *none) {
    return PyUnicode_FromString(Py_GetVersion());
}
static PyMethodDef methods[] = {{"version", version, METH_NOARGS, ""}, {0}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "asking", "", 0, methods};
PyMODINIT_FUNC PyInit_asking(void) { return PyModule_Create(&module); }
"""
    )
    library = interpreter.root / (interpreter.library or "")
    out = folder / f"asking{interpreter.ext_suffix}"
    subprocess.run(
        [require_tool("gcc"), "-shared", "-fPIC", f"-I{interpreter.headers}",
         folder / "asking.c", library, "-o", out],
        check=True,
    )  # fmt: skip
    return file_entry(
        f"{interpreter.stdlib}/site-packages/{out.name}", out, kind=Kind.NATIVE, origin="asking"
    )


def test_a_library_that_cannot_be_linked_is_left_alone(image: Image, tmp_path: Path) -> None:
    bad = tmp_path / "libpython3.13.a"
    bad.write_bytes(b"!<arch>\nnonsense")
    interpreter = dataclasses.replace(image.interpreter, static_library=bad)
    damaged = dataclasses.replace(image, interpreter=interpreter)
    assert settled(damaged).interpreter == dataclasses.replace(interpreter, static_library=None)
    assert answer(damaged, tmp_path / "out") == '1 "\\u00e4"'
    assert (tmp_path / "out" / (interpreter.library or "")).is_file()

"""Products whose Python is inside of the launcher, and the reasons to keep it a file."""

import dataclasses
import subprocess
from pathlib import Path

import pytest

from sealift.binary.elf import read_elf
from sealift.formats.folder import Folder
from sealift.image import Entry, Image, Kind
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

"""What a build is told of the host: names, macros, and answers to code of projects alone."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sealift.cross import answering
from sealift.cross.configuration import (
    host_configuration,
    host_row,
    macro_variables,
    macros_of,
    naming,
)
from sealift.cross.import_library import imported, stable_names
from sealift.errors import BuildError
from sealift.target import load_targets, parse_target


@pytest.mark.parametrize(
    ("name", "suffixes", "platform", "soabi"),
    [
        ("linux-aarch64", ".cpython-313-aarch64-linux-gnu.so .abi3.so .so",
         "linux-aarch64", "cpython-313-aarch64-linux-gnu"),
        ("linux-armv7l-musl", ".cpython-313-arm-linux-musleabihf.so .abi3.so .so",
         "linux-armv7l", "cpython-313-arm-linux-musleabihf"),
        ("linux-x86_64", ".cpython-313t-x86_64-linux-gnu.so .abi3.so .so",
         "linux-x86_64", "cpython-313t-x86_64-linux-gnu"),
        ("macos-arm64", ".cpython-313-darwin.so .abi3.so .so",
         "macosx-12.0-arm64", "cpython-313-darwin"),
        ("macos-x86_64", ".cpython-313t-darwin.so .abi3.so .so",
         "macosx-12.0-x86_64", "cpython-313t-darwin"),
        ("windows-x86_64", ".cp313-win_amd64.pyd .pyd", "win-amd64", "cp313-win_amd64"),
        ("windows-arm64", ".cp313t-win_arm64.pyd .pyd", "win-arm64", "cp313t-win_arm64"),
    ],
)  # fmt: skip
def test_hosts_call_their_modules_as_cpython_does(
    name: str, suffixes: str, platform: str, soabi: str
) -> None:
    free = "313t" in soabi
    names = naming(parse_target(name), version="3.13.5", floor=(12, 0), free_threaded=free)
    assert names.suffixes == tuple(suffixes.split())
    assert (names.platform, names.soabi) == (platform, soabi)


def test_every_target_of_a_computer_has_a_row() -> None:
    for name, target in load_targets().items():
        if target.os in {"linux", "macos", "windows"} and name not in {
            "macos-universal2", "windows-x86"
        }:  # fmt: skip
            assert host_row(target)["triplet"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("macos-universal2", "at once: it is two machines"), ("windows-x86", "for windows-x86 here")],
)
def test_what_is_no_host_is_told(name: str, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        host_row(parse_target(name))


OWN = """
#define SIZEOF_LONG 8
#define HAVE_EPOLL 1
/* #undef HAVE_KQUEUE */
/* #undef Py_GIL_DISABLED */
"""


def macros_told(name: str, *, free_threaded: bool = False) -> dict[str, Any]:
    target = parse_target(name)
    macros = macros_of(target, free_threaded=free_threaded)
    return macro_variables(host_configuration(target, OWN, macros, "313"))


def test_the_configuration_of_a_mac_is_that_of_linux_set_right() -> None:
    told = macros_told("macos-arm64")
    assert (told["HAVE_EPOLL"], told["HAVE_KQUEUE"], told["SIZEOF_LONG"]) == (0, 1, 8)


def test_the_configuration_of_windows_is_its_own() -> None:
    told = macros_told("windows-x86_64")
    assert (told["SIZEOF_LONG"], told["SIZEOF_VOID_P"], told["MS_WINDOWS"]) == (4, 8, 1)
    assert "HAVE_EPOLL" not in told


@pytest.mark.parametrize("name", ["linux-x86_64", "macos-arm64", "windows-x86_64"])
def test_free_threading_is_told_in_the_configuration(name: str) -> None:
    assert macros_told(name)["Py_GIL_DISABLED"] == 0
    assert macros_told(name, free_threaded=True)["Py_GIL_DISABLED"] == 1


def test_names_are_read_from_declarations_as_compilers_print_them() -> None:
    text = """
    __attribute__((dllimport)) PyTypeObject PyLong_Type;
    __attribute__((dllimport)) void __attribute__((__noreturn__)) Py_Exit(int);
    extern __attribute__((dllimport)) char *(*PyOS_ReadlineFunctionPointer)(FILE *, const char *);
    extern __attribute__((dllimport)) const char Py_hexdigits[16];
    __attribute__((dllimport)) PyObject *PyObject_Call(PyObject *f, PyObject *(*g)(int));
    __attribute__((dllimport)) int __stdcall closesocket(unsigned long long s);
    static inline int _Py_here(void) { return 1; }
    """
    assert imported(text) == {
        "PyLong_Type": True, "Py_Exit": False, "PyOS_ReadlineFunctionPointer": True,
        "Py_hexdigits": True, "PyObject_Call": False,
    }  # fmt: skip


def test_the_stable_interface_grows_and_knows_windows() -> None:
    old, new = stable_names("3.11.7"), stable_names("3.13.0")
    assert old.items() < new.items()
    assert new["PyErr_SetFromWindowsErr"] is False  # only there
    assert "PyOS_AfterFork" not in new  # not there
    assert new["PyExc_ValueError"] is True


ASKS = """
import importlib.machinery, json, os, platform, sys, types
sys.path.insert(0, {library!r})
import installed
print(json.dumps({{
    "here": [sys.platform, os.name, platform.system(), hasattr(sys, "getwindowsversion")],
    "elsewhere": [installed.asked(), hasattr(sys.modules["installed"], "platform")],
    "machine": platform.machine(), "bits": "64 bit" in sys.version,
    "suffixes": importlib.machinery.EXTENSION_SUFFIXES,
    "packages": type(sys.modules["json"]) is types.ModuleType is type(installed),
}}))
"""
INSTALLED = "import os, sys\ndef asked(): return [sys.platform, os.name, sys.argv[0] != '']\n"


@pytest.mark.skipif(sys.platform != "linux", reason="answers of a Linux are replaced")
@pytest.mark.parametrize(
    ("system", "here"),
    [
        ("win32", ["win32", "nt", "Windows", True]),
        ("darwin", ["darwin", "posix", "Darwin", False]),
        ("linux", ["linux", "posix", "Linux", False]),
    ],
)
def test_projects_see_the_host_and_tools_see_this_machine(
    system: str, here: list[object], tmp_path: Path
) -> None:
    library, project = tmp_path / "answers", tmp_path / "project"
    library.mkdir()
    project.mkdir()
    shutil.copyfile(answering.__file__, library / "sitecustomize.py")
    (library / "installed.py").write_text(INSTALLED)
    answers = {"machine": "AMD64", "system": system, "suffixes": [".x", ".y"], "include": "/i"}
    (library / "answers.json").write_text(json.dumps(answers))
    asks = ASKS.format(library=str(library))
    (project / "setup.py").write_text(asks)
    # As setuptools runs it: without a name of the file, which is told beside.
    runner = f"exec(compile({asks!r}, '<string>', 'exec'), {{'__file__': {str(project)!r}}})"
    for arguments in ([str(project / "setup.py")], ["-c", runner]):
        done = subprocess.run(
            [sys.executable, "-P", *arguments],
            env={"PYTHONPATH": str(library)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["here"] == here
        assert told["elsewhere"] == [["linux", "posix", True], False]
        assert (told["machine"], told["suffixes"]) == ("AMD64", [".x", ".y"])
        assert told["bits"] is (system == "win32")
        assert told["packages"]
    # Another program that the project brings is a tool, and asks of this machine.
    tool = project / "meson.py"
    tool.write_text("import os, sys\nprint(sys.platform, os.name)\n")
    done = subprocess.run(
        [sys.executable, tool], env={"PYTHONPATH": str(library)}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["linux", "posix"]

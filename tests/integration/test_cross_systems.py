"""Wheels for Windows and macOS, built here: the former run in CPython for Windows under wine."""

import json
import re
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from macholib.MachO import MachO  # type: ignore[import-untyped]

from sealift import process
from sealift.audit.report import audit
from sealift.backend import BuildPython, build_wheel
from sealift.binary.macho_verify import verify_signature
from sealift.binary.pe import read_pe
from sealift.building import make_wheel
from sealift.cross.host import Host, make_host
from sealift.cross.import_library import stable_names
from sealift.cross.toolchain import find_toolchain
from sealift.errors import BuildError
from sealift.interpreters.candidates import search
from sealift.order import Order
from sealift.sources import Sources
from sealift.target import load_targets
from tests.support.command import sealift
from tests.support.cross_projects import PROJECTS, write_project
from tests.support.tools import missing, require_tool
from tests.support.windows_python import windows_python
from tests.support.windows_wheels import MINGW, PYTHON
from tests.support.wine import Wine, running_wine

pytestmark = pytest.mark.network

FEATURE = f"{PYTHON[0]}.{PYTHON[1:]}"  # of CPython for Windows, whose standard library is ours
Maker = Callable[..., Path]

# What a project for several systems does, and code for Microsoft's compiler and headers.
ASKING = """
import os, platform, sys
from setuptools import setup, Extension
assert platform.system() == {"win32": "Windows", "darwin": "Darwin"}[sys.platform]
asked = f"{sys.platform} {os.name}"
windows = sys.platform == "win32"
setup(name="demo", version="1.0", packages=["demo"], ext_modules=[Extension(
    "demo._native", ["native.cpp"], define_macros=[("ASKED", '"%s"' % asked)],
    libraries=["Ws2_32"] if windows else [],
    extra_compile_args=["/EHsc", "/O2", "/std:c++17"] if windows else [],
)])
"""
ASKING_CODE = """
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdexcept>
#include <string>
#ifdef _WIN32
#include <WinSock2.h>
#include <WinTernl.h>
// MinGW's header has one already, Microsoft's has none.
typedef enum _KWAIT_REASON { Executive, FreePage, PageIn } KWAIT_REASON;
static unsigned short swapped() { return htons(1); }
#else
#include <arpa/inet.h>
static unsigned short swapped() { return htons(1); }
#endif
static PyObject *answer(PyObject *self, PyObject *arguments) {
    const char *text; Py_ssize_t size;
    if (!PyArg_ParseTuple(arguments, "s#", &text, &size)) return nullptr;
    try {
        if (size > 3) throw std::length_error("too long: " + std::string(text, size));
    } catch (const std::exception &problem) {
        PyErr_SetString(PyExc_ValueError, problem.what());
        return nullptr;
    }
    return PyUnicode_FromFormat("%s %d", ASKED, (int) swapped());
}
static PyMethodDef methods[] = {{"answer", answer, METH_VARARGS, ""}, {nullptr}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", "", 0, methods};
PyMODINIT_FUNC PyInit__native() { return PyModule_Create(&module); }
"""
PROJECT = dict(
    PROJECTS["setuptools"], **{"setup.py": ASKING, "native.cpp": ASKING_CODE, "native.c": ""}
)
# Functions of C's library that there are for double and for long double.
OF_ONE = """
sin cos tan asin acos atan sinh cosh tanh asinh atanh exp exp2 expm1 log log10 log1p log2 logb ilogb
cbrt fabs sqrt erf erfc lgamma tgamma ceil floor nearbyint rint lrint llrint round lround llround
trunc
"""
OF_TWO = "atan2 hypot pow fmod remainder copysign nextafter nexttoward fdim fmax fmin"
OF_COMPLEX = """
cproj cacos casin catan ccos csin ctan cacosh casinh catanh ccosh csinh ctanh cexp clog csqrt
"""
LONG_DOUBLE = r"""
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#define SHOWN(one, other) printf("%.17g %.17g\n", (double)(one), (double)(other));
#define ONE(name) SHOWN(name##l(x), name(x))
#define TWO(name) SHOWN(name##l(x, y), name(x, y))
int main(void)
{
    volatile double x = 0.5, y = 1.25;
    long double nothing = NAN, some = x, whole;
    SHOWN(isnan(nothing) && !isnan(some) && fpclassify(some) == FP_NORMAL && signbit(-some), 1)
    SHOWN(modfl(x + 2, &whole) + whole, x + 2)
    SHOWN(strtold("0.1", 0), 0.1)
"""
C_LIBRARY = ("api-ms-win-crt-", "kernel32.dll", "ws2_32.dll")


@pytest.fixture
def build(tmp_path: Path) -> Maker:
    found = search(FEATURE).found or missing(f"needs CPython {FEATURE} with headers")

    def make(files: dict[str, str], target: str) -> Path:
        return make_wheel(
            Order(
                name="demo",
                version="1.0",
                sources=Sources(folder=write_project(tmp_path / "demo", files)),
                target=load_targets()[target],
                python=BuildPython(program=found.program, version=found.version),
            )
        )

    return make


def host_of(feature: str, target: str, *, free_threaded: bool = False) -> Host:
    found = search(feature).found or missing(f"needs CPython {feature} with headers")
    toolchain = find_toolchain("zig", load_targets()[target])
    return make_host(found.program, toolchain, free_threaded=free_threaded)


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    with running_wine(tmp_path_factory.mktemp("wine")) as made:
        yield made


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CPython for Windows, with the DLL of the stable ABI, which leads to its own."""
    return windows_python(tmp_path_factory.mktemp("python"))


@pytest.fixture
def told(wine: Wine, python: Path, tmp_path: Path) -> Callable[[Path, str], str]:
    """What code says in CPython for Windows, with a wheel that is put into ``site``."""

    def run(wheel: Path, code: str) -> str:
        folder = tmp_path / "site"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        setting = f"import sys; sys.path.insert(0, {f'Z:{folder}'!r})\n"
        done = wine.run(python, "-B", "-c", setting + code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def besides_system(module: Path) -> list[str]:
    """The DLLs that a module asks for and that are not Windows' own: no compiler's."""
    facts = read_pe(module)
    assert facts
    return [name for name in map(str.lower, facts.needed) if not name.startswith(C_LIBRARY)]


def test_a_configure_script_s_questions_do_not_make_mingw_anew(tmp_path: Path) -> None:
    """libsodium's asks for a dozen kinds of CPUs, for each of which zig took minutes."""
    toolchain = find_toolchain("zig", load_targets()["windows-x86_64"])
    (tmp_path / "plain.c").write_text("int main(void) { return 0; }\n")
    (tmp_path / "asks.c").write_text(
        "#ifndef __AVX512F__\n#error\n#endif\nint main(void) { return 0; }\n"
    )
    process.run([toolchain.cc, "-O2", "plain.c", "-o", "plain.exe"], cwd=tmp_path)
    cache = Path(json.loads(toolchain.cc.with_name("settings.json").read_text())["cache"])
    runtimes = sorted(cache.rglob("libmingw32.lib"))
    process.run([toolchain.cc, "-O2", "-mavx512f", "asks.c", "-o", "asks.exe"], cwd=tmp_path)
    assert runtimes == sorted(cache.rglob("libmingw32.lib")) != []


def test_a_long_double_of_64_bits_is_computed_with(wine: Wine, tmp_path: Path) -> None:
    """numpy's is one; MinGW's functions take one of 80 bits."""
    calls = [*(f"ONE({name})" for name in OF_ONE.split()), *(f"TWO({n})" for n in OF_TWO.split())]
    (tmp_path / "tried.c").write_text(LONG_DOUBLE + " ".join(calls) + "}\n")
    of_complex = [
        f"long double complex of_{name}(long double complex z) {{ return {name}l(z); }}\n"
        for name in OF_COMPLEX.split()
    ]
    (tmp_path / "complex.c").write_text("#include <complex.h>\n" + "".join(of_complex))
    compiler = find_toolchain("zig", load_targets()["windows-x86_64"]).cc
    for level in ("-O0", "-O2"):
        options = [compiler, level, "-mlong-double-64"]
        process.run([*options, "tried.c", "-o", "tried.exe"], cwd=tmp_path)
        done = wine.run(tmp_path / "tried.exe")
        pairs = [line.split() for line in done.stdout.splitlines()]
        assert len(pairs) == len(calls) + 3, done.stderr
        assert not [pair for pair in pairs if pair[0] != pair[1]]
        process.run([*options, "-S", "complex.c", "-o", "complex.s"], cwd=tmp_path)
        called = set(re.findall(r"(?:callq|jmp)\s+(c\w+)", (tmp_path / "complex.s").read_text()))
        assert called == set(OF_COMPLEX.split())


@pytest.mark.parametrize("kind", ["setuptools", "abi3", "meson", "scikit-build-core"])
def test_wheels_of_every_backend_run_on_windows(
    kind: str, build: Maker, told: Callable[[Path, str], str], tmp_path: Path
) -> None:
    wheel = build(PROJECTS[kind], "windows-x86_64")
    tag = "cp311-abi3" if kind == "abi3" else f"cp{PYTHON}-cp{PYTHON}"
    assert wheel.name == f"demo-1.0-{tag}-win_amd64.whl"
    assert not [found for found in audit(wheel).findings if found.severity.value == "error"]
    code = "import demo._native; print(demo._native.answer())"
    assert told(wheel, code) == "c 8"
    (module,) = (tmp_path / "site").rglob("*.pyd")
    assert besides_system(module) == ["python3.dll" if kind == "abi3" else f"python{PYTHON}.dll"]
    # Nothing else that a linker writes for Windows comes along, unless the build asks for it.
    asked_for = {".a"} if kind == "meson" else set()
    assert {path.suffix for path in module.parent.iterdir()} == {".py", ".pyd"} | asked_for


def test_a_project_that_asks_sees_windows(
    build: Maker, told: Callable[[Path, str], str], tmp_path: Path
) -> None:
    wheel = build(PROJECT, "windows-x86_64")
    code = """
import demo._native
print(demo._native.answer("abc"))
try:
    demo._native.answer("abcd")
except ValueError as problem:
    print(problem)
"""
    assert told(wheel, code).splitlines() == ["win32 nt 256", "too long: abcd"]
    (module,) = (tmp_path / "site").rglob("*.pyd")
    assert besides_system(module) == [f"python{PYTHON}.dll"]


def test_an_environment_for_hand_work_builds_for_windows(
    told: Callable[[Path, str], str], tmp_path: Path
) -> None:
    if not search(FEATURE).found:
        missing(f"needs CPython {FEATURE} with headers")
    made = sealift(
        "cross", "env", "windows-x86_64", tmp_path / "env", "--python", FEATURE, cwd=tmp_path
    )
    assert made.status == 0, made.err
    project = write_project(tmp_path / "demo", PROJECT)
    pip = tmp_path / "env/bin/cross-pip"
    subprocess.run([pip, "wheel", "-q", "--no-deps", "-w", tmp_path, project], check=True)
    wheel = tmp_path / f"demo-1.0-cp{PYTHON}-cp{PYTHON}-win_amd64.whl"
    code = "import demo._native; print(demo._native.answer('abc'))"
    assert told(wheel, code) == "win32 nt 256"


def test_import_libraries_have_what_cpython_s_dll_exports(python: Path) -> None:
    library = python.parent / f"python{PYTHON}.dll"
    objdump = require_tool(f"{MINGW}-objdump")
    listed = subprocess.run(
        [objdump, "-p", library], capture_output=True, text=True, check=True
    ).stdout
    table = listed.partition("[Ordinal/Name Pointer] Table")[2].partition("\n\n")[0]
    exported = set(re.findall(r"(_?Py\w+)$", table, re.MULTILINE))
    assert len(exported) > 1500
    host = host_of(FEATURE, "windows-x86_64")
    assert host.libraries
    lines = (host.libraries / f"python{PYTHON}.def").read_text().splitlines()[2:]
    ours = {line.split()[0]: line.endswith(" DATA") for line in lines}
    # The patch releases of the DLL and of the headers may differ in what is private.
    assert {name for name in exported - ours.keys() if not name.startswith("_")} <= {
        "Py_CompileStringFlags", "PY_TIMEOUT_MAX"
    }  # fmt: skip
    assert {name for name in ours.keys() - exported if not name.startswith("_")} <= {
        "Py_FrozenMain"
    }
    assert len(exported & ours.keys()) > 0.98 * len(exported)
    assert stable_names(FEATURE).keys() <= exported
    assert ours["PyLong_Type"]
    assert ours["PyOS_InputHook"]
    assert not ours["PyLong_AsLong"]


def slices(wheel: Path, folder: Path) -> MachO:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    (module,) = folder.rglob("*.so")
    checks = verify_signature(module.read_bytes())
    # What is for Apple's processors has to be signed; zig does so.
    assert [check.problems for check in checks if check.signature] in ([()], [(), ()])
    assert all(check.fits for check in checks if check.cpu == "arm64")
    assert str(Path.home()).encode() not in module.read_bytes()
    return MachO(str(module))


@pytest.mark.parametrize("kind", ["setuptools", "abi3", "meson"])
def test_wheels_for_macs_are_such_as_they_load(kind: str, build: Maker, tmp_path: Path) -> None:
    wheel = build(PROJECTS[kind], "macos-arm64")
    tag = "cp311-abi3" if kind == "abi3" else f"cp{PYTHON}-cp{PYTHON}"
    assert wheel.name == f"demo-1.0-{tag}-macosx_11_0_arm64.whl"
    assert not [found for found in audit(wheel).findings if found.severity.value == "error"]
    (header,) = slices(wheel, tmp_path / "site").headers
    assert header.filetype == "dylib"
    (module,) = (tmp_path / "site").rglob("*.so")
    middle = {"abi3": ".abi3"}.get(kind, f".cpython-{PYTHON}-darwin")
    assert module.name == f"_native{middle}.so"
    assert [name for *_, name in header.walkRelocatables()] == ["/usr/lib/libSystem.B.dylib"]


def test_a_universal_wheel_is_both(build: Maker, tmp_path: Path) -> None:
    wheel = build(PROJECTS["setuptools"], "macos-universal2")
    assert wheel.name == f"demo-1.0-cp{PYTHON}-cp{PYTHON}-macosx_10_13_universal2.whl"
    report = audit(wheel)
    assert not [found for found in report.findings if found.severity.value == "error"]
    assert report.verdict.best == "macosx_10_13_universal2"
    assert len(slices(wheel, tmp_path / "site").headers) == 2


def test_a_framework_is_refused_with_the_reason(build: Maker) -> None:
    files = dict(PROJECTS["setuptools"])
    files["setup.py"] = files["setup.py"].replace(
        '["native.c"]', '["native.c"], extra_link_args=["-framework", "Metal"]'
    )
    with pytest.raises(BuildError) as caught:
        build(files, "macos-arm64")
    assert any("there is no framework Metal to link with" in line for line in caught.value.details)


@pytest.mark.parametrize(
    ("target", "name", "module"),
    [
        ("linux-x86_64", "cp313-cp313t-linux_x86_64", "cpython-313t-x86_64-linux-gnu.so"),
        ("macos-arm64", "cp313-cp313t-macosx_11_0_arm64", "cpython-313t-darwin.so"),
        ("windows-x86_64", "cp313-cp313t-win_amd64", "cp313t-win_amd64.pyd"),
    ],
)
def test_free_threaded_pythons_have_wheels_of_their_own(
    target: str, name: str, module: str, tmp_path: Path
) -> None:
    host = host_of("3.13", target, free_threaded=True)
    found = search("3.13").found
    assert found
    files = dict(PROJECTS["setuptools"])
    files["native.c"] = (
        "#include <pyconfig.h>\n#ifndef Py_GIL_DISABLED\n#error\n#endif\n" + (files["native.c"])
    )
    built = build_wheel(
        write_project(tmp_path / "demo", files),
        name="demo",
        python=BuildPython(program=found.program, version=found.version),
        out=tmp_path / "out",
        log=tmp_path / "log",
        variables=host.variables,
    )
    assert built.wheel.name == f"demo-1.0-{name}.whl"
    assert built.extensions == (f"demo/_native.{module}",)
    with zipfile.ZipFile(built.wheel) as archive:
        data = archive.read(f"demo/_native.{module}")
    assert (b"python313t.dll" in data) is target.startswith("windows")


def test_there_is_no_free_threaded_python_before_3_13() -> None:
    with pytest.raises(BuildError, match=r"free-threaded CPython 3\.11.*begin with 3\.13"):
        host_of("3.11", "linux-x86_64", free_threaded=True)


@pytest.mark.parametrize("target", ["windows-x86_64", "macos-arm64"])
def test_the_same_sources_give_the_same_wheel_wherever_they_lie(
    target: str, tmp_path: Path
) -> None:
    host = host_of(FEATURE, target)
    found = search(FEATURE).found
    assert found
    made = []
    for place in ("here", "somewhere/else"):
        folder = tmp_path / place
        built = build_wheel(
            write_project(folder / "demo", PROJECTS["setuptools"]),
            name="demo",
            python=BuildPython(program=found.program, version=found.version),
            out=folder / "out",
            log=folder / "log",
            variables=host.variables,
        )
        made.append(built.wheel.read_bytes())
    assert made[0] == made[1]

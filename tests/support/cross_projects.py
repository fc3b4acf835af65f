"""Small projects with native code, one for each way to build it."""

from collections.abc import Mapping
from pathlib import Path

_MODULE = """
#include <Python.h>
{extra}
static PyObject *answer(PyObject *self, PyObject *none) {{
    return PyUnicode_FromFormat("%s %d", {text}, (int) sizeof(void *));
}}
static PyMethodDef methods[] = {{{{"answer", answer, METH_NOARGS, ""}}, {{0}}}};
static PyModuleDef module = {{PyModuleDef_HEAD_INIT, "_native", "", 0, methods}};
PyMODINIT_FUNC PyInit__native(void) {{ return PyModule_Create(&module); }}
"""
_C = _MODULE.format(extra="", text='"c"')
_CPP = _MODULE.format(
    extra='#include <string>\n#include <map>\nstatic std::map<int, std::string> words{{1, "c++"}};',
    text="words.at(1).c_str()",
).replace(
    '"_native", "", 0, methods', '"_native", "", 0, methods, nullptr, nullptr, nullptr, nullptr'
)
_CYTHON = 'def answer():\n    cdef void *p\n    return "cython " + str(sizeof(p))\n'
_CFFI = """
from cffi import FFI
ffi = FFI()
ffi.cdef("int size(void);")
ffi.set_source("demo._native", "static int size(void) { return (int) sizeof(void *); }")
"""
_SETUP = """
from setuptools import setup, Extension
setup(name="demo", version="1.0", packages=["demo"], {arguments})
"""


def _pyproject(backend: str, *requires: str, more: str = "") -> str:
    wanted = ", ".join(f'"{text}"' for text in requires)
    return (
        f'[build-system]\nrequires = [{wanted}]\nbuild-backend = "{backend}"\n'
        f'[project]\nname = "demo"\nversion = "1.0"\n{more}'
    )


def _setuptools(arguments: str, sources: Mapping[str, str], *requires: str) -> dict[str, str]:
    return {
        "pyproject.toml": _pyproject("setuptools.build_meta", "setuptools", *requires),
        "setup.py": _SETUP.format(arguments=arguments),
        "demo/__init__.py": "",
        **sources,
    }


def _extension(source: str, more: str = "") -> str:
    return f'ext_modules=[Extension("demo._native", ["{source}"]{more})]'


_LIMITED = ", py_limited_api=True, define_macros=[('Py_LIMITED_API', '0x030b0000')]"
PROJECTS: dict[str, dict[str, str]] = {
    "setuptools": _setuptools(_extension("native.c"), {"native.c": _C}),
    "c++": _setuptools(_extension("native.cpp"), {"native.cpp": _CPP}),
    "cython": _setuptools(_extension("native.pyx"), {"native.pyx": _CYTHON}, "cython"),
    "abi3": _setuptools(
        _extension("native.c", _LIMITED)
        + ', options={"bdist_wheel": {"py_limited_api": "cp311"}}',
        {"native.c": _C},
    ),
    "meson": {
        "pyproject.toml": _pyproject("mesonpy", "meson-python"),
        "meson.build": "project('demo', 'c', version: '1.0')\n"
        "py = import('python').find_installation(pure: false)\n"
        "py.extension_module('_native', 'native.c', install: true, subdir: 'demo')\n"
        "py.install_sources('demo/__init__.py', subdir: 'demo')\n",
        "demo/__init__.py": "",
        "native.c": _C,
    },
    "scikit-build-core": {
        # With all policies of that version: one has FindPython refuse to look for a program.
        "pyproject.toml": _pyproject("scikit_build_core.build", "scikit-build-core", "cmake>=4.1"),
        "CMakeLists.txt": "cmake_minimum_required(VERSION 3.18...4.1)\nproject(demo LANGUAGES C)\n"
        "find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)\n"
        "Python_add_library(_native MODULE native.c WITH_SOABI)\n"
        "install(TARGETS _native DESTINATION demo)\n",
        "src/demo/__init__.py": "",
        "native.c": _C,
    },
    "hatchling": {
        "pyproject.toml": _pyproject(
            "hatchling.build", "hatchling", "setuptools",
            more='[tool.hatch.build.targets.wheel]\npackages = ["demo"]\n'
            '[tool.hatch.build.targets.wheel.hooks.custom]\n',
        ),
        "hatch_build.py": """
import sysconfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension

class Hook(BuildHookInterface):
    def initialize(self, version, data):
        extension = Extension("demo._native", ["native.c"])
        command = Distribution({"ext_modules": [extension]}).get_command_obj("build_ext")
        command.inplace = True
        command.ensure_finalized()
        command.run()
        data["pure_python"] = False
        data["artifacts"] = ["demo/*.so"]
        tag = sysconfig.get_config_var("SOABI").split("-")[1]
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        data["tag"] = f"cp{tag}-cp{tag}-{platform}"
""",
        "demo/__init__.py": "",
        "native.c": _C,
    },
}  # fmt: skip
RUST = {
    "pyproject.toml": _pyproject(
        "maturin", "maturin>=1.7,<2", more='[tool.maturin]\nbindings = "bin"\n'
    ),
    "Cargo.toml": '[package]\nname = "demo"\nversion = "1.0.0"\nedition = "2021"\n',
    "src/main.rs": 'fn main() { println!("rust {}", std::mem::size_of::<usize>()); }\n',
}
# An extension module of nothing but Rust's library: it allocates, starts a thread, and unwinds.
RUST_MODULE = {
    "pyproject.toml": _pyproject("setuptools.build_meta", "setuptools", "setuptools-rust"),
    "setup.py": _SETUP.format(
        arguments="rust_extensions=[setuptools_rust.RustExtension("
        '"demo._native", binding=setuptools_rust.Binding.NoBinding)]'
    ).replace("\n", "\nimport setuptools_rust\n", 1),
    "demo/__init__.py": "",
    "Cargo.toml": '[package]\nname = "native"\nversion = "1.0.0"\nedition = "2021"\n'
    '[lib]\ncrate-type = ["cdylib"]\n',
    "src/lib.rs": """
use std::ffi::{c_char, c_int, c_void};
use std::ptr::{addr_of_mut, null, null_mut};

type Object = *mut c_void;
#[repr(C)]
struct Method {
    name: *const c_char,
    call: Option<extern "C" fn(Object, Object) -> Object>,
    flags: c_int,
    doc: *const c_char,
}
#[repr(C)]
struct Module {
    count: isize,
    kind: Object,
    init: *const c_void,
    index: isize,
    copy: Object,
    name: *const c_char,
    doc: *const c_char,
    size: isize,
    methods: *mut Method,
    rest: [*const c_void; 4],
}
extern "C" {
    fn PyUnicode_FromStringAndSize(text: *const c_char, size: isize) -> Object;
    fn PyModule_Create2(module: *mut Module, version: c_int) -> Object;
}
extern "C" fn answer(_: Object, _: Object) -> Object {
    let thread = std::thread::spawn(|| std::panic::resume_unwind(Box::new(size_of::<usize>())));
    let thrown: Result<(), _> = thread.join();
    let text = format!("rust {}", thrown.unwrap_err().downcast::<usize>().unwrap());
    unsafe { PyUnicode_FromStringAndSize(text.as_ptr().cast(), text.len() as isize) }
}
static mut METHODS: [Method; 2] = [
    Method { name: c"answer".as_ptr(), call: Some(answer), flags: 4, doc: null() },
    Method { name: null(), call: None, flags: 0, doc: null() },
];
static mut MODULE: Module = Module {
    count: 1,
    kind: null_mut(),
    init: null(),
    index: 0,
    copy: null_mut(),
    name: c"_native".as_ptr(),
    doc: null(),
    size: 0,
    methods: addr_of_mut!(METHODS).cast(),
    rest: [null(); 4],
};
#[no_mangle]
pub unsafe extern "C" fn PyInit__native() -> Object {
    PyModule_Create2(addr_of_mut!(MODULE), 1013)
}
""",
}
CFFI = _setuptools('cffi_modules=["build_native.py:ffi"]', {"build_native.py": _CFFI}, "cffi")


def write_project(folder: Path, files: Mapping[str, str]) -> Path:
    """The project ``files`` in ``folder``."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder

"""Wheels for other machines, built here by every kind of backend, and run there."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sealift import process
from sealift.audit.report import audit
from sealift.backend import BuildPython
from sealift.building import make_wheel
from sealift.config import BuildOptions
from sealift.cross.rust_library import debian_compiler
from sealift.errors import BuildError, ToolError
from sealift.interpreters.candidates import search
from sealift.order import Order
from sealift.sources import Sources
from sealift.store import store_root
from sealift.target import Target, load_targets
from tests.support.command import sealift
from tests.support.cross_projects import CFFI, PROJECTS, RUST, RUST_MODULE, write_project
from tests.support.foreign_program import run_program
from tests.support.foreign_python import FEATURE, told_there
from tests.support.tools import missing, require_tool

pytestmark = pytest.mark.network

ARM = load_targets()["linux-aarch64"]
TOLD = "import demo._native; print(demo._native.answer())"

Maker = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path) -> Maker:
    found = search(FEATURE).found or missing(f"needs CPython {FEATURE} with headers")
    python = BuildPython(program=found.program, version=found.version)

    def make(
        files: dict[str, str], target: Target = ARM, *, toolchain: str = "zig", **options: object
    ) -> Path:
        return make_wheel(
            Order(
                name="demo",
                version="1.0",
                sources=Sources(folder=write_project(tmp_path / "demo", files)),
                target=target,
                python=python,
                options=BuildOptions(**options),  # type: ignore[arg-type]
                toolchain=toolchain,
            )
        )

    return make


@pytest.mark.parametrize("kind", PROJECTS)
def test_a_wheel_of_every_backend_runs_on_the_target(kind: str, build: Maker) -> None:
    wheel = build(PROJECTS[kind])
    python = "cp311-abi3" if kind == "abi3" else "cp311-cp311"
    assert wheel.name == f"demo-1.0-{python}-manylinux2014_aarch64.manylinux_2_17_aarch64.whl"
    assert not [found for found in audit(wheel).findings if found.severity.value == "error"]
    language = {"c++": "c++", "cython": "cython"}.get(kind, "c")
    assert told_there("aarch64", [wheel], TOLD) == f"{language} 8"


def test_cffi_modules_are_built_for_the_target(build: Maker) -> None:
    wheel = build(CFFI)
    assert wheel.name.endswith("manylinux_2_17_aarch64.whl")
    (native,) = audit(wheel).natives
    assert native.startswith("demo/_native.")


def test_functions_that_zigs_cxx_library_lacks_are_told(build: Maker) -> None:
    code = PROJECTS["c++"]["native.cpp"].replace('"c++"', "std::to_string(0.5L)")
    with pytest.raises(BuildError, match="zig's C\\+\\+ library lacks what it asks for") as caught:
        build({**PROJECTS["c++"], "native.cpp": code}, load_targets()["linux-ppc64le"])
    assert list(caught.value.details) == ["_ZNSt3__19to_stringEg"]
    assert "--toolchain gcc" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("name", "arch", "size"),
    [("linux-armv7l", "armv7l", 4), ("linux-s390x", "s390x", 8), ("linux-i686", "i686", 4)],
)
def test_sizes_of_types_are_the_target_s(name: str, arch: str, size: int, build: Maker) -> None:
    wheel = build(PROJECTS["setuptools"], load_targets()[name])
    assert "-manylinux" in wheel.name
    assert told_there(arch, [wheel], TOLD) == f"c {size}"


def test_a_floor_is_kept(build: Maker) -> None:
    wheel = build(PROJECTS["setuptools"], ARM.with_floor("2.28"))
    assert "manylinux_2_17_aarch64" in wheel.name  # nothing in it needs more
    wheel = build(PROJECTS["setuptools"], load_targets()["linux-aarch64-musl"])
    assert wheel.name == "demo-1.0-cp311-cp311-musllinux_1_2_aarch64.whl"
    assert audit(wheel).natives == ("demo/_native.cpython-311-aarch64-linux-musl.so",)


def test_a_pure_project_starts_no_compiler(build: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sealift.cross.toolchain._zig_program", lambda: pytest.fail("asked for zig")
    )
    files = dict(PROJECTS["setuptools"], **{"setup.py": "from setuptools import setup\nsetup()\n"})
    assert build(files).name == "demo-1.0-py3-none-any.whl"


def test_an_extension_that_may_fail_and_does_is_told(build: Maker) -> None:
    files = dict(PROJECTS["setuptools"])
    files["setup.py"] = files["setup.py"].replace('"]', '"], optional=True')
    files["native.c"] = "#error no library here\n"
    with pytest.raises(BuildError, match="its wheel lacks the native code") as caught:
        build(files)
    assert list(caught.value.details) == ["demo._native"]
    assert audit(build(files, optional=("demo._native",))).natives == ()


def test_commands_that_are_not_setuptools_own_are_watched_too(build: Maker) -> None:
    files = dict(PROJECTS["setuptools"])
    files["setup.py"] = """
import setuptools, distutils.command.build_ext
class Command(distutils.command.build_ext.build_ext):
    def build_extension(self, extension):
        print("not today")
""" + files["setup.py"].replace("name=", "cmdclass={'build_ext': Command}, name=", 1)
    with pytest.raises(BuildError, match="its wheel lacks the native code"):
        build(files)


def test_a_missing_library_is_told_by_what_brings_it(build: Maker) -> None:
    files = dict(PROJECTS["setuptools"])
    files["native.c"] = "#include <gmp.h>\n" + files["native.c"]
    with pytest.raises(BuildError) as caught:
        build(files)
    assert (caught.value.hint or "").startswith("gmp.h is missing: --library libgmp-dev")


def test_a_build_that_compiles_for_this_machine_is_told(build: Maker) -> None:
    files = dict(PROJECTS["setuptools"])
    files["setup.py"] = (
        "import os\nos.environ['CC'] = 'gcc'\nos.environ['LDSHARED'] = 'gcc -shared'\n"
        + files["setup.py"]
    )
    with pytest.raises(BuildError, match="is not for the target") as caught:
        build(files)
    assert "it is for x86_64" in " ".join(caught.value.details)


def test_a_build_that_runs_what_it_built_is_told(build: Maker) -> None:
    files = dict(PROJECTS["setuptools"])
    files["setup.py"] = """
import os, shlex, subprocess, sysconfig
open("probe.c", "w").write("int main(void) { return 0; }")
subprocess.check_call([*shlex.split(sysconfig.get_config_var("CC")), "probe.c", "-o", "probe"])
subprocess.check_call(["./probe"])
""" + files["setup.py"]
    with pytest.raises(BuildError) as caught:
        build(files)
    assert "runs a program that it built for the target" in (caught.value.hint or "")


def test_patches_requirements_settings_and_variables_reach_the_build(
    build: Maker, tmp_path: Path
) -> None:
    (tmp_path / "size.patch").write_text(
        "--- a/native.c\n+++ b/native.c\n@@ -5,1 +5,1 @@\n"
        '-    return PyUnicode_FromFormat("%s %d", "c", (int) sizeof(void *));\n'
        '+    return PyUnicode_FromFormat("%s %d", WORD, (int) sizeof(void *));\n'
    )
    files = dict(PROJECTS["setuptools"])
    files["setup.py"] = "import colorama\n" + files["setup.py"]
    wheel = build(
        files,
        patches=(str(tmp_path / "size.patch"),),
        environment={"CFLAGS": '-DWORD=\\"patched\\"'},
        requires=("colorama",),
    )
    assert told_there("aarch64", [wheel], TOLD) == "patched 8"
    assert 'FromFormat("%s %d", "c"' in (tmp_path / "demo/native.c").read_text()


def test_a_patch_that_does_not_fit_is_told(build: Maker, tmp_path: Path) -> None:
    (tmp_path / "bad.patch").write_text("--- a/native.c\n+++ b/native.c\n@@ -1 +1 @@\n-x\n+y\n")
    with pytest.raises(BuildError, match=r"cannot patch demo-1\.0 with .*bad\.patch"):
        build(PROJECTS["setuptools"], patches=(str(tmp_path / "bad.patch"),))


def test_a_toolchain_that_is_not_there_is_told_with_what_gets_it(build: Maker) -> None:
    with pytest.raises(ToolError, match="there is no /nowhere/arm-gcc"):
        build(PROJECTS["setuptools"], toolchain="/nowhere/arm-")


def test_a_gnu_toolchain_builds_too(build: Maker) -> None:
    require_tool("aarch64-linux-gnu-g++")
    wheel = build(PROJECTS["c++"], toolchain="gcc")
    assert "_aarch64" in wheel.name
    assert told_there("aarch64", [wheel], TOLD) == "c++ 8"


def test_rust_is_built_where_it_has_its_library_for_the_target(build: Maker) -> None:
    require_tool("cargo")
    wheel = build(RUST, load_targets()["linux-x86_64"])
    assert wheel.name == "demo-1.0-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
    with zipfile.ZipFile(wheel) as archive:
        (bill,) = [name for name in archive.namelist() if "/sboms/" in name]
        told = archive.read(bill).decode()
    assert "path+file:///demo#1.0.0" in told
    assert str(store_root()) not in told
    with pytest.raises(ToolError, match="no standard library for aarch64-apple-darwin") as caught:
        build(RUST, load_targets()["macos-arm64"])
    assert (caught.value.hint or "").endswith("rustup target add aarch64-apple-darwin")


@pytest.fixture
def debian_rust(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's Rust in place of any other."""
    if debian_compiler(Path("/usr/bin/rustc")) is None or not Path("/usr/bin/cargo").is_file():
        missing("needs Debian's rustc and cargo")
    monkeypatch.setenv("PATH", f"/usr/bin{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("debian_rust")
def test_debian_s_rust_is_given_its_library_for_the_target(
    build: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUSTFLAGS", "-Cdebuginfo=0")  # in whose place cargo would take no others
    wheel = build(RUST_MODULE)
    assert wheel.name == "demo-1.0-cp311-cp311-manylinux2014_aarch64.manylinux_2_17_aarch64.whl"
    assert told_there("aarch64", [wheel], TOLD) == "rust 8"
    program = tmp_path / "program"
    with zipfile.ZipFile(build(RUST)) as archive:
        program.write_bytes(archive.read("demo-1.0.data/scripts/demo"))
    program.chmod(0o755)
    ending = run_program(program, {})
    assert (ending.status, ending.output.strip()) == (0, "rust 8")


def test_rust_does_not_tell_where_crates_are_kept(
    build: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_tool("cargo")
    home = tmp_path / "home"
    crate = RUST["Cargo.toml"].replace("demo", "kept")
    write_project(
        home / "kept",
        {"Cargo.toml": crate, "src/lib.rs": "pub fn at(v: &[usize], i: usize) -> usize { v[i] }\n"},
    )
    monkeypatch.setenv("CARGO_HOME", str(home))
    needs = f'[dependencies]\nkept = {{ path = "{home}/kept" }}\n'
    told = 'fn main() { println!("{}", kept::at(&[1], std::env::args().count())); }\n'
    wheel = build(
        {**RUST, "Cargo.toml": RUST["Cargo.toml"] + needs, "src/main.rs": told},
        load_targets()["linux-x86_64"],
    )
    with zipfile.ZipFile(wheel) as archive:
        program = archive.read("demo-1.0.data/scripts/demo")
    assert b"/cargo/kept/src/lib.rs" in program
    assert str(home).encode() not in program


def test_the_command_builds_for_several_targets(tmp_path: Path) -> None:
    project = write_project(tmp_path / "demo", PROJECTS["setuptools"])
    out = tmp_path / "out"
    done = sealift(
        "wheel", project, "-t", "linux-aarch64", "-t", "linux-x86_64", "--python", FEATURE,
        "--out", out, cwd=tmp_path,
    )  # fmt: skip
    assert done.status == 0, done.err
    assert {path.name for path in out.iterdir()} == {
        "demo-1.0-cp311-cp311-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
        "demo-1.0-cp311-cp311-manylinux1_x86_64.manylinux_2_5_x86_64.whl",
    }


def test_a_commit_is_built_wherever_one_is(tmp_path: Path) -> None:
    project = write_project(tmp_path / "demo", PROJECTS["setuptools"])
    git = require_tool("git")
    for command in (["init"], ["add", "."], ["commit", "-m", "x"]):
        user = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        process.run([git, *user, *command], cwd=project, action="make a commit")
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n")  # no project, but settings
    done = sealift(
        "wheel", f"demo @ git+{project.as_uri()}", "-t", "linux-aarch64", "--python", FEATURE,
        "--out", tmp_path / "out", cwd=tmp_path,
    )  # fmt: skip
    assert done.status == 0, done.err
    (wheel,) = (tmp_path / "out").iterdir()
    assert wheel.name == "demo-1.0-cp311-cp311-manylinux2014_aarch64.manylinux_2_17_aarch64.whl"


def test_a_project_for_other_pythons_is_refused(tmp_path: Path) -> None:
    text = '[project]\nname = "demo"\nversion = "1.0"\nrequires-python = ">=3.99"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    done = sealift("wheel", ".", "--python", FEATURE, cwd=tmp_path)
    assert done.status != 0
    assert "it requires Python >=3.99" in done.err

"""Environments for cross-building by hand: what is built in them runs on the target."""

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from sealift.binary.elf import read_elf
from sealift.interpreters.candidates import search
from tests.support.command import sealift
from tests.support.cross_projects import PROJECTS, write_project
from tests.support.foreign_python import FEATURE, told_there
from tests.support.tools import missing

pytestmark = pytest.mark.network

TOLD = "import demo._native as m; print(m.answer(), m.__file__.rpartition('/')[2])"
SUFFIX = ".cpython-311-aarch64-linux-gnu.so"


def shell(environment: Path, line: str, *, cwd: Path) -> str:
    """What ``line`` says in a shell in which ``environment`` is active."""
    done = subprocess.run(
        ["sh", "-ec", f". {shlex.quote(str(environment / 'bin/activate'))}\n{line}"],
        cwd=cwd, capture_output=True, text=True, check=False,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for 64-bit Arm, in a folder with a space and an umlaut in its name."""
    if not search(FEATURE).found:
        missing(f"needs CPython {FEATURE} with headers")
    folder = tmp_path_factory.mktemp("cross") / "an Ärm"
    made = sealift("cross", "env", "linux-aarch64", folder, "--python", FEATURE, cwd=folder.parent)
    assert made.status == 0, made.err
    assert made.out.strip() == f". {shlex.quote(f'{folder}/bin/activate')}"
    return folder


def check_made(folder: Path, kind: str) -> None:
    """The one wheel in ``folder`` has its tag and suffix, and runs on the target."""
    (wheel,) = folder.glob("*.whl")
    assert wheel.name == "demo-1.0-cp311-cp311-linux_aarch64.whl"
    language = {"c++": "c++", "cython": "cython"}.get(kind, "c")
    suffix = ".so" if kind == "scikit-build-core" else SUFFIX  # CMake asks no Python across
    assert told_there("aarch64", [wheel], TOLD) == f"{language} 8 _native{suffix}"


_ANSWERS = """
import importlib.machinery, json, os, platform, sys, sysconfig
import pip._vendor.packaging.tags as tags
from pip._internal.utils.compatibility_tags import get_supported
print(json.dumps({
    "uname": list(os.uname()), "platform": list(platform.uname()), "libc": platform.libc_ver(),
    "bits": platform.architecture()[0], "sysconfig": sysconfig.get_platform(),
    "suffix": sysconfig.get_config_var("EXT_SUFFIX"), "cross": sys.cross_compiling,
    "suffixes": importlib.machinery.EXTENSION_SUFFIXES,
    "build_path": sys.build_path, "path": sys.path, "crossenv": os.environ["PYTHON_CROSSENV"],
    "multiarch": sys.implementation._multiarch, "executable": sys.executable,
    "tags": [str(tag) for tag in tags.sys_tags()], "pip": [str(tag) for tag in get_supported()],
    "confstr": os.confstr("CS_GNU_LIBC_VERSION"), "stdlib": sysconfig.get_path("stdlib"),
}))
"""


def test_cross_python_answers_as_the_host(environment: Path, tmp_path: Path) -> None:
    told = json.loads(shell(environment, f"python -c {shlex.quote(_ANSWERS)}", cwd=tmp_path))
    assert told["uname"] == ["Linux", "build", "", "", "aarch64"]
    assert told["platform"] == ["Linux", "build", "", "", "aarch64", "aarch64"]
    assert told["libc"] == ["glibc", "2.17"]
    assert told["confstr"] == "glibc 2.17"
    assert told["bits"] == "64bit"
    assert told["sysconfig"] == "linux-aarch64"
    assert told["suffix"] == ".cpython-311-aarch64-linux-gnu.so"
    assert told["suffixes"] == [told["suffix"], ".abi3.so", ".so"]
    assert told["multiarch"] == "aarch64-linux-gnu"
    assert told["cross"] is True
    assert told["crossenv"]
    assert told["executable"] == str(environment / "cross/bin/python")
    assert str(environment / "build/lib/python3.11/site-packages") in told["build_path"]
    assert told["stdlib"] in told["build_path"]
    assert not any(path.startswith(str(environment / "lib")) for path in told["path"])
    for tags in (told["tags"], told["pip"]):
        assert "cp311-cp311-manylinux_2_17_aarch64" in tags
        assert "cp311-cp311-linux_aarch64" in tags
        assert not any("x86_64" in tag or "manylinux_2_18" in tag for tag in tags)


def test_build_python_stays_what_it_is_even_below_cross_python(
    environment: Path, tmp_path: Path
) -> None:
    asked = "import os, sys, sysconfig; print(os.uname().machine, os.environ.get('CC'),"
    asked += " os.environ.get('PYTHON_CROSSENV'), hasattr(sys, 'cross_compiling'))"
    below = f"import subprocess; subprocess.run(['build-python', '-c', {asked!r}], check=True)"
    expected = f"{os.uname().machine} {os.environ.get('CC')} None False"
    lines = f"build-python -c {shlex.quote(asked)}\npython -c {shlex.quote(below)}"
    assert shell(environment, lines, cwd=tmp_path).splitlines() == [expected] * 2


@pytest.mark.parametrize("kind", ["cython", "meson", "scikit-build-core"])
def test_pip_builds_for_the_target(kind: str, environment: Path, tmp_path: Path) -> None:
    project = write_project(tmp_path / "demo", PROJECTS[kind])
    shell(environment, f"pip wheel -q --no-deps -w ../out {project}", cwd=project)
    check_made(tmp_path / "out", kind)


@pytest.mark.parametrize("kind", ["c++", "meson"])
def test_build_builds_for_the_target(kind: str, environment: Path, tmp_path: Path) -> None:
    project = write_project(tmp_path / "demo", PROJECTS[kind])
    shell(environment, "pip install -q build\npython -m build -w -o ../out", cwd=project)
    check_made(tmp_path / "out", kind)


def test_setup_py_builds_for_the_target_with_what_build_pip_installed(
    environment: Path, tmp_path: Path
) -> None:
    project = write_project(tmp_path / "demo", PROJECTS["setuptools"])
    lines = "build-pip install -q setuptools wheel\npython setup.py -q bdist_wheel -d ../out"
    shell(environment, lines, cwd=project)
    check_made(tmp_path / "out", "setuptools")


def test_a_wheel_without_its_modules_is_none(environment: Path, tmp_path: Path) -> None:
    files = {**PROJECTS["setuptools"], "native.c": "#error for want of a library\n"}
    files["setup.py"] = files["setup.py"].replace('["native.c"]', '["native.c"], optional=True')
    project = write_project(tmp_path / "demo", files)
    line = f"pip wheel --no-deps -w ../out {project}"
    said = shell(environment, f"{line} 2>&1 && false || echo refused", cwd=project)
    assert "lacks modules that were to be compiled: demo/_native.cpython" in said
    assert said.endswith("refused\n")
    shell(environment, f"SEALIFT_OPTIONAL_MODULES=1 {line}", cwd=project)
    assert len(list((tmp_path / "out").glob("demo-1.0-*.whl"))) == 1


def test_a_host_without_a_global_lock_gets_its_own_modules(tmp_path: Path) -> None:
    if not search("3.13").found:
        missing("needs CPython 3.13 with headers")
    folder = tmp_path / "env"
    made = sealift("cross", "env", "linux-aarch64", folder, "--python", "3.13t", cwd=tmp_path)
    assert made.status == 0, made.err
    project = write_project(tmp_path / "demo", PROJECTS["setuptools"])
    shell(folder, f"pip install -q {project}", cwd=tmp_path)
    (module,) = folder.glob("cross/lib/python3.13/site-packages/demo/_native*.so")
    assert module.name == "_native.cpython-313t-aarch64-linux-gnu.so"


def test_what_is_installed_is_for_the_target(environment: Path, tmp_path: Path) -> None:
    project = write_project(tmp_path / "demo", PROJECTS["setuptools"])
    shell(environment, f"pip install -q {project}", cwd=tmp_path)
    (module,) = environment.glob("cross/lib/python3.11/site-packages/demo/_native*.so")
    facts = read_elf(module)
    assert facts is not None
    assert facts.machine == "aarch64"
    assert "demo" in shell(environment, "pip list", cwd=tmp_path)
    assert "demo" not in shell(environment, "build-pip list", cwd=tmp_path)


def test_packages_of_build_python_are_exposed_and_hidden_again(
    environment: Path, tmp_path: Path
) -> None:
    shell(environment, "build-pip install -q six\ncross-expose Six", cwd=tmp_path)
    assert shell(environment, "cross-expose --list", cwd=tmp_path) == "six\n"
    shell(environment, "pip check\npip show -q six\npython -c 'import six'", cwd=tmp_path)
    shell(environment, "cross-expose --unexpose six", cwd=tmp_path)
    assert shell(environment, "cross-expose -l; pip list", cwd=tmp_path).count("six") == 0
    said = shell(environment, "cross-expose never-heard-of 2>&1 || echo status $?", cwd=tmp_path)
    assert said.splitlines() == [
        "cross-expose: build-python has no never-heard-of: build-pip install never-heard-of",
        "status 1",
    ]


def test_deactivate_undoes_all(environment: Path, tmp_path: Path) -> None:
    before, after = shell(
        environment, 'deactivate\necho "$PATH"\nenv -u PATH sh -c "echo $PATH"', cwd=tmp_path
    ).splitlines()
    assert before == after == os.environ["PATH"]


@pytest.mark.parametrize("gone", ["sealift_crossenv", "sealift_crossenv/answers.json"])
def test_a_damaged_environment_does_not_build_for_this_machine(
    gone: str, environment: Path, tmp_path: Path
) -> None:
    path = environment / "lib" / gone
    aside = path.rename(tmp_path / path.name)
    try:
        done = subprocess.run(
            [environment / "bin/cross-python", "-c", "print('built')"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        aside.rename(path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("cross-python: ")
    assert "Traceback" not in done.stderr


def test_modules_put_first_stay_first(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "pip.py").write_text("mine = True\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import pip; print(pip.mine)"
    assert shell(environment, f'python -c "{code}"', cwd=tmp_path.parent) == "True\n"


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    for more in ((), ("--clear",)):
        done = sealift("cross", "env", "linux-aarch64", tmp_path, *more, cwd=tmp_path)
        assert done.status == 12
        assert "is not empty, and no cross environment" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]

"""``python -m sealift.crossenv``: hosts read off their files, with crossenv's options."""

import ast
import json
import os
import pprint
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sealift.debian.releases import architecture, parse_release
from sealift.debian.root import make_root
from sealift.interpreters.candidates import search
from tests.support.command import Outcome, clean_environment
from tests.support.cross_projects import PROJECTS, write_project
from tests.support.foreign_python import FEATURE, RELEASE, told_there
from tests.support.host_pythons import installed
from tests.support.tools import missing, require_tool

pytestmark = pytest.mark.network

TOLD = "import demo._native as m; print(m.answer(), m.__file__.rpartition('/')[2])"
SUFFIX = ".cpython-311-aarch64-linux-gnu.so"


def crossenv(*arguments: str | Path, **environment: str) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-m", "sealift.crossenv", *map(str, arguments)],
        env=clean_environment(**environment), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return Outcome(done.returncode, done.stdout, done.stderr)


def run(program: Path, *arguments: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [program, *arguments], env={**os.environ, **environment}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def image() -> Path:
    """The image of a Debian for 64-bit Arm, with its Python's development files."""
    require_tool("gpgv")
    debian = architecture("aarch64") or missing("needs Debian's packages")
    packages = (f"python{FEATURE}", f"libpython{FEATURE}-dev")
    return make_root(parse_release(RELEASE), debian, packages).path


@pytest.fixture(scope="module")
def program(image: Path) -> Path:
    return image / f"usr/bin/python{FEATURE}"


@pytest.fixture(scope="module")
def environment(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with no compiler but zig, and an option of each kind."""
    folder = tmp_path_factory.mktemp("crossenv") / "env"
    made = crossenv(
        program, folder, "--toolchain", "zig", "--manylinux", "manylinux2014",
        "--env", "NEW=1", "--env", "GIVEN?=mine", "--env", "LIST:=/last", "--env", "WORDS+= more",
        "--env", "PYTHONHASHSEED=7", "--config-var", "MINE=of the host",
    )  # fmt: skip
    assert made.status == 0, made.err
    return folder


def test_the_host_s_own_variables_and_headers_are_answered(environment: Path, image: Path) -> None:
    asked = """
import json, os, platform, sysconfig, sys
from pathlib import Path
import pip._vendor.packaging.tags as tags
v = sysconfig.get_config_var
print(json.dumps({
    "suffix": v("EXT_SUFFIX"), "mine": v("MINE"), "libpl": v("LIBPL"), "host": v("HOST_GNU_TYPE"),
    "build": v("BUILD_GNU_TYPE"), "ldshared": v("LDSHARED"), "cc": v("CC"),
    "pyconfig": Path(sysconfig.get_config_h_filename()).read_text(), "libc": platform.libc_ver(),
    "makefile": sysconfig.get_makefile_filename(), "tags": [str(t) for t in tags.sys_tags()],
    "platform": sysconfig.get_platform(), "stdlib": sysconfig.get_path("stdlib"),
}))
"""
    told = json.loads(run(environment / "bin/cross-python", "-c", asked))
    assert told["suffix"] == SUFFIX
    assert told["mine"] == "of the host"
    assert told["libpl"].startswith(f"{image}/usr/lib/python3.11/config-3.11-aarch64")
    assert told["makefile"] == f"{told['libpl']}/Makefile"
    assert told["host"] == "aarch64-unknown-linux-gnu" != told["build"]
    assert told["ldshared"].startswith(f"{told['cc']} -shared -Wl,-O1")
    assert "#define SIZEOF_LONG 8" in told["pyconfig"]  # the CPU's, not Debian's that leads to it
    assert told["libc"] == ["glibc", "2.17"]
    assert told["platform"] == "linux-aarch64"
    assert not told["stdlib"].startswith(str(image))  # none of the host's code runs
    platforms = {tag.rpartition("-")[2] for tag in told["tags"]}
    assert platforms == {
        "manylinux2014_aarch64", "manylinux_2_17_aarch64", "linux_aarch64", "any"
    }  # fmt: skip


def test_variables_are_set_once_for_a_tree_of_processes(environment: Path) -> None:
    names = ["NEW", "GIVEN", "LIST", "WORDS", "PYTHONHASHSEED"]
    ask = f"import os; print([os.environ[n] for n in {names}], hash('a'))"
    nest = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {ask!r}], check=True)"
    given = {"GIVEN": "yours", "LIST": "/first", "WORDS": "some"}
    python = environment / "bin/cross-python"
    outer, inner = run(python, "-c", ask, **given), run(python, "-c", nest, **given)
    assert outer == inner == run(python, "-c", ask, **given)
    assert outer.startswith("['1', 'yours', '/first:/last', 'some more', '7']")


def test_wheels_are_for_the_host(environment: Path, tmp_path: Path) -> None:
    project = write_project(tmp_path / "demo", PROJECTS["setuptools"])
    run(environment / "bin/cross-pip", "wheel", "-q", "--no-deps", "-w", tmp_path, project)
    wheel = tmp_path / "demo-1.0-cp311-cp311-linux_aarch64.whl"
    assert told_there("aarch64", [wheel], TOLD) == f"c 8 _native{SUFFIX}"


def test_wheels_are_for_a_host_in_its_build_folder(image: Path, tmp_path: Path) -> None:
    """As CPython's build leaves it: headers with the sources, but for what was configured."""
    built, usr = tmp_path / "built", image / "usr"
    shutil.copytree(usr / f"include/python{FEATURE}", tmp_path / "Python/Include")
    (tmp_path / "Python/Include/pyconfig.h").unlink()
    (built / "Modules").mkdir(parents=True)
    (built / "Modules/Setup.local").touch()
    shutil.copy(usr / f"include/aarch64-linux-gnu/python{FEATURE}/pyconfig.h", built)
    shutil.copy(usr / f"lib/python{FEATURE}/config-{FEATURE}-aarch64-linux-gnu/Makefile", built)
    installed_data = next((usr / f"lib/python{FEATURE}").glob("_sysconfigdata*.py")).read_text()
    values = ast.literal_eval(installed_data.partition("build_time_vars = ")[2])
    data = built / "build/lib.linux-aarch64-3.11/_sysconfigdata__linux_aarch64-linux-gnu.py"
    data.parent.mkdir(parents=True)
    data.write_text(f"build_time_vars = {pprint.pformat({**values, 'srcdir': '../Python'})}")
    (built / "pybuilddir.txt").write_text("build/lib.linux-aarch64-3.11")
    shutil.copy(usr / f"bin/python{FEATURE}", built / "python")
    made = crossenv(built / "python", tmp_path / "env", "--toolchain", "zig")
    assert made.status == 0, made.err
    project = write_project(tmp_path / "demo", PROJECTS["setuptools"])
    run(tmp_path / "env/bin/cross-pip", "wheel", "-q", "--no-deps", "-w", tmp_path, project)
    wheel = tmp_path / "demo-1.0-cp311-cp311-linux_aarch64.whl"
    assert told_there("aarch64", [wheel], TOLD) == f"c 8 _native{SUFFIX}"


def test_wheels_are_made_by_the_compiler_the_host_was_built_with(
    program: Path, image: Path, tmp_path: Path
) -> None:
    require_tool("aarch64-linux-gnu-g++")
    made = crossenv(program, tmp_path / "env", "-v")
    assert made.status == 0, made.err
    assert "host-python: 3.11.2 for aarch64" in made.err
    project = write_project(tmp_path / "demo", PROJECTS["c++"])
    # Its build requires what is not for this machine's Python only.
    run(tmp_path / "env/bin/build-pip", "install", "-q", "setuptools", "wheel")
    run(
        tmp_path / "env/bin/cross-pip", "wheel", "-q", "--no-deps", "--no-build-isolation",
        "-w", tmp_path, project,
    )  # fmt: skip
    wheel = tmp_path / "demo-1.0-cp311-cp311-linux_aarch64.whl"
    assert told_there("aarch64", [wheel], TOLD) == f"c++ 8 _native{SUFFIX}"


def test_a_compiler_for_another_cpu_is_refused(program: Path, tmp_path: Path) -> None:
    require_tool("gcc")
    made = crossenv(program, tmp_path / "env", "--cc", "gcc -pipe", "--sysroot", tmp_path)
    assert made.status == 13
    assert "with gcc -pipe: it compiles for x86_64, but that Python is for aarch64" in made.err
    assert not (tmp_path / "env").exists()


def test_a_missing_compiler_is_named_with_ways_out(tmp_path: Path) -> None:
    compiler = "/nowhere/bin/aarch64-none-gcc"
    host = installed(tmp_path / "host", VERSION=FEATURE_HERE, CC=compiler, **HERE)
    made = crossenv(_named(host), tmp_path / "env")
    assert made.status == 13, made.err
    assert f"cannot find the C compiler {compiler}, which {tmp_path}/host" in made.err
    assert "--toolchain zig" in made.err
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "aarch64-none-gcc").write_text("#!/bin/sh\nexit 1\n")
    (tools / "aarch64-none-gcc").chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    made = crossenv(_named(host), tmp_path / "env", PATH=path)
    assert "--relative-toolchain takes it from PATH" in made.err
    made = crossenv(_named(host), tmp_path / "env", "--relative-toolchain", PATH=path)
    assert "cannot compile for linux-aarch64 with aarch64-none-gcc" in made.err


FEATURE_HERE = "{}.{}".format(*sys.version_info[:2])
HERE = {"EXT_SUFFIX": ".so", "INCLUDEPY": f"/usr/include/python{FEATURE_HERE}"}


def _named(host: Path) -> Path:
    """The host of :func:`installed` as one of the version that runs this."""
    if FEATURE_HERE != "3.13" and host.exists():
        for folder in ("lib", "include"):
            place = host.parents[1] / folder
            (place / "python3.13").rename(place / f"python{FEATURE_HERE}")
        host.rename(host.with_name(f"python{FEATURE_HERE}"))
    return host.with_name(f"python{FEATURE_HERE}")


def test_versions_that_differ_are_both_named(tmp_path: Path) -> None:
    other = "3.13" if FEATURE_HERE != "3.13" else "3.11"
    found = search(other).found or missing(f"needs CPython {other}")
    host = _named(installed(tmp_path, VERSION=FEATURE_HERE, **HERE))
    made = crossenv(host, tmp_path / "env", "--python", found.program)
    assert made.status == 10
    assert f"which is CPython 3.13.5, with {found.program}, which is {found.version}" in made.err
    assert f"both have to be {FEATURE_HERE}" in made.err


def test_a_version_there_is_no_python_of_is_told(tmp_path: Path) -> None:
    host = installed(tmp_path, VERSION="3.99", INCLUDEPY="/usr/include/python3.13")
    made = crossenv(host, tmp_path / "env")
    assert made.status != 0
    assert "which is CPython 3.13.5: there is no CPython 3.99 on this machine" in made.err
    assert "hint: uv python install 3.99" in made.err


def test_without_pip_with_a_prefix_and_a_renewal(program: Path, tmp_path: Path) -> None:
    options = ("--toolchain", "zig", "--without-pip", "--cross-prefix", tmp_path / "there")
    first, second = tmp_path / "one", tmp_path / "two"
    made = crossenv(program, first, second, *options[:3])
    assert made.status == 0, made.err
    assert not list(tmp_path.glob("*/*/bin/pip*"))
    asked = ("-c", "import sys; print(sys.prefix, sys.cross_compiling)")
    for folder in (first, second):
        assert run(folder / "bin/cross-python", *asked) == f"{folder}/cross True\n"
    kept = first / "build/lib/python3.11/site-packages/kept.py"
    kept.touch()
    assert crossenv(program, first, *options).status == 0
    assert run(first / "bin/cross-python", *asked) == f"{tmp_path}/there True\n"
    assert kept.exists()
    made = crossenv(program, first, *options, "--clear")
    assert made.status == 0, made.err
    assert not kept.exists()
    with_pip = [option for option in options if option != "--without-pip"]
    assert crossenv(program, first, *with_pip, "--clear").status == 0
    assert "pip " in run(first / "bin/cross-pip", "--version")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--env", "1x=2"], "--env '1x=2' sets no variable"),
        (["--config-var", "FOO"], "--config-var 'FOO' is not NAME=VALUE"),
        (["--sysconfigdata-file", "/no/such.py"], "there is no file /no/such.py"),
        (["--toolchain", "zig", "--cc", "gcc"], "--toolchain goes without"),
    ],
)
def test_wrong_options_are_told(
    options: list[str], said: str, program: Path, tmp_path: Path
) -> None:
    made = crossenv(program, tmp_path / "env", *options)
    assert made.status == 3
    assert said in made.err
    assert "Traceback" not in made.err


def test_all_options_of_crossenv_are_taken() -> None:
    told = crossenv("--help").out
    for option in shlex.split(
        "--cross-prefix --system-site-packages --clear --clear-cross --clear-build --clear-both "
        "--without-pip --without-cross-pip --relative-toolchain --cc --cxx --ar --config-var --env "
        "--sysroot --sysconfigdata-file --manylinux --platform-tag --machine -v --verbose --version"
    ):
        assert option in told

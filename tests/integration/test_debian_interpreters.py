"""Products with Debian's Pythons for other CPUs: built here, run in roots of Debian by qemu."""

import dataclasses
import functools
import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealift.binary.elf import read_elf
from sealift.config import Config, Settings
from sealift.formats.onefile import OneFile
from sealift.interpreter import Interpreter
from sealift.interpreters.choose import choose
from sealift.interpreters.debian import DebianInterpreters
from sealift.launcher.product import CompressedOptions
from sealift.machine import PROGRAMS, Machine
from sealift.policy import load_policy
from sealift.runners.roots import RootRunner
from sealift.target import load_targets
from tests.support.command import Outcome, demo_project, sealift
from tests.support.debian_mirror import python_mirror
from tests.support.examples import example
from tests.support.products import behaviour_wheels, local_interpreter, make_image
from tests.support.running import Product
from tests.support.tools import require_tool

pytestmark = [pytest.mark.network, pytest.mark.slow]

SYSTEM, FEATURE = "debian-13", "3.13"
# What Python does is looked at on one CPU, on the others that a product starts.
FULL, STARTED = "linux-aarch64", ("linux-armv7l", "linux-riscv64")
TARGETS = (FULL, *STARTED)

COMMANDS = (
    "imports.resources", "imports.searched", "imports.metadata", "imports.packages",
    "imports.reloading", "running.threads", "running.tasks", "running.encodings",
    "running.localized", "running.wide_stack", "processes.futures",
    "processes.start_method spawn", "processes.shared_memory", "processes.subinterpreter",
    "libraries.database", "libraries.foreign", "libraries.compression", "libraries.others",
)  # fmt: skip
IMPORT_ALL = """
import importlib, json, os, sys
folder = next(path for path in sys.path if path.endswith("lib-dynload"))
names = sorted({file.split(".")[0] for file in os.listdir(folder)})
for name in names:
    importlib.import_module(name)
import _ctypes, platform, ssl, sysconfig
print(json.dumps([
    platform.machine(), sys.byteorder, sys.maxsize > 2**32, sysconfig.get_platform(),
    ssl.OPENSSL_VERSION.split()[0], _ctypes.__file__.startswith(sys.prefix), "_hashlib" in names,
]))
"""


@pytest.fixture(scope="module", autouse=True)
def archive() -> Iterator[None]:
    for tool in ("bwrap", "gpgv", "unshare", "qemu-aarch64-static", "qemu-arm-static"):
        require_tool(tool)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEALIFT_DEBIAN_MIRROR", python_mirror(FEATURE, *TARGETS))
        yield


@functools.cache
def interpreter(name: str) -> Interpreter:
    return DebianInterpreters().find(FEATURE, load_targets()[name], Settings())


@functools.cache
def machine(name: str) -> Machine:
    return RootRunner().start(SYSTEM, load_targets()[name].arch)


def behaviour(python: Interpreter, folder: Path) -> Path:
    image = make_image(python, behaviour_wheels(folder), "behaviour.cli:main")
    path = folder / "app"
    OneFile().write([image], CompressedOptions(compression="fast"), path)
    return path


@pytest.mark.parametrize("name", TARGETS)
def test_the_tree_has_all_that_it_asks_for_and_nothing_of_this_machine(name: str) -> None:
    python, target = interpreter(name), load_targets()[name]
    policy = load_policy(target)
    natives = [path for path in python.root.rglob("*") if ".so" in path.suffixes]
    there = {path.name for path in natives}
    assert {"libssl.so.3", "libffi.so.8", "libz.so.1", "libtcl8.6.so"} <= there
    assert any(path.name == f"_ssl{python.ext_suffix}" for path in natives)
    for path in natives:
        facts = read_elf(path)
        assert facts is not None
        assert facts.runs_on(target.arch), path
        for needed in facts.needed:
            assert needed in there or policy.is_system(needed, built=True), (path, needed)
        for folder in facts.rpath + facts.runpath:
            assert folder.startswith("$ORIGIN"), (path, folder)
    assert python.floor is not None
    assert python.floor <= (2, 41)
    owners = {path: component.purl for component in python.libraries for path in component.files}
    grafted = {
        path.relative_to(python.root).as_posix() for path in natives if "dynload" not in str(path)
    }
    assert set(owners) == grafted - {python.library}
    assert str(owners["lib/libssl.so.3"]).startswith("pkg:deb/debian/libssl3")
    assert python.headers is not None
    sizes = "#define SIZEOF_VOID_P 4" in (python.headers / "pyconfig.h").read_text()
    assert sizes == (name == "linux-armv7l")


def test_debian_stands_in_where_releases_cannot_be_reached() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        mirror = f"http://127.0.0.1:{unused.getsockname()[1]}"
    settings, target = Settings(config=Config(mirror=mirror)), load_targets()[FULL]
    found = choose(FEATURE, "", target, settings)
    assert found == dataclasses.replace(interpreter(FULL), reason=found.reason)
    assert found.reason.startswith("debian-13 for arm64; standalone: cannot download cpython-3.13")
    assert "nothing answers at 127.0.0.1" in found.reason


def test_the_same_packages_make_the_same_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = interpreter(FULL)
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path))
    again = DebianInterpreters().find(FEATURE, load_targets()[FULL], Settings())
    assert again.root != first.root
    assert (again.key, again.floor, again.libraries) == (first.key, first.floor, first.libraries)


def test_python_does_there_what_it_does_here(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    native = Product(path=behaviour(local_interpreter(FEATURE), here), home=here)
    foreign = behaviour(interpreter(FULL), there)
    (there / "all.py").write_text(IMPORT_ALL)
    lines = [f"{PROGRAMS}/app {command} || echo failed" for command in COMMANDS]
    lines.append(f"{PROGRAMS}/app processes.script {PROGRAMS}/all.py")
    done = machine(FULL).run(
        ("/bin/sh", "-c", "\n".join(lines)),
        programs={"app": foreign, "all.py": there / "all.py"},
        timeout=600,
    )
    *answers, last = done.output.splitlines()
    wanted = [native.run(*command.split()).stdout.rstrip("\n") for command in COMMANDS]
    assert dict(zip(COMMANDS, answers, strict=True)) == dict(zip(COMMANDS, wanted, strict=True))
    status, out, err = json.loads(last)
    assert (status, err) == (0, "")
    assert json.loads(out) == [
        "aarch64", "little", True, "linux-aarch64", "OpenSSL", True, True,
    ]  # fmt: skip


def test_an_example_runs_there_in_every_format(tmp_path: Path) -> None:
    built = sealift(
        "--json", "build", example("webcli", tmp_path), "-t", FULL, "--interpreter", "debian",
        "-f", "onefile", "-f", "tar", cwd=tmp_path,
    )  # fmt: skip
    assert built.status == 0, built.err
    onefile, tar = (tmp_path / artifact["path"] for artifact in built.result)
    assert built.result[0]["floor"] == list(interpreter(FULL).floor or ())
    require_tool("zstd")
    subprocess.run(["tar", "-xf", tar, "-C", tmp_path], check=True)
    for given in (onefile, tmp_path / "webcli-1.0"):
        done = sealift("--json", "test", given, "--on", SYSTEM, "--run", "webcli versions",
                       cwd=tmp_path)  # fmt: skip
        assert done.status == 0, done
        assert "webcli 1.0" in done.result[0]["output"]
        assert "pydantic-core" in done.result[0]["output"]


def test_native_code_of_a_project_is_compiled_for_the_product_once(tmp_path: Path) -> None:
    project = example("patient", tmp_path)
    first, second = (
        sealift("--json", "build", project, "-t", FULL, "--python", FEATURE, cwd=tmp_path)
        for _ in range(2)
    )
    assert first.status == 0, first.err
    assert [artifact["sha256"] for artifact in second.result] == [first.result[0]["sha256"]]
    assert [bool(compiled(outcome)) for outcome in (first, second)] == [True, False]
    done = sealift("--json", "test", first.result[0]["path"], "--on", SYSTEM, "--run", "myapp run",
                   cwd=tmp_path)  # fmt: skip
    assert done.status == 0, done
    assert done.result[0]["output"].splitlines() == [
        "psycopg2 works!", "pycurl works!", "myextension works!",
    ]  # fmt: skip


def compiled(outcome: Outcome) -> list[str]:
    """What a build says that it builds."""
    notes = (event["text"] for event in outcome.events if event["event"] == "note")
    return [note for note in notes if note.startswith("building")]


def test_products_start_on_other_cpus(tmp_path: Path) -> None:
    main = "import markupsafe._speedups, ssl, sys\n\n\ndef main():\n    print(sys.byteorder, ssl)\n"
    demo_project(tmp_path, **{"demo/__init__.py": main})
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text(
        pyproject.read_text().replace(
            'version = "1.0"', 'version = "1.0"\ndependencies = ["markupsafe==3.0.3"]'
        )
    )
    targets = [part for name in STARTED for part in ("-t", name)]
    built = sealift("--json", "build", ".", *targets, "--python", FEATURE, cwd=tmp_path)
    assert built.status == 0, built.err
    assert [artifact["targets"] for artifact in built.result] == [[name] for name in STARTED]
    for artifact in built.result:
        done = sealift("--json", "test", artifact["path"], "--on", SYSTEM, cwd=tmp_path)
        assert done.status == 0, done
        assert done.result[0]["output"].startswith("little <module 'ssl' from")

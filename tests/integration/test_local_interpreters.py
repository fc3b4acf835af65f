"""Interpreters of this machine run from a copied tree where there is nothing but the C library."""

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealift.binary.elf import read_elf
from sealift.config import Config, Settings
from sealift.errors import InterpreterError
from sealift.interpreter import Interpreter
from sealift.interpreters.candidates import features, search
from sealift.interpreters.installation import ask, refusal
from sealift.interpreters.local import LocalInterpreters
from sealift.interpreters.relocate import relocate
from sealift.policy import load_policy
from sealift.stdlib import load_rules
from sealift.store import file_sha256
from sealift.target import current_target, load_targets
from tests.support.bare_root import make_bare_root, run_in
from tests.support.embedding import place_program
from tests.support.tools import missing, require_tool

PROVIDER = LocalInterpreters()
# Every interpreter here that can be shipped: of each feature version, and the system's own.
PROGRAMS = {f: str(found.program) for f in features() if (found := search(f).found)}
SYSTEM = [p for p in ("/usr/bin/python3.11", "/usr/bin/python3.13") if Path(p).exists()]

IMPORT_ALL = """
import importlib, json, os, sys
folder = next(path for path in sys.path if path.endswith("lib-dynload"))
failed = {}
for name in sorted({file.split(".")[0] for file in os.listdir(folder)}):
    try:
        importlib.import_module(name)
    except BaseException as problem:
        failed[name] = repr(problem)
import ctypes, hashlib, sqlite3, ssl, sysconfig, zoneinfo
print(json.dumps({
    "version": sys.version.split()[0], "failed": failed, "prefix": sys.prefix,
    "libdir": sysconfig.get_config_var("LIBDIR"), "ssl": ssl.OPENSSL_VERSION,
    "sqlite": sqlite3.connect(":memory:").execute("select 6 * 7").fetchone()[0],
    "sha": hashlib.sha256(b"").hexdigest()[:8], "platform": sysconfig.get_platform(),
}))
"""


def prepared(program: str, *, stdlib: str = "needed") -> Interpreter:
    settings = Settings(config=Config(interpreter=program, stdlib=stdlib))
    return PROVIDER.find(feature_of(program), current_target(), settings)


def answer(program: str | Path, expression: str) -> str:
    command = [str(program), "-I", "-c", f"import sys; print({expression})"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def feature_of(program: str) -> str:
    return answer(program, "'%d.%d' % sys.version_info[:2]")


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEALIFT_CACHE_DIR", str(tmp_path_factory.mktemp("store")))
        yield


@pytest.fixture(scope="module", params=sorted({*PROGRAMS.values(), *SYSTEM}))
def interpreter(request: pytest.FixtureRequest) -> Interpreter:
    require_tool("patchelf")
    program: str = request.param
    reason = PROVIDER.refuses(
        feature_of(program), current_target(), Settings(config=Config(interpreter=program))
    )
    if reason:
        missing(reason)
    return prepared(program)


def test_there_is_an_interpreter_to_test() -> None:
    if not PROGRAMS:
        missing("needs CPython 3.11 or later with headers")


def test_every_module_in_c_loads_without_this_machine(
    interpreter: Interpreter, tmp_path: Path
) -> None:
    root = make_bare_root(tmp_path / "bare")
    place_program(interpreter, root / "app")
    done = run_in(root, ["/app/bin/python3", "-c", IMPORT_ALL])
    told = json.loads(done.stdout)
    assert told["failed"] == {}
    assert told["version"] == interpreter.version
    assert told["prefix"] == "/app"
    assert told["sqlite"] == 42
    assert told["sha"] == "e3b0c442"
    assert told["platform"].startswith("linux-")


def test_tcl_finds_its_scripts_beside_the_program(interpreter: Interpreter, tmp_path: Path) -> None:
    if not (interpreter.root / interpreter.stdlib / "tkinter").exists():
        pytest.skip("it has no tkinter")
    root = make_bare_root(tmp_path / "bare")
    program = place_program(interpreter, root / "app")
    question = "import tkinter; print(tkinter.Tcl().eval('info library'))"
    done = run_in(root, ["/app/bin/python3", "-c", question])
    assert done.stdout.strip().startswith("/app/lib/tcl")
    # Nor does it take the scripts of a machine that has its own.
    done = subprocess.run(
        [program, "-c", question], check=True, capture_output=True, text=True, env={}
    )
    assert done.stdout.strip().startswith(str(root / "app/lib/tcl"))


def test_the_tree_asks_the_system_for_what_the_policy_gives(interpreter: Interpreter) -> None:
    policy = load_policy(current_target())
    files = [path for path in interpreter.root.rglob("*") if path.is_file()]
    own = {path.name for path in files}
    for path in files:
        facts = read_elf(path)
        for soname in facts.needed if facts else ():
            assert soname in own or policy.is_system(soname, built=True), f"{path} asks {soname}"
        for entry in (*facts.rpath, *facts.runpath) if facts else ():
            assert entry.startswith("$ORIGIN"), f"{path} searches {entry}"


def test_nothing_of_this_machine_is_in_it(interpreter: Interpreter) -> None:
    assert interpreter.program is not None
    prefix = answer(interpreter.program, "sys.base_prefix")
    if prefix in {"/usr", "/usr/local"}:
        prefix = f"{Path.home()}/."
    for path in interpreter.root.rglob("*"):
        assert not path.is_symlink()
        if path.is_file():
            assert prefix.encode() not in path.read_bytes(), path


def test_tests_and_caches_are_left_out_and_tk_lies_apart(interpreter: Interpreter) -> None:
    rules = load_rules()
    paths = [p.relative_to(interpreter.root).as_posix() for p in interpreter.root.rglob("*")]
    below = [p.removeprefix(f"{interpreter.stdlib}/") for p in paths]
    assert not [p for p in below if p.startswith(("test/", "idlelib/", "site-packages/"))]
    assert not [p for p in paths if "__pycache__" in p or p.endswith((".pyc", ".a", "Makefile"))]
    common = {p for p in paths if p.startswith("lib/lib") and not rules.group_of(p)}
    assert not [p for p in common if Path(p).name.startswith(("libX", "libtcl", "libtk"))]


def test_it_is_prepared_once_and_the_same_each_time(
    interpreter: Interpreter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = str(interpreter.program)
    assert prepared(program) == interpreter
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "other store"))
    again = prepared(program)
    assert again.root != interpreter.root
    assert again.key == interpreter.key
    assert digests(again.root) == digests(interpreter.root)


def digests(root: Path) -> dict[str, str]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {path.relative_to(root).as_posix(): file_sha256(path) for path in files}


def test_its_floor_is_told(interpreter: Interpreter) -> None:
    if current_target().abi != "gnu":
        pytest.skip("musl tells no floor")
    assert interpreter.floor is not None
    assert (2, 5) < interpreter.floor < (3, 0)


def test_all_of_the_standard_library_is_shipped_on_request() -> None:
    program = next(iter(PROGRAMS.values()), None) or missing("needs CPython")
    everything = prepared(program, stdlib="all")
    stdlib = everything.root / everything.stdlib
    assert (stdlib / "ensurepip").exists()
    assert not (stdlib / "site-packages").exists()
    shutil.rmtree(everything.root.parent)


def test_an_interpreter_with_a_static_library_only_ships_its_modules(tmp_path: Path) -> None:
    program = next(iter(PROGRAMS.values()), None) or missing("needs CPython")
    asked = ask(Path(program))
    (tmp_path / "libpython.a").touch()
    changed = {"INSTSONAME": "libpython.a", "LIBRARY": "libpython.a", "LIBDIR": str(tmp_path),
               "LIBPL": str(tmp_path)}  # fmt: skip
    found = dataclasses.replace(
        asked, variables={**asked.variables, **changed}, exec_prefix=str(tmp_path)
    )
    assert refusal(found) is None
    assert found.static_library() == tmp_path / "libpython.a"
    (tmp_path / "libpython-pic.a").touch()  # as Debian has besides
    assert found.static_library() == tmp_path / "libpython-pic.a"
    made = relocate(found, current_target(), everything=False)
    assert made.library is None
    assert (made.root / made.stdlib / "lib-dynload").is_dir()
    assert not list(made.root.glob("lib/libpython*"))


def test_another_machine_is_refused() -> None:
    reason = PROVIDER.refuses("3.13", load_targets()["windows-x86_64"], Settings())
    assert reason == f"interpreters of this machine run on {current_target()} only"


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#!/bin/sh\nexit 127\n", "ended with status 127"),
        ("#!/bin/sh\necho hello\n", "does not answer as CPython does"),
        ("#!/bin/sh\necho '{}'\n", "does not answer as CPython does"),
        ("not a program", "cannot ask"),
    ],
)
def test_what_is_no_interpreter_is_said(tmp_path: Path, text: str, said: str) -> None:
    program = script(tmp_path / "python3.13", text)
    settings = Settings(config=Config(interpreter=str(program)))
    reason = PROVIDER.refuses("3.13", current_target(), settings)
    assert reason is not None
    assert said in reason
    with pytest.raises(InterpreterError) as caught:
        PROVIDER.find("3.13", current_target(), settings)
    assert said in " ".join(caught.value.details)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"implementation": "pypy"}, "it is pypy"),
        ({"version": "3.10.13"}, "Sealift ships 3.11 and later"),
        ({"Py_DEBUG": 1}, "debug build"),
        ({"INCLUDEPY": "/nowhere/include"}, "Python.h is not at /nowhere/include"),
        ({"stdlib": "/nowhere"}, "its standard library is not at /nowhere"),
        ({"INSTSONAME": "", "LIBRARY": "", "LIBDIR": "/nowhere", "LIBPL": "/nowhere",
          "exec_prefix": "/nowhere"}, "it has no libpython"),
    ],
)  # fmt: skip
def test_an_unusable_interpreter_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    answers = {
        "program": str(tmp_path / "python3"), "version": "3.13.1", "implementation": "cpython",
        "prefix": "/opt/py", "exec_prefix": "/opt/py", "stdlib": str(tmp_path / "lib"),
        "builtins": [], "variables": {
            "INSTSONAME": "libpython3.13.so.1.0", "LIBRARY": "libpython3.13.a", "LIBDIR": "",
            "LIBPL": str(tmp_path), "MULTIARCH": "", "INCLUDEPY": str(tmp_path), "Py_DEBUG": 0,
            "Py_GIL_DISABLED": 0, "EXT_SUFFIX": ".so", "DESTSHARED": "",
        },
    }  # fmt: skip
    (tmp_path / "lib").mkdir()
    for name in ("lib/os.py", "Python.h", "libpython3.13.a"):
        (tmp_path / name).touch()
    for name, value in changes.items():
        place = answers if name in answers else answers["variables"]
        assert isinstance(place, dict)
        place[name] = value
    program = script(tmp_path / "python3", f"#!/bin/sh\ncat <<'EOT'\n{json.dumps(answers)}\nEOT\n")
    settings = Settings(config=Config(interpreter=str(program)))
    wanted = "3.10" if changes.get("version") == "3.10.13" else "3.13"
    reason = PROVIDER.refuses(wanted, current_target(), settings)
    assert reason is not None
    assert said in reason

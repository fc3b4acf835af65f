"""Application zips, written from staged images and run by the Pythons of this machine."""

import ast
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from sealift import store
from sealift.entry import EntryPoint
from sealift.errors import RefusedError
from sealift.image import Entry, Image, Kind
from sealift.target import current_target, load_targets
from tests.support.products import behaviour_wheels, local_interpreter, make_image, wheel_of
from tests.support.tools import require_tool
from tests.support.zips import HELLO, Zip, app_image, make_zip, python_of, write_zip, zip_of

FEATURES = ("3.11", "3.12", "3.13")


def behaviour_image(feature: str, folder: Path, entry: str = "behaviour.cli:main") -> Image:
    folder.mkdir(parents=True, exist_ok=True)
    return make_image(local_interpreter(feature), behaviour_wheels(folder), entry, name="Prüfung é")


@pytest.fixture(scope="session")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One zip for all Pythons."""
    folder = tmp_path_factory.mktemp("pyz mit Leerraum")
    return write_zip([behaviour_image(feature, folder / feature) for feature in FEATURES], folder)


@pytest.fixture(scope="session", params=FEATURES)
def built(
    request: pytest.FixtureRequest, several: Path, tmp_path_factory: pytest.TempPathFactory
) -> Zip:
    home = tmp_path_factory.mktemp("Heimat ü")
    return Zip(path=several, home=home, python=python_of(request.param))


def test_one_file_serves_several_pythons(built: Zip) -> None:
    found = built.ask("imports.files")
    feature = found["stdlib"].rpartition("/python")[2].split("/")[0]
    assert Path(found["stdlib"]).is_relative_to(built.python.resolve().parents[1])
    (tree,) = built.trees
    assert found["root"] == str(tree)
    assert list((tree / "lib").iterdir()) == [tree / "lib" / f"python{feature}"]


def _members(outer: zipfile.ZipFile, name: str) -> list[str]:
    with outer.open(name) as file, zipfile.ZipFile(file) as inner:
        return inner.namelist()


def test_files_that_are_the_same_are_in_it_once(several: Path) -> None:
    with zipfile.ZipFile(several) as outer:
        parts = [name for name in outer.namelist() if name.endswith(".zip")]
        members = [
            f"{name.split('/')[0]}: {path}" for name in parts for path in _members(outer, name)
        ]
        about = json.loads(outer.read("manifest.json"))
    assert len(members) == len(set(members))
    assert "shared: lib/python/site-packages/behaviour/cli.py" in members
    sources = [name for name in members if name.endswith(".py")]
    assert all(name.startswith("shared: ") for name in sources)
    assert {name.split(":")[0] for name in members} == {
        "shared", "cpython-311", "cpython-312", "cpython-313",
    }  # fmt: skip
    assert [each["python"].rpartition(".")[0] for each in about["variants"]] == list(FEATURES)


def test_bytes_depend_on_the_images_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    for number in ("1", "2"):
        if number == "2":  # nothing is taken from what the first one left
            monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "store"))
        (tmp_path / number).mkdir()
        image = app_image(HELLO, tmp_path / number)
        written.append(write_zip([image], tmp_path / number).read_bytes())
    assert written[0] == written[1]
    assert os.fsencode(tmp_path) not in written[0]


def test_first_line_names_the_python_inside(tmp_path: Path, several: Path) -> None:
    path = write_zip([app_image(HELLO, tmp_path)], tmp_path)
    assert path.read_bytes().startswith(b"#!/usr/bin/env python3.13\n")
    assert several.read_bytes().startswith(b"#!/usr/bin/env python3\n")
    other = write_zip([app_image(HELLO, tmp_path)], tmp_path, shebang="/opt/py -s")
    assert other.read_bytes().startswith(b"#!/opt/py -s\n")
    assert os.access(path, os.X_OK)


# Python inside it


def test_modules_resources_and_metadata(built: Zip) -> None:
    found = built.ask("imports.files")
    site = f"{found['root']}/lib/{Path(found['stdlib']).parents[1].name}/site-packages"
    assert found["module"] == found["origin"] == found["code"] == f"{site}/behaviour/imports.py"
    assert found["sys_path"][-2:] == [site, f"{site}/behaviour_more"]
    assert str(built.path) not in found["sys_path"]
    assert not any(entry.endswith("dist-packages") for entry in found["sys_path"])
    assert built.ask("imports.resources")["is_real"]
    assert built.ask("imports.metadata")["plugins"] == {"first": "alpha", "second": "beta"}
    assert built.ask("imports.packages")["resolved"] == "alpha"
    assert built.ask("imports.namespaces")["sides"] == [1, 4]
    assert built.ask("imports.sources")["class"] == "class Local:"


def test_pth_files_act_as_in_an_environment(built: Zip) -> None:
    found = built.ask("imports.startup")
    assert found["ran"] == 1
    assert found["folder"].endswith("/site-packages")


def test_compiled_code_comes_with_it(built: Zip) -> None:
    built.ask("imports.metadata")
    (tree,) = built.trees
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*.pyc")}
    assert len(before) > 10
    done = built.run("failing.uncaught")
    assert "# the line that fails" in done.stderr
    assert f"{tree}/lib/" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*.pyc")} == before


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_multiprocessing(built: Zip, method: str) -> None:
    found = built.ask("processes.start_method", method, env={"PYTHONWARNINGS": "ignore"})
    assert found["squares"] == [0, 1, 4, 9, 16]
    assert found["argv"] == ["processes.start_method"]
    assert found["status"] == 0


def test_executors(built: Zip) -> None:
    assert built.ask("processes.futures") == [[0, 1, 4, 9], [0, 1, 4, 9]]


def test_sys_executable_is_the_python_of_an_environment_with_the_application(built: Zip) -> None:
    found = built.ask("processes.python")
    assert found["code"] == [0, "grüße ['-c', 'é']\n", ""]
    assert json.loads(found["module"][1])["version"] == "1.2.3"
    assert found["executable"]
    assert found["prefix"]
    assert found["isolated"] == [0, "behaviour\n", ""]


def test_exit_codes_streams_and_arguments(built: Zip) -> None:
    assert built.run("failing.exit_with", "3").returncode == 3
    done = built.run("failing.exit_with", "sorry")
    assert (done.returncode, done.stderr) == (1, "sorry\n")
    assert built.run("failing.return_status").returncode == 9
    assert built.run("failing.at_exit").stdout == "written, thread\nat exit\n"
    assert built.ask("running.arguments", "--flag", "ä ✓", "", "a\nb")["same"]
    assert built.ask("running.lines", input="eins\nzwei ü\n") == ["eins", "zwei ü"]


def test_module_entry_is_run_as_python_does(tmp_path: Path) -> None:
    image = behaviour_image("3.13", tmp_path / "wheels")
    made = zip_of([replace(image, entry=EntryPoint("behaviour", "behaviour"))], tmp_path)
    assert made.ask("imports.files")["main"].endswith("/behaviour/__main__.py")
    assert made.ask("processes.start_method", "spawn")["squares"] == [0, 1, 4, 9, 16]


def test_garbage_is_collected_again_when_the_application_runs(tmp_path: Path) -> None:
    source = "import gc\nIMPORTED = gc.isenabled()\ndef main(): print(IMPORTED, gc.isenabled())\n"
    assert make_zip(source, tmp_path).run().stdout == "False True\n"


def test_packages_of_the_python_that_runs_it_are_not_seen_unless_asked(tmp_path: Path) -> None:
    source = (
        "import importlib.util as u, subprocess, sys\n"
        "def main():\n"
        "    code = 'import importlib.util as u; print(bool(u.find_spec(\"foreign\")))'\n"
        "    print(bool(u.find_spec('foreign')), flush=True)\n"
        "    subprocess.run([sys.executable, '-c', code])\n"
    )
    environment = tmp_path / "environment"
    subprocess.run([python_of("3.13"), "-m", "venv", "--without-pip", environment], check=True)
    (site,) = environment.glob("lib/*/site-packages")
    (site / "foreign.py").touch()
    closed = replace(make_zip(source, tmp_path), python=environment / "bin/python")
    assert closed.run().stdout == "False\nFalse\n"
    (tmp_path / "open").mkdir()
    opened = replace(make_zip(source, tmp_path / "open", inherit=True), python=closed.python)
    assert opened.run().stdout.splitlines()[0] == "True"


def test_damaged_zip_is_told(tmp_path: Path) -> None:
    made = make_zip(HELLO, tmp_path)
    content = bytearray(made.path.read_bytes())
    at = content.index(b"lib/python/site-packages/app.py")
    content[at + 45] ^= 0xFF
    made.path.write_bytes(content)
    done = made.run()
    assert done.returncode == 1
    assert "is damaged" in done.stderr
    assert "Traceback" not in done.stderr
    assert made.trees == []


# Pythons that do not fit


def test_python_that_is_not_inside_is_told_what_is(tmp_path: Path) -> None:
    image = app_image(HELLO, tmp_path)
    native = replace(image, entries=(*image.entries, _extension(image, tmp_path))).with_key()
    made = zip_of([native], tmp_path, "3.12")
    done = made.run()
    assert done.returncode == 1
    assert done.stderr.startswith("app: cannot run with ")
    assert f"  {image.target}, CPython 3.13: needs CPython 3.13\n" in done.stderr
    assert made.cache.exists() is False


def _extension(image: Image, folder: Path) -> Entry:
    path = folder / "native.so"
    path.write_bytes(b"no ELF file")
    site = f"{image.interpreter.stdlib}/site-packages"
    return Entry(
        path=f"{site}/native{image.interpreter.ext_suffix}",
        kind=Kind.NATIVE, mode=0o755, size=path.stat().st_size,
        sha256=store.file_sha256(path), source=path, origin="app",
    )  # fmt: skip


def test_newer_python_runs_what_has_no_native_code(tmp_path: Path) -> None:
    made = zip_of([behaviour_image("3.12", tmp_path / "wheels")], tmp_path)
    assert made.ask("imports.metadata")["version"] == "1.2.3"
    (tree,) = made.trees
    assert list((tree / "lib").iterdir()) == [tree / "lib/python3.13"]
    older = replace(made, python=python_of("3.11")).run()
    assert older.returncode == 1
    assert "CPython 3.12 or newer: needs CPython 3.12\n" in older.stderr


def test_main_module_can_tell_an_ancient_python(several: Path) -> None:
    with zipfile.ZipFile(several) as outer:
        main = outer.read("__main__.py").decode()
    tree = ast.parse(main, feature_version=(3, 4))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    (check,) = (node for node in tree.body if isinstance(node, ast.If))
    trial = (
        "import types; sys = types.SimpleNamespace(version_info=(3, 6), version='3.6', exit=print)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{trial}\n{ast.unparse(check)}"], capture_output=True, check=True
    )
    assert done.stdout.decode() == "Prüfung é: needs CPython 3.11 or 3.12 or 3.13; this is 3.6\n"


def test_several_targets_share_what_is_the_same(tmp_path: Path) -> None:
    image = app_image(HELLO, tmp_path)
    native = _extension(image, tmp_path)
    here = replace(image, entries=(*image.entries, native)).with_key()
    target = load_targets()["macos-arm64"]
    suffix = ".cpython-313-darwin.so"
    renamed = replace(native, path=native.path.replace(image.interpreter.ext_suffix, suffix))
    there = replace(
        image,
        target=target,
        interpreter=replace(image.interpreter, target=target, ext_suffix=suffix),
        entries=(*image.entries, renamed),
    ).with_key()
    made = zip_of([here, there], tmp_path)
    with zipfile.ZipFile(made.path) as outer:
        parts = [name.split(".")[0] for name in outer.namelist() if name.endswith(".zip")]
    assert parts == ["cpython-313/app", f"{image.target}/app", "macos-arm64/app", "shared/app"]
    assert made.run().stdout == "hello\n"
    (tree,) = made.trees
    assert [found.name for found in tree.rglob("*.so")] == [f"native{image.interpreter.ext_suffix}"]
    refused = replace(made, python=python_of("3.12")).run().stderr
    assert "  macos-arm64, CPython 3.13: needs macos\n" in refused
    assert f"  {image.target}, CPython 3.13: needs CPython 3.13\n" in refused


def test_targets_that_start_different_things_are_refused(tmp_path: Path) -> None:
    image = app_image(HELLO, tmp_path)
    other = replace(image, entry=EntryPoint("app", "app"))
    with pytest.raises(RefusedError, match="start different things"):
        write_zip([image, other], tmp_path)


def linked_wheel(folder: Path) -> Path:
    """A wheel with a library of its own that asks for another, outside the wheel."""
    compiler = require_tool("cc")
    library, asker = folder / "libanswer.so", folder / "libasker.so"
    sources = {library: "int answer(void) { return 42; }",
               asker: "int answer(void); int ask(void) { return answer(); }"}  # fmt: skip
    for path, source in sources.items():
        path.with_suffix(".c").write_text(source)
        links = ["-L", str(folder), "-lanswer", f"-Wl,-rpath,{folder}"] if path == asker else []
        name = f"-Wl,-soname,{path.name}"
        subprocess.run(
            [compiler, "-shared", "-fPIC", name, "-o", path, path.with_suffix(".c"), *links],
            check=True,
        )
    source = (
        "import ctypes, pathlib\n"
        "LIBRARY = pathlib.Path(__file__).with_name('libasker.so')\n"
        "def main(): print(ctypes.CDLL(LIBRARY).ask())\n"
    )
    files = {"asker.py": source.encode(), "libasker.so": asker.read_bytes()}
    return wheel_of("asker", files, folder, tag=f"py3-none-linux_{current_target().arch}")


def test_libraries_the_native_code_looks_for_come_along(tmp_path: Path) -> None:
    image = make_image(
        local_interpreter("3.13"), [linked_wheel(tmp_path)], "asker:main", name="asker"
    )
    made = zip_of([image], tmp_path)
    done = made.run()
    assert (done.stdout, done.stderr) == ("42\n", "")
    (tree,) = made.trees
    assert [path.name for path in (tree / "lib").glob("*.so*")] == ["libanswer.so"]

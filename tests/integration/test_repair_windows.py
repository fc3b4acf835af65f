"""Windows wheels repaired: they load where the DLLs that they were linked to are not."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sealift.binary.pe import read_pe
from sealift.repair.plan import Options
from sealift.repair.wheel import Repaired, repair_wheel
from tests.support.command import sealift
from tests.support.tools import require_tool
from tests.support.windows_python import windows_python
from tests.support.windows_wheels import (
    MINGW,
    PYTHON,
    dll,
    module,
    unpacked,
    unrepaired,
    windows_wheel,
)
from tests.support.wine import Wine, running_wine

Ask = Callable[..., str]
GIVES = "__declspec(dllexport) int"
# As CPython loads a module, with folders that a package has told of; ends with what it answers.
LOADER = """
#include <windows.h>
int wmain(int count, wchar_t **given) {
    for (int i = 2; i < count; i++) if (!AddDllDirectory(given[i])) return 201;
    HMODULE module = LoadLibraryExW(given[1], NULL,
        LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR);
    if (!module) return 202;
    int (*value)(void) = (int (*)(void))GetProcAddress(module, "plain_value");
    return value ? value() : 203;
}
"""
NOT_LOADED = 202
FAKE_PYTHON = f"{GIVES} PyLong_FromLong; {GIVES} PyModule_Create2; {GIVES} Py_Main;"


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    with running_wine(tmp_path_factory.mktemp("wine")) as made:
        yield made


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that loads modules, with what they want of Python beside it."""
    folder = tmp_path_factory.mktemp("loader")
    (folder / "load.c").write_text(LOADER)
    compiler = require_tool(f"{MINGW}-gcc")
    subprocess.run([compiler, "-municode", "load.c", "-o", "load.exe"], cwd=folder, check=True)
    dll(folder / f"python{PYTHON}.dll", FAKE_PYTHON)
    return folder / "load.exe"


@pytest.fixture(scope="module")
def ask(wine: Wine, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Ask a Python for Windows that has some folders to import from."""
    python = windows_python(tmp_path_factory.mktemp("python"))

    def answer(code: str, *folders: Path) -> str:
        paths = [f"Z:{folder}" for folder in folders]
        done = wine.run(python, "-B", "-c", f"import sys; sys.path[:0] = {paths}\n{code}")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return answer


@pytest.fixture
def chain(tmp_path: Path) -> list[Path]:
    """Two DLLs, of which the first asks for the second."""
    inner = dll(tmp_path / "dlls/inner.dll", f"{GIVES} inner(void) {{ return 40; }}")
    source = f"int inner(void); {GIVES} outer(void) {{ return inner() + 2; }}"
    return [dll(tmp_path / "dlls/Outer.dll", source, links=[inner]), inner]


def chained(chain: list[Path], folder: Path, place: str) -> Repaired:
    """A repaired wheel whose module at ``place`` asks for ``chain``, which is there no more."""
    made = module(folder / "m", "native", "outer()", declarations="int outer(void);",
                  links=chain[:1])  # fmt: skip
    files: dict[str, bytes | Path] = {f"{place}{made.name}": made}
    if place:
        files[f"{place}__init__.py"] = b'"""Doc."""\r\nfrom chained.native import value\r\n'
    wheel = windows_wheel(folder / "made", "chained", files)
    repaired = repair_wheel(wheel, Options(search=(chain[0].parent,)), folder / "out")
    for library in chain:
        library.unlink()
    return repaired


def asked(file: Path) -> set[str]:
    """The DLLs that ``file`` asks for, as GNU's tools see them."""
    done = subprocess.run(
        [require_tool(f"{MINGW}-objdump"), "-p", file], capture_output=True, text=True, check=True
    )
    return {line.split()[-1] for line in done.stdout.splitlines() if "DLL Name:" in line}


def test_windows_loads_a_module_with_the_dlls_of_its_wheel(
    wine: Wine, loader: Path, chain: list[Path], tmp_path: Path
) -> None:
    repaired = chained(chain, tmp_path, "chained/")
    site = unpacked(repaired.path, tmp_path / "site")
    names = {graft.asked: graft.path.removeprefix("chained.libs/") for graft in repaired.grafts}
    (file,) = (site / "chained").glob("*.pyd")
    assert asked(file) & {*names, *names.values()} == {names["Outer.dll"]}
    assert asked(site / "chained.libs" / names["Outer.dll"]) == {names["inner.dll"]}
    assert wine.run(loader, file).returncode == NOT_LOADED
    assert wine.run(loader, file, site / "chained.libs").returncode == 42


def test_windows_loads_dlls_beside_a_module_that_has_no_package(
    wine: Wine, loader: Path, chain: list[Path], tmp_path: Path
) -> None:
    repaired = chained(chain, tmp_path, "")
    site = unpacked(repaired.path, tmp_path / "site")
    (file,) = site.glob("*.pyd")
    assert {graft.path.count("/") for graft in repaired.grafts} == {0}
    assert wine.run(loader, file).returncode == 42


@pytest.mark.network
@pytest.mark.parametrize("place", ["chained/", ""])
def test_python_imports_a_repaired_module(
    ask: Ask, chain: list[Path], tmp_path: Path, place: str
) -> None:
    repaired = chained(chain, tmp_path, place)
    site = unpacked(repaired.path, tmp_path / "site")
    name = "chained" if place else "native"
    assert ask(f"import {name}; print({name}.value())", site) == "42"


@pytest.mark.network
def test_two_wheels_with_two_versions_of_a_dll_live_in_one_process(
    ask: Ask, tmp_path: Path
) -> None:
    sites = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        library = dll(folder / "same.dll", f"{GIVES} same(void) {{ return {number}; }}")
        made = module(folder / "m", "native", "same()", declarations="int same(void);",
                      links=[library])  # fmt: skip
        name = f"own{number}"
        files: dict[str, bytes | Path] = {f"{name}/{made.name}": made, f"{name}/__init__.py": b""}
        wheel = windows_wheel(folder / "made", name, files)
        repaired = repair_wheel(wheel, Options(search=(folder,)), tmp_path / "out")
        sites.append(unpacked(repaired.path, folder / "site"))
    code = "from own1 import native as a; from own2 import native as b; print(a.value(), b.value())"
    assert ask(code, *sites) == "1 2"


@pytest.mark.network
def test_a_dll_that_is_asked_for_late_is_found(ask: Ask, tmp_path: Path) -> None:
    late = dll(tmp_path / "dlls/late.dll", f"{GIVES} late(void) {{ return 7; }}")
    made = module(tmp_path / "m", "native", "late()", declarations="int late(void);",
                  links=[late], late=["late.dll"])  # fmt: skip
    facts = read_pe(made)
    assert facts
    assert facts.delay_imports == ("late.dll",)
    files: dict[str, bytes | Path] = {f"app/{made.name}": made, "app/__init__.py": b""}
    wheel = windows_wheel(tmp_path / "made", "app", files)
    repaired = repair_wheel(wheel, Options(search=(late.parent,)), tmp_path / "out")
    late.unlink()
    site = unpacked(repaired.path, tmp_path / "site")
    assert ask("from app import native; print(native.value())", site) == "7"


REAL = {
    "psycopg2-binary==2.9.13": (
        {"libpq.dll", "libcrypto-3-x64.dll", "libssl-3-x64.dll"},
        "import psycopg2.extensions as e; print(e.make_dsn(host='h'), e.libpq_version() > 90000)",
        "host=h True",
    ),
    "pycurl==7.49.0": (
        {"libcurl.dll", "libssh2.dll"},
        "import pycurl; print(pycurl.version[:6], 'https' in pycurl.version_info()[8])",
        "PycURL True",
    ),
}  # fmt: skip


@pytest.mark.network
@pytest.mark.parametrize("requirement", REAL)
def test_real_wheels_that_delvewheel_repaired_are_repaired_as_well(
    ask: Ask, requirement: str, tmp_path: Path
) -> None:
    some, code, answer = REAL[requirement]
    wheel, dlls = unrepaired(_downloaded(requirement, tmp_path), tmp_path)
    there = {path.name for path in dlls.iterdir()}
    assert some <= there
    repaired = repair_wheel(wheel, Options(search=(dlls,)), tmp_path / "out")
    assert {graft.source.name for graft in repaired.grafts} == there
    assert not repair_wheel(repaired.path, Options(), tmp_path / "again").is_changed
    for path in dlls.iterdir():
        path.unlink()
    site = unpacked(repaired.path, tmp_path / "site")
    assert ask(code, site) == answer


def _downloaded(requirement: str, folder: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
         "--platform", "win_amd64", "--dest", folder / "index", requirement],
        check=True,
    )  # fmt: skip
    (wheel,) = (folder / "index").iterdir()
    return wheel


def test_the_command_takes_dlls_from_where_it_is_told(chain: list[Path], tmp_path: Path) -> None:
    made = module(tmp_path / "m", "native", "outer()", declarations="int outer(void);",
                  links=chain[:1])  # fmt: skip
    wheel = windows_wheel(tmp_path / "made", "chained", {made.name: made})
    refused = sealift("repair", wheel, cwd=tmp_path)
    assert refused.status != 0
    assert "Outer.dll is nowhere on this machine" in refused.err
    outcome = sealift("repair", "--search", chain[0].parent, wheel, "--json", cwd=tmp_path)
    assert outcome.status == 0, outcome.err
    (told,) = outcome.result
    assert told["best"] == "win_amd64"
    assert {graft["asked"] for graft in told["grafts"]} == {"Outer.dll", "inner.dll"}

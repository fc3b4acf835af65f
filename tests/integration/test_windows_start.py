"""Products for Windows as consoles, desktops and services start them, and in bad company."""

import dataclasses
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sealift.entry import EntryPoint
from sealift.formats.folder import Folder
from sealift.formats.onefile import OneFile
from sealift.launcher.product import CompressedOptions, RuntimeOptions
from sealift.runners.wine_prefix import environment
from tests.support.examples import virtual_display
from tests.support.products import make_image, wheel_of
from tests.support.tools import require_tool
from tests.support.windows_wheels import MINGW, dll, module
from tests.support.wine import Wine, running_wine
from tests.support.wine_products import WindowsProduct, windows_interpreter, windows_path

SUPPORT = Path(__file__).parents[1] / "support"
CONSOLE, WINDOW, PYTHON = "C:\\acts.exe", "C:\\acts-gui.exe", "C:\\folder\\python.exe"
INTERRUPTED, FAILED = 0xC000013A, 71
FAST = CompressedOptions(compression="fast")
# Ends whoever loads it.
TRAP = """
#include <windows.h>
BOOL WINAPI DllMain(HINSTANCE own, DWORD reason, void *reserved) { ExitProcess(66); }
"""
TRAPS = ("dbghelp", "dwmapi", "iphlpapi", "profapi", "propsys", "version", "winmm", "wtsapi32")


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    """A Windows whose drive has the product in three shapes, and a parent to start them."""
    require_tool(f"{MINGW}-gcc")
    with running_wine(tmp_path_factory.mktemp("wine")) as wine:
        make_products(wine.drive, tmp_path_factory.mktemp("acts"))
        (wine.drive / "parent.py").write_bytes((SUPPORT / "windows_parent.py").read_bytes())
        yield wine


def make_products(drive: Path, scratch: Path) -> None:
    """A program for a console, one with windows, and a folder; ``needy`` lacks a library."""
    absent = dll(scratch / "absent.dll", "__declspec(dllexport) int absent(void) { return 1; }")
    declared = "__declspec(dllimport) int absent(void);"
    needy = module(
        scratch, "needy", "absent()", declarations=declared, links=[absent], python="313"
    )  # fmt: skip
    files: dict[str, bytes | Path] = {"acts.py": SUPPORT / "windows_acts.py", needy.name: needy}
    image = make_image(windows_interpreter(), [wheel_of("acts", files, scratch)], "acts:main")
    OneFile().write([image], FAST, drive / "acts.exe")
    Folder().write([image], RuntimeOptions(), drive / "folder")
    entry = EntryPoint("acts", "acts", "main", gui=True)
    OneFile().write(
        [dataclasses.replace(image, entry=entry).with_key()], FAST, drive / "acts-gui.exe"
    )  # fmt: skip


def parent(wine: Wine, act: str, *given: Any, **settings: str) -> Any:
    """What a function of the parent answers."""
    own = dataclasses.replace(wine, settings=settings)
    done = own.run(PYTHON, "C:\\parent.py", act, json.dumps(given))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_ctrl_c_in_a_console_interrupts_python(wine: Wine) -> None:
    """Also where the product is started anew by its own Python, which waits for it."""
    found = parent(
        wine, "interrupt",
        [CONSOLE, "wait"], [CONSOLE, "wait_and_tell"], [PYTHON, CONSOLE, "wait"],
    )  # fmt: skip
    ended = ["ready\n", ["KeyboardInterrupt"], INTERRUPTED]
    assert found == [ended, ["ready\ninterrupted\n", [], 5], ended]


def test_programs_without_standard_streams_work(wine: Wine) -> None:
    told = [f"C:\\told{number}.json" for number in range(2)]
    statuses = parent(
        wine, "without_streams",
        [CONSOLE, "streams", told[0]], [WINDOW, "streams", told[1]], [WINDOW, "fail"],
    )  # fmt: skip
    assert statuses == [4, 4, 1]
    for path in told:
        assert json.loads((wine.drive / path[3:]).read_text()) == [False, False, False]


def test_a_program_with_windows_tells_in_one_why_it_cannot_start(wine: Wine) -> None:
    whole = (wine.drive / "acts-gui.exe").read_bytes()
    (wine.drive / "broken.exe").write_bytes(whole[:-5000])
    with virtual_display() as display:
        texts, status = parent(wine, "window", "C:\\broken.exe", DISPLAY=display)
    assert status == FAILED
    assert "broken.exe: cannot start: this file is damaged" in texts[-1]
    # Whoever reads its standard error is told there, and nobody has to close a window.
    done = wine.run("C:\\broken.exe", timeout=60)
    assert done.returncode == FAILED
    assert "broken.exe: cannot start: this file is damaged" in done.stderr


def test_no_library_comes_from_beside_the_program(wine: Wine, tmp_path: Path) -> None:
    folder = wine.drive / "Downloads"
    folder.mkdir()
    (wine.drive / "acts.exe").rename(folder / "acts.exe")
    (tmp_path / "trap.c").write_text(TRAP)
    compiler = require_tool(f"{MINGW}-gcc")
    subprocess.run(
        [compiler, "-shared", "trap.c", "-o", "trap.dll"], cwd=tmp_path, check=True
    )  # fmt: skip
    for name in (*TRAPS, "absent", "vcruntime140", "python3"):
        (folder / f"{name}.dll").write_bytes((tmp_path / "trap.dll").read_bytes())
    overrides = environment(wine.prefix)["WINEDLLOVERRIDES"]
    product = WindowsProduct(path=folder / "acts.exe", home=folder, wine=wine)
    try:
        # wine prefers its own libraries unless it is told otherwise; Windows does not.
        found, missing = product.ask(
            "libraries", env={"WINEDLLOVERRIDES": f"{overrides};{','.join(TRAPS)}=n,b"}
        )
    finally:
        (folder / "acts.exe").rename(wine.drive / "acts.exe")
    assert found == [
        "_socket", "_ssl", "winsound", "dbghelp", "dwmapi.dll", "version.dll", "wtsapi32",
    ]  # fmt: skip
    assert missing[0].startswith("DLL load failed: ")
    assert "needy.cp313-win_amd64.pyd" in missing[0]
    assert missing[1].startswith("ctypes: Could not find module 'absent.dll'")


def test_a_program_with_a_very_long_path_starts(wine: Wine) -> None:
    folder = wine.drive.joinpath(*["a rather long name of a folder"] * 9)
    folder.mkdir(parents=True)
    (folder / "acts.exe").write_bytes((wine.drive / "acts.exe").read_bytes())
    product = WindowsProduct(path=folder / "acts.exe", home=folder, wine=wine)
    assert len(windows_path(wine, product.path)) > 280
    assert product.run("streams", "C:\\deep.json").returncode == 4

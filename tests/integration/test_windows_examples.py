"""The examples, built here for Windows by the command line and run under wine."""

import dataclasses
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

import pytest

from sealift.binary.pe import read_pe
from tests.support.examples import build, build_all, example, virtual_display
from tests.support.tools import require_tool
from tests.support.wine import Wine, running_wine
from tests.support.wine_products import WindowsProduct

TARGET = ("--target", "windows-x86_64")


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    require_tool("x86_64-w64-mingw32-gcc")
    with running_wine(tmp_path_factory.mktemp("windows")) as wine:
        yield wine


def built(name: str, windows: Wine, folder: Path) -> WindowsProduct:
    made = build(example(name, folder), folder, *TARGET)
    path = made.rename(windows.drive / made.name)
    return WindowsProduct(path=path, home=windows.drive, wine=windows)


def test_the_patient(windows: Wine, tmp_path: Path) -> None:
    """psycopg2 and pycurl bring DLLs in folders of their own."""
    patient = built("patient", windows, tmp_path)
    done = patient.run("run")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "psycopg2 works!", "pycurl works!", "myextension works!",
    ]  # fmt: skip
    assert patient.run("--version").stdout == "myapp, version 1.0\n"
    assert patient.run("nonsense").returncode == 2


def test_webcli(windows: Wine, tmp_path: Path) -> None:
    webcli = built("webcli", windows, tmp_path)
    names = [line.split()[0] for line in webcli.run("versions").stdout.splitlines()]
    assert names == ["httpx", "pydantic", "pydantic-core", "rich", "typer", "webcli"]
    refused = webcli.run("check", "http://127.0.0.1:9/")
    assert refused.returncode == 1


def test_the_window(windows: Wine, tmp_path: Path) -> None:
    """Started as a single file, and by the shortcut that its installer leaves."""
    formats = ("--format", "onefile", "--format", "nsis")
    file, installer = build_all(example("window", tmp_path), tmp_path, *TARGET, *formats)
    facts = read_pe(file)
    assert facts is not None
    assert facts.subsystem == "gui"
    assert windows.run(installer, "/S").returncode == 0
    (link,) = windows.drive.rglob("Start Menu/Programs/window.lnk")
    shortcut = f"C:\\{PureWindowsPath(link.relative_to(windows.drive))}"
    starts: list[tuple[str | Path, ...]] = [(file,), (file,), ("start", "/wait", shortcut)]
    pictures = []
    with virtual_display() as display:
        seen = dataclasses.replace(windows, settings={"DISPLAY": display})
        for start, presses in zip(starts, ("0", "3", "3"), strict=True):
            done = seen.run(*start, "--press", presses, "--screenshot", "C:\\shot.png")
            assert (done.returncode, done.stderr) == (0, "")
            pictures.append((windows.drive / "shot.png").read_bytes())
            (windows.drive / "shot.png").unlink()
    # Text, button and the picture are there: an empty window would compress to next to nothing.
    assert len(pictures[0]) > 1500
    assert pictures[0] != pictures[1] == pictures[2]


def test_the_server(windows: Wine, tmp_path: Path) -> None:
    server = built("server", windows, tmp_path)
    with server.start("--port", "0", "--file", "C:\\book.db") as process:
        try:
            assert process.stdout is not None
            url = f"{process.stdout.readline().split()[-1]}entries.json"
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310  (our own)
                assert json.load(answer) == []
        finally:
            process.kill()
            subprocess.run([require_tool("wineserver"), "-k"], env=windows.environment, check=False)

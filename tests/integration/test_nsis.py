"""Installers by NSIS: installed, upgraded and taken away again under wine."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealift.config import SigningOptions
from sealift.windows.installer import InstallerOptions
from sealift.windows.setup import write_setup
from tests.support.signing import Certificates
from tests.support.tools import require_tool
from tests.support.windows_installed import files, installed, until, values
from tests.support.windows_products import (
    IDENTIFIER,
    TITLE,
    a_program,
    a_tree,
    a_windows_image,
)
from tests.support.wine import Wine, running_wine
from tests.support.wine_products import windows_path

ARP = rf"Software\Microsoft\Windows\CurrentVersion\Uninstall\{IDENTIFIER}"
OFFERS = r"Software\Classes\.dmo\OpenWithProgids"
REGISTRY = (
    (rf"HKCU\{ARP}", "DisplayVersion"),
    (rf"HKCU\{OFFERS}", f"{IDENTIFIER}.sheet"),
    (r"HKCU\Environment", "Path"),
)
MACHINE_VARIABLES = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment"
SHOWN = TITLE.replace("é", "\N{REPLACEMENT CHARACTER}")  # reg answers in another code page
LONG_PATH = ";".join(f"C:\\folder{number:03}" for number in range(200))


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    with running_wine(tmp_path_factory.mktemp("wine")) as made:
        yield made


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    require_tool("makensis")
    return a_program(tmp_path_factory.mktemp("program"))


def test_a_product_is_installed_upgraded_and_taken_away(
    wine: Wine, program: bytes, tmp_path: Path
) -> None:
    options = InstallerOptions(compression="fast", path=True)
    for version, extra in (("1.0", {"Lib/old/gone.txt": b""}), ("1.10", {"Lib/new.txt": b""})):
        image = a_windows_image(tmp_path, version)
        write_setup(image, options, a_tree(program, image, extra), tmp_path / f"{version}.exe")
    path = ("reg", "add", r"HKCU\Environment", "/v", "Path", "/t", "REG_EXPAND_SZ", "/f", "/d")
    assert wine.run(*path, LONG_PATH).returncode == 0

    assert wine.run(tmp_path / "1.0.exe", "/S").returncode == 0
    folder = installed(wine)
    assert files(folder) == [
        "Lib/old/gone.txt", "Lib/version.txt", "Lib/ü/$INSTDIR ${VERSION}.txt", "demo.exe",
        "python.exe", "uninstall.exe",
    ]  # fmt: skip
    assert wine.run(folder / "demo.exe").stdout.strip() == "demo 1.0"
    shown, offer, added = values(wine, *REGISTRY)
    assert (shown, offer) == ("1.0", "")
    assert added
    assert added.startswith(LONG_PATH + ";C:\\users\\")
    links = list((wine.drive / "users").rglob(f"Start Menu/Programs/{TITLE}.lnk"))
    assert len(links) == 1

    (folder / "notes.txt").write_text("the user's own")
    assert wine.run(tmp_path / "1.10.exe", "/S").returncode == 0
    assert wine.run(folder / "demo.exe").stdout.strip() == "demo 1.10"
    assert not (folder / "Lib" / "old").exists()
    assert values(wine, *REGISTRY) == ["1.10", "", added]

    assert wine.run(folder / "uninstall.exe", "/S").returncode == 0
    until(lambda: not (folder / "uninstall.exe").exists() and not links[0].exists())
    assert files(folder) == ["notes.txt"]
    until(lambda: values(wine, *REGISTRY) == [None, None, LONG_PATH])


def test_a_running_program_is_not_overwritten(wine: Wine, program: bytes, tmp_path: Path) -> None:
    options = InstallerOptions(compression="fast")
    image = a_windows_image(tmp_path)
    write_setup(image, options, a_tree(program, image, {}), tmp_path / "setup.exe")
    assert wine.run(tmp_path / "setup.exe", "/S", "/D=C:\\apps\\demo").returncode == 0
    folder = wine.drive / "apps" / "demo"
    with subprocess.Popen(
        [wine.program, folder / "demo.exe", "wait"], env=wine.environment,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as running:  # fmt: skip
        time.sleep(3)
        try:
            assert wine.run(tmp_path / "setup.exe", "/S").returncode == 3
        finally:
            wine.run("taskkill", "/F", "/IM", "demo.exe")
            running.kill()
    assert (folder / "uninstall.exe").exists()
    assert wine.run(folder / "uninstall.exe", "/S").returncode == 0
    until(lambda: not (folder / "uninstall.exe").exists())


def test_an_installer_for_the_machine_is_for_all(
    wine: Wine, program: bytes, tmp_path: Path
) -> None:
    options = InstallerOptions(compression="fast", scope="machine", path=True)
    asked = ((rf"HKLM\{ARP}", "DisplayVersion"), (MACHINE_VARIABLES, "Path"))
    folder = wine.drive / "Program Files" / TITLE
    _, before = values(wine, *asked)
    assert before
    for version in ("1.0", "1.1"):
        image = a_windows_image(tmp_path, version)
        setup = tmp_path / f"{version}.exe"
        write_setup(image, options, a_tree(program, image, {}), setup)
        assert b"requireAdministrator" in setup.read_bytes()
        assert wine.run(setup, "/S").returncode == 0
        assert wine.run(folder / "demo.exe").stdout.strip() == f"demo {version}"
        assert values(wine, *asked) == [version, f"{before};C:\\Program Files\\{SHOWN}"]
    (link,) = wine.drive.rglob(f"{TITLE}.lnk")
    assert link.is_relative_to(wine.drive / "ProgramData")
    assert wine.run(folder / "uninstall.exe", "/S").returncode == 0
    until(lambda: not folder.exists() and values(wine, *asked) == [None, before])
    assert not link.exists()


def test_a_path_that_was_not_there_is_not_left_empty(
    wine: Wine, program: bytes, tmp_path: Path
) -> None:
    options = InstallerOptions(compression="fast", path=True, start_menu=False)
    image = a_windows_image(tmp_path)
    write_setup(image, options, a_tree(program, image, {}), tmp_path / "setup.exe")
    wine.run("reg", "delete", r"HKCU\Environment", "/v", "Path", "/f")
    assert wine.run(tmp_path / "setup.exe", "/S").returncode == 0
    assert values(wine, REGISTRY[2]) == [windows_path(wine, installed(wine)).replace(TITLE, SHOWN)]
    assert not list((wine.drive / "users").rglob(f"{TITLE}.lnk"))
    assert wine.run(installed(wine) / "uninstall.exe", "/S").returncode == 0
    until(lambda: values(wine, REGISTRY[2]) == [None])


def test_installers_are_signed_through_and_through(
    program: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool, trusted = require_tool("osslsigncode"), tmp_path / "cert.pem"
    own = Certificates()
    (tmp_path / "cert.pem").write_bytes(own.pem())
    (tmp_path / "cert.pfx").write_bytes(own.pfx("secret"))
    monkeypatch.setenv("SECRET", "secret")
    signing = SigningOptions(
        certificate=str(tmp_path / "cert.pfx"), password_variable="SECRET"  # noqa: S106
    )  # fmt: skip
    image = a_windows_image(tmp_path, signing=signing)
    tree = a_tree(program, image, {})
    for name in ("one.exe", "two.exe"):
        write_setup(image, InstallerOptions(compression="fast"), tree, tmp_path / name)
    assert (tmp_path / "one.exe").read_bytes() == (tmp_path / "two.exe").read_bytes()
    with running_wine(tmp_path / "wine") as wine:
        assert wine.run(tmp_path / "one.exe", "/S").returncode == 0
        folder = installed(wine)
        for path in (tmp_path / "one.exe", *(folder / f for f in files(folder) if ".exe" in f)):
            done = subprocess.run(
                [tool, "verify", "-CAfile", trusted, "-in", path],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, path.name + done.stdout

"""Packages for Windows Installer: read by msitools, installed and taken away under wine."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from sealift.application import Document
from sealift.artifact import About, Artifact
from sealift.config import SigningOptions
from sealift.errors import ConfigError, OutputError
from sealift.image import Image
from sealift.store import file_sha256
from sealift.target import parse_target
from sealift.windows.cabinet import Member, write_cabinet
from sealift.windows.manifests import winget_manifests
from sealift.windows.msi import MsiOptions, _write_table, write_msi
from tests.support.entries import an_application
from tests.support.pe_files import PeSpec, make_pe
from tests.support.signing import Certificates
from tests.support.store_schemas import WINGET, parsed
from tests.support.tools import require_tool
from tests.support.windows_installed import files, installed, values
from tests.support.windows_products import (
    IDENTIFIER,
    TITLE,
    a_program,
    a_tree,
    a_windows_image,
)
from tests.support.wine import Wine, running_wine

PROGRAM = make_pe(PeSpec(is_dll=False))
REGISTRY = (
    (r"HKCU\Software\Classes\.dmo\OpenWithProgids", f"{IDENTIFIER}.sheet"),
    (r"HKCU\Environment", "Path"),
)
MACHINE_VARIABLES = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment"
FAST = MsiOptions(compression="fast")


@pytest.fixture(autouse=True)
def msitools() -> None:
    require_tool("msibuild")


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    with running_wine(tmp_path_factory.mktemp("wine")) as made:
        yield made


def said(tool: str, *words: str | Path) -> str:
    done = subprocess.run(
        [require_tool(tool), *words], capture_output=True, text=True, check=True
    )  # fmt: skip
    return done.stdout


def rows(path: Path, table: str) -> list[list[str]]:
    """A table as msiinfo exports it, without its three lines of heads."""
    text = said("msiinfo", "export", path, table)
    return [line.split("\t") for line in text.splitlines()[3:]]


def properties(path: Path) -> dict[str, str]:
    return {name: text for name, text in rows(path, "Property")}  # noqa: C416


def made(image: Image, out: Path, options: MsiOptions = FAST) -> Path:
    write_msi(image, options, a_tree(PROGRAM, image, {}), out)
    return out


def searched(wine: Wine) -> list[str]:
    """Folders on the machine's Path; wine leaves an empty one for each that was taken away."""
    (path,) = values(wine, (MACHINE_VARIABLES, "Path"))
    return [folder for folder in (path or "").split(";") if folder]


def test_a_product_is_installed_upgraded_and_taken_away(wine: Wine, tmp_path: Path) -> None:
    program = a_program(tmp_path)
    options = MsiOptions(compression="fast", path=True)
    for version, extra in (("1.0", {"Lib/old/gone.txt": b""}), ("1.10", {"Lib/new.txt": b""})):
        image = a_windows_image(tmp_path, version)
        write_msi(image, options, a_tree(program, image, extra), tmp_path / f"{version}.msi")

    assert wine.run("msiexec", "/i", tmp_path / "1.0.msi", "/qn").returncode == 0
    folder = installed(wine)
    assert files(folder) == [
        "Lib/old/gone.txt", "Lib/version.txt", "Lib/ü/$INSTDIR ${VERSION}.txt", "demo.exe",
        "python.exe",
    ]  # fmt: skip
    (link,) = (wine.drive / "users").rglob(f"Start Menu/Programs/{TITLE}.lnk")

    (folder / "notes.txt").write_text("the user's own")
    assert wine.run("msiexec", "/i", tmp_path / "1.10.msi", "/qn").returncode == 0
    assert not (folder / "Lib" / "old").exists()
    assert wine.run(folder / "demo.exe").stdout.strip() == "demo 1.10"
    offer, path = values(wine, *REGISTRY)
    assert offer == ""
    assert path
    assert path.count("Programs") == 1

    assert wine.run("msiexec", "/i", tmp_path / "1.0.msi", "/qn").returncode == 1603 & 0xFF
    assert (folder / "Lib" / "new.txt").exists()

    assert wine.run("msiexec", "/x", tmp_path / "1.10.msi", "/qn").returncode == 0
    assert files(folder) == ["notes.txt"]
    assert not link.exists()
    assert values(wine, *REGISTRY) == [None, None]


def test_a_package_for_the_machine_is_for_all(wine: Wine, tmp_path: Path) -> None:
    program, folder = a_program(tmp_path), wine.drive / "Program Files" / TITLE
    options = MsiOptions(compression="fast", scope="machine", path=True)
    before = searched(wine)
    assert before
    for version in ("1.0", "1.1"):
        image, path = a_windows_image(tmp_path, version), tmp_path / f"{version}.msi"
        write_msi(image, options, a_tree(program, image, {}), path)
        assert wine.run("msiexec", "/i", path, "/qn").returncode == 0
        assert wine.run(folder / "demo.exe").stdout.strip() == f"demo {version}"
    # In the menu of all users on Windows; wine has the user's, in packages of other tools as well.
    (link,) = wine.drive.rglob(f"Start Menu/Programs/{TITLE}.lnk")
    shown = TITLE.replace("é", "\N{REPLACEMENT CHARACTER}")  # reg answers in another code page
    assert searched(wine) == [*before, f"C:\\Program Files\\{shown}\\"]
    assert wine.run("msiexec", "/x", tmp_path / "1.1.msi", "/qn").returncode == 0
    assert not folder.exists()
    assert not link.exists()
    assert searched(wine) == before


def test_texts_are_kept_in_any_script_and_with_any_sign(wine: Wine, tmp_path: Path) -> None:
    title, publisher, kind = "Démo [a] {b} 日本", "Antonín Dvořák", "#1 [sheet] {x}"
    sheet = Document(name="sheet", title=kind, extensions=("dmo",), mime=None, icon=None)
    application = an_application(
        title=title, identifier=IDENTIFIER, publisher=publisher, documents=(sheet,)
    )
    image = a_windows_image(tmp_path, application=application)
    path = made(image, tmp_path / "x.msi")
    told = properties(path)
    assert (told["ProductName"], told["Manufacturer"]) == (title, publisher)
    assert ["INSTALLDIR", "UserPrograms", f"app|{title}"] in rows(path, "Directory")
    assert "65001\t_ForceCodepage" in said("msiinfo", "export", path, "_ForceCodepage")
    assert f"Author: {publisher}" in said("msiinfo", "suminfo", path)
    assert wine.run("msiexec", "/i", path, "/qn").returncode == 0
    assert (installed(wine, title) / "demo.exe").is_file()
    assert values(wine, (rf"HKCU\Software\Classes\{IDENTIFIER}.sheet", "")) == [kind]
    assert wine.run("msiexec", "/x", path, "/qn").returncode == 0
    assert not installed(wine, title).exists()


def test_what_windows_compares_is_stable_and_the_rest_follows_the_content(tmp_path: Path) -> None:
    image = a_windows_image(tmp_path)
    first = made(image, tmp_path / "first.msi")
    again = made(image, tmp_path / "again.msi")
    assert first.read_bytes() == again.read_bytes()
    newer = made(replace(image, version="1.1"), tmp_path / "newer.msi")
    machine = made(image, tmp_path / "machine.msi", MsiOptions(scope="machine"))
    found = [properties(path) for path in (first, newer, machine)]
    assert found[0]["UpgradeCode"] == found[1]["UpgradeCode"]
    assert len({each["ProductCode"] for each in found}) == 3
    assert found[0]["ProductVersion"] == "1.0.0"
    assert found[0]["ProductName"] == TITLE
    assert "ALLUSERS" not in found[0]
    assert found[2]["ALLUSERS"] == "1"


def test_a_package_for_the_machine_says_who_may_write(tmp_path: Path) -> None:
    path = made(a_windows_image(tmp_path), tmp_path / "x.msi", MsiOptions(scope="machine"))
    ((_, place, table, rights, _),) = rows(path, "MsiLockPermissionsEx")
    assert (place, table) == ("INSTALLDIR", "CreateFolder")
    assert rights == "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)"
    assert ["INSTALLDIR", "ProgramFiles64Folder", f"app|{TITLE}"] in rows(path, "Directory")
    own = made(a_windows_image(tmp_path), tmp_path / "own.msi")
    assert rows(own, "MsiLockPermissionsEx") == []


def test_the_summary_says_for_whom_it_is(tmp_path: Path) -> None:
    image = a_windows_image(tmp_path)
    for scope, words in (("user", 10), ("machine", 2)):
        path = made(image, tmp_path / f"{scope}.msi", MsiOptions(scope=scope))
        text = said("msiinfo", "suminfo", path)
        assert f"Source: {words} (" in text
        assert "Template: x64;1033" in text
    arm = replace(image, target=parse_target("windows-arm64"))
    text = said("msiinfo", "suminfo", made(arm, tmp_path / "arm.msi"))
    assert "Template: Arm64;1033" in text
    assert "Version: 500 (" in text


def test_versions_that_windows_cannot_count_are_told(tmp_path: Path) -> None:
    image = a_windows_image(tmp_path, "2026.11.29")
    with pytest.raises(OutputError, match=r"counts to 255\.255\.65535") as caught:
        made(image, tmp_path / "x.msi")
    assert "[tool.sealift.msi]" in str(caught.value.hint)
    path = made(image, tmp_path / "y.msi", MsiOptions(version="26.11.29"))
    assert properties(path)["ProductVersion"] == "26.11.29"
    for wrong in ("1", "1.2.3.4", "1.x", "300.1.1"):
        with pytest.raises((ConfigError, OutputError)):
            made(image, tmp_path / "z.msi", MsiOptions(version=wrong))
    assert not (tmp_path / "z.msi").exists()


def test_winget_is_told_which_version_windows_shows(tmp_path: Path) -> None:
    about = About(
        name="demo", version="2026.11.29", title=TITLE, identifier=IDENTIFIER,
        publisher="Example", summary="Shows things", homepage="", license="MIT", copyright="",
        gui=True,
    )  # fmt: skip
    path = made(
        a_windows_image(tmp_path, about.version), tmp_path / "x.msi", MsiOptions(version="26.11.29")
    )
    artifact = Artifact(
        path=path, format="msi", targets=("windows-x86_64",), size=9, sha256=file_sha256(path),
        python="3.13.0", floor=None, floor_because="", distributions=1, about=about,
    )  # fmt: skip
    manifests = winget_manifests([artifact], "https://example.org/{file}", None)
    document = parsed(manifests[f"{IDENTIFIER}.installer.yaml"])
    jsonschema.validate(document, WINGET["installer"])
    (entry,) = document["Installers"]
    assert entry["ProductCode"] == properties(path)["ProductCode"]
    assert entry["AppsAndFeaturesEntries"] == [{"DisplayVersion": "26.11.29"}]


def test_more_files_than_a_small_number_counts(tmp_path: Path) -> None:
    table = _write_table(tmp_path, "Media", [(1, 40_000, None, "#product.cab", None, None)])
    said("msibuild", tmp_path / "x.msi", "-i", table)
    assert rows(tmp_path / "x.msi", "Media")[0][:2] == ["1", "40000"]


def test_a_product_without_publisher_or_icon_is_a_package_too(tmp_path: Path) -> None:
    image = a_windows_image(tmp_path, application=an_application(title="Plain"))
    path = made(image, tmp_path / "x.msi")
    assert properties(path)["Manufacturer"] == "Plain"
    assert rows(path, "Icon") == []


def test_a_package_and_what_is_in_it_are_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool, own = require_tool("osslsigncode"), Certificates()
    (tmp_path / "cert.pem").write_bytes(own.pem())
    (tmp_path / "both.pem").write_bytes(own.pem() + own.key_pem())
    image = a_windows_image(
        tmp_path, signing=SigningOptions(certificate=str(tmp_path / "both.pem"))
    )
    path = made(image, tmp_path / "x.msi")
    said("msiextract", "-C", tmp_path / "out", path)
    (program,) = (tmp_path / "out").rglob("demo.exe")
    for file in (path, program):
        done = subprocess.run(
            [tool, "verify", "-CAfile", tmp_path / "cert.pem", "-in", file],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


def test_a_cabinet_gives_back_what_was_put_in(tmp_path: Path) -> None:
    contents = [
        b"",
        b"a" * 100_000,
        bytes(range(256)) * 300,
        Path(sys.executable).read_bytes()[:200_000],
        b"z",
    ]
    members = []
    for number, content in enumerate(contents):
        path = tmp_path / f"f{number}"
        path.write_bytes(content)
        members.append(Member(path.name, path))
    write_cabinet(tmp_path / "x.cab", members, 6)
    said("7z", "x", f"-o{tmp_path / 'out'}", tmp_path / "x.cab")
    assert [(tmp_path / "out" / m.name).read_bytes() for m in members] == contents

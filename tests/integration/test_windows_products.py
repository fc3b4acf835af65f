"""Real products for Windows in every format, signed, under wine."""

import contextlib
import dataclasses
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealift.artifact import export
from sealift.config import SigningOptions
from sealift.entry import EntryPoint
from sealift.errors import OutputError
from sealift.formats.msi import Msi
from sealift.formats.nsis import Nsis
from sealift.formats.onefile import OneFile
from sealift.formats.zipped import Zipped
from sealift.image import Image
from sealift.launcher.product import CompressedOptions
from sealift.windows.installer import InstallerOptions
from sealift.windows.msi import MsiOptions
from tests.support.command import sealift
from tests.support.products import make_image, wheel_of
from tests.support.signing import Certificates
from tests.support.tools import require_tool
from tests.support.windows_installed import files
from tests.support.wine import Wine, running_wine
from tests.support.wine_products import windows_interpreter

FAST = CompressedOptions(compression="fast")
SOURCE = b"import sys, zlib\ndef main():\n    print('told', sys.argv[1:], zlib.crc32(b'x'))\n"
SAID = "told ['ü x'] 2363233923"


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    with running_wine(tmp_path_factory.mktemp("wine")) as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Has the certificate, and its private key."""
    folder, own = tmp_path_factory.mktemp("signing"), Certificates()
    (folder / "cert.pem").write_bytes(own.pem())
    (folder / "both.pem").write_bytes(own.pem() + own.key_pem())
    return folder


@pytest.fixture(scope="module")
def image(folder: Path) -> Image:
    require_tool("osslsigncode")
    wheel = wheel_of(
        "told", {"told.py": SOURCE}, folder, entry_points=[EntryPoint("told", "told", "main")]
    )
    made = make_image(windows_interpreter(), [wheel], "told:main", name="told")
    signing = SigningOptions(certificate=str(folder / "both.pem"))
    return dataclasses.replace(made, signing=signing)


def check_signed(path: Path, folder: Path) -> None:
    done = subprocess.run(
        [require_tool("osslsigncode"), "verify", "-CAfile", folder / "cert.pem", "-in", path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_a_signed_single_file_runs_and_is_the_same_every_time(
    image: Image, folder: Path, wine: Wine, tmp_path: Path
) -> None:
    for name in ("one.exe", "two.exe"):
        OneFile().write([image], FAST, tmp_path / name)
    assert (tmp_path / "one.exe").read_bytes() == (tmp_path / "two.exe").read_bytes()
    check_signed(tmp_path / "one.exe", folder)
    assert wine.run(tmp_path / "one.exe", "ü x").stdout.strip() == SAID
    (unpacked,) = (wine.drive / "users").glob("*/AppData/Local/sealift/apps/told-*/python.exe")
    check_signed(unpacked, folder)


def test_a_zip_file_runs_where_it_is_unpacked(
    image: Image, folder: Path, wine: Wine, tmp_path: Path
) -> None:
    Zipped().write([image], FAST, tmp_path / "told.zip")
    with zipfile.ZipFile(tmp_path / "told.zip") as packed:
        packed.extractall(wine.drive / "unpacked")
    program = wine.drive / "unpacked" / f"told-{image.version}" / "told.exe"
    check_signed(program, folder)
    assert wine.run(program, "ü x").stdout.strip() == SAID


def test_installers_of_a_real_product_install_what_runs(
    image: Image, folder: Path, wine: Wine, tmp_path: Path
) -> None:
    (tmp_path / "dist").mkdir()
    with contextlib.chdir(tmp_path):  # a folder is named from where the user is
        out = Path("dist")
        setup = export([image], Nsis(), InstallerOptions(compression="fast"), out).path.absolute()
        package = export([image], Msi(), MsiOptions(compression="fast"), out).path.absolute()
    ways: tuple[tuple[list[str | Path], list[str | Path] | None], ...] = (
        ([setup, "/S"], None),
        (["msiexec", "/i", package, "/qn"], ["msiexec", "/x", package, "/qn"]),
    )
    for install, remove in ways:
        assert wine.run(*install).returncode == 0
        (program,) = (wine.drive / "users").glob("*/AppData/Local/Programs/told/told.exe")
        check_signed(program, folder)
        assert wine.run(program, "ü x").stdout.strip() == SAID
        command = remove or [program.parent / "uninstall.exe", "/S"]
        assert wine.run(*command).returncode == 0
        for _ in range(300):
            if not program.parent.exists():
                break
            time.sleep(0.1)
        assert not program.parent.exists(), files(program.parent)


@pytest.mark.parametrize("path", ["told_more/DATA.txt", "told_more/aux.txt", "told_more/a?b"])
def test_files_that_cannot_be_on_windows_are_told(path: str, tmp_path: Path) -> None:
    contents: dict[str, bytes | Path] = {"told.py": SOURCE, "told_more/data.txt": b"", path: b""}
    wheel = wheel_of("told", contents, tmp_path)
    image = make_image(windows_interpreter(), [wheel], "told:main", name="told")
    with pytest.raises(OutputError, match="some of its files cannot be there") as caught:
        OneFile().write([image], FAST, tmp_path / "told.exe")
    assert path in caught.value.details[0]
    assert not (tmp_path / "told.exe").exists()


@pytest.mark.parametrize("name", ["COM1", "a:b", "nul", "app."])
def test_a_name_that_windows_does_not_allow_is_told_before_anything_is_done(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "demo"\nversion = "1"\n')
    done = sealift("build", ".", "--name", name, "-t", "windows-x86_64", cwd=tmp_path)
    assert done.status == 12
    assert "cannot call a product for Windows" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]

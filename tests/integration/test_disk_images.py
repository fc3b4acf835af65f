"""Disk images as others read them: 7-Zip, dmg2img and The Sleuth Kit."""

import io
import os
import re
import struct
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from ds_store import DSStore
from mac_alias import Alias

from sealift.apple.certificate import Purpose, load_certificate
from sealift.apple.codesign import CodeSigner
from sealift.apple.finder_window import BACKGROUND, Window, picture_size, write_window
from sealift.apple.hfsplus import LATEST, catalog_numbers, decomposed, write_volume
from sealift.apple.image_signature import sign_image, staple_image, verify_image
from sealift.apple.udif import TRAILER_SIZE, read_trailer, write_image
from sealift.binary.macho_seal import DirectoryLayout, Seal, signature
from sealift.binary.macho_signature import HASHES
from sealift.errors import BinaryFormatError, ConfigError, OutputError
from tests.support.command import sealift
from tests.support.developer_id import TEAM, make_authority, timestamping
from tests.support.tools import require_tool

MODIFIED = 1_700_000_000
FILES = 900  # enough for several nodes, and an index above them


def make_content(folder: Path) -> Path:
    """A folder as an application has it, and what names and files are hard."""
    files = {f"many/a file with a long name {number}": b"%d" % number for number in range(FILES)}
    files |= {
        "Made.app/Contents/MacOS/made": b"#!/bin/sh\n",
        "Made.app/Contents/Resources/zeros": bytes(20_000_000),
        "Made.app/Contents/Resources/noise": os.urandom(1_000_001),
        "Made.app/Contents/Resources/empty": b"",
        "Übergröße é 中文 \U0001d4b3.txt": b"text",
        ".VolumeIcon.icns": b"icns",
        BACKGROUND: b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 600, 400),
    }
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (folder / "Made.app/Contents/MacOS/made").chmod(0o755)
    (folder / "Applications").symlink_to("/Applications")
    return folder


def content_of(folder: Path) -> dict[str, object]:
    """Files with their bytes and links with where they lead."""
    return {
        unicodedata.normalize("NFD", path.relative_to(folder).as_posix()): (
            str(path.readlink()) if path.is_symlink() else path.read_bytes()
        )
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def make_image(folder: Path, out: Path) -> Path:
    """The image ``out`` of ``folder``; its volume lies beside it."""
    volume = out.with_suffix(".hfs")
    with volume.open("wb") as file:
        assert write_volume(folder, file, label="Made Volume", modified=MODIFIED) == file.tell()
    with out.open("wb") as file:
        write_image(volume, file, level=6)
    return out


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_content(tmp_path_factory.mktemp("content"))


@pytest.fixture(scope="module")
def image(content: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_image(content, tmp_path_factory.mktemp("image") / "made.dmg")


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_seven_zip_unpacks_what_was_put_in(image: Path, content: Path, tmp_path: Path) -> None:
    seven_zip = require_tool("7z")
    tested = run(seven_zip, "t", image)
    assert "Everything is Ok" in tested
    assert "WARNING" not in tested
    run(seven_zip, "x", f"-o{tmp_path}", image)
    hfs = next(tmp_path.glob("*.hfs"), None)
    if hfs:  # it stops at the volume, in which it goes when it is asked again
        run(seven_zip, "x", f"-o{tmp_path}", hfs)
    unpacked = content_of(tmp_path / "Made Volume")
    expected = content_of(content)
    links = {path for path, told in expected.items() if isinstance(told, str)}
    assert set(unpacked) == set(expected)
    for path in set(expected) - links:
        assert unpacked[path] == expected[path], path
    for path in links:  # made below the folder where it unpacks
        assert str(unpacked[path]).endswith(str(expected[path]))


def test_dmg2img_finds_the_disk_and_its_volume(image: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    assert "successfully" in run(require_tool("dmg2img"), image, disk)
    volume = image.with_suffix(".hfs").read_bytes()
    parts = run(require_tool("mmls"), disk)
    (start, length) = re.findall(r"(\d{10})   \d{10}   (\d{10})   disk image", parts)[0]
    assert (int(start), int(length)) == (40, len(volume) // 512)
    assert disk.read_bytes()[40 * 512 : 40 * 512 + len(volume)] == volume


def listed(volume: Path) -> Iterator[tuple[str, str, str, int]]:
    """Type, number, path and mode of all that The Sleuth Kit finds on ``volume``."""
    table = run(require_tool("fls"), "-f", "hfs", "-r", "-p", "-m", "/", volume)
    for line in table.splitlines():
        _, path, number, mode, *_ = line.split("|")
        if not path.startswith(("/$", "/^")):
            yield mode[:1], number, path.partition(" -> ")[0].lstrip("/"), _bits(mode)


def _bits(mode: str) -> int:
    return sum(1 << 8 - at for at, char in enumerate(mode[-9:]) if char != "-")


def test_the_sleuth_kit_agrees_on_types_numbers_and_modes(image: Path, content: Path) -> None:
    volume = image.with_suffix(".hfs")
    found = {path: (kind, int(number), mode) for kind, number, path, mode in listed(volume)}
    numbers = catalog_numbers(content)
    for path, number in numbers.items():
        if path == ".":
            continue
        place = content / path
        kind = "l" if place.is_symlink() else "d" if place.is_dir() else "r"
        mode = place.lstat().st_mode & 0o777
        assert found[decomposed(path) if "/" not in path else path] == (kind, number, mode), path
    assert len(found) == len(numbers) - 1
    link = numbers["Applications"]
    assert run(require_tool("icat"), "-f", "hfs", volume, str(link)) == "/Applications"
    told = run(require_tool("fsstat"), "-f", "hfs", volume)
    assert "Volume Name: Made Volume" in told
    assert "Volume Unmounted Properly" in told


def test_the_same_folder_gives_the_same_bytes(image: Path, content: Path, tmp_path: Path) -> None:
    assert make_image(content, tmp_path / "again.dmg").read_bytes() == image.read_bytes()


def test_a_signed_image_and_one_with_a_ticket(image: Path, tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    signed = tmp_path / "signed.dmg"
    signed.write_bytes(image.read_bytes())
    require_tool("openssl")
    with timestamping(authority) as url:
        own = load_certificate(authority.identity(timestamp=url), Purpose.APPLICATION)
        sign_image(signed, "org.example.made", CodeSigner(certificate=own))
    voucher, problems = verify_image(signed)
    assert problems == []
    assert voucher
    assert TEAM in voucher.names[0]
    assert voucher.is_timestamped
    assert "Everything is Ok" in run(require_tool("7z"), "t", signed)
    staple_image(signed, b"a ticket")
    assert verify_image(signed) == (voucher, [])
    assert b"a ticket" in signed.read_bytes()
    assert "Everything is Ok" in run(require_tool("7z"), "t", signed)


@pytest.mark.parametrize("at", [1000, -TRAILER_SIZE + 60, -300])
def test_a_changed_image_is_found(image: Path, tmp_path: Path, at: int) -> None:
    signed = tmp_path / "signed.dmg"
    signed.write_bytes(image.read_bytes())
    sign_image(signed, "org.example.made", CodeSigner())
    assert verify_image(signed) == (None, [])
    changed = bytearray(signed.read_bytes())
    changed[at] ^= 1
    signed.write_bytes(changed)
    with pytest.raises(AssertionError):
        assert verify_image(signed) == (None, [])


@pytest.mark.parametrize("kinds", [(1, 2), (1,)])
def test_an_image_with_other_hashes(image: Path, tmp_path: Path, kinds: tuple[int, ...]) -> None:
    seal = Seal(identifier="org.example.made")
    layout = DirectoryLayout(seal=seal, limit=0, bound=seal.bound())
    directories = [layout.directory(kind, [bytes(HASHES[kind][1])]) for kind in kinds]
    content = signature(seal, directories)
    with image.open("rb") as file:
        trailer = read_trailer(file)
    end = trailer.signed(len(content)).raw
    changed = tmp_path / "x.dmg"
    changed.write_bytes(image.read_bytes()[: trailer.plist_end] + content + end)
    with pytest.raises(BinaryFormatError, match="other hashes than one of SHA-256"):
        verify_image(changed)


def test_what_is_no_signed_image(image: Path, tmp_path: Path) -> None:
    with pytest.raises(BinaryFormatError, match="it is not signed"):
        verify_image(image)
    (tmp_path / "x.dmg").write_bytes(bytes(2000))
    with pytest.raises(BinaryFormatError, match="does not end as one does"):
        verify_image(tmp_path / "x.dmg")
    (tmp_path / "x.dmg").write_bytes(b"more" + image.read_bytes())
    with (tmp_path / "x.dmg").open("rb") as file, pytest.raises(BinaryFormatError, match="parts"):
        read_trailer(file)


def test_the_command_refuses_what_is_not_signed(image: Path) -> None:
    options = ["--issuer", "x", "--key-id", "y", "--key", "none.p8", "--json"]
    outcome = sealift("notarize", image, *options, cwd=image.parent)
    assert outcome.status == 14
    error = outcome.events[-1]
    assert (error["event"], error["exit_status"]) == ("error", 14)
    assert error["message"].endswith("it is not signed")
    missing = sealift("notarize", image, cwd=image.parent)
    assert missing.status == 2
    assert "--issuer" in missing.err


def test_names_that_do_not_fit_and_other_things(tmp_path: Path) -> None:
    (tmp_path / ("ä" * 127)).touch()
    with Path(os.devnull).open("wb") as nothing:
        write_volume(tmp_path, nothing, label="x", modified=MODIFIED)
        with pytest.raises(OutputError, match="the name is too long"):
            write_volume(tmp_path, nothing, label="x" * 256, modified=MODIFIED)
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OutputError, match="no file or folder"):
            write_volume(tmp_path, nothing, label="x", modified=MODIFIED)


def test_times_that_a_volume_cannot_tell_are_its_last(tmp_path: Path) -> None:
    folder, volumes = make_content(tmp_path / "content"), []
    window = Window(size=(600, 400), icons={}, has_background=True)
    for modified in (LATEST, LATEST + 1, 1 << 40):
        write_window(folder, window, label="Late", modified=modified)
        with io.BytesIO() as volume:
            write_volume(folder, volume, label="Late", modified=modified)
            volumes.append(volume.getvalue())
    assert volumes[0] == volumes[1] == volumes[2]


def test_the_window_of_a_volume(content: Path, tmp_path: Path) -> None:
    folder = make_content(tmp_path)
    icons = {"Mädé.app": (150, 200), "Applications": (450, 200)}
    window = Window(size=(600, 400), icons=icons, has_background=True)
    write_window(folder, window, label="Made Volume", modified=MODIFIED)
    with DSStore.open(str(folder / ".DS_Store")) as store:
        assert store["."]["bwsp"]["WindowBounds"] == "{{200, 120}, {600, 422}}"
        found = {name: store[decomposed(name)]["Iloc"] for name in icons}  # as on the volume
        assert found == icons
        alias = Alias.from_bytes(store["."]["icvp"]["backgroundImageAlias"])
    numbers = catalog_numbers(folder)
    assert (alias.target.cnid, alias.target.folder_cnid) == (
        numbers[BACKGROUND], numbers[".background"],
    )  # fmt: skip
    assert picture_size(folder / BACKGROUND) == (600, 400)
    with pytest.raises(ConfigError, match="no PNG picture"):
        picture_size(folder / ".VolumeIcon.icns")
    with pytest.raises(ConfigError, match="No such file"):
        picture_size(folder / "none.png")

"""Packages as others read them: libarchive, cpio, 7-Zip and OpenSSL."""

import gzip
import os
import stat
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from sealift.apple.bom import Material, make_bom, read_bom
from sealift.apple.certificate import Purpose, load_certificate
from sealift.apple.package import Package, write_package
from sealift.apple.xar import read_head, staple_xar, verify_xar
from sealift.errors import BinaryFormatError, OutputError
from sealift.formats.pkg import _REMOVE_OLDER
from tests.support.developer_id import TEAM, make_authority, timestamping
from tests.support.tools import require_root, require_tool
from tests.support.xar_files import make_xar

MODIFIED = 1_700_000_000
COMPONENT = "org.example.made.pkg"


def make_content(folder: Path) -> Path:
    files = {
        f"Made.app/Contents/Resources/lib/m{number}.txt": b"%d" % number for number in range(600)
    }  # enough for several nodes of the bill
    files["Made.app/Contents/Resources/größe & co"] = os.urandom(300_000)
    files["Made.app/Contents/Resources/empty"] = b""
    files["Made.app/Contents/MacOS/made"] = b"#!/bin/sh\n"
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(0o755 if "MacOS" in path else 0o644)
    (folder / "Made.app/link").symlink_to("Contents/Resources")
    return folder


def package_of(folder: Path) -> Package:
    return Package(
        title="Made & sold",
        identifier=COMPONENT.removesuffix(".pkg"),
        version="1.2",
        folder=folder,
        location="/Applications",
        cpus=("x86_64", "arm64"),
        minimum=(11, 0),
        bundle="Made.app",
        bundle_identifier="org.example.made",
        scripts={"preinstall": "#!/bin/sh\nexit 0\n"},
    )


def write(folder: Path, out: Path, certificate: object = None) -> Path:
    with out.open("wb") as file:
        write_package(
            package_of(folder), file, level=6, modified=MODIFIED, certificate=certificate,  # type: ignore[arg-type]
        )  # fmt: skip
    return out


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_content(tmp_path_factory.mktemp("content"))


@pytest.fixture(scope="module")
def package(content: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(content, tmp_path_factory.mktemp("package") / "made.pkg")


@pytest.fixture(scope="module")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as libarchive unpacks it, with a folder "payload" of what is installed."""
    folder = tmp_path_factory.mktemp("unpacked")
    bsdtar = require_tool("bsdtar")
    run(bsdtar, "-xf", package, "-C", folder)
    (folder / "payload").mkdir()
    run(bsdtar, "-xpf", folder / COMPONENT / "Payload", "-C", folder / "payload")
    return folder


def run(*command: str | Path, **options: object) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    return str(done.stdout)


def facts_of(folder: Path) -> dict[str, tuple[int, object]]:
    """Modes and contents by path."""
    found: dict[str, tuple[int, object]] = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        told: object = str(path.readlink()) if path.is_symlink() else None
        if stat.S_ISREG(status.st_mode):
            told = path.read_bytes()
        mode = 0 if path.is_symlink() else status.st_mode
        found[path.relative_to(folder).as_posix()] = (mode, told)
    return found


def test_what_is_unpacked_is_what_was_put_in(unpacked: Path, content: Path) -> None:
    assert facts_of(unpacked / "payload") == facts_of(content)
    assert {path.name for path in (unpacked / COMPONENT).iterdir()} == {
        "PackageInfo", "Bom", "Payload", "Scripts",
    }  # fmt: skip


def test_cpio_agrees(unpacked: Path, content: Path, tmp_path: Path) -> None:
    archive = gzip.decompress((unpacked / COMPONENT / "Payload").read_bytes())
    listing = subprocess.run(
        [require_tool("cpio"), "-itv", "--quiet", "-n"], input=archive, check=True,
        capture_output=True, env={"LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": os.environ["PATH"]},
    ).stdout.decode().splitlines()  # fmt: skip
    assert len(listing) == len(facts_of(content)) + 1
    assert all(line.split()[2:4] == ["0", "0"] for line in listing)
    assert listing[0].endswith(" .")
    assert [line for line in listing if line.endswith("link -> Contents/Resources")]
    assert {line.split()[7] for line in listing} == {"2023"}


def test_the_bill_lists_the_payload_with_checksums(unpacked: Path, content: Path) -> None:
    materials = read_bom((unpacked / COMPONENT / "Bom").read_bytes())
    assert materials[0] == Material(path=".", mode=content.stat().st_mode, modified=MODIFIED)
    found = {one.path: one for one in materials[1:]}
    expected = facts_of(content)
    assert set(found) == set(expected)
    for path, (mode, told) in expected.items():
        if isinstance(told, bytes):
            checksum, size = run("cksum", content / path).split()[:2]
            assert (found[path].checksum, found[path].size) == (int(checksum), int(size))
            assert found[path].mode == mode
    assert found["Made.app/link"].link == "Contents/Resources"


def test_the_installer_is_told_what_it_asks(unpacked: Path, content: Path) -> None:
    told = ET.fromstring((unpacked / "Distribution").read_text())  # noqa: S314
    assert told.findtext("title") == "Made & sold"
    options = told.find("options")
    assert options is not None
    assert options.get("hostArchitectures") == "x86_64,arm64"
    assert [one.get("min") for one in told.iter("os-version")] == ["11.0"]
    assert [one.text for one in told.iter("pkg-ref") if one.text] == [f"#{COMPONENT}"]
    info = ET.fromstring((unpacked / COMPONENT / "PackageInfo").read_text())  # noqa: S314
    assert info.get("install-location") == "/Applications"
    payload = info.find("payload")
    assert payload is not None
    assert payload.get("numberOfFiles") == str(len(facts_of(content)) + 1)
    assert [one.get("path") for one in info.iter("bundle") if one.get("path")] == ["./Made.app"]
    scripts = run(require_tool("bsdtar"), "-tvf", unpacked / COMPONENT / "Scripts")
    assert "rwxr-xr-x" in scripts
    assert "./preinstall" in scripts


def test_seven_zip_finds_every_checksum_right(package: Path) -> None:
    assert "Everything is Ok" in run(require_tool("7z"), "t", package)
    assert verify_xar(package) == (None, [])


def test_the_same_content_gives_the_same_bytes(
    package: Path, content: Path, tmp_path: Path
) -> None:
    assert write(content, tmp_path / "again.pkg").read_bytes() == package.read_bytes()


def test_a_signed_package(content: Path, tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    openssl = require_tool("openssl")
    with timestamping(authority) as url:
        own = load_certificate(
            authority.identity(authority.installer, timestamp=url), Purpose.INSTALLER
        )
        signed = write(content, tmp_path / "signed.pkg", own)
    voucher, problems = verify_xar(signed)
    assert problems == []
    assert voucher
    assert TEAM in voucher.names[0]
    assert voucher.is_timestamped
    head = read_head(signed)
    heap = signed.read_bytes()[head.heap :]
    places = {
        one.get("style"): (int(one.findtext("offset", "")), int(one.findtext("size", "")))
        for name in ("signature", "x-signature")
        for one in head.table().iter(name)
    }
    (tmp_path / "checksum").write_bytes(head.checksum)
    for style, (offset, size) in places.items():
        (tmp_path / str(style)).write_bytes(heap[offset : offset + size])
    (tmp_path / "leaf.pem").write_bytes(authority.installer.pem)
    options = [
        "-binary",
        "-content",
        "checksum",
        "-CAfile",
        "root.pem",
        "-purpose",
        "any",
        "-out",
        "told",
    ]
    run(openssl, "cms", "-verify", "-inform", "DER", "-in", "CMS", *options, cwd=tmp_path)
    run(openssl, "x509", "-in", "leaf.pem", "-pubkey", "-noout", "-out", "key.pem", cwd=tmp_path)
    run(openssl, "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-in", "checksum",
        "-sigfile", "RSA", "-pkeyopt", "digest:sha1", cwd=tmp_path)  # fmt: skip
    assert "Everything is Ok" in run(require_tool("7z"), "t", signed)
    staple_xar(signed, b"an older and longer ticket")
    staple_xar(signed, b"a ticket")
    assert signed.read_bytes().count(b"t8lr") == 2
    assert verify_xar(signed) == (voucher, [])
    assert signed.read_bytes().endswith(
        b"a ticket" + b"t8lr\1\0\2\0" + (8).to_bytes(4, "little") + bytes(4)
    )
    run(require_tool("bsdtar"), "-tf", signed)


@pytest.mark.parametrize("at", [100, -1000])
def test_a_changed_package_is_found(package: Path, tmp_path: Path, at: int) -> None:
    changed = bytearray(package.read_bytes())
    changed[at] ^= 1
    (tmp_path / "x.pkg").write_bytes(changed)
    try:
        _, problems = verify_xar(tmp_path / "x.pkg")
    except BinaryFormatError as problem:
        problems = [problem.message]
    assert problems


def test_what_is_no_package(package: Path, tmp_path: Path) -> None:
    (tmp_path / "x.pkg").write_bytes(b"nothing")
    with pytest.raises(BinaryFormatError, match="does not begin as a package does"):
        read_head(tmp_path / "x.pkg")
    (tmp_path / "x.pkg").write_bytes(package.read_bytes()[:100])
    with pytest.raises(BinaryFormatError, match="ends before its table"):
        read_head(tmp_path / "x.pkg")
    (tmp_path / "x.pkg").write_bytes(package.read_bytes()[:-100])
    with pytest.raises(BinaryFormatError, match="ends before its parts do"):
        verify_xar(tmp_path / "x.pkg")
    with pytest.raises(BinaryFormatError, match="bill of materials"):
        read_bom(b"BOMStore")


@pytest.mark.parametrize(
    ("offset", "length", "told"),
    [("x", "1", None), ("-1", "1", None), ("0", str(1 << 62), None), ("0", "0", (1 << 64) - 1)],
)
def test_numbers_of_a_package_that_cannot_be(
    tmp_path: Path, offset: str, length: str, told: int | None
) -> None:
    data = f"<data><offset>{offset}</offset><length>{length}</length></data>"
    toc = f"<xar><toc><file>{data}</file></toc></xar>".encode()
    (tmp_path / "x.pkg").write_bytes(make_xar(toc, packed_size=told))
    with pytest.raises(BinaryFormatError, match=r"where parts are|ends before"):
        verify_xar(tmp_path / "x.pkg")


def test_only_files_folders_and_links_are_packed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="no file or folder"):
        write(tmp_path, tmp_path.with_name("x.pkg"))


def test_bills_of_one_and_of_many() -> None:
    top = Material(path=".", mode=stat.S_IFDIR | 0o755)
    assert read_bom(make_bom([top])) == (top,)
    for count in (255, 256, 257, 1000):
        files = [
            Material(path=f"f{number:04}", mode=stat.S_IFREG | 0o644, size=number)
            for number in range(count)
        ]
        assert read_bom(make_bom([top, *files])) == (top, *files)


@pytest.mark.parametrize("encoding", ["UTF-9", "gb2312", "base64"])
def test_a_table_in_an_encoding_that_xml_does_not_read(tmp_path: Path, encoding: str) -> None:
    toc = f'<?xml version="1.0" encoding="{encoding}"?><xar><toc/></xar>'.encode()
    (tmp_path / "x.pkg").write_bytes(make_xar(toc))
    with pytest.raises(BinaryFormatError, match="cannot read a table of contents"):
        verify_xar(tmp_path / "x.pkg")


def test_a_table_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    entities = b'<!DOCTYPE xar [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xar><toc>&b;</toc></xar>'
    hidden = entities.decode().encode("utf-16")
    for toc, reason in (
        (bytes(100 << 20), "more than 67108864 bytes"),
        (entities, "declarations"),
        (hidden, "declarations"),
    ):
        (tmp_path / "x.pkg").write_bytes(make_xar(toc))
        with pytest.raises(BinaryFormatError, match=reason):
            verify_xar(tmp_path / "x.pkg")


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A disk on which older versions are installed: of "it's mine", and of another product."""
    root = tmp_path / "a disk"
    for name in ("it's mine", "other"):
        tree = root / "usr/local/lib" / name
        (tree / "lib/.hidden").mkdir(parents=True)
        for path in ("image.sealift", ".stamp", "lib/.hidden/x.py"):
            (tree / path).touch(0o644)
    for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    return root


def preinstalled(volume: Path) -> tuple[int, str]:
    """The status of the script that runs before files are installed, and what it says."""
    script = _REMOVE_OLDER.format(name='"it\'s mine"')
    command = ["/bin/sh", "-c", script, "preinstall", "made.pkg", "/usr/local", f"{volume}/"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode, done.stderr


def test_an_older_version_is_removed_and_nothing_else(volume: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    library = volume / "usr/local/lib"
    before = facts_of(library / "other")
    (library / "it's mine/lib/link").symlink_to(tmp_path / "precious")
    assert preinstalled(volume) == (0, "")
    assert list((library / "it's mine").iterdir()) == []
    assert preinstalled(volume) == (0, "")
    (library / "it's mine").rmdir()
    assert preinstalled(volume) == (0, "")
    assert facts_of(library / "other") == before
    assert (tmp_path / "precious/file").exists()


def test_a_folder_that_is_no_product_is_left_alone(volume: Path) -> None:
    tree = volume / "usr/local/lib/it's mine"
    (tree / "image.sealift").unlink()
    before = facts_of(tree)
    assert preinstalled(volume) == (0, "")
    assert facts_of(tree) == before


@pytest.mark.parametrize("trap", ["link", "dangling", "above", "file", "open folder", "open file"])
def test_where_others_could_have_put_it_nothing_is_removed(volume: Path, trap: str) -> None:
    tree = volume / "usr/local/lib/it's mine"
    match trap:
        case "link" | "dangling":
            tree.rename(volume / "moved")
            tree.symlink_to(volume / ("moved" if trap == "link" else "none"))
        case "above":
            (volume / "usr/local/lib").rename(volume / "moved")
            (volume / "usr/local/lib").symlink_to(volume / "moved")
        case "file":
            tree.rename(volume / "moved")
            tree.touch()
        case "open folder":
            (tree / "lib/.hidden").chmod(0o775)
        case _:
            (tree / "image.sealift").chmod(0o646)
    before = facts_of(volume)
    status, said = preinstalled(volume)
    assert status == 1
    assert "or others than root can write there: move it away" in said
    assert facts_of(volume) == before


def test_what_belongs_to_others_is_not_removed(volume: Path) -> None:
    require_root()
    before = facts_of(volume)
    os.lchown(volume / "usr/local/lib/it's mine/lib", 12345, 12345)
    assert preinstalled(volume)[0] == 1
    assert facts_of(volume) == before

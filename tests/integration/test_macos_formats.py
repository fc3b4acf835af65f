"""Applications for macOS, in images and packages: read by others, held to what a Mac asks."""

import hashlib
import json
import os
import plistlib
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from sealift.apple.bundle import read_bundle, verify_bundle
from sealift.apple.codesign import is_code
from sealift.apple.image_signature import verify_image
from sealift.apple.xar import verify_xar
from sealift.binary.macho_verify import verify_signature
from sealift.config import Settings
from sealift.interpreters.wheels import WheelInterpreters
from sealift.target import load_targets
from tests.support.command import Outcome, sealift, write_tree
from tests.support.developer_id import PASSWORD, TEAM, Authority, make_authority, timestamping
from tests.support.icons import png
from tests.support.macho_pages import check_pages, slices
from tests.support.tools import require_tool

pytestmark = [pytest.mark.network, pytest.mark.slow]

BOTH, APPLE = "macos-universal2", "macos-arm64"
PROJECT = {
    "pyproject.toml": """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "notes"
version = "1.2rc3"
description = "Takes notes"
dependencies = ["markupsafe==3.0.3"]
[project.gui-scripts]
notes = "notes:main"
[tool.sealift]
python = "3.13"
[tool.sealift.app]
title = "Meine Nötizen"
identifier = "org.example.notes"
icon = "icon.png"
[tool.sealift.document.note]
extensions = ["note"]
[tool.sealift.bundle]
category = "public.app-category.productivity"
[tool.sealift.dmg]
background = "icon.png"
""",
    "notes/__init__.py": "def main():\n    print('notes')\n",
    "notes/übrig/né.txt": "data whose name has accents",
}
SIGNING = """
[tool.sealift.signing.macos]
certificate = "application.p12"
installer = "installer.p12"
password-variable = "NOTES_PASSWORD"
timestamp = "{url}"
"""


@dataclass(frozen=True)
class Built:
    """One project in all formats, and what was said while they were made."""

    application: Path
    image: Path
    package: Path
    digests: dict[str, str]
    said: str

    @property
    def contents(self) -> Path:
        return self.application / "Contents"


def make_project(folder: Path, extra: str = "") -> Path:
    write_tree(folder, {**PROJECT, "pyproject.toml": PROJECT["pyproject.toml"] + extra})
    (folder / "icon.png").write_bytes(png(512, 512))
    return folder


def build(folder: Path, target: str, *formats: str, **environment: str) -> Outcome:
    asked = [word for name in formats for word in ("-f", name)]
    return sealift("build", ".", "-t", target, *asked, "--json", cwd=folder, **environment)


def built(folder: Path, target: str, **environment: str) -> Built:
    outcome = build(folder, target, "bundle", "dmg", "pkg", **environment)
    assert outcome.status == 0, outcome.out + outcome.err
    paths = {one["format"]: folder / one["path"] for one in outcome.result}
    digests = {one["format"]: one["sha256"] for one in outcome.result}
    return Built(paths["bundle"], paths["dmg"], paths["pkg"], digests, outcome.out)


@pytest.fixture(scope="module")
def adhoc(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return built(make_project(tmp_path_factory.mktemp("adhoc")), BOTH)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    require_tool("openssl")
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def signed(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = make_project(tmp_path_factory.mktemp("signed"))
    with timestamping(authority) as url:
        add_signing(folder, authority, url)
        return built(folder, APPLE, NOTES_PASSWORD=PASSWORD)


def add_signing(folder: Path, authority: Authority, url: str) -> None:
    project = folder / "pyproject.toml"
    project.write_text(project.read_text() + SIGNING.format(url=url))
    for name, issued in (
        ("application", authority.application), ("installer", authority.installer),
    ):  # fmt: skip
        own = authority.identity(issued).certificate.read_bytes()
        (folder / f"{name}.p12").write_bytes(own)


def code_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and is_code(path))


def test_the_application_is_laid_out_and_described(adhoc: Built) -> None:
    assert adhoc.application.name == "Meine Nötizen.app"
    there = {path.relative_to(adhoc.contents).as_posix() for path in adhoc.contents.rglob("*")}
    assert there >= {
        "Info.plist", "PkgInfo", "MacOS/notes", "_CodeSignature/CodeResources",
        "Resources/image.sealift", "Resources/bin/python3.13", "Resources/lib/libpython3.13.dylib",
        "Resources/application.icns", "Resources/sbom.cdx.json",
    }  # fmt: skip
    assert [path.name for path in (adhoc.contents / "MacOS").iterdir()] == ["notes"]
    told = plistlib.loads((adhoc.contents / "Info.plist").read_bytes())
    assert told["CFBundleIdentifier"] == "org.example.notes"
    assert told["CFBundleIconFile"] == "application.icns"
    assert told["LSApplicationCategoryType"] == "public.app-category.productivity"
    assert told["LSMinimumSystemVersion"] == "10.13"
    assert "LSUIElement" not in told  # it is a GUI script
    assert (adhoc.contents / "Resources/application.icns").read_bytes()[:4] == b"icns"
    program = adhoc.contents / "MacOS/notes"
    assert program.stat().st_mode & 0o777 == 0o755


def test_all_code_is_signed_page_by_page_as_lief_reads_it(adhoc: Built) -> None:
    found = code_below(adhoc.application)
    assert len(found) > 40
    for path in found:
        both = slices(path)
        assert set(both) == {"X86_64", "ARM64"}, path
        for one in both.values():
            identifier, _ = check_pages(one)
            assert (identifier == "org.example.notes") == (path.parent.name == "MacOS")


def test_the_seal_has_every_file(adhoc: Built) -> None:
    """Made again by other means than the code that made it."""
    assert verify_bundle(adhoc.application).problems == ()
    seal = adhoc.contents / "_CodeSignature/CodeResources"
    told = plistlib.loads(seal.read_bytes())["files2"]
    expected = {
        path.relative_to(adhoc.contents).as_posix(): hashlib.sha256(path.read_bytes()).digest()
        for path in adhoc.contents.rglob("Resources/**/*")
        if path.is_file()
    }
    assert {path: entry["hash2"] for path, entry in told.items()} == expected
    for one in slices(adhoc.contents / "MacOS/notes").values():
        command = one.binary.code_signature
        assert command
        signature = one.content[command.data_offset :]
        for name in (seal, adhoc.contents / "Info.plist"):
            assert hashlib.sha256(name.read_bytes()).digest() in signature


def test_no_certificate_is_told_once(adhoc: Built) -> None:
    notes = [json.loads(line) for line in adhoc.said.splitlines()]
    told = [one for one in notes if "no certificate is named" in str(one.get("text"))]
    assert len(told) == 1


def test_two_builds_are_the_same_bytes(adhoc: Built, tmp_path: Path) -> None:
    assert built(make_project(tmp_path), BOTH).digests == adhoc.digests


def test_all_users_can_read_what_is_installed(tmp_path: Path) -> None:
    make_project(tmp_path)
    before = os.umask(0o077)
    try:
        build(tmp_path, APPLE, "bundle")
    finally:
        os.umask(before)
    (application,) = (tmp_path / "dist").rglob("*.app")
    for path in (application, *application.rglob("*")):
        assert path.stat().st_mode & 0o044 == 0o044, path


def test_the_image_has_the_application_and_the_link(adhoc: Built, tmp_path: Path) -> None:
    seven_zip = require_tool("7z")
    assert "Everything is Ok" in run(seven_zip, "t", adhoc.image)
    run(seven_zip, "x", f"-o{tmp_path}", adhoc.image)
    volume = tmp_path / "Meine Nötizen"
    if not volume.exists():
        (volume,) = (path for path in tmp_path.iterdir() if path.is_dir())
    names = {path.name for path in volume.iterdir()}
    assert len(names) == 5
    assert names >= {"Applications", ".DS_Store", ".VolumeIcon.icns", ".background"}
    (application,) = volume.glob("*.app")
    found = files_of(application)
    assert found == files_of(adhoc.application)
    assert any(path.endswith("/u\u0308brig/ne\u0301.txt") for path in found)
    assert verify_bundle(application).problems == ()


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_package_installs_the_application(adhoc: Built, tmp_path: Path) -> None:
    bsdtar = require_tool("bsdtar")
    run(bsdtar, "-xf", adhoc.package, "-C", tmp_path)
    component = tmp_path / "org.example.notes.pkg"
    told = (component / "PackageInfo").read_text()
    assert 'install-location="/Applications"' in told
    assert 'id="org.example.notes"' in told
    assert 'os-version min="10.13"' in (tmp_path / "Distribution").read_text()
    (tmp_path / "payload").mkdir()
    run(bsdtar, "-xpf", component / "Payload", "-C", tmp_path / "payload")
    (application,) = (tmp_path / "payload").iterdir()
    assert files_of(application) == files_of(adhoc.application)
    assert verify_bundle(application).problems == ()


def test_a_console_script_is_installed_as_a_command(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    text = (project / "pyproject.toml").read_text().replace("gui-scripts", "scripts")
    (project / "pyproject.toml").write_text(text)
    outcome = build(project, APPLE, "pkg", "bundle")
    assert outcome.status == 0, outcome.out + outcome.err
    package, application = (project / one["path"] for one in outcome.result)
    if package.suffix == ".app":
        package, application = application, package
    told = plistlib.loads((application / "Contents/Info.plist").read_bytes())
    assert told["LSUIElement"] is True  # no window, no place in the Dock
    bsdtar = require_tool("bsdtar")
    run(bsdtar, "-xf", package, "-C", tmp_path)
    component = tmp_path / "org.example.notes.pkg"
    assert 'install-location="/usr/local"' in (component / "PackageInfo").read_text()
    assert "preinstall" in run(bsdtar, "-tf", component / "Scripts")
    (local := tmp_path / "local").mkdir()
    run(bsdtar, "-xpf", component / "Payload", "-C", local)
    assert (local / "bin/notes").readlink() == Path("../lib/notes/notes")
    assert (local / "bin/notes").resolve() == local / "lib/notes/notes"
    for path in code_below(local / "lib"):
        assert all(check.fits for check in verify_signature(path.read_bytes())), path


def test_a_developer_id_vouches_for_all_of_it(signed: Built) -> None:
    found = verify_bundle(signed.application)
    assert found.problems == ()
    (voucher,) = found.vouchers
    assert voucher.is_timestamped
    assert TEAM in voucher.names[0]
    for path in code_below(signed.application):
        for check in verify_signature(path.read_bytes()):
            assert check.fits, path
            assert check.signature
            assert (check.signature.team, check.signature.flags) == (TEAM, 0x10000), path
    assert "no certificate is named" not in signed.said
    assert PASSWORD not in signed.said


def test_programs_alone_may_write_code(signed: Built) -> None:
    asked = b"com.apple.security.cs.allow-unsigned-executable-memory"
    programs = {path.name for path in code_below(signed.application) if asked in path.read_bytes()}
    assert programs == {"notes", "python3.13"}


def test_single_files_and_folders_are_signed_too(authority: Authority, tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with timestamping(authority) as url:
        add_signing(project, authority, url)
        outcome = build(project, APPLE, "onefile", "dir", NOTES_PASSWORD=PASSWORD)
    assert outcome.status == 0, outcome.out + outcome.err
    paths = {one["format"]: project / one["path"] for one in outcome.result}
    code = [paths["onefile"], *code_below(paths["dir"])]
    assert len(code) > 40
    for path in code:
        for check in verify_signature(path.read_bytes()):
            assert check.fits, path
            assert check.signature
            assert (check.signature.team, check.signature.flags) == (TEAM, 0x10000), path
            assert check.voucher
            assert check.voucher.is_timestamped
    (check,) = verify_signature(paths["onefile"].read_bytes())
    assert check.signature
    assert check.signature.identifier == "org.example.notes"


def test_image_and_package_are_signed_too(signed: Built) -> None:
    for voucher, problems in (verify_image(signed.image), verify_xar(signed.package)):
        assert problems == []
        assert voucher
        assert voucher.is_timestamped
    assert "Everything is Ok" in run(require_tool("7z"), "t", signed.image)
    assert "Everything is Ok" in run(require_tool("7z"), "t", signed.package)


def test_a_wrong_password_is_told_before_much_is_done(authority: Authority, tmp_path: Path) -> None:
    project = make_project(tmp_path)
    add_signing(project, authority, "http://127.0.0.1:9/none")
    outcome = build(project, APPLE, "bundle", NOTES_PASSWORD="my own secret")  # noqa: S106
    assert outcome.status == 3
    assert "the password does not open it" in outcome.out
    assert "my own secret" not in outcome.out + outcome.err
    assert not list((tmp_path / "dist").glob("*.app"))
    missing = build(project, APPLE, "bundle")
    assert missing.status == 3
    assert "NOTES_PASSWORD" in missing.out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Meine Nötizen"', 'title = "Notes: mine"', "':' in it"),
        ('icon = "icon.png"', 'icon = "pyproject.toml"', "cannot use the icon"),
        ('background = "icon.png"', 'background = "pyproject.toml"', "it is no PNG picture"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, old: str, new: str, message: str) -> None:
    project = make_project(tmp_path)
    text = (project / "pyproject.toml").read_text()
    assert old in text
    (project / "pyproject.toml").write_text(text.replace(old, new))
    outcome = build(project, APPLE, "dmg")
    assert outcome.status == 3, outcome.out + outcome.err
    assert message in outcome.out
    assert not list((tmp_path / "dist").rglob("*.dmg"))


@pytest.mark.parametrize(
    ("format_name", "one", "other"),
    [("bundle", "Data.txt", "data.txt"), ("onefile", "Data/a.txt", "data/b.txt")],
)
def test_names_that_differ_by_case_alone_are_refused(
    tmp_path: Path, format_name: str, one: str, other: str
) -> None:
    project = make_project(tmp_path)
    for name in (one, other):
        path = project / "notes" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    outcome = build(project, APPLE, format_name)
    assert outcome.status == 12
    assert "a Mac takes both for the same file" in outcome.out
    assert re.search("notes/[dD]ata(.txt)? beside", outcome.out)
    assert not any(path.is_file() for path in (tmp_path / "dist").rglob("*"))


def test_what_apple_signed_is_accepted() -> None:
    """Modules of CPython come from its makers, with Apple's certificates behind them."""
    python = WheelInterpreters().find("3.13", load_targets()[BOTH], Settings())
    vouchers = [
        check.voucher
        for path in code_below(python.root / "lib")
        for check in verify_signature(path.read_bytes(), path.name)
        if check.voucher
    ]
    assert len(vouchers) > 80
    for voucher in vouchers:
        assert voucher.problems == ()
        assert voucher.is_apple
        assert voucher.is_timestamped
        assert "Python Software Foundation" in voucher.names[0]


def test_a_bundle_tells_what_it_is(adhoc: Built) -> None:
    bundle = read_bundle(adhoc.application)
    assert (bundle.identifier, bundle.program) == ("org.example.notes", "MacOS/notes")

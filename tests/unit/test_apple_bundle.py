"""Bundles: sealed whole, signed inside out, and found out when a file changes."""

import os
import plistlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sealift.apple.bundle import read_bundle, sign_bundle, verify_bundle
from sealift.apple.certificate import Purpose, load_certificate
from sealift.apple.codesign import CodeSigner, directories_of
from sealift.apple.resources import is_nested
from sealift.errors import BinaryFormatError
from tests.support.developer_id import TEAM, make_authority
from tests.support.macho_files import EXECUTE, OBJECT, MachoSpec, make_fat, make_macho

PROGRAM = make_macho(MachoSpec(kind=EXECUTE))
LIBRARY = make_macho(MachoSpec(install_name="@rpath/libx.dylib", uuid=bytes(16)))


def make_bundle(folder: Path) -> Path:
    """An application with code and data in many places."""
    contents = folder / "Made.app" / "Contents"
    files = {
        "MacOS/made": PROGRAM,
        "MacOS/helper": make_fat([("x86_64", make_macho(MachoSpec(kind=EXECUTE, cpu="x86_64"))),
                                  ("arm64", PROGRAM)]),
        "Frameworks/libx.dylib": LIBRARY,
        "Resources/lib/_native.so": LIBRARY,
        "Resources/lib/object.o": make_macho(MachoSpec(kind=OBJECT)),
        "Resources/data.txt": b"text",
        "Resources/de.lproj/words.strings": b"words",
        "Resources/.DS_Store": b"no matter",
        "PkgInfo": b"APPL????",
        "Info.plist": plistlib.dumps(
            {"CFBundleIdentifier": "org.example.made", "CFBundleExecutable": "made"}
        ),
    }  # fmt: skip
    for path, content in files.items():
        place = contents / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (contents / "Resources/link").symlink_to("data.txt")
    return folder / "Made.app"


def sealed(bundle: Path) -> dict[str, dict[str, object]]:
    seal = plistlib.loads((bundle / "Contents/_CodeSignature/CodeResources").read_bytes())
    found: dict[str, dict[str, object]] = seal["files2"]
    return found


def test_a_bundle_signed_ad_hoc(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    sign_bundle(bundle, CodeSigner())
    assert verify_bundle(bundle).problems == ()
    assert verify_bundle(bundle).vouchers == ()
    files = sealed(bundle)
    assert set(files) == {
        "MacOS/helper", "Frameworks/libx.dylib", "Resources/lib/_native.so",
        "Resources/lib/object.o", "Resources/data.txt", "Resources/de.lproj/words.strings",
        "Resources/link",
    }  # fmt: skip
    assert files["Resources/link"] == {"symlink": "data.txt"}
    assert set(files["Resources/lib/_native.so"]) == {"hash2"}
    assert files["Resources/de.lproj/words.strings"]["optional"] is True
    helper = (bundle / "Contents/MacOS/helper").read_bytes()
    first, second = directories_of(helper, "helper")
    assert files["MacOS/helper"] == {
        "cdhash": first.cdhash,
        "requirement": f'cdhash H"{first.cdhash.hex()}" or cdhash H"{second.cdhash.hex()}"',
    }


def test_the_program_carries_the_seal_and_the_name(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    sign_bundle(bundle, CodeSigner())
    (directory,) = directories_of((bundle / "Contents/MacOS/made").read_bytes(), "made")
    assert b"org.example.made\0" in directory.content


def test_a_certificate_signs_all_code_of_a_bundle(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    own = load_certificate(authority.identity(), Purpose.APPLICATION)
    object.__setattr__(own, "timestamp", None)
    bundle = make_bundle(tmp_path)
    sign_bundle(bundle, CodeSigner(certificate=own))
    found = verify_bundle(bundle)
    assert found.problems == ()
    assert [voucher.names[0] for voucher in found.vouchers] == [
        own.chain[0].subject.rfc4514_string()
    ]
    requirement = sealed(bundle)["Frameworks/libx.dylib"]["requirement"]
    assert isinstance(requirement, str)
    assert requirement.startswith('identifier "libx-5555')
    assert requirement.endswith(f"certificate leaf[subject.OU] = {TEAM}")


def test_signing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    sign_bundle(bundle, CodeSigner())
    before = {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    sign_bundle(bundle, CodeSigner())
    assert {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()} == before


def test_all_users_can_read_the_seal_whatever_the_umask(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    before = os.umask(0o077)
    try:
        sign_bundle(bundle, CodeSigner())
    finally:
        os.umask(before)
    seal = bundle / "Contents/_CodeSignature/CodeResources"
    assert [oct(path.stat().st_mode & 0o777) for path in (seal, seal.parent)] == ["0o644", "0o755"]


def test_applications_among_the_resources_are_signed_as_such(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    inner = make_bundle(bundle / "Contents/Resources/tools")
    innermost = make_bundle(inner / "Contents/Resources")
    pattern = bundle / "Contents/Resources/Pattern.app/Contents/Info.plist"
    pattern.parent.mkdir(parents=True)
    pattern.write_text("{{ identifier }}")
    sign_bundle(bundle, CodeSigner())
    for one in (innermost, inner, bundle):
        assert verify_bundle(one).problems == ()
    tools = "Resources/tools/Made.app/Contents"
    assert f"{tools}/_CodeSignature/CodeResources" in sealed(bundle)
    flip(innermost / "Contents/Resources/data.txt")
    problems = verify_bundle(bundle).problems
    own = "Resources/Made.app: Resources/data.txt is not what was sealed"
    assert f"Resources/tools/Made.app: {own}" in problems


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def relink(path: Path) -> None:
    path.unlink()
    path.symlink_to("other")


@pytest.mark.parametrize(
    ("path", "change", "problem"),
    [
        ("Resources/data.txt", flip, "Resources/data.txt is not what was sealed"),
        ("Resources/data.txt", Path.unlink, "Resources/data.txt is missing"),
        ("Resources/link", relink, "Resources/link is not what was sealed"),
        ("Resources/new.txt", Path.touch, "Resources/new.txt is not sealed"),
        ("Frameworks/libx.dylib", flip, r"Frameworks/libx.dylib \(arm64\): "),
        ("Info.plist", lambda p: p.write_bytes(p.read_bytes() + b"\n"), "blob 1 is not the one"),
        ("_CodeSignature/CodeResources", lambda p: p.write_bytes(p.read_bytes() + b"\n"),
         "blob 3 is not the one"),
        ("_CodeSignature/CodeResources", Path.unlink, "it has no seal"),
    ],
)  # fmt: skip
def test_what_changes_is_found(
    tmp_path: Path, path: str, change: Callable[[Path], object], problem: str
) -> None:
    bundle = make_bundle(tmp_path)
    sign_bundle(bundle, CodeSigner())
    change(bundle / "Contents" / path)
    assert [found for found in verify_bundle(bundle).problems if re.search(problem, found)]


def test_other_code_in_the_same_place_is_found(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    sign_bundle(bundle, CodeSigner())
    library = bundle / "Contents/Frameworks/libx.dylib"
    library.write_bytes(PROGRAM)
    CodeSigner().sign_file(library)
    assert "Frameworks/libx.dylib is not the code that was sealed" in verify_bundle(bundle).problems


def test_what_may_be_missing_may_be_missing(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    sign_bundle(bundle, CodeSigner())
    (bundle / "Contents/Resources/de.lproj/words.strings").unlink()
    assert verify_bundle(bundle).problems == ()


def test_data_among_code_is_refused(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    (bundle / "Contents/MacOS/data").write_text("text")
    with pytest.raises(BinaryFormatError, match="MacOS/data lies among its code and is none"):
        sign_bundle(bundle, CodeSigner())


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BinaryFormatError, match=r"it has no Info\.plist"):
        read_bundle(tmp_path)


@pytest.mark.parametrize(
    "told",
    [
        b"<plist><dict><key>", plistlib.dumps(["CFBundleIdentifier"]), plistlib.dumps({}),
        plistlib.dumps({"CFBundleIdentifier": 1, "CFBundleExecutable": "made"}),
        plistlib.dumps({"CFBundleIdentifier": "org.made", "CFBundleExecutable": "../../made"}),
    ],
)  # fmt: skip
def test_an_application_that_does_not_say_what_it_is(tmp_path: Path, told: bytes) -> None:
    (tmp_path / "Contents").mkdir()
    (tmp_path / "Contents/Info.plist").write_bytes(told)
    with pytest.raises(BinaryFormatError, match=r"it has no Info\.plist with what it is called"):
        read_bundle(tmp_path)


def test_nothing_outside_is_signed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(PROGRAM)
    bundle = make_bundle(tmp_path)
    told = {"CFBundleIdentifier": "org.bad", "CFBundleExecutable": "../../../../../../outside"}
    inner = bundle / "Contents/Resources/Bad.app/Contents"
    (inner / "MacOS").mkdir(parents=True)
    (inner / "Info.plist").write_bytes(plistlib.dumps(told))
    assert (inner / "MacOS" / told["CFBundleExecutable"]).samefile(outside)
    sign_bundle(bundle, CodeSigner())
    assert outside.read_bytes() == PROGRAM


@pytest.mark.parametrize(
    "seal",
    [b"<plist><dict>", plistlib.dumps({}), plistlib.dumps({"files2": {"Resources/x": b"hash"}})],
)
def test_a_damaged_seal_is_told(tmp_path: Path, seal: bytes) -> None:
    bundle = make_bundle(tmp_path)
    sign_bundle(bundle, CodeSigner())
    (bundle / "Contents/_CodeSignature/CodeResources").write_bytes(seal)
    with pytest.raises(BinaryFormatError, match="cannot read CodeResources"):
        verify_bundle(bundle)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("MacOS/x", True), ("Frameworks/Q.framework/Q", True), ("Resources/MacOS/x", False),
        ("Info.plist", False), ("other", True), ("Library/Spotlight/x", True),
    ],
)  # fmt: skip
def test_what_is_known_by_its_signature(path: str, expected: bool) -> None:  # noqa: FBT001
    assert is_nested(path) is expected

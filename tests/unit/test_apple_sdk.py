"""Apple's SDK that a user names, and what is said of a folder that is none."""

from pathlib import Path

import pytest

from sealift.cross.apple_sdk import AppleSdk, find_sdk
from sealift.errors import ToolError
from sealift.target import load_targets
from tests.support.apple_sdk import make_sdk

MAC = load_targets()["macos-arm64"]


def found(folder: Path) -> AppleSdk:
    sdk = find_sdk(MAC, {"SDKROOT": str(folder)})
    assert sdk
    return sdk


def test_it_is_what_sdkroot_names_for_macos_alone(tmp_path: Path) -> None:
    folder = make_sdk(tmp_path / "MacOSX.sdk")
    assert found(folder).path == folder
    assert find_sdk(load_targets()["linux-aarch64"], {"SDKROOT": str(folder)}) is None
    assert find_sdk(MAC, {}) is None
    assert find_sdk(MAC, {"SDKROOT": ""}) is None


def test_a_relative_name_holds_in_the_folder_of_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sdk(tmp_path / "MacOSX.sdk")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SDKROOT", "MacOSX.sdk")
    sdk = find_sdk(MAC)
    assert sdk
    assert sdk.path == tmp_path / "MacOSX.sdk"


def test_versions_and_builds_are_told_apart(tmp_path: Path) -> None:
    one, other = make_sdk(tmp_path / "1"), make_sdk(tmp_path / "2", version="15.0")
    assert found(one).identity == found(make_sdk(tmp_path / "3")).identity
    assert found(one).identity != found(other).identity
    before = found(one).identity
    version = one / "System/Library/CoreServices/SystemVersion.plist"
    version.parent.mkdir(parents=True)
    version.write_text("<plist><dict><key>ProductBuildVersion</key><string>23C53</string>")
    assert found(one).identity != before


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (None, "there is no SDKSettings.json in it"),
        ("{", "its SDKSettings.json is damaged: "),
        ("[]", "its SDKSettings.json has no CanonicalName"),
        ('{"CanonicalName": 14}', "its SDKSettings.json has no CanonicalName"),
        ('{"CanonicalName": "iphoneos17.2"}', "it is for iphoneos17.2, not for macOS"),
    ],
)
def test_what_is_no_sdk_for_macos_is_refused(
    settings: str | None, reason: str, tmp_path: Path
) -> None:
    folder = make_sdk(tmp_path / "sdk")
    (folder / "SDKSettings.json").unlink()
    if settings is not None:
        (folder / "SDKSettings.json").write_text(settings)
    with pytest.raises(ToolError) as caught:
        found(folder)
    beginning = f"cannot compile for macos-arm64 with the SDK {folder}: {reason}"
    assert caught.value.message.startswith(beginning)
    assert "SDKROOT is to name what `xcrun" in str(caught.value.hint)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="there is no such folder"):
        found(tmp_path / "none")

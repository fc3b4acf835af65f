"""Manifests for winget and Scoop keep to what these ask, and refuse what they would."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from sealift import jsonform
from sealift.artifact import About, Artifact
from sealift.errors import ConfigError, SealiftError
from sealift.store import file_sha256
from sealift.windows.manifests import download_url, scoop_manifest, winget_manifests
from sealift.windows.publishing import read_artifacts, write_manifests
from tests.support.store_schemas import SCOOP, WINGET, parsed

URL = "https://example.org/v{version}/{target}/{file}"
ABOUT = About(
    name="Demo", version="1.2", title='Demo: the "app"', identifier="org.example.demo",
    publisher="Example Ltd", summary="Shows things", homepage="https://example.org/",
    license="MIT", copyright="© Example", gui=False,
)  # fmt: skip


def artifact(folder: Path, kind: str, name: str, target: str = "windows-x86_64") -> Artifact:
    path = folder / name
    path.write_bytes(name.encode())
    return Artifact(
        path=path, format=kind, targets=(target,), size=9, sha256=file_sha256(path),
        python="3.13.0", floor=None, floor_because="", distributions=1, about=ABOUT,
    )  # fmt: skip


def test_winget_gets_three_manifests_with_all_installers(tmp_path: Path) -> None:
    made = winget_manifests(
        [
            artifact(tmp_path, "nsis", "Demo setup.exe"),
            artifact(tmp_path, "zip", "demo.zip", "windows-arm64"),
            artifact(tmp_path, "onefile", "demo.exe"),
            artifact(tmp_path, "onefile", "demo", "linux-x86_64"),
        ],
        URL,
        None,
    )
    assert list(made) == [
        "org.example.demo.yaml", "org.example.demo.installer.yaml",
        "org.example.demo.locale.en-US.yaml",
    ]  # fmt: skip
    documents = [parsed(text) for text in made.values()]
    for document in documents:
        jsonschema.validate(document, WINGET[document["ManifestType"]])
    installers = documents[1]["Installers"]
    assert [(i["Architecture"], i["InstallerType"]) for i in installers] == [
        ("x64", "nullsoft"), ("arm64", "zip"), ("x64", "portable"),
    ]  # fmt: skip
    setup, packed, single = installers
    assert setup["InstallerUrl"] == "https://example.org/v1.2/windows-x86_64/Demo%20setup.exe"
    assert setup["InstallerSha256"] == file_sha256(tmp_path / "Demo setup.exe").upper()
    assert setup["ProductCode"] == "org.example.demo"
    assert packed["NestedInstallerFiles"] == [
        {"RelativeFilePath": r"Demo-1.2\Demo.exe", "PortableCommandAlias": "Demo"}
    ]
    assert single["Commands"] == ["Demo"]
    assert documents[2]["PackageName"] == 'Demo: the "app"'


def test_scoop_takes_zip_files_before_single_files(tmp_path: Path) -> None:
    single = artifact(tmp_path, "onefile", "demo.exe")
    packed = artifact(tmp_path, "zip", "demo.zip")
    ((name, text),) = scoop_manifest([single, packed], URL).items()
    assert name == "demo.json"
    found = json.loads(text)
    jsonschema.validate(found, SCOOP)
    assert found["extract_dir"] == "Demo-1.2"
    assert found["bin"] == "Demo.exe"
    assert found["architecture"]["64bit"]["hash"] == packed.sha256
    windowed = replace(single, about=replace(ABOUT, gui=True))
    found = json.loads(scoop_manifest([windowed], URL)["demo.json"])
    jsonschema.validate(found, SCOOP)
    assert found["shortcuts"] == [["Demo.exe", 'Demo: the "app"']]


def test_what_stores_ask_for_and_a_project_lacks_is_told(tmp_path: Path) -> None:
    setup = artifact(tmp_path, "nsis", "setup.exe")
    bare = replace(setup, about=replace(ABOUT, license="", publisher=""))
    with pytest.raises(ConfigError, match="publisher and license are missing"):
        winget_manifests([bare], URL, None)
    wordy = replace(setup, about=replace(ABOUT, license="Permission is granted " * 30))
    with pytest.raises(ConfigError, match="license has 660 letters, and may have 512") as caught:
        winget_manifests([wordy], URL, None)
    assert 'license = "MIT"' in str(caught.value.hint)
    with pytest.raises(ConfigError, match="no identifier of a package") as caught:
        winget_manifests([setup], URL, "demo")
    assert "--id" in str(caught.value.hint)
    with pytest.raises(ConfigError, match="nothing of what was built is for it"):
        scoop_manifest([setup], URL)


@pytest.mark.parametrize("url", ["https://example.org/{name}", "{file}", "ftp://x/{file}", "{"])
def test_wrong_templates_of_urls_are_told(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot use the URL"):
        download_url(url, artifact(tmp_path, "zip", "demo.zip"))


def test_without_a_build_it_tells_to_build_first(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no .*artifacts\.json") as caught:
        read_artifacts(tmp_path / "artifacts.json")
    assert "`sealift build . -t windows-x86_64 " in str(caught.value.hint)


def test_a_file_that_changed_since_is_not_told_of(tmp_path: Path) -> None:
    packed = artifact(tmp_path, "zip", "demo.zip")
    listing = tmp_path / "artifacts.json"
    listing.write_text(json.dumps([packed.to_json()]), encoding="utf-8")
    assert read_artifacts(listing) == (packed,)
    out = tmp_path / "out"
    write_manifests("scoop", listing, url=URL, identifier=None, out=out)
    assert json.loads((out / "demo.json").read_text(encoding="utf-8"))["version"] == "1.2"
    packed.path.write_bytes(b"signed by hand")
    with pytest.raises(ConfigError, match="it changed after it was built"):
        read_artifacts(listing)
    listing.write_text("[{}]")
    with pytest.raises(SealiftError, match="not the JSON of this version"):
        read_artifacts(listing)
    assert jsonform.load(Artifact, packed.to_json(), where="here") == packed

"""What macOS is told of an application, and which names it may have."""

import dataclasses
import plistlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from sealift.apple.information import Information
from sealift.apple.names import check_names
from sealift.application import Document
from sealift.errors import ConfigError, OutputError
from sealift.formats.bundle import AppBundle
from sealift.formats.dmg import DiskImage
from sealift.formats.macos_application import bundle_name, bundle_options
from sealift.formats.pkg import InstallerPackage
from sealift.image import Image
from sealift.target import load_targets
from tests.support.entries import an_application, an_image


def told(**changes: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "application": an_application(), "program": "demo", "version": "1.2.3rc4", "minimum": None,
    }  # fmt: skip
    found: dict[str, Any] = plistlib.loads(Information(**{**facts, **changes}).plist())
    return found


def document(**changes: Any) -> Document:
    facts = {"name": "note", "title": "Note", "extensions": ("note", "nt"), "mime": None}
    return Document(**{**facts, "icon": None, **changes})


def test_an_application_says_who_it_is() -> None:
    found = told(application=an_application(title="Dé mo", copyright="© Ada"), minimum=(11, 0))
    assert found["CFBundleName"] == found["CFBundleDisplayName"] == "Dé mo"
    assert found["CFBundleExecutable"] == "demo"
    assert found["CFBundleShortVersionString"] == found["CFBundleVersion"] == "1.2.3"
    assert found["LSMinimumSystemVersion"] == "11.0"
    assert found["NSHumanReadableCopyright"] == "© Ada"
    assert found["NSHighResolutionCapable"] is True
    assert found["NSRequiresAquaSystemAppearance"] is False
    for key in ("CFBundleIconFile", "LSUIElement", "CFBundleDocumentTypes"):
        assert key not in found


def test_what_shows_no_window_is_not_in_the_dock() -> None:
    assert told(is_windowless=True)["LSUIElement"] is True


def test_documents_have_types_of_their_own(tmp_path: Path) -> None:
    own = document(icon=tmp_path / "note.png")
    application = an_application(identifier="org.example.demo", documents=(own,))
    found = told(application=application)
    (kind,) = found["CFBundleDocumentTypes"]
    assert kind["LSItemContentTypes"] == ["org.example.demo.note"]
    assert kind["LSHandlerRank"] == "Owner"
    (declared,) = found["UTExportedTypeDeclarations"]
    assert declared["UTTypeIdentifier"] == "org.example.demo.note"
    assert declared["UTTypeTagSpecification"] == {"public.filename-extension": ["note", "nt"]}
    assert declared["UTTypeIconFile"] == kind["CFBundleTypeIconFile"] == "document-note.icns"
    assert "UTImportedTypeDeclarations" not in found


@pytest.mark.parametrize(
    ("mime", "rank"),
    [
        ("text/plain", "Alternate"), ("application/json", "Alternate"), ("image/png", "Alternate"),
        ("application/x-demo", "Owner"), ("application/vnd.demo", "Owner"),
        ("text/x-demo", "Owner"),
    ],
)  # fmt: skip
def test_types_of_everybody_are_not_claimed(mime: str, rank: str) -> None:
    found = told(application=an_application(documents=(document(mime=mime),)))
    (kind,) = found["CFBundleDocumentTypes"]
    assert kind["LSHandlerRank"] == rank
    key = "UTExportedTypeDeclarations" if rank == "Owner" else "UTImportedTypeDeclarations"
    (declared,) = found[key]
    assert declared["UTTypeTagSpecification"]["public.mime-type"] == [mime]


def image_called(folder: Path, title: str, name: str = "demo") -> Image:
    return an_image(folder, {}, application=an_application(title=title), name=name)


def test_files_are_called_by_the_title(tmp_path: Path) -> None:
    image = image_called(tmp_path, "Demo Größe")
    version = image.version
    assert AppBundle().filename(image) == "Demo Größe.app"
    assert DiskImage().filename(image) == f"Demo Größe-{version}.dmg"
    assert InstallerPackage().filename(image) == f"Demo Größe-{version}.pkg"


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        ("Tea/Time", "'/'"), ("Tea: Time", "':'"), ("Tea\x07", r"'\\x07'"), (".hidden", "hidden"),
        (" ", "hidden"), ("x" * 252, "longer than 251"), ("ä" * 126, "longer than 251"),
    ],
)  # fmt: skip
def test_titles_that_no_file_can_have(tmp_path: Path, title: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"for macOS .*{reason}") as caught:
        bundle_name(image_called(tmp_path, title))
    assert caught.value.hint == "set `title` in [tool.sealift.app]"


def test_names_that_no_program_can_have(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="':'") as caught:
        bundle_name(image_called(tmp_path, "Demo", name="de:mo"))
    assert caught.value.hint == "set --name"


@pytest.mark.parametrize(
    "paths",
    [
        ("lib/A.txt", "lib/a.txt"), ("lib/é", "lib/e\u0301"), ("LIB/x", "lib/x"),
        ("a/Straße", "a/STRASSE"), ("Lib/a.txt", "lib/b.txt"),
    ],
)  # fmt: skip
def test_two_files_that_a_mac_takes_for_one(paths: Iterable[str]) -> None:
    with pytest.raises(OutputError, match="a Mac takes both for the same file"):
        check_names(paths)


def test_other_files_stand_beside_each_other() -> None:
    check_names(["lib/a.txt", "lib/b.txt", "bin/a.txt", "lib/c/a.txt", "lib/b/c/a.txt"])


@pytest.mark.parametrize("name", ["linux-x86_64", "windows-x86_64"])
@pytest.mark.parametrize("form", [AppBundle, DiskImage, InstallerPackage])
def test_other_systems_are_refused(form: type[AppBundle], name: str) -> None:
    assert form().refuses(load_targets()[name]) == "it is for macOS alone"


def test_the_application_within_is_made_as_the_project_says(tmp_path: Path) -> None:
    image = an_image(tmp_path, {}, options={"bundle": {"dock": False}})
    assert bundle_options(image).dock is False
    with pytest.raises(ConfigError, match="no key 'dok'"):
        bundle_options(dataclasses.replace(image, options={"bundle": {"dok": False}}))

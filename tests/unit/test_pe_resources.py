"""Resources written into PE files: read back by pefile, and byte for byte the same each time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pefile
import pytest

from sealift.application import Document
from sealift.binary.pe import facts_of
from sealift.binary.pe_resources import (
    MANIFEST,
    Resources,
    icon_resources,
    read_resources,
    replace_resources,
)
from sealift.binary.pe_version import FileVersion, make_version
from sealift.binary.view import View
from sealift.errors import BinaryFormatError
from sealift.icon import make_ico
from sealift.windows.resources import icon_index, with_resources
from tests.support.entries import an_application, an_image
from tests.support.icons import png
from tests.support.pe_files import PeSpec, make_pe

PLAIN = make_pe(PeSpec(is_dll=False))
SOME: Resources = {(MANIFEST, 1, 0x409): b"<assembly/>", (10, "DATA", 0): b"x" * 5000}


def names_of(data: bytes) -> set[tuple[Any, Any, Any]]:
    """Types, names and languages as pefile reads them."""
    pe = pefile.PE(data=data)
    assert not [told for told in pe.get_warnings() if "esource" in told]
    return {
        (str(kind.name or "") or kind.id, str(name.name or "") or name.id, leaf.id)
        for kind in pe.DIRECTORY_ENTRY_RESOURCE.entries
        for name in kind.directory.entries
        for leaf in name.directory.entries
    }


def test_what_is_written_is_read_back() -> None:
    data = replace_resources(PLAIN, SOME)
    assert read_resources(data) == SOME
    assert names_of(data) == set(SOME)
    assert pefile.PE(data=data).verify_checksum()
    assert facts_of(View(data, "made")).is_checksum_right


def test_other_resources_stay_and_the_section_is_written_anew() -> None:
    first = replace_resources(PLAIN, SOME)
    second = replace_resources(first, {(MANIFEST, 1, 0x409): b"<other/>"})
    assert read_resources(second) == {**SOME, (MANIFEST, 1, 0x409): b"<other/>"}
    assert replace_resources(second, {(MANIFEST, 1, 0x409): b"<assembly/>"}) == first
    assert [s.Name.rstrip(b"\0") for s in pefile.PE(data=second).sections].count(b".rsrc") == 1


def test_resources_amid_other_sections_are_read_and_moved() -> None:
    told = FileVersion(file=(1, 2, 3, 4), product=(1, 2, 3, 4), texts={"ProductName": "Old"})
    old = make_pe(PeSpec(version=make_version(told)))
    data = replace_resources(old, SOME)
    assert {kind for kind, _, _ in read_resources(data)} == {10, 16, MANIFEST}
    assert facts_of(View(data, "made")).version == told
    assert names_of(data)


def test_the_same_resources_give_the_same_bytes_in_any_order() -> None:
    backwards = dict(reversed(list(SOME.items())))
    assert replace_resources(PLAIN, SOME) == replace_resources(PLAIN, backwards)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"signature": b"\x10\0\0\0\0\2\2\0" + bytes(8)}, "it is signed"),
        ({"overlay": b"appended" * 8}, "appended"),
        ({"header_data": b"taken"}, "no room for one more section"),
    ],
)
def test_files_that_cannot_take_resources_are_refused(
    change: Mapping[str, Any], reason: str
) -> None:
    with pytest.raises(BinaryFormatError, match=reason):
        replace_resources(make_pe(PeSpec(**change)), SOME)


def test_a_damaged_table_is_told(tmp_path: Path) -> None:
    data = bytearray(replace_resources(PLAIN, SOME))
    (section,) = (s for s in pefile.PE(data=bytes(data)).sections if s.Name.startswith(b".rsrc"))
    refused = 0
    for at in range(section.PointerToRawData, section.PointerToRawData + 200):
        for value in (0, 0xFF):
            broken = bytes(data[:at]) + bytes([value]) + bytes(data[at + 1 :])
            try:
                read_resources(broken)
            except BinaryFormatError:
                refused += 1
    assert refused > 50


def test_icons_are_groups_over_numbered_images(tmp_path: Path) -> None:
    path = tmp_path / "app.png"
    path.write_bytes(png(256, 256))
    ico = make_ico(path)
    data = replace_resources(PLAIN, icon_resources([ico, ico]))
    found = names_of(data)
    assert {name for kind, name, _ in found if kind == 14} == {1, 2}
    assert {name for kind, name, _ in found if kind == 3} == set(range(1, 19))


def test_a_launcher_gets_what_the_application_is_called(tmp_path: Path) -> None:
    picture = tmp_path / "app.png"
    picture.write_bytes(png(256, 256))
    image = an_image(
        tmp_path,
        {},
        name="draw",
        version="1.2rc1",
        application=an_application(
            title="Dräw & Päint", publisher="Exämple 株", icon=picture, identifier="org.example.d"
        ),
    )
    data = with_resources(PLAIN, image)
    version = facts_of(View(data, "made")).version
    assert version == FileVersion(
        file=(1, 2, 0, 0),
        product=(1, 2, 0, 0),
        texts={
            "CompanyName": "Exämple 株",
            "FileDescription": "Dräw & Päint",
            "FileVersion": "1.2rc1",
            "InternalName": "draw",
            "OriginalFilename": "draw.exe",
            "ProductName": "Dräw & Päint",
            "ProductVersion": "1.2rc1",
        },
    )
    (read,) = pefile.PE(data=data).FileInfo[0][0].StringTable
    assert read.entries[b"ProductName"].decode() == "Dräw & Päint"
    manifest = read_resources(data)[MANIFEST, 1, 0x409].decode()
    assert '<assemblyIdentity type="win32" name="org.example.d" version="1.2.0.0"' in manifest
    for asked in ("asInvoker", ">UTF-8<", "longPathAware", "PerMonitorV2"):
        assert asked in manifest
    assert with_resources(data, image) == data


def test_icons_of_documents_come_behind_that_of_the_application(tmp_path: Path) -> None:
    own, other = tmp_path / "app.png", tmp_path / "doc.png"
    own.write_bytes(png(256, 256))
    other.write_bytes(png(300, 300))
    documents = tuple(
        Document(name=name, title=name, extensions=(name,), mime=None, icon=icon)
        for name, icon in (("a", own), ("b", other), ("c", None))
    )
    image = an_image(tmp_path, {}, application=an_application(icon=own, documents=documents))
    assert [icon_index(image, document.icon) for document in documents] == [0, 1, 0]
    groups = {name for kind, name, _ in names_of(with_resources(PLAIN, image)) if kind == 14}
    assert groups == {1, 2}

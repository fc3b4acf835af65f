"""Every kind of subject is seen as its members, and what is wrong with it is told."""

import gzip
import hashlib
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealift.audit import content as contents
from sealift.audit.content import Content, windows
from sealift.audit.inventory import Inventory, take_inventory
from sealift.audit.subject import Kind, open_subject
from sealift.binary.macho_segment import SegmentRoom
from sealift.errors import ArchiveError
from tests.support.crafted_zip import Item, Zip, craft
from tests.support.elf_files import ElfSpec, make_elf
from tests.support.macho_files import EXECUTE, MachoSpec, make_fat, make_macho
from tests.support.packages import (
    oci_files,
    packed,
    tar_of,
    write_deb,
    write_docker_image,
    write_rpm,
)
from tests.support.single_files import payload
from tests.support.wheels import honest_wheel, write_zip

LIBRARY = make_elf(ElfSpec(needed=["libc.so.6"], soname="libdemo.so.1"))
FILES = {"usr/lib/libdemo.so.1": LIBRARY, "usr/share/doc/readme": b"words\n"}


def found(path: Path) -> Inventory:
    inventory = take_inventory(path)
    assert inventory.problems == ()
    return inventory


def natives(inventory: Inventory) -> list[str]:
    return [native.path for native in inventory.natives]


def test_a_wheel(tmp_path: Path) -> None:
    wheel = honest_wheel(tmp_path, "demo", files={"demo/core.so": LIBRARY, "demo/a.py": b""})
    inventory = found(wheel)
    assert inventory.kind is Kind.WHEEL
    assert natives(inventory) == ["demo/core.so"]
    assert inventory.wheel is not None
    assert (inventory.wheel.name, inventory.wheel.platforms) == ("demo", ("any",))
    assert inventory.wheel.inner_tags == ("py3-none-any",)


@pytest.mark.parametrize("how", ["gz", "xz", "zst", ""])
def test_a_tar(how: str, tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0.tar"
    path.write_bytes(packed(tar_of(FILES), how))
    inventory = found(path)
    assert inventory.kind is Kind.ARCHIVE
    assert inventory.members == tuple(FILES)
    assert natives(inventory) == ["usr/lib/libdemo.so.1"]


def test_an_sdist(tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(packed(tar_of({"demo-1.0/PKG-INFO": b"", "demo-1.0/x.so": LIBRARY}), "gz"))
    inventory = found(path)
    assert inventory.kind is Kind.SDIST
    assert natives(inventory) == ["demo-1.0/x.so"]


@pytest.mark.parametrize(
    ("name", "head"),
    [("x.msi", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), ("x.pkg", b"xar!"), ("x.dmg", b"x\x9c")],
)
def test_installers_are_not_said_to_be_for_any_system(
    name: str, head: bytes, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(head + bytes(600))
    with pytest.raises(ArchiveError, match="which is not looked into") as caught:
        open_subject(tmp_path / name)
    assert "`zip`" in str(caught.value.hint)
    assert open_subject(tmp_path).kind is Kind.FOLDER  # within others it is data


def test_a_folder_without_its_links(tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib/libdemo.so").write_bytes(LIBRARY)
    (folder / "lib/again.so").symlink_to("libdemo.so")
    (folder / "lib/up").symlink_to("..")
    inventory = found(folder)
    assert inventory.kind is Kind.FOLDER
    assert inventory.members == ("lib/libdemo.so",)


def test_a_virtual_environment_is_what_is_installed_in_it(tmp_path: Path) -> None:
    site = tmp_path / "lib/python3.13/site-packages"
    site.mkdir(parents=True)
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (tmp_path / "lib64").symlink_to("lib")
    (site / "x.so").write_bytes(LIBRARY)
    inventory = found(tmp_path)
    assert inventory.kind is Kind.VENV
    assert inventory.members == ("lib/python3.13/site-packages/x.so",)


def test_an_environment_without_packages_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (problem,) = take_inventory(tmp_path).problems
    assert problem.rule == "damaged-archive"
    assert "no site-packages" in problem.message


@pytest.mark.parametrize("how", ["gz", "xz", "lzma", "zst", ""])
def test_a_debian_package(how: str, tmp_path: Path) -> None:
    inventory = found(write_deb(tmp_path / "demo.deb", FILES, how=how))
    assert inventory.kind is Kind.DEB
    assert inventory.members == tuple(FILES)


@pytest.mark.parametrize("stripped", [False, True])
@pytest.mark.parametrize("how", ["gz", "xz", "lzma", "zst"])
def test_an_rpm_package(how: str, stripped: bool, tmp_path: Path) -> None:  # noqa: FBT001
    inventory = found(write_rpm(tmp_path / "demo.rpm", FILES, how=how, stripped=stripped))
    assert inventory.kind is Kind.RPM
    assert inventory.members == tuple(FILES)
    assert natives(inventory) == ["usr/lib/libdemo.so.1"]


def test_an_rpm_package_with_texts_where_numbers_belong(tmp_path: Path) -> None:
    """A fuzzer made it."""
    package = write_rpm(tmp_path / "demo.rpm", FILES)
    content = package.read_bytes()
    numbers, texts = struct.pack(">II", 1116, 4), struct.pack(">II", 1116, 8)
    assert content.count(numbers) == 1
    package.write_bytes(content.replace(numbers, texts))
    assert "its RPM header has texts for numbers" in str(take_inventory(package).problems)


LAYERS = [
    {"bin/kept": LIBRARY, "bin/gone": b"1", "bin/changed": b"old", "opt/a/hidden": b"1"},
    {"bin/changed": LIBRARY, "bin/.wh.gone": b"", "opt/a/.wh..wh..opq": b"", "opt/a/new": b"2"},
]
SEEN = {"bin/kept", "bin/changed", "opt/a/new"}


def test_what_docker_saves_is_the_topmost_of_its_layers(tmp_path: Path) -> None:
    inventory = found(write_docker_image(tmp_path / "image.tar", LAYERS))
    assert inventory.kind is Kind.IMAGE
    assert set(inventory.members) == SEEN
    assert set(natives(inventory)) == {"bin/kept", "bin/changed"}


@pytest.mark.parametrize("how", ["gz", "zst", ""])
def test_an_oci_layout_as_a_tar_and_as_a_folder(how: str, tmp_path: Path) -> None:
    files = oci_files({"amd64": LAYERS}, how=how)
    path = tmp_path / "image.tar"
    path.write_bytes(tar_of(files))
    folder = tmp_path / "layout"
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    for subject in (path, folder):
        inventory = found(subject)
        assert inventory.kind is Kind.IMAGE
        assert set(inventory.members) == SEEN


def test_a_blob_that_an_image_lacks_is_named(tmp_path: Path) -> None:
    files = oci_files({"amd64": LAYERS})
    gone = next(name for name in files if name.startswith("blobs/"))
    del files[gone]
    path = tmp_path / "image.tar"
    path.write_bytes(tar_of(files))
    folder = tmp_path / "layout"
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    for subject in (path, folder):
        (problem,) = take_inventory(subject).problems
        assert f"{gone!r} is missing" in problem.message


def test_images_of_several_machines_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(tar_of(oci_files({"amd64": [{"a": b"1"}], "arm64": [{"a": b"1"}]})))
    assert set(found(path).members) == {"linux-amd64/a", "linux-arm64/a"}


def test_a_whiteout_hides_a_whole_folder_but_not_what_comes_with_it(tmp_path: Path) -> None:
    layers = [{"opt/x/old": b"1", "opt/y": b"1"}, {"opt/.wh.x": b"", "opt/x/new": b"1"}]
    path = write_docker_image(tmp_path / "image.tar", layers)
    assert set(found(path).members) == {"opt/x/new", "opt/y"}


def single_file(tree: dict[str, bytes]) -> bytes:
    program = make_elf(ElfSpec(interpreter="/lib64/ld-linux-x86-64.so.2", needed=["libc.so.6"]))
    start = -(-len(program) // 4096) * 4096
    return program.ljust(start, b"\0") + payload(tree, bytes(32), ("demo", "1", "3.13", ""))


def test_a_single_file_of_ours_has_its_whole_tree(tmp_path: Path) -> None:
    path = tmp_path / "demo"
    big = bytes(range(256)) * 9000  # over several frames
    path.write_bytes(single_file({"image.sealift": b"x" * 99, "big": big, "lib/x.so": LIBRARY}))
    inventory = found(path)
    assert inventory.kind is Kind.PRODUCT
    assert inventory.members == ("demo", "image.sealift", "big", "lib/x.so")
    assert natives(inventory) == ["demo", "lib/x.so"]
    read = {m.path: bytes(content.data()) for m, content in open_subject(path).members()}
    assert read["big"] == big


def mac_file(tree: dict[str, bytes], *, fat: bool) -> bytes:
    """The same for macOS; of a fat one the last slice has the payload."""
    thin = make_macho(MachoSpec(kind=EXECUTE))
    packed_tree = payload(tree, bytes(32), ("demo", "1", "3.13", "lib/libpython3.13.dylib"))
    room = SegmentRoom(thin, segment="__SEALIFT", section="__payload", name="demo")
    before, after = room.around(len(packed_tree))
    program = before + packed_tree + after
    other = make_macho(MachoSpec(kind=EXECUTE, cpu="x86_64"))
    return make_fat([("x86_64", other), ("arm64", program)]) if fat else program


@pytest.mark.parametrize("fat", [True, False])
def test_a_single_file_for_macos_has_its_tree_in_a_segment(fat: bool, tmp_path: Path) -> None:  # noqa: FBT001
    path = tmp_path / "demo"
    library = make_macho(MachoSpec(install_name="@rpath/libx.dylib"))
    path.write_bytes(mac_file({"image.sealift": b"x" * 99, "lib/x.dylib": library}, fat=fat))
    inventory = found(path)
    assert inventory.kind is Kind.PRODUCT
    assert inventory.members == ("demo", "image.sealift", "lib/x.dylib")
    read = {m.path: bytes(content.data()) for m, content in open_subject(path).members()}
    assert read["lib/x.dylib"] == library


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_load_commands_that_lie_break_no_audit(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "demo"
    changed = bytearray(mac_file({"lib/x": b"x" * 99}, fat=False))
    for at in data.draw(st.lists(st.integers(16, 500), min_size=1, max_size=4)):
        changed[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
    path.write_bytes(changed)
    take_inventory(path)


@pytest.mark.parametrize("at", [24, 32, 40, 48, 56, 64, 72])
def test_a_payload_whose_places_lie_is_told(at: int, tmp_path: Path) -> None:
    path = tmp_path / "demo"
    data = bytearray(single_file({"lib/x.so": LIBRARY}))
    start = data.index(b"SEALIFT\1")
    data[start + at : start + at + 8] = (1 << 40).to_bytes(8, "little")
    path.write_bytes(data)
    assert {problem.rule for problem in take_inventory(path).problems} <= {
        "damaged-archive",
        "damaged-member",
    }


def test_an_application_zip_of_ours_has_the_zips_in_it_too(tmp_path: Path) -> None:
    inner = write_zip(tmp_path / "inner.zip", {"lib/python/x.so": LIBRARY}).read_bytes()
    path = write_zip(tmp_path / "app.pyz", {"__main__.py": b"", "shared/x.zip": inner})
    path.write_bytes(b"#!/usr/bin/env python3\n" + path.read_bytes())
    shifted = tmp_path / "shifted.pyz"
    with zipfile.ZipFile(shifted, "w") as archive:
        assert archive.fp
        archive.fp.write(b"#!/usr/bin/env python3\n")
        archive.writestr("__main__.py", b"")
        archive.writestr("shared/x.zip", inner)
    assert natives(found(shifted)) == ["shared/x.zip/lib/python/x.so"]
    (problem,) = take_inventory(path).problems  # its directory does not count the first line
    assert problem.rule == "damaged-archive"


def test_a_program_is_itself(tmp_path: Path) -> None:
    path = tmp_path / "libdemo.so"
    path.write_bytes(LIBRARY)
    assert natives(found(path)) == ["libdemo.so"]


def test_a_program_packed_by_another_tool_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "app"
    path.write_bytes(LIBRARY + b"MEI\014\013\012\013\016" + bytes(80))
    assert [problem.rule for problem in take_inventory(path).problems] == ["packed-by-others"]


def test_what_is_not_there_cannot_be_audited(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="does not exist"):
        take_inventory(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        (Zip(items=[Item(name=b"../x")]), "unsafe-member-path"),
        (Zip(items=[Item(name=b"a\0b")]), "unsafe-member-path"),
        (Zip(items=[Item(name=b"x"), Item(name=b"x")]), "duplicate-member"),
        (Zip(items=[Item(name=b"l", mode=0o120777, data=b"/etc")]), "special-member"),
        (Zip(items=[Item(name=b"m", method=14)]), "unreadable-member"),
        (Zip(items=[Item(name=b"x", local_name=b"y")]), "ambiguous-archive"),
        (Zip(items=[Item(name=b"x")], after=b"hidden"), "ambiguous-archive"),
        (Zip(items=[Item(name=b"x")], prefix=b"hidden"), "ambiguous-archive"),
        (Zip(items=[Item(name=b"x", data=b"xx", claimed_crc=7)]), "damaged-member"),
        (Zip(items=[Item(name=b"x")], count=2), "damaged-archive"),
    ],
    ids=str,
)
def test_flaws_of_a_wheel_are_findings(spec: Zip, rule: str, tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    path.write_bytes(craft(spec))
    assert rule in {problem.rule for problem in take_inventory(path).problems}


def tar_with(member: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("demo/first"))
        archive.addfile(member)
        archive.addfile(tarfile.TarInfo("demo/last"))
    return out.getvalue()


def tar_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


@pytest.mark.parametrize(
    ("member", "rule"),
    [
        (tar_member("../x"), "unsafe-member-path"),
        (tar_member("/etc/x"), "unsafe-member-path"),
        (tar_member("demo/first"), "duplicate-member"),
        (tar_member("demo/l", tarfile.SYMTYPE, "../../x"), "special-member"),
        (tar_member("demo/l", tarfile.SYMTYPE, "/etc"), "special-member"),
        (tar_member("demo/l", tarfile.LNKTYPE, "../x"), "special-member"),
        (tar_member("demo/l", tarfile.FIFOTYPE), "special-member"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.name} {value.linkname}",
)
def test_flaws_of_an_sdist_are_findings(member: tarfile.TarInfo, rule: str, tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(gzip.compress(tar_with(member)))
    inventory = take_inventory(path)
    assert [problem.rule for problem in inventory.problems] == [rule]
    assert inventory.members[-1] == "demo/last"


def test_links_inside_of_an_archive_are_no_findings(tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(gzip.compress(tar_with(tar_member("demo/l", tarfile.SYMTYPE, "first"))))
    assert found(path).members == ("demo/first", "demo/last")


def test_a_damaged_native_file_is_a_finding(tmp_path: Path) -> None:
    wheel = honest_wheel(tmp_path, "demo", files={"x.so": LIBRARY[:50], "y.so": LIBRARY})
    inventory = take_inventory(wheel)
    assert [(p.rule, p.file) for p in inventory.problems] == [("damaged-native", "x.so")]
    assert natives(inventory) == ["y.so"]


def test_big_members_are_mapped_from_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "IN_MEMORY", 1000)
    monkeypatch.setattr(contents, "_WINDOW", 4096)
    data = bytes(range(256)) * 100
    content = Content("x", len(data), lambda: iter([data[:10000], data[10000:]]))
    assert content.head() == data[: contents.HEAD]
    mapped = content.data("sha256")
    assert not isinstance(mapped, bytes)
    assert bytes(mapped[:]) == data
    pieces = list(windows(mapped, overlap=10))
    assert pieces[0] + b"".join(piece[10:] for piece in pieces[1:]) == data
    assert content.digest("sha256") == hashlib.sha256(data).digest()
    content.close()


def test_a_wheel_with_a_member_too_big_for_memory(tmp_path: Path) -> None:
    library = LIBRARY + bytes(contents.IN_MEMORY)
    inventory = found(honest_wheel(tmp_path, "demo", files={"demo/big.so": library}))
    assert natives(inventory) == ["demo/big.so"]
    assert inventory.size > contents.IN_MEMORY


def _wheel(folder: Path) -> Path:
    return honest_wheel(folder, "demo", files={"demo/core.so": LIBRARY})


def _image(folder: Path) -> Path:
    return write_docker_image(folder / "image.tar", LAYERS)


def _tar(folder: Path) -> Path:
    path = folder / "demo-1.tar.gz"
    path.write_bytes(packed(tar_of(FILES), "gz"))
    return path


def _single(folder: Path) -> Path:
    path = folder / "demo"
    path.write_bytes(single_file({"lib/x.so": LIBRARY}))
    return path


MAKERS: dict[str, Callable[[Path], Path]] = {
    "wheel": _wheel,
    "deb": lambda folder: write_deb(folder / "demo.deb", FILES),
    "rpm": lambda folder: write_rpm(folder / "demo.rpm", FILES),
    "image": _image,
    "tar": _tar,
    "single": _single,
}


@pytest.mark.parametrize("kind", MAKERS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_never_stops_an_audit(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    path = MAKERS[kind](tmp_path)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    take_inventory(path)

"""Edits of Mach-O files say what was asked, touch nothing else, and never write past their room."""

import contextlib
import stat
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.binary.macho import MachoFacts, facts_of
from sealift.binary.macho_edit import MachoEdit, edit, edited, lacking
from sealift.binary.macho_layout import read_slices
from sealift.binary.macho_symbols import symbols_of
from sealift.binary.macho_verify import verify_signature
from sealift.binary.view import View
from sealift.errors import BinaryFormatError
from tests.support.macho_files import WEAK, Library, MachoSpec, make_fat, make_macho

SPEC = MachoSpec(
    install_name="/usr/local/lib/libx.1.dylib",
    libraries=(
        Library(name="/usr/lib/libSystem.B.dylib"),
        Library(name="/opt/homebrew/lib/liby.2.dylib", command=WEAK, uses=1),
    ),
    rpaths=("@loader_path/../lib", "/opt/lib"),
    undefined=(("_y", 2, False),),
)
LONG = "@loader_path/" + "x" * 500 + ".dylib"
CHANGE = MachoEdit(
    install_name="@rpath/libx.dylib",
    renamed={"/opt/homebrew/lib/liby.2.dylib": "@loader_path/../x.dylibs/liby-0123abcd.2.dylib"},
    rpaths={"@loader_path/../lib": "@loader_path", "/opt/lib": None},
    added_rpaths=("@loader_path/.dylibs", "@loader_path/"),
)


def facts(content: bytes) -> tuple[MachoFacts, ...]:
    return facts_of(View(content, "made"))


def assert_changed(found: MachoFacts) -> None:
    assert found.install_name == "@rpath/libx.dylib"
    assert (found.current, found.compatible) == ((1, 2, 3), (1, 0, 0))
    system, other = found.dependencies
    assert system.name == "/usr/lib/libSystem.B.dylib"
    assert other.name == "@loader_path/../x.dylibs/liby-0123abcd.2.dylib"
    assert (other.is_weak, other.current, other.compatible) == (True, (1, 2, 3), (1, 0, 0))
    assert found.rpaths == ("@loader_path", "@loader_path/.dylibs")


@pytest.mark.parametrize(
    ("bits", "order", "cpu"),
    [(64, "<", "arm64"), (64, "<", "x86_64"), (32, "<", "i386"), (32, ">", "ppc")],
)
def test_all_edits_at_once_in_each_class_and_byte_order(bits: int, order: str, cpu: str) -> None:
    before = make_macho(MachoSpec(**{**vars(SPEC), "bits": bits, "order": order, "cpu": cpu}))
    after = edited(before, CHANGE)
    (found,) = facts(after)
    assert_changed(found)
    (old,) = facts(before)
    header = 32 if bits == 64 else 28
    end = header + struct.unpack_from(f"{order}I", before, 20)[0] + old.room
    assert after[end:] == before[end:]
    assert after[:16] == before[:16]
    assert len(after) == len(before)
    assert edited(before, CHANGE) == after
    (symbols,) = symbols_of(View(after, "made"))
    assert symbols.undefined[0].library == "@loader_path/../x.dylibs/liby-0123abcd.2.dylib"


@pytest.mark.parametrize("wide", [False, True])
def test_every_slice_is_edited(wide: bool) -> None:  # noqa: FBT001
    intel = make_macho(MachoSpec(**{**vars(SPEC), "cpu": "x86_64"}))
    archive = b"!<arch>\n" + bytes(50)
    before = make_fat([("x86_64", intel), ("ppc", archive), ("arm64", make_macho(SPEC))], wide=wide)
    after = edited(before, CHANGE)
    for found in facts(after):
        assert_changed(found)
    assert len(facts(after)) == 2
    assert archive in after
    assert len(after) == len(before)


def test_what_only_one_slice_has_is_edited_there() -> None:
    plain = make_macho(MachoSpec(cpu="x86_64", install_name="x"))
    after = edited(make_fat([("x86_64", plain), ("arm64", make_macho(SPEC))]), CHANGE)
    intel, arm = facts(after)
    assert_changed(arm)
    assert intel.dependencies == ()
    assert intel.rpaths == ("@loader_path/.dylibs", "@loader_path/")


def test_no_edit_changes_nothing(tmp_path: Path) -> None:
    content = make_macho(SPEC)
    assert edited(content, MachoEdit()) is content
    path = tmp_path / "libx.dylib"
    path.write_bytes(content)
    edit(path, path, MachoEdit())
    assert path.read_bytes() == content


def test_run_paths_that_are_there_twice_stay_once() -> None:
    spec = MachoSpec(rpaths=("@loader_path", "/a", "@loader_path/", "/a"))
    (found,) = facts(edited(make_macho(spec), MachoEdit(added_rpaths=["/a/"])))
    assert found.rpaths == ("@loader_path", "/a")


def test_names_may_take_all_the_room_and_not_a_byte_more() -> None:
    names = [f"{'n' * length}" for length in range(1, 200)]
    content = make_macho(MachoSpec(install_name="n", room=64))
    free = [name for name in names if not lacking(content, MachoEdit(install_name=name))]
    assert len(free[-1]) == 71  # the name's own 8 bytes and 64 more, one for its end
    after = edited(content, MachoEdit(install_name=free[-1]))
    assert facts(after)[0].room == 0
    assert facts(after)[0].install_name == free[-1]
    with pytest.raises(BinaryFormatError, match="8 bytes lack") as refused:
        edited(content, MachoEdit(install_name=free[-1] + "n"))
    assert refused.value.hint
    assert "headerpad_max_install_names" in refused.value.hint


def test_room_that_holds_anything_is_not_taken() -> None:
    content = bytearray(make_macho(MachoSpec(install_name="n", room=64)))
    end = 32 + struct.unpack_from("<I", content, 20)[0]
    content[end + 32] = 1
    assert lacking(bytes(content), MachoEdit(install_name="n" * 71)) == 32
    assert facts(bytes(content))[0].room == 32


def test_commands_that_no_loader_reads_make_room() -> None:
    content = bytearray(make_macho(MachoSpec(install_name="n", room=32, rpaths=["/" + "r" * 50])))
    end = 32 + struct.unpack_from("<I", content, 20)[0]
    count = struct.unpack_from("<I", content, 16)[0]
    # A source version, and an empty table of data in code: together they fill the room.
    content[end : end + 32] = struct.pack("<IIQIIII", 0x2A, 16, 1, 0x29, 16, 0x4000, 0)
    struct.pack_into("<II", content, 16, count + 2, end)
    assert facts(bytes(content))[0].room == 0
    short, long = MachoEdit(install_name="m"), MachoEdit(install_name="m" * 39)
    assert b"\x2a\0\0\0\x10" in edited(bytes(content), short)[: end + 32]
    after = edited(bytes(content), long)
    assert facts(after)[0].install_name == "m" * 39
    assert b"\x2a\0\0\0\x10" not in after[: end + 32]
    assert lacking(bytes(content), MachoEdit(install_name="m" * 40)) == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (MachoEdit(renamed={"libnone.dylib": "x"}), "does not ask for libnone.dylib"),
        (MachoEdit(rpaths={"/none": None}), "no run path /none"),
        (MachoEdit(rpaths={"/opt/lib": ""}), "empty"),
        (MachoEdit(install_name="a\0b"), "NUL"),
        (MachoEdit(added_rpaths=[LONG]), r"\d+ bytes lack"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path: Path, change: MachoEdit, message: str) -> None:
    path = tmp_path / "libx.dylib"
    path.write_bytes(make_macho(SPEC))
    with pytest.raises(BinaryFormatError, match=message):
        edit(path, path, change)
    assert path.read_bytes() == make_macho(SPEC)
    assert list(tmp_path.iterdir()) == [path]


def test_a_bundle_has_no_install_name() -> None:
    with pytest.raises(BinaryFormatError, match="no library"):
        edited(make_macho(MachoSpec(kind=8)), MachoEdit(install_name="x"))


def test_a_file_that_was_cut_off_is_not_edited() -> None:
    fat = make_fat([("arm64", make_macho(SPEC))])
    with pytest.raises(BinaryFormatError, match="cut off"):
        edited(fat[:-4], CHANGE)


def test_a_file_is_signed_where_its_cpu_wants_that(tmp_path: Path) -> None:
    intel = make_macho(MachoSpec(**{**vars(SPEC), "cpu": "x86_64"}))
    path, out = tmp_path / "libx.dylib", tmp_path / "out.dylib"
    path.write_bytes(make_fat([("x86_64", intel), ("arm64", make_macho(SPEC))]))
    path.chmod(0o750)
    edit(path, out, CHANGE)
    assert stat.S_IMODE(out.stat().st_mode) == 0o750
    for_intel, for_arm = verify_signature(out.read_bytes())
    assert for_intel.signature is None
    assert for_arm.fits
    assert for_arm.signature
    assert for_arm.signature.is_adhoc
    for found in facts(out.read_bytes()):
        assert_changed(found)
    again = tmp_path / "again.dylib"
    edit(out, again, MachoEdit(install_name="@rpath/again.dylib"))
    assert [check.fits for check in verify_signature(again.read_bytes())] == [False, True]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_files_are_edited_or_refused(data: st.DataObject) -> None:
    content = bytearray(make_fat([("arm64", make_macho(SPEC))], align=6))
    for at in data.draw(st.lists(st.integers(0, 1100), min_size=1, max_size=5)):
        content[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
    damaged = bytes(content)
    with contextlib.suppress(BinaryFormatError):
        after = edited(damaged, CHANGE)
        assert len(read_slices(View(after, "made"))) == len(read_slices(View(damaged, "made")))

"""The Mach-O reader tells the truth of good files and only ever refuses bad ones."""

import contextlib
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.binary.macho import Build, Dependency, MachoFacts, facts_of, read_macho
from sealift.binary.macho_layout import is_macho
from sealift.binary.macho_symbols import Symbols, Undefined, symbols_of
from sealift.binary.view import View
from sealift.errors import BinaryFormatError
from tests.support.macho_files import (
    BUNDLE,
    DEFAULT_FLAGS,
    EXECUTE,
    LAZY,
    OBJECT,
    REEXPORT,
    UPWARD,
    WEAK,
    Library,
    MachoSpec,
    make_fat,
    make_macho,
)

FULL = MachoSpec(
    install_name="@rpath/libx.1.dylib",
    libraries=(
        Library(name="/usr/lib/libSystem.B.dylib", current=(1351, 0, 0)),
        Library(name="@rpath/libweak.dylib", command=WEAK),
        Library(name="@loader_path/libre.dylib", command=REEXPORT),
        Library(name="libup.dylib", command=UPWARD),
        Library(name="liblazy.dylib", command=LAZY),
    ),
    rpaths=("@loader_path/../lib", "/opt/lib"),
    builds=((1, (11, 0, 0), (14, 2, 1)),),
    uuid=bytes(range(16)),
    undefined=(
        ("_puts", 1, False),
        ("_maybe", 2, True),
        ("_PyLong_FromLong", 0xFE, False),
        ("_main_gives", 0xFF, False),
        ("_own", 0, False),
    ),
    defined=("_PyInit_x", "_x_version"),
)


def view(content: bytes) -> View:
    return View(content, "made")


def facts(spec: MachoSpec) -> MachoFacts:
    (found,) = facts_of(view(make_macho(spec)))
    return found


def symbols(spec: MachoSpec) -> Symbols:
    (found,) = symbols_of(view(make_macho(spec)))
    return found


def with_fields(spec: MachoSpec, **changes: object) -> MachoSpec:
    return MachoSpec(**{**vars(spec), **changes})


@pytest.mark.parametrize(
    ("bits", "order", "cpu"),
    [(64, "<", "arm64"), (64, "<", "x86_64"), (32, "<", "i386"), (32, ">", "ppc")],
)
def test_everything_is_read_in_each_class_and_byte_order(bits: int, order: str, cpu: str) -> None:
    spec = with_fields(FULL, bits=bits, order=order, cpu=cpu)
    found = facts(spec)
    assert (found.cpu, found.bits) == (cpu, bits)
    assert found.endian == ("little" if order == "<" else "big")
    assert found.kind == "dylib"
    assert found.install_name == "@rpath/libx.1.dylib"
    assert (found.current, found.compatible) == ((1, 2, 3), (1, 0, 0))
    assert found.build == Build(platform="macos", minimum=(11, 0, 0), sdk=(14, 2, 1))
    assert found.rpaths == ("@loader_path/../lib", "/opt/lib")
    assert found.uuid == "00010203-0405-0607-0809-0A0B0C0D0E0F"
    assert (found.room, found.is_truncated, found.is_encrypted) == (256, False, False)
    assert found.size == len(make_macho(spec))
    assert found.dependencies[0] == Dependency(
        name="/usr/lib/libSystem.B.dylib", current=(1351, 0, 0), compatible=(1, 0, 0)
    )
    rest = found.dependencies[1:]
    assert [d.name for d in rest if d.is_weak] == ["@rpath/libweak.dylib"]
    assert [d.name for d in rest if d.is_reexported] == ["@loader_path/libre.dylib"]
    assert [d.name for d in rest if d.is_upward] == ["libup.dylib"]
    assert [d.name for d in rest if d.is_delayed] == ["liblazy.dylib"]


@pytest.mark.parametrize(("bits", "order", "cpu"), [(64, "<", "arm64"), (32, ">", "ppc")])
def test_symbols_name_the_library_they_bind_to(bits: int, order: str, cpu: str) -> None:
    found = symbols(with_fields(FULL, bits=bits, order=order, cpu=cpu))
    assert found.undefined == (
        Undefined("_puts", "/usr/lib/libSystem.B.dylib"),
        Undefined("_maybe", "@rpath/libweak.dylib", is_weak=True),
        Undefined("_PyLong_FromLong", None),
        Undefined("_main_gives", "@executable"),
        Undefined("_own", "@self"),
    )
    assert found.defined == ("_PyInit_x", "_x_version")


def test_in_a_flat_namespace_symbols_name_no_library() -> None:
    found = symbols(with_fields(FULL, flags=DEFAULT_FLAGS & ~0x80))
    assert {symbol.library for symbol in found.undefined} == {None}


def test_a_library_that_is_not_there_is_refused() -> None:
    with pytest.raises(BinaryFormatError, match="from library 9 of 5"):
        symbols(with_fields(FULL, undefined=[("_x", 9, False)]))


def test_flags_are_told() -> None:
    plain = facts(MachoSpec())
    assert plain.is_two_level
    assert not plain.is_pie
    assert not plain.allows_stack_execution
    assert not plain.forbids_heap_execution
    program = facts(MachoSpec(kind=EXECUTE, flags=0x200000 | 0x20000 | 0x1000000))
    assert program.is_program
    assert program.is_pie
    assert program.allows_stack_execution
    assert program.forbids_heap_execution
    assert not program.is_two_level
    assert facts(MachoSpec(kind=BUNDLE)).kind == "bundle"
    assert facts(MachoSpec(kind=77)).kind == "kind-77"


@pytest.mark.parametrize("cpu", ["arm64e", "x86_64h", "armv7k"])
def test_variants_of_cpus_have_names_of_their_own(cpu: str) -> None:
    assert facts(MachoSpec(cpu=cpu)).cpu == cpu


def test_platforms_of_old_and_new_commands() -> None:
    device = facts(MachoSpec(minimum=(0x25, (12, 0, 0), (0, 0, 0))))
    assert device.build == Build(platform="ios", minimum=(12, 0, 0), sdk=None)
    simulated = facts(MachoSpec(cpu="x86_64", minimum=(0x25, (12, 0, 0), (13, 0, 0))))
    assert (simulated.platform, simulated.sdk) == ("ios-simulator", (13, 0, 0))
    mac = facts(MachoSpec(cpu="x86_64", minimum=(0x24, (10, 9, 0), (11, 1, 0))))
    assert (mac.platform, mac.minimum) == ("macos", (10, 9, 0))
    assert facts(MachoSpec(builds=[(7, (13, 0, 0), (17, 0, 0))])).platform == "ios-simulator"
    assert facts(MachoSpec(builds=[(99, (1, 0, 0), (0, 0, 0))])).platform == "platform-99"
    both = facts(MachoSpec(builds=[(6, (14, 0, 0), (1, 0, 0)), (1, (11, 0, 0), (1, 0, 0))]))
    assert [build.platform for build in both.builds] == ["mac-catalyst", "macos"]
    assert (both.platform, both.minimum) == ("macos", (11, 0, 0))
    none = facts(MachoSpec())
    assert (none.platform, none.minimum, none.sdk) == (None, None, None)


def test_the_newer_command_tells_its_uses_by_flags() -> None:
    found = facts(
        MachoSpec(
            libraries=[
                Library(name="a", uses=1),
                Library(name="b", uses=2 | 8),
                Library(name="c", uses=4),
            ]
        )
    )
    a, b, c = found.dependencies
    assert (a.name, a.is_weak, a.is_delayed) == ("a", True, False)
    assert (b.is_weak, b.is_reexported, b.is_delayed) == (False, True, True)
    assert c.is_upward


def test_an_encrypted_file_is_one_with_a_key() -> None:
    assert facts(MachoSpec(encrypted=1)).is_encrypted
    assert not facts(MachoSpec(encrypted=0)).is_encrypted


@pytest.mark.parametrize("wide", [False, True])
def test_each_slice_of_a_fat_file_is_read(wide: bool) -> None:  # noqa: FBT001
    arm, intel = make_macho(FULL), make_macho(MachoSpec(cpu="x86_64", install_name="other"))
    content = make_fat([("arm64", arm), ("x86_64", intel)], wide=wide)
    first, second = facts_of(view(content))
    assert (first.cpu, second.cpu) == ("arm64", "x86_64")
    assert (first.install_name, second.install_name) == ("@rpath/libx.1.dylib", "other")
    assert content[first.offset : first.offset + first.size] == arm
    assert content[second.offset : second.offset + second.size] == intel
    assert not first.is_truncated
    assert [len(s.undefined) for s in symbols_of(view(content))] == [5, 0]


def test_static_libraries_in_a_fat_file_are_left_out(tmp_path: Path) -> None:
    archive = b"!<arch>\n" + bytes(100)
    mixed = make_fat([("arm64", make_macho(FULL)), ("x86_64", archive)])
    assert [found.cpu for found in facts_of(view(mixed))] == ["arm64"]
    path = tmp_path / "lib.a"
    path.write_bytes(make_fat([("arm64", archive), ("x86_64", archive)]))
    assert read_macho(path) is None


def test_what_is_cut_off_says_so() -> None:
    content = make_macho(FULL)
    (thin,) = facts_of(view(content[:-8]))
    assert thin.is_truncated
    fat = make_fat([("arm64", content), ("x86_64", content)])
    first, second = facts_of(view(fat[:-8]))
    assert (first.is_truncated, second.is_truncated) == (False, True)


def test_a_file_that_is_no_macho_file_has_no_facts(tmp_path: Path) -> None:
    java = bytes.fromhex("cafebabe00000041")  # Java 21
    for number, content in enumerate((b"", b"MZ", b"\x7fELF" + bytes(60), java + bytes(60))):
        path = tmp_path / str(number)
        path.write_bytes(content)
        assert read_macho(path) is None
        assert not is_macho(content)
    os.mkfifo(tmp_path / "pipe")
    assert read_macho(tmp_path / "pipe") is None
    good = tmp_path / "good"
    good.write_bytes(make_macho(FULL))
    assert [found.kind for found in read_macho(good) or ()] == ["dylib"]


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (16, 1 << 20, "1048576 load commands"),
        (20, 1 << 30, "load commands of 1073741824 bytes"),
        (20, 0x8000, "load commands reach to byte"),
        (36, 4, "has 4 bytes"),
        (36, 0xFFFFFFF0, "has 4294967280 bytes"),
        (32 + 64, 5000, "too short"),
    ],
)
def test_damage_is_named(offset: int, value: int, message: str) -> None:
    content = bytearray(make_macho(FULL)[:0x800])
    struct.pack_into("<I", content, offset, value)
    with pytest.raises(BinaryFormatError, match=message):
        facts_of(view(bytes(content)))


def test_slices_that_are_no_macho_files_are_refused() -> None:
    with pytest.raises(BinaryFormatError, match="no Mach-O file"):
        facts_of(view(make_fat([("arm64", b"what" * 20)])))
    with pytest.raises(BinaryFormatError, match="beyond its end"):
        facts_of(view(make_fat([("arm64", make_macho(FULL))])[:100]))


def test_names_that_overlap_do_not_cost_more_than_the_file() -> None:
    count = 20_000
    content = bytearray(make_macho(MachoSpec(linkedit=b"x" * 60_000 + b"\0" + bytes(16 * count))))
    (command,) = [at for at in range(32, 600, 4) if content[at : at + 8] == b"\2\0\0\0\x18\0\0\0"]
    strings = struct.unpack_from("<I", content, command + 16)[0] + 8
    table = strings + 60_001
    struct.pack_into("<IIII", content, command + 8, table, count, strings, 60_001)
    for index in range(count):
        struct.pack_into("<IBBHQ", content, table + 16 * index, index, 0xF, 1, 0, 1)
    with pytest.raises(BinaryFormatError, match="overlap"):
        symbols_of(view(bytes(content)))


def read_all(content: bytes) -> None:
    with contextlib.suppress(BinaryFormatError):
        facts_of(view(content))
    with contextlib.suppress(BinaryFormatError):
        symbols_of(view(content))


THIN = make_macho(with_fields(FULL, text=b""))
FAT = make_fat([("arm64", THIN), ("x86_64", make_macho(MachoSpec(cpu="x86_64", kind=OBJECT)))])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([THIN, FAT]), st.data())
def test_truncated_files_are_read_or_refused(content: bytes, data: st.DataObject) -> None:
    end = data.draw(st.one_of(st.integers(0, 2048), st.integers(0, len(content))))
    read_all(content[:end])


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([THIN, FAT]), st.data())
def test_flipped_bytes_are_read_or_refused(content: bytes, data: st.DataObject) -> None:
    changed = bytearray(content)
    place = st.one_of(st.integers(0, 1000), st.integers(0x4000, 0x4000 + 1000))
    for at in data.draw(st.lists(place, min_size=1, max_size=6)):
        if at < len(changed):
            changed[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFE, 0xFF]))
    read_all(bytes(changed))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_noise_behind_a_good_magic_number_is_read_or_refused(noise: bytes) -> None:
    for magic in ("cffaedfe", "feedface", "cafebabe00000001", "cafebabf00000002"):
        read_all(bytes.fromhex(magic) + noise)

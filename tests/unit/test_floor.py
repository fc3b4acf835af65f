"""The floor is what the files cannot do without, and names who asks."""

from pathlib import Path

import pytest

from sealift.binary.macho_fat import merged
from sealift.cross.toolchain import default_floor
from sealift.floor import LAUNCHERS_MACOS, Floor, as_asked, floor_of, with_launcher
from sealift.target import load_targets
from tests.support.elf_files import ElfSpec, Versions, make_elf
from tests.support.macho_files import MachoSpec, make_macho
from tests.support.pe_files import Dll, PeSpec, make_pe

TARGET = load_targets()["linux-x86_64"]


@pytest.fixture
def natives(tmp_path: Path) -> dict[str, Path]:
    files: dict[str, Versions] = {
        "a.so": {"libc.so.6": [("GLIBC_2.2.5", False), ("GLIBC_2.34", False)]},
        "b.so": {"libc.so.6": [("GLIBC_2.17", False), ("GLIBC_2.39", True)]},
        "private.so": {"libc.so.6": [("GLIBC_PRIVATE", False), ("GLIBC_2.34", False)]},
        "c++.so": {
            "libstdc++.so.6": [("GLIBCXX_3.4.9", False), ("GLIBCXX_3.4.30", False)],
            "libc.so.6": [("GLIBC_2.4", False)],
        },
    }
    return {name: written(tmp_path / name, ElfSpec(verneed=v)) for name, v in files.items()}


def written(path: Path, spec: ElfSpec) -> Path:
    path.write_bytes(make_elf(spec))
    return path


def test_the_highest_need_counts_and_weak_ones_do_not(natives: dict[str, Path]) -> None:
    assert floor_of(natives, TARGET) == Floor(
        version=(2, 34), because="a.so asks for GLIBC_2.34", glibcxx=(3, 4, 30)
    )


def test_packed_relocations_need_their_loader(tmp_path: Path) -> None:
    spec = ElfSpec(verneed={"libc.so.6": [("GLIBC_2.34", False), ("GLIBC_ABI_DT_RELR", False)]})
    floor = floor_of({"x.so": written(tmp_path / "x.so", spec)}, TARGET)
    assert (floor.version, floor.because) == ((2, 36), "x.so asks for GLIBC_ABI_DT_RELR")


def test_a_shipped_libstdcxx_asks_nothing_of_the_system(
    natives: dict[str, Path], tmp_path: Path
) -> None:
    own = written(tmp_path / "libstdc++.so.6", ElfSpec(soname="libstdc++.so.6"))
    assert floor_of({**natives, "lib/libstdc++.so.6": own}, TARGET).glibcxx is None


def test_files_for_other_machines_are_data(tmp_path: Path) -> None:
    spec = ElfSpec(machine="aarch64", verneed={"libc.so.6": [("GLIBC_2.38", False)]})
    assert floor_of({"x.so": written(tmp_path / "x.so", spec)}, TARGET).version is None


def test_nothing_native_has_no_floor(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    assert floor_of({"text": tmp_path / "text"}, TARGET) == Floor(version=None)


def test_musl_and_other_systems_are_not_guessed_from_glibc(natives: dict[str, Path]) -> None:
    assert floor_of(natives, load_targets()["linux-x86_64-musl"]).version == (1, 2)
    assert floor_of(natives, load_targets()["windows-x86_64"]).version is None


def test_windows_is_that_of_what_files_name_and_ask_for(tmp_path: Path) -> None:
    windows = load_targets()["windows-x86_64"]
    old, new = tmp_path / "old.pyd", tmp_path / "new.pyd"
    old.write_bytes(make_pe(PeSpec(dlls=[Dll(name="KERNEL32.dll")])))
    new.write_bytes(make_pe(PeSpec(dlls=[Dll(name="api-ms-win-crt-heap-l1-1-0.dll")])))
    named = floor_of({"old.pyd": old}, windows)
    assert named.version
    assert named.version < (10, 0)
    assert named.because.startswith("old.pyd is for Windows ")
    assert floor_of({"old.pyd": old, "new.pyd": new}, windows) == Floor(
        version=(10, 0), because="new.pyd asks for api-ms-win-crt-heap-l1-1-0.dll"
    )
    # A C runtime that is shipped asks nothing of the system.
    brought = {"new.pyd": new, "api-ms-win-crt-heap-l1-1-0.dll": old}
    assert floor_of(brought, windows).version == named.version


@pytest.mark.parametrize(
    ("target", "expected"),
    [("macos-x86_64", (10, 13)), ("macos-arm64", (11, 0)), ("macos-universal2", (10, 13))],
)
def test_macos_is_that_of_the_slices_that_run(
    tmp_path: Path, target: str, expected: tuple[int, int]
) -> None:
    parts = {
        cpu: make_macho(MachoSpec(cpu=cpu, builds=[(1, minimum, (14, 0, 0))]))
        for cpu, minimum in (("x86_64", (10, 13, 0)), ("arm64", (11, 0, 0)))
    }
    (tmp_path / "a.so").write_bytes(merged(parts))
    assert floor_of({"a.so": tmp_path / "a.so"}, load_targets()[target]).version == expected


def test_both_kinds_of_mac_need_what_apple_s_own_need_beyond_their_first(tmp_path: Path) -> None:
    parts = {
        cpu: make_macho(MachoSpec(cpu=cpu, builds=[(1, minimum, (14, 0, 0))]))
        for cpu, minimum in (("x86_64", (10, 13, 0)), ("arm64", (12, 3, 0)))
    }
    (tmp_path / "a.so").write_bytes(merged(parts))
    assert floor_of({"a.so": tmp_path / "a.so"}, load_targets()["macos-universal2"]) == Floor(
        version=(12, 3), because="a.so is for macOS 12.3 and later"
    )


def test_macs_may_be_too_old_for_the_launcher() -> None:
    targets = load_targets()
    old, new = Floor(version=(10, 9), because="x"), Floor(version=(11, 0), because="y")
    told = with_launcher(old, targets["macos-x86_64"])
    assert (told.version, told.because) == ((10, 13), "the launcher is for macOS 10.13 and later")
    assert with_launcher(new, targets["macos-arm64"]) is new
    assert with_launcher(old, targets["linux-x86_64"]) is old
    nothing = Floor(version=None)
    assert with_launcher(nothing, targets["macos-arm64"]) is nothing
    assert default_floor(targets["macos-x86_64"]) == LAUNCHERS_MACOS


def test_settings_know_better_than_files_which_macos_is_the_oldest() -> None:
    targets, floor = load_targets(), Floor(version=(26, 0), because="a.dylib is for macOS 26.0")
    asked = as_asked(floor, targets["macos-arm64"].with_floor("14.0"))
    assert (asked.version, asked.because) == ((14, 0), "the project's settings say so")
    assert as_asked(floor, targets["macos-arm64"]) is floor
    assert as_asked(floor, targets["linux-x86_64"].with_floor("2.28")) is floor

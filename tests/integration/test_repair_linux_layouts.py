"""Linux wheels of unusual layout, for other machines, and with files that name libraries oddly."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from sealift import process
from sealift.binary.elf import ElfFacts, facts_of
from sealift.binary.view import View
from sealift.errors import OutputError, RefusedError
from sealift.repair.plan import Options
from sealift.repair.wheel import Repaired, repair_wheel
from tests.support.command import sealift
from tests.support.elf_files import ElfSpec, make_elf
from tests.support.native_wheels import c_library, c_module, native_wheel
from tests.support.tools import require_tool

OWN = "int own(void) { return 7; }"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A library outside of all policies."""
    return c_library(tmp_path / "own", "libown.so.1", OWN)


def asking(folder: Path, library: Path, name: str = "native") -> Path:
    """A module that asks for ``library``."""
    return c_module(folder, name, "own()", declarations="int own(void);", links=[library])


def edited(file: Path, *options: str | Path) -> Path:
    process.run([require_tool("patchelf"), *options, file])
    return file


def wheel_of(folder: Path, files: Mapping[str, bytes | Path], tag: str | None = None) -> Path:
    return native_wheel(folder / "made", "demo", files, **({"tag": tag} if tag else {}))


def facts_in(repaired: Repaired) -> dict[str, ElfFacts]:
    with zipfile.ZipFile(repaired.path) as archive:
        data = {name: archive.read(name) for name in archive.namelist() if ".so" in name}
    return {name: facts_of(View(content, name)) for name, content in data.items()}


def value_with_pip(repaired: Repaired, folder: Path) -> str:
    """What the installed module says, on a machine that has no libraries of the test."""
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
         "--ignore-installed", "--target", folder, repaired.path],
        check=True,
    )  # fmt: skip
    code = f"import sys; sys.path[:0] = [{str(folder)!r}]; from demo import native"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"{code}; print(native.value())"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


PLACES = {
    "module in platlib, library outside": ("demo-1.0.data/platlib/demo/", None),
    "both in platlib": ("demo-1.0.data/platlib/demo/", "demo-1.0.data/platlib/demo/lib/"),
    "library in platlib": ("demo/", "demo-1.0.data/platlib/demo/lib/"),
    "module in purelib": ("demo-1.0.data/purelib/demo/", "demo/lib/"),
    "library at the root": ("demo/", ""),
}


@pytest.mark.parametrize("case", PLACES)
def test_files_find_each_other_where_they_are_installed(
    case: str, own: Path, tmp_path: Path
) -> None:
    place, library_place = PLACES[case]
    module = asking(tmp_path, own)
    files: dict[str, bytes | Path] = {f"{place}{module.name}": module, "demo/__init__.py": b""}
    if library_place is not None:
        files[f"{library_place}libown.so.1"] = own
    repaired = repair_wheel(wheel_of(tmp_path, files), Options(), tmp_path / "out")
    assert bool(repaired.grafts) is (library_place is None)
    own.unlink()
    assert value_with_pip(repaired, tmp_path / "site") == "7"


def test_a_library_outside_of_site_packages_is_none_of_the_wheels_own(
    own: Path, tmp_path: Path
) -> None:
    module = asking(tmp_path, own)
    files: dict[str, bytes | Path] = {
        f"demo/{module.name}": module, "demo-1.0.data/data/lib/libown.so.1": own,
    }  # fmt: skip
    repaired = repair_wheel(wheel_of(tmp_path, files), Options(), tmp_path / "out")
    assert [graft.asked for graft in repaired.grafts] == ["libown.so.1"]


def test_files_outside_of_site_packages_that_find_each_other_stay_as_they_are(
    own: Path, tmp_path: Path
) -> None:
    module = edited(asking(tmp_path, own), "--set-rpath", "$ORIGIN")
    folder = "demo-1.0.data/data/lib"
    files: dict[str, bytes | Path] = {f"{folder}/x.so": module, f"{folder}/libown.so.1": own}
    before = module.read_bytes()
    repaired = repair_wheel(wheel_of(tmp_path, files), Options(), tmp_path / "out")
    assert not repaired.grafts
    with zipfile.ZipFile(repaired.path) as archive:
        assert archive.read(f"{folder}/x.so") == before


def test_paths_that_are_asked_for_become_names(own: Path, tmp_path: Path) -> None:
    path = own.with_name("libpath.so")
    shutil.copy(own, path)
    zlib = "/nowhere/libz.so.1"
    module = asking(tmp_path, own)
    edited(module, "--replace-needed", "libown.so.1", path, "--add-needed", zlib)
    outside = repair_wheel(
        wheel_of(tmp_path, {"demo/native.so": module}), Options(), tmp_path / "a"
    )
    assert {"libz.so.1", Path(outside.grafts[0].path).name} <= set(
        facts_in(outside)["demo/native.so"].needed
    )
    edited(module, "--replace-needed", path, "build/libpath.so")
    edited(module, "--remove-rpath")
    wheel = wheel_of(tmp_path, {"demo/native.so": module})
    with pytest.raises(RefusedError, match=r"libpath\.so is nowhere"):
        repair_wheel(wheel, Options(), tmp_path / "b")
    found = repair_wheel(wheel, Options(search=(own.parent,)), tmp_path / "b")
    assert found.grafts == outside.grafts
    inside = repair_wheel(
        wheel_of(tmp_path, {"demo/native.so": module, "demo/libpath.so": path}),
        Options(), tmp_path / "c",
    )  # fmt: skip
    assert not inside.grafts
    assert "libpath.so" in facts_in(inside)["demo/native.so"].needed
    assert facts_in(inside)["demo/native.so"].rpath == ("$ORIGIN",)


def test_a_library_with_several_names_is_taken_in_once(own: Path, tmp_path: Path) -> None:
    (own.parent / "libown.so").symlink_to(own.name)
    one, two = asking(tmp_path / "1", own), asking(tmp_path / "2", own, "two")
    edited(two, "--replace-needed", "libown.so.1", "libown.so")
    files: dict[str, bytes | Path] = {"demo/native.so": one, "demo/two.so": two}
    repaired = repair_wheel(wheel_of(tmp_path, files), Options(), tmp_path / "out")
    (graft,) = repaired.grafts
    facts = facts_in(repaired)
    for name in files:
        assert Path(graft.path).name in facts[name].needed


def test_an_own_library_that_is_called_otherwise_than_its_file(own: Path, tmp_path: Path) -> None:
    module = asking(tmp_path, own)
    files: dict[str, bytes | Path] = {
        f"demo/{module.name}": module, "demo/__init__.py": b"", "demo/lib/libimpl.so": own,
    }  # fmt: skip
    repaired = repair_wheel(wheel_of(tmp_path, files), Options(), tmp_path / "out")
    assert not repaired.grafts
    own.unlink()
    assert value_with_pip(repaired, tmp_path / "site") == "7"


MACHINES = {
    "aarch64": ("linux_aarch64", ElfSpec(machine="aarch64", needed=["libz-ng.so.2", "libc.so.6"])),
    "musl": ("linux_x86_64", ElfSpec(needed=["libz-ng.so.2", "libc.so"])),
}


@pytest.mark.parametrize("machine", MACHINES)
def test_libraries_for_another_machine_are_not_taken_in(machine: str, tmp_path: Path) -> None:
    tag, spec = MACHINES[machine]
    (tmp_path / "native.so").write_bytes(make_elf(spec))
    wheel = wheel_of(tmp_path, {"demo/native.so": tmp_path / "native.so"}, f"cp311-cp311-{tag}")
    c_library(
        tmp_path / "glibc", "libz-ng.so.2", '#include <stdio.h>\nint z(void){return puts("");}'
    )
    with pytest.raises(RefusedError, match=r"libz-ng\.so\.2 is nowhere on this machine"):
        repair_wheel(wheel, Options(search=(tmp_path / "glibc",)), tmp_path / "out")


def test_files_for_another_machine_stay_as_they_are(own: Path, tmp_path: Path) -> None:
    module = asking(tmp_path, own)
    foreign = make_elf(ElfSpec(machine="aarch64", needed=["libnowhere.so.1", "libc.so.6"]))
    musl = make_elf(ElfSpec(needed=["libnowhere.so.1", "libc.so"]))
    files: dict[str, bytes | Path] = {
        f"demo/{module.name}": edited(module, "--add-needed", "libc.so.6"),
        "demo/data/arm.so": foreign, "demo/data/musl.so": musl,
    }  # fmt: skip
    wheel = wheel_of(tmp_path, files, "cp311-cp311-manylinux_2_39_x86_64")
    repaired = repair_wheel(wheel, Options(strips=True), tmp_path / "out")
    with zipfile.ZipFile(repaired.path) as archive:
        assert archive.read("demo/data/arm.so") == foreign
        assert archive.read("demo/data/musl.so") == musl


WRONG = {
    "cp311-cp311-linux_x86_64.linux_aarch64": "its tag is for aarch64, x86_64, its files are for",
    "cp311-cp311-linux_aarch64": "its tag is for aarch64, its files are for x86_64",
    "cp311-cp311-linux_x86_64.macosx_11_0_arm64": "it is for linux and macos",
    "py3-none-any": "its tag says any platform, and it has demo/native.so",
}


@pytest.mark.parametrize("tag", WRONG)
def test_a_tag_that_is_not_for_the_files_is_refused(tag: str, own: Path, tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, {"demo/native.so": asking(tmp_path, own)}, tag)
    with pytest.raises(RefusedError, match=WRONG[tag]) as caught:
        repair_wheel(wheel, Options(), tmp_path / "out")
    assert caught.value.hint


def test_a_cpu_without_policies_is_refused(tmp_path: Path) -> None:
    old = bytearray(make_elf(ElfSpec(bits=32, machine="arm", needed=["libc.so.6"])))
    old[36:40] = bytes.fromhex("00040005")  # version 5 of the ABI, floats in registers
    wheel = wheel_of(tmp_path, {"demo/native.so": bytes(old)}, "py3-none-linux_armv6l")
    with pytest.raises(RefusedError, match="is for armv6l, for which there are no policies"):
        repair_wheel(wheel, Options(), tmp_path / "out")


def test_programs_in_a_wheel_for_any_platform_are_data(tmp_path: Path) -> None:
    program = make_elf(ElfSpec(kind=2, needed=["libnowhere.so.1"]))
    wheel = wheel_of(tmp_path, {"demo/start.bin": program}, "py3-none-any")
    repaired = repair_wheel(wheel, Options(), tmp_path / "out")
    assert repaired.path.read_bytes() == wheel.read_bytes()


CLAIMS = {
    "manylinux_2_5_x86_64.manylinux_2_28_x86_64.manylinux1_x86_64": True,
    "manylinux1_x86_64.manylinux_2_5_x86_64.musllinux_1_1_x86_64": True,
    "manylinux_2_5_x86_64.linux_x86_64.manylinux1_x86_64": False,
    "manylinux_2_28_x86_64": False,
}


@pytest.mark.parametrize("claims", CLAIMS)
def test_tags_that_hold_are_left_to_a_wheel_that_needs_nothing(claims: str, tmp_path: Path) -> None:
    program = make_elf(ElfSpec(kind=2))
    wheel = wheel_of(tmp_path, {"demo/run": program}, f"py3-none-{claims}")
    repaired = repair_wheel(wheel, Options(), tmp_path / "out")
    assert (repaired.path.name == wheel.name) is CLAIMS[claims]
    if CLAIMS[claims]:
        assert repaired.path.read_bytes() == wheel.read_bytes()


def test_a_tag_that_is_too_old_does_not_stay_beside_the_right_one(tmp_path: Path) -> None:
    needed = {"libc.so.6": [("GLIBC_2.28", False)]}
    module = make_elf(ElfSpec(needed=["libc.so.6"], verneed=needed))
    tag = "cp311-cp311-manylinux_2_17_x86_64.manylinux_2_28_x86_64"
    repaired = repair_wheel(
        wheel_of(tmp_path, {"demo/native.so": module}, tag), Options(), tmp_path / "out"
    )
    assert repaired.path.name == "demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"


def test_a_build_number_and_other_lines_are_kept(own: Path, tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, {"demo/native.so": asking(tmp_path, own)})
    numbered = wheel.rename(wheel.with_name(wheel.name.replace("-1.0-", "-1.0-1-")))
    repaired = repair_wheel(numbered, Options(), tmp_path / "out")
    assert repaired.path.name.startswith("demo-1.0-1-cp")


def test_bytes_do_not_depend_on_where_and_how_it_runs(own: Path, tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, {"demo/a bü.so": asking(tmp_path, own)})
    folder = tmp_path / "a folder, ünïcode"
    folder.mkdir()
    link = folder / wheel.name
    link.symlink_to(wheel)
    digests = set()
    ways: list[dict[str, str]] = [
        {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "1", "LC_ALL": "C"},
        {"TZ": "America/Lima", "PYTHONHASHSEED": "2", "LC_ALL": "C.UTF-8"},
    ]
    for number, (way, umask) in enumerate(zip(ways, (0o077, 0o002), strict=True)):
        before = os.umask(umask)
        try:
            outcome = sealift(
                "repair", "--json", "--out", f"out {number}", (wheel, link)[number],
                cwd=(tmp_path, folder)[number], **way,
            )  # fmt: skip
        finally:
            os.umask(before)
        assert outcome.status == 0, outcome.err
        made = (tmp_path, folder)[number] / outcome.result[0]["path"]
        digests.add(hashlib.sha256(made.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_an_output_that_cannot_be_written_is_told(own: Path, tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, {"demo/native.so": asking(tmp_path, own)})
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Not a directory"):
        repair_wheel(wheel, Options(), tmp_path / "file/below")
    good = repair_wheel(wheel, Options(), tmp_path / "good")
    (tmp_path / "out" / good.path.name).mkdir(parents=True)
    with pytest.raises(OutputError, match="Is a directory"):
        repair_wheel(wheel, Options(), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [good.path.name]


def test_grafts_of_one_package_are_all_in_the_bill(tmp_path: Path) -> None:
    require_tool("dpkg-query")
    names = ("libicuuc.so", "libicui18n.so")
    folders = (Path("/usr/lib/x86_64-linux-gnu"), Path("/lib/x86_64-linux-gnu"))
    found = [next((f for folder in folders for f in folder.glob(f"{n}.??")), None) for n in names]
    if None in found:
        require_tool("libicu")
    module = c_module(tmp_path, "native", "0", options=[
        "-Wl,--no-as-needed", *(str(path) for path in found),
    ])  # fmt: skip
    wheel = wheel_of(tmp_path, {"demo/native.so": module})
    repaired = repair_wheel(wheel, Options(), tmp_path / "out")
    with zipfile.ZipFile(repaired.path) as archive:
        document = json.loads(archive.read("demo-1.0.dist-info/sboms/sealift.cdx.json"))
    files = {
        place["location"]
        for part in document["components"]
        for place in part["evidence"]["occurrences"]
    }
    assert files == {graft.path for graft in repaired.grafts}

"""macOS wheels repaired, with files made byte by byte: what comes in, and how it is asked for."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from sealift.audit.verdict import Verdict
from sealift.binary.macho_sign import signed
from sealift.binary.macho_verify import verify_signature
from sealift.errors import BinaryFormatError, ConfigError, RefusedError
from sealift.repair import macos
from sealift.repair.plan import Options
from sealift.repair.wheel import Repaired, repair_wheel
from tests.support.macho_files import (
    BUNDLE,
    DYLIB,
    EXECUTE,
    WEAK,
    Library,
    MachoSpec,
    make_fat,
    make_macho,
)
from tests.support.macos_wheels import problems, slices_of
from tests.support.native_wheels import native_wheel

SYSTEM = "/usr/lib/libSystem.B.dylib"
CELLAR = "/opt/homebrew/opt/x/lib"


def macho(
    *names: str,
    cpu: str = "arm64",
    kind: int = BUNDLE,
    name: str | None = None,
    minimum: tuple[int, int, int] = (11, 0, 0),
    rpaths: Sequence[str] = (),
    weak: Sequence[str] = (),
    room: int = 512,
) -> bytes:
    """A file that asks for ``names``; a library where it has a ``name``."""
    libraries = [Library(name=asked) for asked in (*names, SYSTEM)]
    libraries += [Library(name=asked, command=WEAK) for asked in weak]
    spec = MachoSpec(
        cpu=cpu, kind=DYLIB if name else kind, install_name=name, libraries=libraries,
        rpaths=rpaths, builds=((1, minimum, (14, 0, 0)),), room=room,
        text=(name or "module").encode() * 9,
    )  # fmt: skip
    content = make_macho(spec)
    return signed(content, "made", is_linker_signed=True) if cpu == "arm64" else content


def fat(*names: str, name: str | None = None) -> bytes:
    minimums = {"x86_64": (10, 13, 0), "arm64": (11, 0, 0)}
    return make_fat(
        [(cpu, macho(*names, cpu=cpu, name=name, minimum=it)) for cpu, it in minimums.items()]
    )


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def wheel(
    folder: Path, files: dict[str, bytes], *, tag: str = "macosx_11_0_arm64", name: str = "demo"
) -> Path:
    contents: dict[str, bytes | Path] = {f"{name}/__init__.py": b"", **files}
    return native_wheel(folder / "made", name, contents, tag=f"cp312-cp312-{tag}")


def repaired(folder: Path, made: Path, *search: str, **options: object) -> Repaired:
    """``made`` repaired with the libraries below ``search``, and found to be sound."""
    folders = tuple(folder / name for name in search)
    done = repair_wheel(made, Options(search=folders, **options), folder / "out")  # type: ignore[arg-type]
    assert problems(done.path) == []
    return done


def asked(done: Repaired, path: str) -> list[str]:
    """The libraries outside of the system that the file at ``path`` asks for."""
    return [d.name for d in slices_of(done.path)[path][0].dependencies if d.name != SYSTEM]


def graft(done: Repaired, name: str) -> str:
    (path,) = {graft.path for graft in done.grafts if graft.asked == name}
    return path


def test_a_chain_comes_with_the_wheel(tmp_path: Path) -> None:
    put(tmp_path / f"root{CELLAR}/libb.2.dylib", macho(name=f"{CELLAR}/libb.2.dylib"))
    inner = macho(f"{CELLAR}/libb.2.dylib", name=f"{CELLAR}/liba.dylib", rpaths=["/opt/lib"])
    put(tmp_path / f"root{CELLAR}/liba.dylib", inner)
    module = macho(f"{CELLAR}/liba.dylib", rpaths=["/opt/lib", "@loader_path/../../.."])
    made = wheel(tmp_path, {"demo/sub/_x.so": module})
    done = repaired(tmp_path, made, "root")
    first, second = graft(done, "liba.dylib"), graft(done, "libb.2.dylib")
    assert first.startswith("demo/.dylibs/liba-")
    assert second.startswith("demo/.dylibs/libb-")
    assert second.endswith(".2.dylib")
    assert asked(done, "demo/sub/_x.so") == [f"@loader_path/../{first.removeprefix('demo/')}"]
    assert asked(done, first) == [f"@loader_path/{second.removeprefix('demo/.dylibs/')}"]
    slices = slices_of(done.path)
    assert not any(facts.rpaths for found in slices.values() for facts in found)
    assert slices[first][0].install_name == f"/DLC/{first}"
    assert slices[first][0].signature
    assert done.path.name == made.name
    assert done.notes == ()


def test_the_same_wheel_gives_the_same_bytes_and_a_repaired_one_stays(tmp_path: Path) -> None:
    put(tmp_path / "lib/liba.dylib", fat(name=f"{CELLAR}/liba.dylib"))
    module = fat(f"{CELLAR}/liba.dylib")
    made = wheel(tmp_path, {"demo/_x.so": module}, tag="macosx_10_13_universal2")
    first = repaired(tmp_path, made, "lib")
    content = first.path.read_bytes()
    assert repaired(tmp_path, made, "lib").path.read_bytes() == content
    again = repair_wheel(first.path, Options(), tmp_path / "again")
    assert not again.is_changed
    assert again.path.read_bytes() == content
    assert list((tmp_path / "out").iterdir()) == [first.path]


@pytest.mark.parametrize(
    "place",
    [f"search{CELLAR}/liba.dylib", "search/opt/x/lib/liba.dylib", "search/liba.dylib",
     "search/lib/liba.dylib"],
)  # fmt: skip
def test_any_part_of_a_macs_tree_can_be_searched(tmp_path: Path, place: str) -> None:
    put(tmp_path / place, macho(name="liba.dylib"))
    put(tmp_path / "search/x/liba.dylib", macho(name="another.dylib"))
    done = repaired(tmp_path, wheel(tmp_path, {"demo/_x.so": macho(f"{CELLAR}/liba.dylib")}),
                    "search")  # fmt: skip
    assert [it.source for it in done.grafts] == [tmp_path / place]


def test_the_longest_end_of_a_path_is_the_one_that_is_meant(tmp_path: Path) -> None:
    put(tmp_path / "root/liba.dylib", macho(name="wrong.dylib"))
    right = put(tmp_path / f"root{CELLAR}/liba.dylib", macho(name="right.dylib"))
    done = repaired(
        tmp_path, wheel(tmp_path, {"demo/_x.so": macho(f"{CELLAR}/liba.dylib")}), "root"
    )
    assert [it.source for it in done.grafts] == [right]


def test_run_paths_of_files_and_of_their_loaders_are_searched(tmp_path: Path) -> None:
    """A graft's run path leads to its neighbour's folder; a loader's leads to another."""
    put(tmp_path / "mac/far/libc.dylib", macho(name="@rpath/libc.dylib"))
    put(tmp_path / "mac/near/libb.dylib", macho(name="@rpath/libb.dylib"))
    own = macho("@rpath/libb.dylib", "@rpath/libc.dylib", name="@rpath/liba.dylib",
                rpaths=["@loader_path/../near"])  # fmt: skip
    put(tmp_path / "mac/lib/liba.dylib", own)
    put(tmp_path / "decoy/libc.dylib", macho(name="decoy"))
    loader = macho("@rpath/liba.dylib", rpaths=[f"{tmp_path}/mac/lib", f"{tmp_path}/mac/far"])
    done = repaired(tmp_path, wheel(tmp_path, {"demo/_x.so": loader}))
    assert [it.asked for it in done.grafts] == ["liba.dylib", "libb.dylib", "libc.dylib"]
    folders = [it.source.parent.name for it in done.grafts]
    assert folders == ["lib", "near", "far"]
    assert not any(facts.rpaths for found in slices_of(done.path).values() for facts in found)


def test_a_neighbour_of_a_graft_comes_before_what_has_its_name_elsewhere(tmp_path: Path) -> None:
    put(tmp_path / "one/libb.dylib", macho(name="another.dylib"))
    put(tmp_path / "two/lib/libb.dylib", macho(name="libb.dylib"))
    put(tmp_path / "two/lib/liba.dylib", macho("@loader_path/libb.dylib", name="liba.dylib"))
    done = repaired(
        tmp_path, wheel(tmp_path, {"demo/_x.so": macho("/opt/lib/liba.dylib")}), "one", "two"
    )
    assert [it.source.parent.name for it in done.grafts] == ["lib", "lib"]


def test_a_loaders_run_path_counts_for_the_wheels_own_and_for_grafts(tmp_path: Path) -> None:
    """Of the wheel, a library that has no run path itself; outside, one that asks back."""
    put(tmp_path / "mac/libc.dylib", macho("@rpath/libback.dylib", name="libc.dylib"))
    put(tmp_path / "mac/libback.dylib", macho(name="decoy"))
    rpaths = ["@loader_path/lib", f"{tmp_path}/mac"]
    files = {
        "demo/_x.so": macho("@rpath/libown.dylib", rpaths=rpaths),
        "demo/lib/libown.dylib": macho("@rpath/libc.dylib", name="@rpath/libown.dylib"),
        "demo/lib/libback.dylib": macho(name="@rpath/libback.dylib"),
    }
    done = repaired(tmp_path, wheel(tmp_path, files))
    assert [it.asked for it in done.grafts] == ["libc.dylib"]
    assert asked(done, graft(done, "libc.dylib")) == ["@loader_path/../lib/libback.dylib"]


def test_a_library_that_wraps_its_namesake_does_not_stand_in_for_it(tmp_path: Path) -> None:
    put(tmp_path / "lib/libz.dylib", macho(name="/opt/lib/libz.dylib"))
    files = {"demo/libz.dylib": macho("/opt/lib/libz.dylib", name="@rpath/libz.dylib")}
    done = repaired(tmp_path, wheel(tmp_path, files), "lib")
    assert [it.asked for it in done.grafts] == ["libz.dylib"]


def test_a_graft_without_a_name_or_a_signature_gets_the_latter(tmp_path: Path) -> None:
    put(tmp_path / "lib/liba.dylib", make_macho(MachoSpec(kind=DYLIB)))
    made = wheel(tmp_path, {"demo/_x.so": macho("liba.dylib")})
    (facts,) = slices_of(repaired(tmp_path, made, "lib").path)["demo/_x.so"]
    assert facts.dependencies[0].name.startswith("@loader_path/.dylibs/liba-")


def test_what_dyld_finds_in_the_wheel_stays_as_it_is(tmp_path: Path) -> None:
    files = {
        "demo/_x.so": macho("@rpath/libown.dylib", rpaths=["@loader_path/lib"]),
        "demo/_y.so": macho("@loader_path/lib/libown.dylib"),
        "demo/lib/libown.dylib": macho("@rpath/libtwo.dylib", name="@rpath/libown.dylib",
                                       rpaths=["@loader_path"]),
        "demo/lib/libtwo.dylib": macho(name="@rpath/libtwo.dylib"),
    }  # fmt: skip
    assert not repaired(tmp_path, wheel(tmp_path, files)).is_changed


def test_a_library_of_the_wheels_own_is_asked_for_where_it_lies(tmp_path: Path) -> None:
    """Found by none of these names; the second has a run path through one loader only."""
    files = {
        "demo/sub/_x.so": macho("/Users/me/build/libown.dylib", "libtwo.dylib"),
        "demo/lib/libown.dylib": macho("@rpath/libtwo.dylib", name="libown.dylib"),
        "demo/lib/libtwo.dylib": macho(name="@rpath/libtwo.dylib"),
        "other/libown.dylib": macho(name="@rpath/libother.dylib"),
    }
    done = repaired(tmp_path, wheel(tmp_path, files))
    assert done.grafts == ()
    assert asked(done, "demo/sub/_x.so") == [
        "@loader_path/../lib/libown.dylib", "@loader_path/../lib/libtwo.dylib",
    ]  # fmt: skip
    assert asked(done, "demo/lib/libown.dylib") == ["@loader_path/libtwo.dylib"]


def test_two_versions_of_a_library_and_two_names_of_one(tmp_path: Path) -> None:
    for number in "12":
        put(tmp_path / f"root/v{number}/libx.dylib", macho(name=f"/v{number}/libx.dylib"))
    (tmp_path / "root/v1/liby.dylib").symlink_to("libx.dylib")
    files = {
        "demo/_a.so": macho("/v1/libx.dylib", "/v2/libx.dylib"),
        "demo/_b.so": macho("/v1/liby.dylib"),
    }
    done = repaired(tmp_path, wheel(tmp_path, files), "root")
    assert len(done.grafts) == 2
    assert asked(done, "demo/_b.so") == asked(done, "demo/_a.so")[:1]


@pytest.mark.parametrize(
    ("members", "folder"),
    [
        (["one/__init__.py"], "one/.dylibs"),
        (["one/__init__.py", "demo/__init__.py"], "demo/.dylibs"),
        (["one/__init__.py", "two/__init__.py"], "demo.dylibs"),
        (["space/sub/__init__.py"], "demo.dylibs"),
        ([], "demo.dylibs"),
    ],
)
def test_grafts_go_into_the_package_or_beside(
    tmp_path: Path, members: list[str], folder: str
) -> None:
    put(tmp_path / "lib/liba.dylib", macho(name="liba.dylib"))
    files: dict[str, bytes | Path] = dict.fromkeys(members, b"")
    files["_x.so"] = macho("liba.dylib")
    made = native_wheel(tmp_path / "made", "demo", files, tag="cp312-cp312-macosx_11_0_arm64")
    done = repaired(tmp_path, made, "lib")
    assert graft(done, "liba.dylib").rpartition("/")[0] == folder
    assert asked(done, "_x.so") == [f"@loader_path/{graft(done, 'liba.dylib')}"]


def test_every_slice_of_a_fat_file_is_edited(tmp_path: Path) -> None:
    put(tmp_path / "lib/liba.dylib", fat(name=f"{CELLAR}/liba.dylib"))
    made = wheel(
        tmp_path, {"demo/_x.so": fat(f"{CELLAR}/liba.dylib")}, tag="macosx_10_13_universal2"
    )
    done = repaired(tmp_path, made, "lib")
    slices = slices_of(done.path)
    assert [facts.cpu for facts in slices["demo/_x.so"]] == ["x86_64", "arm64"]
    names = {facts.dependencies[0].name for facts in slices["demo/_x.so"]}
    assert names == {f"@loader_path/{graft(done, 'liba.dylib').removeprefix('demo/')}"}
    ids = {facts.install_name for facts in slices[graft(done, "liba.dylib")]}
    assert ids == {f"/DLC/{graft(done, 'liba.dylib')}"}
    assert done.verdict.best == "macosx_10_13_universal2"


def test_a_fat_wheel_needs_libraries_for_all_its_cpus(tmp_path: Path) -> None:
    put(tmp_path / "one/liba.dylib", macho(name="liba.dylib"))
    made = wheel(tmp_path, {"demo/_x.so": fat("liba.dylib")}, tag="macosx_10_13_universal2")
    with pytest.raises(RefusedError) as caught:
        repaired(tmp_path, made, "one")
    assert "demo/_x.so asks for liba.dylib on x86_64" in caught.value.message
    assert str(tmp_path / "one/liba.dylib") in caught.value.message
    assert "lipo -create" in str(caught.value.hint)
    assert list((tmp_path / "out").iterdir()) == []
    put(tmp_path / "both/liba.dylib", fat(name="liba.dylib"))
    done = repaired(tmp_path, made, "one", "both")
    assert [it.source.parent.name for it in done.grafts] == ["both"]


def test_a_wheel_claims_only_cpus_that_its_modules_are_for(tmp_path: Path) -> None:
    put(tmp_path / "lib/liba.dylib", fat(name="liba.dylib"))
    module = macho("liba.dylib", cpu="x86_64", minimum=(10, 9, 0))
    made = wheel(tmp_path, {"demo/_x.so": module}, tag="macosx_10_9_universal2")
    done = repaired(tmp_path, made, "lib")
    assert done.path.name == "demo-1.0-cp312-cp312-macosx_10_13_x86_64.whl"


def test_grafts_raise_the_tag_and_a_floor_holds_it(tmp_path: Path) -> None:
    put(tmp_path / "lib/liba.dylib", macho(name="liba.dylib", minimum=(14, 2, 0)))
    made = wheel(tmp_path, {"demo/_x.so": macho("liba.dylib")})
    for floor in ("macosx_11_0", "macosx_13_0_arm64"):
        with pytest.raises(RefusedError) as caught:
            repaired(tmp_path, made, "lib", floor=floor)
        assert f"does not fit {floor}" in caught.value.message
        assert "the best it can have is macosx_14_0_arm64" in caught.value.message
        assert "liba-" in caught.value.details[0]
        assert "macOS 14.2" in caught.value.details[0]
    done = repaired(tmp_path, made, "lib", floor="macosx_14_0")
    assert done.path.name == "demo-1.0-cp312-cp312-macosx_14_0_arm64.whl"
    (note,) = done.notes
    assert note == "liba.dylib is made for macOS 14.2 on arm64, newer than what the wheel claims"
    with zipfile.ZipFile(done.path) as opened:
        told = opened.read("demo-1.0.dist-info/WHEEL").decode()
    assert "Tag: cp312-cp312-macosx_14_0_arm64" in told
    with pytest.raises(ConfigError, match="macOS has no such tag"):
        repaired(tmp_path, made, "lib", floor="macosx_big_sur")


@pytest.mark.parametrize(
    ("best", "claimed", "platforms"),
    [
        ("macosx_11_0_arm64", "macosx_12_0_arm64", ["macosx_11_0_arm64"]),
        ("macosx_10_9_universal2", "macosx_10_6_x86_64 macosx_10_6_universal2",
         ["macosx_10_9_universal2", "macosx_10_9_x86_64"]),
        ("macosx_10_12_universal2",
         "macosx_10_12_x86_64 macosx_11_0_arm64 macosx_10_12_universal2",
         ["macosx_10_12_universal2", "macosx_10_12_x86_64", "macosx_11_0_arm64"]),
        ("macosx_10_13_x86_64.macosx_12_0_arm64", "macosx_10_13_universal2",
         ["macosx_10_13_x86_64", "macosx_12_0_arm64"]),
        ("macosx_10_6_intel", "macosx_10_6_intel macosx_10_9_intel macosx_10_9_x86_64",
         ["macosx_10_6_intel", "macosx_10_9_x86_64"]),
        ("macosx_10_9_x86_64", "macosx_10_6_intel", ["macosx_10_9_x86_64"]),
        # No file tells a version.
        ("macosx_10_4_x86_64", "macosx_10_9_x86_64", ["macosx_10_9_x86_64"]),
        (None, "macosx_10_9_x86_64", []),
    ],
)  # fmt: skip
def test_platforms_keep_what_old_installers_ask_for(
    best: str | None, claimed: str, platforms: list[str]
) -> None:
    verdict = Verdict(best=best, claimed=tuple(claimed.split()))
    assert list(macos.platforms(verdict)) == platforms


@pytest.mark.parametrize(
    ("floor", "reached"),
    [("macosx_10_13", True), ("macosx_10_12", False), ("macosx_10_13_universal2", True),
     ("macosx_11_0_arm64", True), ("macosx_10_9_arm64", True), ("macosx_10_9_x86_64", False),
     ("macosx_11_0_i386", False), ("macosx_26_0", True)],
)  # fmt: skip
def test_a_floor_is_for_all_cpus_or_for_those_it_names(floor: str, reached: bool) -> None:  # noqa: FBT001
    assert macos.reaches(Verdict(best="macosx_10_13_universal2"), floor) is reached


def test_what_is_excluded_stays_outside_and_so_do_its_run_paths(tmp_path: Path) -> None:
    rpaths = ["/usr/local/cuda/lib", "@executable_path/../x", "@loader_path/../../../../lib"]
    module = macho("@rpath/libcuda.dylib", rpaths=rpaths)
    made = wheel(tmp_path, {"demo/_x.so": module})
    with pytest.raises(RefusedError) as caught:
        repair_wheel(made, Options(), tmp_path / "out")
    assert "@rpath/libcuda.dylib is nowhere on this machine" in caught.value.message
    assert caught.value.details == ("@rpath/libcuda.dylib: demo/_x.so asks for it",)
    done = repair_wheel(made, Options(exclude=("libcuda*",)), tmp_path / "out")
    assert not done.is_changed
    assert "@rpath/libcuda.dylib stays outside" in done.notes[0]


def test_a_weak_library_may_be_nowhere(tmp_path: Path) -> None:
    made = wheel(tmp_path, {"demo/_x.so": macho(weak=["/opt/lib/libweak.dylib"])})
    done = repair_wheel(made, Options(), tmp_path / "out")
    assert not done.is_changed
    assert "/opt/lib/libweak.dylib, which is nowhere on this machine, and does" in done.notes[0]
    put(tmp_path / "lib/libweak.dylib", macho(name="libweak.dylib"))
    taken = repaired(tmp_path, made, "lib")
    assert taken.grafts
    (facts,) = slices_of(taken.path)["demo/_x.so"]
    assert facts.dependencies[-1].is_weak


@pytest.mark.parametrize(
    "name",
    ["@executable_path/../lib/libpython3.12.dylib", "@rpath/libpython3.12.dylib",
     "/Library/Frameworks/Python.framework/Versions/3.12/Python"],
)  # fmt: skip
def test_there_is_no_second_python(tmp_path: Path, name: str) -> None:
    put(tmp_path / "lib" / Path(name).name, macho(name=name))
    made = wheel(tmp_path, {"demo/_x.so": macho(name)})
    with pytest.raises(RefusedError, match="would be a second Python") as caught:
        repaired(tmp_path, made, "lib")
    assert "dynamic_lookup" in str(caught.value.hint)
    excluded = Options(exclude=(Path(name).name,))
    assert not repair_wheel(made, excluded, tmp_path / "out").is_changed


def test_the_programs_folder_means_nothing_to_a_module(tmp_path: Path) -> None:
    made = wheel(tmp_path, {"demo/_x.so": macho("@executable_path/../lib/liba.dylib")})
    with pytest.raises(RefusedError, match=r"@executable_path/\.\./lib/liba\.dylib is nowhere"):
        repaired(tmp_path, made)
    put(tmp_path / "root/lib/liba.dylib", macho(name="liba.dylib"))
    assert repaired(tmp_path, made, "root").grafts
    program = macho("@executable_path/../lib/libown.dylib", kind=EXECUTE)
    own = {"demo/bin/tool": program, "demo/lib/libown.dylib": macho(name="libown.dylib")}
    assert not repair_wheel(wheel(tmp_path, own), Options(), tmp_path / "own").is_changed


def test_a_program_outside_of_site_packages_cannot_take_libraries_in(tmp_path: Path) -> None:
    put(tmp_path / "lib/liba.dylib", macho(name="liba.dylib"))
    made = wheel(tmp_path, {"demo-1.0.data/scripts/tool": macho("liba.dylib", kind=EXECUTE)})
    with pytest.raises(RefusedError, match=r"scripts/tool asks for liba\.dylib"):
        repaired(tmp_path, made, "lib")


def test_no_room_for_names_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    put(tmp_path / "lib/liba.dylib", macho(name="liba.dylib"))
    made = wheel(tmp_path, {"demo/_x.so": macho("liba.dylib", room=24)})
    with pytest.raises(BinaryFormatError) as caught:
        repaired(tmp_path, made, "lib")
    assert "_x.so" in caught.value.message
    assert "headerpad_max_install_names" in str(caught.value.hint)
    assert list((tmp_path / "out").iterdir()) == []


def test_what_loads_a_graft_by_its_old_name_is_told(tmp_path: Path) -> None:
    put(tmp_path / "lib/libown.1.dylib", macho(name="/opt/libown.1.dylib"))
    source = (
        b"import ctypes, ctypes.util\n"
        b"ctypes.CDLL('libown.1.dylib')\n"
        b"ctypes.CDLL('/opt/homebrew/lib/libown.dylib')\n"
        b"ctypes.util.find_library('own')\n"
        b"ctypes.CDLL('libother.dylib')\n"
    )
    files = {"demo/_x.so": macho("/opt/libown.1.dylib"), "demo/load.py": source}
    done = repaired(tmp_path, wheel(tmp_path, files), "lib")
    assert [note.partition(" ")[0] for note in done.notes] == [
        "demo/load.py:2", "demo/load.py:3", "demo/load.py:4",
    ]  # fmt: skip
    assert all(graft(done, "libown.1.dylib") in note for note in done.notes)


def test_files_that_apples_cpus_would_not_run_are_signed(tmp_path: Path) -> None:
    spec = MachoSpec(kind=BUNDLE, builds=((1, (11, 0, 0), (14, 0, 0)),), room=64)
    broken = bytearray(macho())
    broken[0x400] ^= 1
    files = {"demo/_x.so": make_macho(spec), "demo/_y.so": bytes(broken), "demo/_z.so": macho()}
    done = repaired(tmp_path, wheel(tmp_path, files))
    assert done.is_changed
    assert [note.partition(" ")[0] for note in done.notes] == ["demo/_x.so", "demo/_y.so"]
    assert all("signed ad hoc now" in note for note in done.notes)
    with zipfile.ZipFile(done.path) as opened:
        assert opened.read("demo/_z.so") == files["demo/_z.so"]


def test_a_certificate_that_an_edit_costs_is_told(tmp_path: Path) -> None:
    module = bytearray(macho(rpaths=["/Users/me/lib"]))
    directory = module.index(bytes.fromhex("fade0c02"))
    module[directory + 12 : directory + 16] = bytes(4)  # neither ad hoc nor a linker's
    done = repaired(tmp_path, wheel(tmp_path, {"demo/_x.so": bytes(module)}))
    assert done.notes == ("demo/_x.so was signed with a certificate; it is signed ad hoc now",)
    with zipfile.ZipFile(done.path) as opened:
        (check,) = verify_signature(opened.read("demo/_x.so"))
    assert check.signature
    assert check.signature.is_adhoc


def test_run_paths_that_lead_out_or_stand_twice_go(tmp_path: Path) -> None:
    rpaths = ["/Users/me/lib", "@loader_path/lib", "@loader_path/../../..", "@loader_path/lib/",
              "/usr/lib/swift", "@executable_path/../lib", "build/lib"]  # fmt: skip
    files = {"demo/_x.so": macho(rpaths=rpaths), "demo/lib/libown.dylib": macho(name="libown")}
    done = repaired(tmp_path, wheel(tmp_path, files))
    (facts,) = slices_of(done.path)["demo/_x.so"]
    assert facts.rpaths == ("@loader_path/lib", "/usr/lib/swift")


def test_a_library_of_the_system_is_left_to_it(tmp_path: Path) -> None:
    swift = macho("@rpath/libswiftCore.dylib", rpaths=["/usr/lib/swift"])
    made = wheel(tmp_path, {"demo/_x.so": swift})
    assert not repair_wheel(made, Options(), tmp_path / "out").is_changed
    other = macho("@rpath/libother.dylib", rpaths=["/usr/lib/swift"])
    made = wheel(tmp_path, {"demo/_x.so": other}, name="other")
    with pytest.raises(RefusedError, match=r"@rpath/libother\.dylib is nowhere"):
        repair_wheel(made, Options(), tmp_path / "out")


def test_a_framework_comes_without_its_resources(tmp_path: Path) -> None:
    name = "/opt/lib/Sound.framework/Versions/A/Sound"
    put(tmp_path / f"root{name}", macho(name=name))
    done = repaired(tmp_path, wheel(tmp_path, {"demo/_x.so": macho(name)}), "root")
    assert "nothing else of that comes with it" in done.notes[0]
    assert graft(done, "Sound").startswith("demo/.dylibs/Sound-")


def test_files_for_other_systems_are_no_libraries(tmp_path: Path) -> None:
    put(tmp_path / "one/liba.dylib", b"--- !tapi-tbd\n")
    phone = MachoSpec(install_name="liba.dylib", builds=((2, (14, 0, 0), (14, 0, 0)),))
    put(tmp_path / "two/liba.dylib", make_macho(phone))
    put(tmp_path / "three/liba.dylib", macho(name="liba.dylib"))
    made = wheel(tmp_path, {"demo/_x.so": macho("liba.dylib")})
    done = repaired(tmp_path, made, "one", "two", "three")
    assert [it.source.parent.name for it in done.grafts] == ["three"]
    put(tmp_path / "one/liba.dylib", macho(name="liba.dylib")[:60])
    with pytest.raises(BinaryFormatError, match=r"one/liba\.dylib"):
        repaired(tmp_path, made, "one", "three")


def test_symbols_are_not_taken_out(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="Linux files only"):
        repaired(tmp_path, wheel(tmp_path, {"demo/_x.so": macho()}), strips=True)


def test_the_library_in_a_data_folder_is_asked_for_where_it_is_installed(tmp_path: Path) -> None:
    put(tmp_path / "lib/liba.dylib", macho(name="liba.dylib"))
    made = wheel(tmp_path, {"demo-1.0.data/platlib/demo/_x.so": macho("liba.dylib")})
    done = repair_wheel(made, Options(search=(tmp_path / "lib",)), tmp_path / "out")
    assert asked(done, "demo-1.0.data/platlib/demo/_x.so") == [
        f"@loader_path/{graft(done, 'liba.dylib').removeprefix('demo/')}"
    ]
    assert graft(done, "liba.dylib").startswith("demo/.dylibs/")

"""Toolchains: what is asked of zig, and what is said where there is none."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sealift.cross import toolchain, zig_driver
from sealift.cross.apple_sdk import AppleSdk
from sealift.cross.toolchain import default_floor, find_toolchain, prepare
from sealift.errors import ToolError
from sealift.target import load_targets, parse_target


def settings_of(name: str = "linux-aarch64") -> dict[str, Any]:
    target = parse_target(name)
    return toolchain._zig_settings(target, target.triple)


def translated(*arguments: str, target: str = "linux-aarch64") -> list[str]:
    return zig_driver.translate(arguments, settings_of(target))


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("-O2 -c a.c -o a.o", "-O2 -c a.c -o a.o"),
        ("-Wl,-Bsymbolic-functions a.o", "a.o"),
        ("-Wl,-O1,-Bsymbolic-functions,--as-needed", "-Wl,-O1 -Wl,--as-needed"),
        ("-Wl,--exclude-libs,ALL -Wl,-s", "-Wl,-s"),
        ("-Wl,--exclude-libs=ALL,-s", "-Wl,-s"),
        ("-Wl,--exclude-libs -Wl,ALL a.o", "a.o"),
        ("-Xlinker --exclude-libs -Xlinker ALL a.o", "a.o"),
        ("-Wl,-z,relro,-z,separate-code,-z,now", "-Wl,-z,relro -Wl,-z,now"),
        ("-Wl,-h,liba.so.1 -Wl,--undefined=f", "-Wl,-soname,liba.so.1 -Wl,-u,f"),
        ("-Wl,--whole-archive a.a -Wl,--no-whole-archive b.a",
         "-Wl,--whole-archive a.a -Wl,--no-whole-archive b.a"),
        ("-flto=auto -mtune=native -march=native", "-flto"),
        ("-O2 -fno-tree-dominator-opts a.c", "-O2 a.c"),
        ("-march=armv8-a+crypto", "-mcpu=baseline+crypto"),
        ("-march=armv8.2-a+fp16+nosimd", "-mcpu=baseline+v8_2a+fullfp16-neon"),
        ("-mcpu=cortex-a53", "-mcpu=cortex_a53"),
        ("-march=rv64gcv_zba", "-mcpu=baseline+v+zba"),
        ("-I/usr/include -I /usr/local/include -L/usr/lib/x86_64-linux-gnu a.c", "a.c"),
        ("-isystem /usr/include -I/usr/include/libxml2 -L/lib64", "-I/usr/include/libxml2"),
    ],
)  # fmt: skip
def test_zig_is_given_what_it_takes(given: str, taken: str) -> None:
    assert translated(*given.split()) == taken.split()


def test_what_one_file_asks_of_the_cpu_is_not_asked_of_what_is_linked() -> None:
    given = ["-mavx2", "-O2", "-I", "x.c", "a.c", "b.o", "-lm", "c.cpp", "-o", "d.c", "-mwindows"]
    options = ["-mavx2", "-O2", "-I", "x.c", "-lm", "-mwindows"]
    options += ["-Wno-unused-command-line-argument", "-c"]
    compilations, rest = zig_driver.apart(given, "/t")
    assert compilations == [
        [*options, "a.c", "-o", "/t/0.o"],
        [*options, "c.cpp", "-o", "/t/1.o"],
    ]
    assert rest == [
        "-O2", "-I", "x.c", "/t/0.o", "b.o", "-lm", "/t/1.o", "-o", "d.c", "-mwindows",
    ]  # fmt: skip


def test_a_cpu_s_own_flags_are_given_for_it_alone() -> None:
    flags = {
        name: toolchain._zig_settings(parse_target(name), "")["flags"]
        for name in ("linux-ppc64le", "linux-aarch64")
    }
    assert "-mabi=ibmlongdouble" in flags["linux-ppc64le"]
    assert "-mabi=ibmlongdouble" not in flags["linux-aarch64"]


def test_arguments_with_spaces_stay_whole() -> None:
    assert translated("-DA=b c", "-Wl,-rpath,/a b") == ["-DA=b c", "-Wl,-rpath", "-Wl,/a b"]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("-bundle -undefined dynamic_lookup a.o -o b/m.so",
         "-Wl,-install_name,@rpath/m.so -dynamiclib -undefined dynamic_lookup a.o -o b/m.so"),
        ("-arch arm64 -isysroot /Xcode -c a.c", "-c a.c"),
        ("-mmacosx-version-min=10.9 -mmacos-version-min=12 -stdlib=libc++", "-stdlib=libc++"),
        ("-Wl,-headerpad_max_install_names", "-Wl,-headerpad_max_install_names"),
        ("-O2 -flto=thin a.o", "-O2 a.o"),
        ("a.rlib -liconv -lSystem", "a.rlib -lSystem"),
    ],
)  # fmt: skip
def test_what_is_said_to_apples_linker_is_said_to_zig(given: str, taken: str) -> None:
    assert translated(*given.split(), target="macos-arm64") == taken.split()


def test_a_library_that_an_sdk_brings_is_linked(tmp_path: Path) -> None:
    settings = {**settings_of("macos-arm64"), "last": [f"-L{tmp_path}"]}
    assert zig_driver.translate(("a.o", "-liconv"), settings) == ["a.o"]
    (tmp_path / "libiconv.tbd").touch()
    assert zig_driver.translate(("a.o", "-liconv"), settings) == ["a.o", "-liconv"]


@pytest.mark.parametrize("target", ["linux-ppc64le", "linux-s390x"])
def test_where_that_fails_nothing_is_optimized_while_it_is_linked(target: str) -> None:
    given = ("-O2", "-flto=auto", "-shared", "a.o")
    assert translated(*given, target=target) == ["-O2", "-shared", "a.o"]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("/EHsc /O2 /std:c++17 /DA=1 /W3 /bigobj a.cc", "-O2 -std=c++17 -DA=1 a.cc"),
        ("-WX -GF -Wall a.c", "-Wall a.c"),
        ("/EHsr /GL- /Zc:__cplusplus /arch:AVX2 /fp:fast /wd4996", "-mavx2 -ffast-math"),
        ("-shared -fPIC a.o -lWs2_32 -lAdvapi32", "-shared a.o -lws2_32 -ladvapi32"),
        # Paths and names that look like options.
        ("-c /DATA/a.c -o /Downloads/a.o", "-c -DDATA/a.c -o /Downloads/a.o"),
        ("-I /Data -D /W3 /LTCG:OFF", "-I /Data -D /W3"),
        ("-shared -static a.o -lucrt -lm", "-shared a.o -lm"),
        # Of rustc, Debian's too: libraries of GCC's that zig does without.
        ("a.o -lgcc_eh -l:libpthread.a -lssp_nonshared", "a.o -lgcc_eh"),
        ("-Wl,-Bstatic a.rlib -Wl,-Bdynamic -lpython3", "a.rlib -lpython3"),
        ("-O2 -flto=thin -shared a.o", "-O2 -shared a.o"),
        # What Meson adds to each of its checks.
        ("-Werror=unused-command-line-argument -c a.c", "-c a.c"),
    ],
)
def test_options_for_microsofts_compiler_are_spelled_for_zig(given: str, taken: str) -> None:
    if "/DATA" in given:
        taken = taken.replace("-DDATA", "/DATA")
    assert translated(*given.split(), target="windows-x86_64") == taken.split()


def test_a_file_of_names_to_export_is_an_input(tmp_path: Path) -> None:
    names = tmp_path / "list.def"
    given = (f"-Wl,{names}", "-Wl,--output-def,b.def", "a.o")
    assert translated(*given, target="windows-x86_64")[0] == f"-Wl,{names}"  # there is no such file
    names.touch()
    assert translated(*given, target="windows-x86_64") == [
        str(names), "-Wl,--output-def", "-Wl,b.def", "a.o"
    ]  # fmt: skip


def test_existing_files_are_no_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libMine.a").touch()
    monkeypatch.chdir(tmp_path)
    given = (f"-L{tmp_path}", "-lMine", "-lUser32", str(tmp_path / "libMine.a"))
    assert translated(*given, target="windows-x86_64") == [
        f"-L{tmp_path}", "-lMine", "-luser32", str(tmp_path / "libMine.a")
    ]  # fmt: skip
    # Names of Microsoft's builds, and what is in its C library where nobody brings it.
    (tmp_path / "libz.a").touch()
    named = (f"-L{tmp_path}", "-llibMine", "-lzlib", "ws2_32.lib", "-liconv", "-lutil")
    expected = [f"-L{tmp_path}", "-lMine", "-lz", "-lws2_32"]
    assert translated(*named, target="windows-x86_64") == expected
    (tmp_path / "util.lib").touch()
    assert translated(*named, target="windows-x86_64") == [*expected, "-lutil"]
    # Elsewhere case matters, and nothing begins with a slash but paths.
    assert translated("-lUser32", "/EHsc") == ["-lUser32", "/EHsc"]


def test_a_framework_that_is_nowhere_is_named(tmp_path: Path) -> None:
    settings = settings_of("macos-arm64")
    asked = ["a.o", "-framework", "CoreFoundation"]
    assert zig_driver.missing_framework(asked, settings) == "CoreFoundation"
    assert zig_driver.missing_framework(["-Wl,-framework,IOKit"], settings) == "IOKit"
    assert zig_driver.missing_framework(asked, settings_of()) is None
    (tmp_path / "CoreFoundation.framework").mkdir()
    assert zig_driver.missing_framework([f"-F{tmp_path}", *asked], settings) is None


@pytest.mark.usefixtures("zig")
def test_nothing_is_linked_with_a_framework_that_is_nowhere() -> None:
    found = find_toolchain("zig", parse_target("macos-arm64"))
    done = subprocess.run(
        [found.cc, "a.o", "-framework", "Metal"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "error: there is no framework Metal to link with" in done.stderr


@pytest.mark.usefixtures("zig")
def test_an_sdk_is_looked_into_last_and_tells_toolchains_apart(tmp_path: Path) -> None:
    mac = parse_target("macos-arm64")
    sdk = AppleSdk(path=tmp_path, identity="14.2")
    found = find_toolchain("zig", mac, sdk=sdk)
    done = subprocess.run([found.cc, "-c", "a.c"], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-5:] == ["-c", "a.c", *sdk.flags()]
    assert found.identity != find_toolchain("zig", mac).identity
    # What it makes does not depend on where that is.
    moved = dataclasses.replace(sdk, path=tmp_path / "b")
    assert find_toolchain("zig", mac, sdk=moved).identity == found.identity


@pytest.mark.usefixtures("zig")
def test_links_for_windows_leave_nothing_beside_the_file(tmp_path: Path) -> None:
    found = find_toolchain("zig", parse_target("windows-x86_64"))
    out = tmp_path / "m.pyd"

    def told(*arguments: str | Path) -> list[str]:
        # What stands for zig does not write the import library; something does.
        Path(f"{out}.implib").touch()
        command = [found.cc, *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.splitlines()

    assert {"-s", f"-Wl,--out-implib,{out}.implib"} < set(told("-shared", "a.o", "-o", out))
    assert list(tmp_path.glob("*.implib")) == []
    kept = told("-shared", "a.o", "-o", out, "-Wl,--out-implib,liba.a")
    assert kept[-3:] == ["-Wl,--out-implib", "-Wl,liba.a", "-s"]
    assert "-s" not in told("-c", "a.c", "-o", out)


def test_two_machines_at_once_are_no_target_of_a_compiler() -> None:
    with pytest.raises(ToolError, match="it is two machines") as caught:
        find_toolchain("zig", parse_target("macos-universal2"))
    assert "merge" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("name", "floor"),
    [
        ("linux-x86_64", (2, 17)),
        ("linux-ppc64le", (2, 19)),
        ("linux-riscv64", (2, 31)),
        ("linux-aarch64-musl", None),
        ("windows-x86_64", None),
        ("macos-arm64", (11, 0)),
        ("macos-x86_64", (10, 13)),
    ],
)
def test_the_usual_floor_is_the_oldest_in_use(name: str, floor: tuple[int, int] | None) -> None:
    assert default_floor(load_targets()[name]) == floor


@pytest.fixture
def zig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A program that tells how it was started, where zig is looked for."""
    program = tmp_path / "a zig"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$ZIG_GLOBAL_CACHE_DIR" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(toolchain, "_zig_program", lambda: program)
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "the cache"))
    return program


@pytest.mark.usefixtures("zig")
def test_each_program_starts_zig_with_the_target_and_a_cache_that_stays(tmp_path: Path) -> None:
    found = find_toolchain("zig", parse_target("linux-aarch64").with_floor("2.28"))
    assert found.floor == (2, 28)
    told = subprocess.run(
        [found.cxx, "-Wl,-Bsymbolic-functions", "a b.cc"],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    assert told[:4] == [
        str(tmp_path / "the cache/build/zig"), "c++", "-target", "aarch64-linux-gnu.2.28"
    ]  # fmt: skip
    assert told[-1] == "a b.cc"
    assert not any("Bsymbolic" in line for line in told)
    archived = subprocess.run(
        [found.ar, "rcs", "a.a"], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert archived.stdout.splitlines()[1:] == ["ar", "rcs", "a.a"]


@pytest.mark.usefixtures("zig")
def test_a_zig_whose_runtime_library_is_another_does_where_only_speed_is_lost() -> None:
    assert find_toolchain("zig", parse_target("linux-s390x")).name == "zig"
    with pytest.raises(ToolError, match="its runtime library is not zig 0\\.17's") as caught:
        find_toolchain("zig", parse_target("linux-ppc64le"))
    assert caught.value.hint == "pip install ziglang==0.17.0"


@pytest.mark.usefixtures("zig")
def test_a_toolchain_is_made_once_and_differs_by_target() -> None:
    one, again, other = (
        find_toolchain("zig", parse_target(name))
        for name in ("linux-aarch64", "linux-aarch64", "linux-aarch64-musl")
    )
    assert one == again
    assert one.cc != other.cc
    assert one.identity != other.identity
    settings = json.loads((other.cc.parent / "settings.json").read_text())
    assert "-dynamic" in settings["flags"]


@pytest.mark.usefixtures("zig")
def test_a_floor_that_zig_does_not_have_is_refused() -> None:
    old = dataclasses.replace(parse_target("linux-ppc64le"), floor=(2, 17))
    with pytest.raises(ToolError, match=r"with glibc 2\.17: the oldest that zig has is 2\.19"):
        find_toolchain("zig", old)


@pytest.mark.usefixtures("zig")
def test_the_macos_that_is_compiled_for_is_told_to_zig() -> None:
    for floor, told in ((None, "x86_64-macos.10.13"), ("10.9", "x86_64-macos.10.9")):
        target = parse_target("macos-x86_64")
        found = find_toolchain("zig", target.with_floor(floor) if floor else target)
        settings = json.loads((found.cc.parent / "settings.json").read_text())
        assert settings["flags"][:2] == ["-target", told]
    with pytest.raises(ToolError, match=r"macOS 10\.15: the oldest that zig has is 11\.0"):
        find_toolchain("zig", parse_target("macos-arm64").with_floor("10.15"))


def test_a_floor_that_no_wheel_can_tell_is_refused_before_anything_is_compiled() -> None:
    with pytest.raises(ToolError, match=r"glibc 2\.27: .* from 2\.31 on") as caught:
        find_toolchain("zig", parse_target("linux-riscv64").with_floor("2.27"))
    assert caught.value.hint == "ask for that floor"


def test_a_missing_gnu_toolchain_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError) as caught:
        find_toolchain("gcc", parse_target("linux-s390x"))
    assert "there is no s390x-linux-gnu-gcc" in caught.value.message
    assert str(caught.value.hint).startswith("apt install g++-s390x-linux-gnu")
    with pytest.raises(ToolError, match="none is known"):
        find_toolchain("gcc", parse_target("linux-aarch64-musl"))


def test_a_name_that_is_no_toolchain_is_told_from_a_path() -> None:
    with pytest.raises(ToolError, match="there is no toolchain 'tcc'") as caught:
        find_toolchain("tcc", parse_target("linux-aarch64"))
    assert "how paths of its programs begin" in str(caught.value.hint)


def test_a_gnu_toolchain_is_found_by_how_its_programs_begin(tmp_path: Path) -> None:
    for name in ("gcc", "g++", "ar", "ranlib", "strip", "ld"):
        program = tmp_path / f"my-{name}"
        program.write_text("#!/bin/sh\necho my compiler 14\n")
        program.chmod(0o755)
    found = find_toolchain(f"{tmp_path}/my-", parse_target("linux-aarch64"))
    assert (found.cc, found.cxx) == (tmp_path / "my-gcc", tmp_path / "my-g++")
    assert "my compiler 14" in found.identity
    assert found.floor is None
    (tmp_path / "my-strip").unlink()
    with pytest.raises(ToolError, match="my-strip"):
        find_toolchain(f"{tmp_path}/my-", parse_target("linux-aarch64"))


@pytest.mark.usefixtures("zig")
def test_strip_leaves_what_a_loader_reads(tmp_path: Path) -> None:
    source = next(Path(sys.prefix).rglob("*.so"), None)
    assert source
    file = tmp_path / "a.so"
    file.write_bytes(source.read_bytes())
    file.chmod(0o755)
    found = find_toolchain("zig", parse_target("linux-aarch64"))
    subprocess.run([found.strip, "--strip-unneeded", file], check=True)
    assert file.stat().st_mode & 0o777 == 0o755
    assert file.read_bytes()[:4] == b"\x7fELF"
    done = subprocess.run([found.strip, tmp_path / "none"], check=False, capture_output=True)
    assert done.returncode == 1
    assert b"strip: " in done.stderr


@pytest.mark.usefixtures("zig")
@pytest.mark.parametrize("name", ["windows-x86_64", "macos-arm64"])
def test_strip_leaves_files_of_other_kinds_as_they_are(name: str, tmp_path: Path) -> None:
    file, out = tmp_path / "a", tmp_path / "b"
    file.write_bytes(b"MZ and more")
    found = find_toolchain("zig", parse_target(name))
    subprocess.run([found.strip, "-o", out, file], check=True)
    assert out.read_bytes() == file.read_bytes() == b"MZ and more"


def test_zig_is_prepared_for_a_target_once_and_says_that_it_takes_long(
    zig: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = tmp_path / "calls"
    zig.write_text(f'#!/bin/sh\necho "$@" >> "{calls}"\n')
    arm, windows = (parse_target(name) for name in ("linux-aarch64", "windows-x86_64"))
    for target in (arm, arm, windows):
        prepare(find_toolchain("zig", target))
    linked = [line for line in calls.read_text().splitlines() if "-shared" in line]
    assert len(linked) == 2
    said = capsys.readouterr().err
    assert [said.count(f"for {target}, once") for target in (arm, windows)] == [1, 1]
    prepare(dataclasses.replace(find_toolchain("zig", arm), name="gcc", identity="another"))
    assert calls.read_text().count("-shared") == 2

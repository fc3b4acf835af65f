"""Toolchains: what is asked of zig, and what is said where there is none."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from sealift.cross import toolchain, zig_driver
from sealift.cross.toolchain import default_floor, find_toolchain
from sealift.errors import ToolError
from sealift.target import load_targets, parse_target


def translated(*arguments: str) -> list[str]:
    settings = toolchain._zig_settings(parse_target("linux-aarch64"), "aarch64-linux-gnu.2.17")
    return zig_driver.translate(arguments, settings)


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
        ("-march=armv8-a -flto=auto -march=armv8.2-a", "-flto -march=armv8.2-a"),
    ],
)  # fmt: skip
def test_zig_is_given_what_it_takes(given: str, taken: str) -> None:
    assert translated(*given.split()) == taken.split()


def test_arguments_with_spaces_stay_whole() -> None:
    assert translated("-DA=b c", "-Wl,-rpath,/a b") == ["-DA=b c", "-Wl,-rpath", "-Wl,/a b"]


@pytest.mark.parametrize(
    ("name", "floor"),
    [
        ("linux-x86_64", (2, 17)),
        ("linux-ppc64le", (2, 19)),
        ("linux-riscv64", (2, 27)),
        ("linux-aarch64-musl", None),
        ("windows-x86_64", None),
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
    old = dataclasses.replace(parse_target("linux-riscv64"), floor=(2, 17))
    with pytest.raises(ToolError, match=r"with glibc 2\.17: the oldest that zig has is 2\.27"):
        find_toolchain("zig", old)


def test_a_missing_gnu_toolchain_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError) as caught:
        find_toolchain("gcc", parse_target("linux-s390x"))
    assert "there is no s390x-linux-gnu-gcc" in caught.value.message
    assert str(caught.value.hint).startswith("apt install g++-s390x-linux-gnu")
    with pytest.raises(ToolError, match="none is known"):
        find_toolchain("gcc", parse_target("linux-aarch64-musl"))


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

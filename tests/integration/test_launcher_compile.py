"""Compiling launchers."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sealift import index
from sealift.binary.elf import ElfFacts, read_elf
from sealift.cross.host import make_host
from sealift.cross.toolchain import ZIG, find_toolchain
from sealift.errors import FetchError, InterpreterError, ToolError
from sealift.floor import floor_of
from sealift.interpreter import Interpreter
from sealift.launcher import compile as compiling
from sealift.launcher.compile import launcher_for
from sealift.machine import PROGRAMS
from sealift.runners.roots import RootRunner
from sealift.target import load_targets
from tests.support.debian_mirror import local_mirror
from tests.support.interpreters import shared_interpreter, static_interpreter
from tests.support.launched import FAILED, MAIN, answer, start
from tests.support.single_files import write_single_file
from tests.support.tools import require_tool


def facts(path: Path) -> ElfFacts:
    found = read_elf(path)
    assert found
    return found


def test_the_launcher_is_small_stripped_and_asks_for_the_c_library_alone() -> None:
    launcher = launcher_for(shared_interpreter())
    found = facts(launcher)
    assert found.is_pie
    assert set(found.needed) <= {"libc.so.6", "libdl.so.2", "libpthread.so.0"}
    assert not found.rpath + found.runpath
    assert launcher.stat().st_size < 250_000
    assert found.sections_end == launcher.stat().st_size
    data = launcher.read_bytes()
    for word in (os.fsencode(Path.home()), os.fsencode(Path(sys.prefix)), b"/tmp/", b".pyenv"):
        assert word not in data.replace(b"/tmp\0", b"")
    assert b"GCC: (" not in data or b"/" not in data[data.index(b"GCC: (") :][:40]


def test_same_inputs_same_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = launcher_for(shared_interpreter()).read_bytes()
    zstd = compiling._zstd_sources()
    shutil.copytree(zstd, tmp_path / "zstd" / zstd.name)
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path))
    assert launcher_for(shared_interpreter()).read_bytes() == first


@pytest.mark.network
def test_a_compiler_that_was_only_found_gives_way_to_zig(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bad = tmp_path / "cc"
    bad.write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\nexit 4\n')
    bad.chmod(0o755)
    monkeypatch.delenv("SEALIFT_CC", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    needed = floor_of({"launcher": launcher_for(shared_interpreter())}, shared_interpreter().target)
    assert needed.version is not None
    assert needed.version <= (2, 17)


@pytest.mark.network
def test_the_decoder_comes_from_the_index_with_the_promised_digest() -> None:
    sdist = index.find_sdist("backports-zstd", "1.8.0", purpose="a test")
    assert sdist.sha256 == compiling._ZSTD_SHA256
    with pytest.raises(FetchError, match=r"backports-zstd 0\.0\.999"):
        index.find_sdist("backports-zstd", "0.0.999", purpose="a test")


@pytest.mark.network
@pytest.mark.slow
def test_zig_makes_launchers_for_older_systems(tmp_path: Path) -> None:
    old = dataclasses.replace(shared_interpreter(), floor=(2, 17), key="old")
    launcher = launcher_for(old)
    needed = floor_of({"launcher": launcher}, old.target).version
    assert needed is not None
    assert needed <= (2, 17)
    assert launcher.stat().st_size < 250_000
    assert answer(write_single_file(tmp_path / "app", old, MAIN), "print(1)", cache=tmp_path) == "1"


@pytest.mark.network
@pytest.mark.slow
def test_zig_makes_launchers_for_other_c_libraries() -> None:
    target = load_targets()["linux-x86_64-musl"]
    other = dataclasses.replace(shared_interpreter(), target=target, key=target.name)
    found = facts(launcher_for(other))
    assert found.machine == target.arch
    assert not found.is_static


@pytest.mark.network
@pytest.mark.slow
def test_a_launcher_reads_its_payload_where_bytes_have_the_other_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It goes as far as it can go with a libpython for this machine: up to loading it."""
    for tool in ("bwrap", "gpgv", "unshare", "qemu-s390x-static"):
        require_tool(tool)
    monkeypatch.setenv("SEALIFT_DEBIAN_MIRROR", local_mirror(("debian-12", "s390x")))
    machine = RootRunner().start("debian-12", "s390x")
    here, target = shared_interpreter(), load_targets()["linux-s390x"]
    assert here.program is not None
    host = make_host(here.program, find_toolchain(ZIG, target))
    other = dataclasses.replace(here, target=target, headers=host.headers, key=target.name)
    app = write_single_file(tmp_path / "app", other, MAIN)

    library = "$HOME/.cache/sealift/apps/*/lib/libpython3.13.so.1.0"
    twice = f"{PROGRAMS}/app; {PROGRAMS}/app; echo $?; test -s {library} && echo written"

    def started(program: Path) -> list[str]:
        command = ("/bin/sh", "-c", twice)
        done = machine.run(command, programs={"app": program}, timeout=100)
        return done.output.splitlines()

    first, second, status, written = started(app)
    assert re.match(r"app: cannot start: /home/user/\S+/lib/libpython3\.13\.so\.1\.0: ", first)
    assert (second, status, written) == (first, str(FAILED), "written")
    data = bytearray(app.read_bytes())
    data[-100] ^= 1
    app.write_bytes(data)
    assert started(app)[0].startswith("app: cannot start: this file is damaged")


def test_without_headers_it_says_what_to_install() -> None:
    bare = dataclasses.replace(shared_interpreter(), headers=None)
    with pytest.raises(InterpreterError, match="has no C headers"):
        launcher_for(bare)
    neither = dataclasses.replace(static_interpreter(), static_library=None)
    with pytest.raises(InterpreterError, match="has no libpython"):
        launcher_for(neither)


def test_a_compiler_that_fails_is_told_with_its_last_lines(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bad = tmp_path / "bad-cc"
    bad.write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\necho no luck >&2; exit 4\n')
    bad.chmod(0o755)
    monkeypatch.setenv("SEALIFT_CC", str(bad))
    with pytest.raises(ToolError) as caught:
        launcher_for(shared_interpreter())
    assert "ended with status 4" in caught.value.message
    assert caught.value.details == ("no luck",)


@pytest.mark.parametrize("name", ["gcc", "zig"])
@pytest.mark.parametrize("kind", [shared_interpreter, static_interpreter])
def test_compilers_have_nothing_to_warn_of(
    name: str, kind: Callable[[], Interpreter], tmp_path: Path
) -> None:
    interpreter = kind()
    zig = compiling._zig(interpreter.target)
    command = [str(require_tool("gcc"))] if name == "gcc" else list(zig.command)
    flags = [*compiling.c_flags(interpreter), f"-I{compiling._zstd_sources()}"]
    flags += ["-Wall", "-Wextra", "-Werror"]
    for source in compiling.c_sources("linux"):
        done = subprocess.run(
            [*command, *flags, "-isystem", str(interpreter.headers),
             "-c", str(source), "-o", str(tmp_path / "object")],
            env=zig.environment, capture_output=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b"")


def test_a_launcher_alone_says_what_is_missing(tmp_path: Path) -> None:
    program = tmp_path / "alone"
    shutil.copy2(launcher_for(shared_interpreter()), program)
    done = start(program, cache=tmp_path)
    assert (done.returncode, done.stdout) == (71, b"")
    assert done.stderr.decode() == (
        "alone: cannot start: it has no content, "
        f"neither in itself nor as {tmp_path}/image.sealift\n"
        "hint: get the file again if it was truncated\n"
    )

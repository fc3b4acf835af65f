"""Programs on roots of Debian's releases: they run, or it is told why not."""

import shutil
import subprocess
from pathlib import Path

import pytest

from sealift.binary.elf import read_elf
from sealift.debian.releases import architecture, parse_release
from sealift.debian.root import make_root
from sealift.floor import glibc_versions
from sealift.plugins import Runner, load, names
from tests.support.command import Outcome, demo_project, sealift
from tests.support.debian_mirror import local_mirror
from tests.support.tools import require_tool

SYSTEMS = (("debian-11", "amd64"), ("debian-12", "amd64"), ("debian-13", "amd64"))
GLIBC = {"debian-11": (2, 31), "debian-12": (2, 36), "debian-13": (2, 41)}
TABLE = Path("/proc/sys/fs/binfmt_misc")

# It needs the newest symbols that the C library of this machine has for something as plain.
PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    if (count > 1 && !strcmp(arguments[1], "crash"))
        abort();
    if (count > 1 && !strcmp(arguments[1], "wait"))
        sleep(60);
    FILE *written = fopen("note", "w");
    printf("user %d, home %s, wrote %d, root %d, secret %s\n", (int)getuid(), getenv("HOME"),
           written != NULL, access("/usr", W_OK) == 0, getenv("SECRET") ? "seen" : "hidden");
    for (int i = 1; i < count; i++)
        puts(arguments[i]);
    return 0;
}
"""


@pytest.fixture(scope="module", autouse=True)
def archive() -> None:
    for tool in ("bwrap", "gpgv"):
        require_tool(tool)


@pytest.fixture(autouse=True)
def mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALIFT_DEBIAN_MIRROR", local_mirror(*SYSTEMS))
    monkeypatch.setenv("SECRET", "of this machine")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("program")
    (folder / "tried.c").write_text(PROGRAM)
    compiler = require_tool("gcc")
    subprocess.run([compiler, "tried.c", "-o", "tried"], cwd=folder, check=True)
    return folder / "tried"


def tried(program: Path, *arguments: str) -> Outcome:
    return sealift("--json", "test", program, *arguments, cwd=program.parent)


def runs_on(program: Path, system: str) -> bool:
    facts = read_elf(program)
    assert facts is not None
    return all(version <= GLIBC[system] for version, _ in glibc_versions(facts))


@pytest.mark.parametrize(("system", "debian"), SYSTEMS)
def test_a_minimal_root_is_small_and_has_its_c_library(system: str, debian: str) -> None:
    root = make_root(parse_release(system), debian)
    files = [p for p in root.path.rglob("*") if p.is_file() and not p.is_symlink()]
    assert sum(path.stat().st_size for path in files) < 30_000_000
    assert root.glibc == GLIBC[system]
    assert "libc.so.6" in root.libraries()
    for path in root.path.rglob("*"):
        if path.is_symlink():
            assert path.resolve().is_relative_to(root.path.resolve()), path


def test_a_program_runs_as_a_user_who_can_harm_nothing(program: Path) -> None:
    done = tried(program, "--on", "debian-13", "--run", "tried 'a b' $HOME")
    assert done.status == 0, done
    (trial,) = done.result
    assert (trial["passed"], trial["libc"], trial["arch"]) == (True, "glibc 2.41", "x86_64")
    assert trial["output"].splitlines() == [
        "user 1000, home /home/user, wrote 1, root 0, secret hidden",
        "a b",
        "$HOME",
    ]


def test_a_failure_has_its_reason_and_an_exit_status(program: Path) -> None:
    done = tried(program, "--on", "debian-11", "--on", "debian-13")
    assert [trial["passed"] for trial in done.result] == [runs_on(program, "debian-11"), True]
    if runs_on(program, "debian-11"):
        pytest.skip("this machine's own C library is no newer than Debian 11's")
    reason = "needs GLIBC_2.34; this system has 2.31; tried asks for it"
    assert reason in done.result[0]["reasons"]
    assert done.status == 16
    assert done.events[-1]["message"] == "tried does not run on debian-11"


@pytest.mark.parametrize(
    ("word", "status", "reason"),
    [("crash", 134, "was stopped by SIGABRT"), ("wait", None, "did not end within 1 seconds")],
)
def test_what_goes_wrong_while_it_runs_is_told(
    program: Path, word: str, status: int | None, reason: str
) -> None:
    done = tried(program, "--on", "debian-13", "--run", f"tried {word}", "--timeout", "1")
    assert done.status == 16
    assert (done.result[0]["status"], done.result[0]["reasons"][-1]) == (status, reason)


def test_a_library_that_is_not_there_is_named(program: Path, tmp_path: Path) -> None:
    (tmp_path / "own.c").write_text("int own(void) { return 0; }")
    (tmp_path / "main.c").write_text("int own(void); int main(void) { return own(); }")
    gcc = str(require_tool("gcc"))
    for arguments in (
        ("-shared", "-fPIC", "own.c", "-o", "libown.so", "-Wl,-soname,libown.so.1"),
        ("main.c", "libown.so", "-o", "asker"),
    ):
        subprocess.run([gcc, *arguments], cwd=tmp_path, check=True)
    done = tried(tmp_path / "asker", "--on", "debian-13")
    text = "needs libown.so.1, which this system does not have; asker asks for it"
    assert text in done.result[0]["reasons"]


def test_a_program_of_sealift_runs_where_its_floor_says(tmp_path: Path) -> None:
    demo_project(tmp_path)
    built = sealift("--json", "build", ".", cwd=tmp_path)
    assert built.status == 0, built.err
    (artifact,) = built.result
    systems = [part for system in GLIBC for part in ("--on", system)]
    done = tried(tmp_path / artifact["path"], *systems, "--run", "demo you")
    for trial in done.result:
        should = tuple(artifact["floor"]) <= GLIBC[trial["system"]]
        assert trial["passed"] == should, trial
        if should:
            assert trial["output"] == "hello you\n"
        else:
            assert any("this system has 2.31" in reason for reason in trial["reasons"]), trial


def test_what_is_no_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("#!/bin/sh\n")
    done = tried(tmp_path / "text")
    assert done.status == 3
    assert "is no program for Linux" in done.events[-1]["message"]
    done = sealift("test", shutil.which("true") or "", "--on", "debian-99", cwd=tmp_path)
    assert done.status == 3
    assert "there is no system 'debian-99'" in done.err


@pytest.mark.parametrize(
    ("system", "arch"),
    [("debian-13", "aarch64"), ("debian-13", "armv7l"), ("debian-12", "s390x")],
)
def test_programs_for_other_cpus_run_and_start_others(
    system: str, arch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tool in ("qemu-aarch64-static", "qemu-arm-static", "qemu-s390x-static", "unshare"):
        require_tool(tool)
    debian = architecture(arch)
    assert debian is not None
    monkeypatch.setenv("SEALIFT_DEBIAN_MIRROR", local_mirror((system, debian)))
    table = sorted(TABLE.iterdir())
    shell = make_root(parse_release(system), debian).path / "usr/bin/dash"
    shutil.copy(shell, tmp_path / "shell")
    line = "shell -c '/bin/dash -c \"echo in it\"'"
    done = tried(tmp_path / "shell", "--on", system, "--run", line)
    assert done.status == 0, done
    assert done.result[0]["arch"] == arch
    assert done.result[0]["output"] == "in it\n"
    assert sorted(TABLE.iterdir()) == table  # this machine's own is as it was


def test_a_cpu_that_nobody_emulates_is_refused() -> None:
    runner: Runner = load("runners", names("runners")[0])
    assert runner.refuses("debian-13", "sparc64") == "Debian has no architecture for sparc64"

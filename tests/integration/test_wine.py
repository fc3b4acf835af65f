"""Programs for Windows on wine: they run apart from this machine, or it is told why not."""

import subprocess
from pathlib import Path

import pytest

from sealift.plugins import Runner, load
from sealift.runners.wine_prefix import make_prefix
from sealift.store import file_sha256
from tests.support.command import Outcome, sealift
from tests.support.tools import require_tool
from tests.support.windows_wheels import MINGW

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winsock2.h>
#include <windows.h>

int other(void);
LONG WINAPI RtlGetVersion(OSVERSIONINFOW *);

int main(int count, char **arguments)
{
    if (count > 1 && !strcmp(arguments[1], "crash"))
        *(volatile int *)0 = 1;
    if (count > 1 && !strcmp(arguments[1], "wait"))
        Sleep(60000);
    if (count > 1 && !strcmp(arguments[1], "fail"))
        return 7;
#ifdef OTHER
    other();
#endif
    OSVERSIONINFOW version = {sizeof version};
    RtlGetVersion(&version);
    FILE *note = fopen("C:\\note", "w"), *system = fopen("C:\\windows\\system32\\ntdll.dll", "r+");
    printf("Windows %d, C:\\note %d, ntdll %d, secret %s\n", (int)version.dwMajorVersion,
           note != NULL, system != NULL, getenv("SECRET") ? "seen" : "hidden");
    unsigned char bytes[16] = {0}, sum = 0;
    BOOL (*random)(unsigned char *, size_t) = (void *)GetProcAddress(
        LoadLibraryA("bcryptprimitives.dll"), "ProcessPrng");
    if (!random || !random(bytes, sizeof bytes))
        return 8;
    for (int i = 0; i < 16; i++)
        sum |= bytes[i];
    if (!sum)
        return 9;
    for (int i = 0; i < count; i++)
        puts(arguments[i]);
    WSADATA data;
    WSAStartup(MAKEWORD(2, 2), &data);
    struct sockaddr_in there = {AF_INET, htons(9)};
    there.sin_addr.s_addr = htonl(0x01010101);
    int error = connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&there, sizeof there);
    puts(error ? "no network" : "network");
    return 0;
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program, ``tried.exe``, and one that lacks a DLL, ``lacking.exe``."""
    for tool in ("wine", "bwrap"):
        require_tool(tool)
    folder = tmp_path_factory.mktemp("programs")
    (folder / "tried.c").write_text(PROGRAM)
    (folder / "other.c").write_text("int other(void) { return 1; }")
    compiler = require_tool(f"{MINGW}-gcc")
    for words in (
        ["tried.c", "-o", "tried.exe", "-lws2_32", "-lntdll"],
        ["-shared", "other.c", "-o", "other.dll"],
        ["-DOTHER", "tried.c", "other.dll", "-o", "lacking.exe", "-lws2_32", "-lntdll"],
    ):
        subprocess.run([compiler, "-s", *words], cwd=folder, check=True)
    return folder


def tried(file: Path, *arguments: str) -> Outcome:
    return sealift("--json", "test", file, *arguments, cwd=file.parent)


def test_a_program_runs_apart_from_this_machine(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "of this machine")
    library = make_prefix() / "drive_c" / "windows" / "system32" / "ntdll.dll"
    digest = file_sha256(library)
    (trial,) = tried(folder / "tried.exe", "--run", "tried.exe a 'b c' /opt/x").result
    assert trial["passed"]
    assert trial["libc"].startswith("Windows 10 (wine-")
    assert trial["output"].splitlines() == [
        r"Windows 10, C:\note 1, ntdll 0, secret hidden",
        r"C:\opt\tried.exe", "a", "b c", r"C:\opt\x", "no network",
    ]  # fmt: skip
    assert file_sha256(library) == digest
    assert not (make_prefix() / "drive_c" / "note").exists()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "lacking.exe",
            "needs other.dll, which this system does not have; lacking.exe asks for it",
        ),
        ("tried.exe fail", "ended with status 7"),
        ("tried.exe wait", "did not end within 5 seconds"),
    ],
)
def test_why_a_program_fails_is_told(line: str, reason: str, folder: Path) -> None:
    file = folder / line.split(maxsplit=1)[0]
    outcome = tried(file, "--run", line, "--timeout", "5" if "wait" in line else "60")
    assert outcome.status == 16
    (trial,) = outcome.result
    assert reason in trial["reasons"]


def test_a_folder_has_its_program_beside_an_interpreter(folder: Path, tmp_path: Path) -> None:
    product = tmp_path / "product"
    product.mkdir()
    for name in ("tried.exe", "python.exe"):
        (product / name).write_bytes((folder / "tried.exe").read_bytes())
    (trial,) = tried(product).result
    assert r"C:\opt\product\tried.exe" in trial["output"]


def test_what_wine_cannot_run_is_refused() -> None:
    runner: Runner = load("runners", "wine")
    assert list(runner.systems()) == ["wine"]
    assert "x86_64 only" in str(runner.refuses("wine", "aarch64"))


@pytest.mark.parametrize("system", ["debian-12", "win11"])
def test_a_program_is_not_tried_where_others_run(system: str, folder: Path) -> None:
    done = tried(folder / "tried.exe", "--on", system)
    reasons = {
        "debian-12": "debian-12 runs programs for linux, and this one is for windows",
        "win11": "there is no system 'win11' to try programs on",
    }
    assert done.status != 0
    assert reasons[system] in done.events[-1]["message"]

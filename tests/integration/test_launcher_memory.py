"""The launcher among threads: memory for Python's allocator, copies of libraries, reasons."""

import os
import subprocess
from pathlib import Path

import pytest

import sealift.launcher
from sealift.launcher.compile import c_flags
from tests.support.interpreters import shared_interpreter
from tests.support.tools import require_tool

SUPPORT = Path(__file__).parent.parent / "support"
LAUNCHER = Path(sealift.launcher.__file__).parent


def compiled(out: Path, program: str, *parts: str) -> Path:
    """A program over some sources of the launcher."""
    interpreter = shared_interpreter()
    subprocess.run(
        [
            require_tool("cc"), *c_flags(interpreter), "-O1", "-std=gnu11", f"-I{LAUNCHER}",
            "-isystem", str(interpreter.headers), "-Wl,--gc-sections", SUPPORT / program,
            *(LAUNCHER / part for part in parts), "-ldl", "-o", out,
        ],
        check=True,
    )  # fmt: skip
    return out


@pytest.fixture(scope="module")
def loading(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(
        tmp_path_factory.mktemp("loading") / "loading", "loading.c",
        "memory.c", "message.c", "needed.c", "os_linux.c", "os_posix.c", "posix_files.c",
    )  # fmt: skip


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three libraries; ``libtop.so`` needs the second, and that the third."""
    folder = tmp_path_factory.mktemp("libraries")
    for name, source, options in (
        ("base", "int base(void) { return 20; }", []),
        ("middle", "int base(void); int middle(void) { return base() * 2; }", ["-lbase"]),
        ("top", "int middle(void); int top(void) { return middle() + 2; }", ["-lmiddle"]),
    ):
        command = [
            str(require_tool("cc")), "-shared", "-fPIC", "-x", "c", "-", "-o", f"lib{name}.so",
            "-L.", f"-Wl,-soname,lib{name}.so", "-Wl,-rpath,$ORIGIN", *options,
        ]  # fmt: skip
        subprocess.run(command, input=source.encode(), cwd=folder, check=True)
    return folder


def test_interpreters_with_locks_of_their_own_get_arenas_of_their_own(tmp_path: Path) -> None:
    program = compiled(tmp_path / "arenas", "arenas.c", "os_linux.c", "os_posix.c", "message.c")
    for _ in range(200):  # a race shows itself now and then
        assert subprocess.run([program], check=False, capture_output=True).stdout == b"0\n"


def test_a_child_loads_libraries_whatever_other_threads_were_doing(
    loading: Path, libraries: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command: list[str | Path] = [loading, "fork", libraries, pipe, libraries / "libtop.so"]
    assert subprocess.run(command, check=False).returncode == 0


def test_threads_get_the_same_copies(loading: Path, libraries: Path) -> None:
    for _ in range(100):
        command: list[str | Path] = [loading, "threads", libraries, libraries / "libtop.so"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
        assert done.stdout == b"8 3\n", "one path, and a copy of each library"


def test_each_thread_has_reasons_of_its_own(loading: Path) -> None:
    done = subprocess.run([loading, "reasons"], stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"this thread's\n"

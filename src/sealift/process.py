"""The only door to other programs.

Commands are lists, never strings for a shell.  Output is captured; a failure carries the command,
its status, its last lines and, when asked, the path of a full log.
"""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sealift.errors import SealiftError, ToolError
from sealift.target import current_target

TAIL_LINES = 20
KEPT_OUTPUT = 1 << 20


def run(  # noqa: PLR0913  (each says one thing of the call)
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input_bytes: bytes | None = None,
    log: Path | None = None,
    error: type[SealiftError] = ToolError,
    action: str | None = None,
    hint: str | None = None,
    tail: int = TAIL_LINES,
    expected: Container[int] = (0,),
    listener: Callable[[str], None] | None = None,
) -> str:
    """Run ``command`` and return its standard output as text.

    ``action`` completes "cannot …" in the message of a failure, which is raised as ``error`` with
    the last ``tail`` lines of both streams; ``log`` receives everything.  ``expected`` are the exit
    statuses that mean success, after which ``listener`` is called with what was said on standard
    error.
    """
    argv = [str(part) for part in command]
    what = action or f"run {Path(argv[0]).name}"
    try:
        done = subprocess.run(
            argv, cwd=cwd, env=env, input=input_bytes, capture_output=True, check=False,
            stdin=subprocess.DEVNULL if input_bytes is None else None,
        )  # fmt: skip
    except OSError as problem:
        raise error(f"cannot {what}: {argv[0]}: {problem.strerror}", hint=hint) from problem
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(f"$ {shlex.join(argv)}\n".encode() + done.stdout + done.stderr)
    if done.returncode not in expected:
        lines = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
        raise error(
            f"cannot {what}: {Path(argv[0]).name} ended with status {done.returncode}",
            details=lines[-tail:],
            hint=hint,
            log=log,
        )
    if listener:
        listener(done.stderr.decode("utf-8", "replace"))
    return done.stdout.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a program that may fail ended: ``status`` is ``None`` when its time was over.

    ``output`` is what it said on both streams, in order, up to :data:`KEPT_OUTPUT` bytes.
    """

    status: int | None
    seconds: float
    output: str


def attempt(command: Sequence[str | Path], *, env: Mapping[str, str], timeout: float) -> Attempt:
    """Run ``command`` for ``timeout`` seconds at most, and tell how it ended.

    What it started is stopped with it.  Raises :class:`ToolError` when it cannot be started.
    """
    argv = [str(part) for part in command]
    start = time.monotonic()
    try:
        child = subprocess.Popen(
            argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    except OSError as problem:
        name = Path(argv[0]).name
        raise ToolError(f"cannot run {name}: {argv[0]}: {problem.strerror}") from problem
    kept = bytearray()
    reader = threading.Thread(target=_keep, args=(child, kept))
    reader.start()
    status: int | None = None
    try:
        status = child.wait(timeout)
    except subprocess.TimeoutExpired:
        pass
    finally:
        if status is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        reader.join()
    return Attempt(status, time.monotonic() - start, kept.decode("utf-8", "replace"))


def _keep(child: "subprocess.Popen[bytes]", kept: bytearray) -> None:
    """Read what ``child`` says to its end, and keep the beginning."""
    assert child.stdout is not None
    with child.stdout as stream:
        while chunk := stream.read1(1 << 16):  # type: ignore[attr-defined]
            kept += chunk[: KEPT_OUTPUT - len(kept)]


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without variables that change how Python behaves."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return {**kept, **(extra or {})}


@dataclass(frozen=True, slots=True)
class Timing:
    """One run of a program: times in seconds, ``peak`` memory in bytes, its exit status.

    ``peak`` is the resident memory of the largest process among the program and the descendants
    it waited for.  ``status`` is negative for a signal.
    """

    wall: float
    user: float
    system: float
    peak: int
    status: int

    @property
    def cpu(self) -> float:
        """Seconds of processor time, user and system."""
        return self.user + self.system


# Linux counts the memory of the spawning process in the child's peak, so a process as small as a
# bare Python can be stands between this one and the program.
_SPAWN_AND_WAIT = """
import posix, sys, time
null = posix.open("/dev/null", posix.O_RDWR)
streams = [(posix.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)]
start = time.perf_counter_ns()
pid = posix.posix_spawn(sys.argv[1], sys.argv[1:], posix.environ, file_actions=streams)
_, status, used = posix.wait4(pid, 0)
wall = time.perf_counter_ns() - start
status = posix.waitstatus_to_exitcode(status)
print(wall / 1e9, used.ru_utime, used.ru_stime, used.ru_maxrss, status)
"""


def spawn_timed(command: Sequence[str | Path], *, env: Mapping[str, str]) -> Timing:
    """Run ``command``, whose program is a path, with ``/dev/null`` for all streams; measure it.

    Raises :class:`ToolError` where the program cannot be started, or where the system has no
    ``wait4``.
    """
    text = run(
        [sys.executable, "-I", "-S", "-c", _SPAWN_AND_WAIT, *command],
        env=env,
        action=f"time {Path(command[0]).name}",
    )
    wall, user, system, peak, status = text.split()
    unit = 1 if current_target().os == "macos" else 1024
    return Timing(float(wall), float(user), float(system), int(peak) * unit, int(status))

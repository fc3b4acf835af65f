"""The only door to other programs.

Commands are lists, never strings for a shell.  Output is captured; a failure carries the command,
its status, its last lines and, when asked, the path of a full log.
"""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from sealift.errors import SealiftError, ToolError

TAIL_LINES = 20


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input_bytes: bytes | None = None,
    log: Path | None = None,
    error: type[SealiftError] = ToolError,
    action: str | None = None,
    hint: str | None = None,
) -> str:
    """Run ``command`` and return its standard output as text.

    ``action`` completes "cannot …" in the message of a failure, which is raised as ``error`` with
    the last lines of both streams; ``log`` receives everything.
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
    if done.returncode:
        lines = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
        raise error(
            f"cannot {what}: {Path(argv[0]).name} ended with status {done.returncode}",
            details=lines[-TAIL_LINES:],
            hint=hint,
            log=log,
        )
    return done.stdout.decode("utf-8", "replace")


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without variables that change how Python behaves."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return {**kept, **(extra or {})}

"""The example projects, built once a session by the command line."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.command import run_file, sealift
from tests.support.tools import require_tool

EXAMPLES = Path(__file__).parents[2] / "examples"


def build(given: str | Path, folder: Path, *options: str) -> Path:
    """The one artifact of ``sealift build``; ``folder`` gets it."""
    (artifact,) = build_all(given, folder, *options)
    return artifact


def build_all(given: str | Path, folder: Path, *options: str) -> list[Path]:
    """The artifacts of ``sealift build``; ``folder`` gets them."""
    outcome = sealift("build", given, "--json", "--out", folder / "dist", *options, cwd=folder)
    assert outcome.status == 0, outcome.out + outcome.err
    return [folder / str(artifact["path"]) for artifact in outcome.result]


def example(name: str, folder: Path) -> Path:
    """A copy of an example below ``folder``, so that nothing is written into the repository."""
    return Path(
        shutil.copytree(
            EXAMPLES / name,
            folder / name,
            ignore=shutil.ignore_patterns("build", "dist", "*.egg-info", "__pycache__", ".venv"),
        )
    )


@contextmanager
def virtual_display() -> Iterator[str]:
    """The name of an X display that nobody sees."""
    command = [
        str(require_tool("Xvfb")),
        "-displayfd",
        "1",
        "-screen",
        "0",
        "800x600x24",
        "-nolisten",
        "tcp",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout
        try:
            yield f":{server.stdout.readline().decode().strip()}"
        finally:
            server.terminate()


def lines_of(path: Path, *arguments: str, **environment: str) -> list[str]:
    """What a built program prints; it has to succeed and to complain of nothing."""
    outcome = run_file(path, *arguments, **environment)
    assert (outcome.status, outcome.err) == (0, ""), outcome.err
    return outcome.out.splitlines()

"""Single files for tests of the launcher, built once a session, and how to start them."""

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.interpreters import shared_interpreter, static_interpreter
from tests.support.single_files import write_folder, write_single_file

FAILED = 71

MAIN = """
import sys

def child(statements):
    import subprocess
    command = [sys.executable, "-c", "import sys; " + statements]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode()

def main():
    if sys.argv[1:2] == ["eval"]:
        exec(sys.argv[2], {"sys": sys, "child": child, "__name__": "__main__"})
    else:
        print("started")
"""


@functools.cache
def scratch() -> Path:
    """A folder of this session, deleted at its end; any user may look into it."""
    folder = Path(tempfile.mkdtemp(prefix="sealift-test-"))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def single_file(feature: str = "3.13") -> Path:
    """A program that runs the statements after "eval", or prints "started".

    They can run others in a ``child`` Python, which returns what these print.
    """
    return write_single_file(scratch() / f"app{feature}", shared_interpreter(feature), MAIN)


@functools.cache
def single_file_version(version: str) -> Path:
    """The same program as another version, with other content."""
    out = scratch() / f"app-{version}"
    files = {"data.txt": version.encode()}
    return write_single_file(out, shared_interpreter(), MAIN, files=files, version=version)


@functools.cache
def static_file() -> Path:
    """The same with libpython in the launcher."""
    return write_single_file(scratch() / "static", static_interpreter(), MAIN)


@functools.cache
def folder_program() -> Path:
    """The same as a folder."""
    return write_folder(scratch() / "folder", shared_interpreter(), MAIN)


def environment(cache: Path | None, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A small environment without a home, with the place for the cache."""
    named = {"SEALIFT_CACHE_DIR": str(cache)} if cache else {}
    return {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
        **named,
        **(extra or {}),
    }


def start(
    program: Path,
    *arguments: str | bytes,
    cache: Path | None,
    env: Mapping[str, str] | None = None,
    data: bytes = b"",
    prefix: Sequence[str] = (),
) -> subprocess.CompletedProcess[bytes]:
    """Run ``program`` to its end, ``prefix`` being a command that starts it."""
    return subprocess.run(
        [*prefix, program, *arguments],
        input=data,
        env=environment(cache, env),
        capture_output=True,
        check=False,
        timeout=120,
    )


def answer(
    program: Path, statements: str, *, cache: Path | None, env: Mapping[str, str] | None = None
) -> str:
    """What the statements print; they have to succeed."""
    done = start(program, "eval", statements, cache=cache, env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode().strip()


def trees(cache: Path) -> list[Path]:
    """The complete trees in a cache."""
    return sorted(path for path in (cache / "apps").iterdir() if not path.name.startswith("."))


def tree_of(program: Path, cache: Path) -> Path:
    """The tree that ``program`` runs from, made now if need be."""
    root = answer(program, "import _sealift; print(_sealift.root)", cache=cache)
    return Path(root)

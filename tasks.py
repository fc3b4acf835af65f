"""Set-up in one command each: ``python3 tasks.py example``, ``python3 tasks.py test``.

Needs Python 3.11 or newer and a package index, nothing else.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"


def run(*command: str | Path) -> None:
    """Run ``command`` in the checkout, shown; its failure ends the task."""
    print("+", *command, flush=True)
    status = subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode
    if status:
        sys.exit(status)


def install(*, groups: tuple[str, ...] = ()) -> None:
    """Make ``.venv`` and install Sealift in it, editable, with dependency ``groups``."""
    if not PYTHON.exists():
        venv.create(VENV, with_pip=True)
    if not (BIN / "uv").exists():
        run(PYTHON, "-m", "pip", "install", "--quiet", "uv")
    extra = [part for group in groups for part in ("--group", group)]
    run(BIN / "uv", "pip", "install", "--quiet", "--python", PYTHON, "--editable", ".", *extra)


def example() -> None:
    """Build a real project into one file and run it."""
    install()
    run(BIN / "sealift", "build", "examples/patient", "--out", "dist")
    run(ROOT / "dist" / "myapp", "run")


def test() -> None:
    """Format, lint, types and all tests."""
    install(groups=("dev",))
    check()
    run(PYTHON, "-m", "pytest", "-n", "auto", "tests", *sys.argv[2:])


def check() -> None:
    """Format, lint and types."""
    run(BIN / "ruff", "format", "--check", ".")
    run(BIN / "ruff", "check", ".")
    run(BIN / "mypy")


def main() -> None:
    tasks = {"example": example, "test": test, "check": check}
    if len(sys.argv) < 2 or sys.argv[1] not in tasks:
        sys.exit("usage: python3 tasks.py example | test [PYTEST OPTIONS] | check")
    tasks[sys.argv[1]]()


if __name__ == "__main__":
    main()

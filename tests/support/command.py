"""The command line as a user calls it, and small projects to call it on."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """What ``--json`` printed, line by line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def result(self) -> Any:
        """The answer among the events."""
        return next(e["value"] for e in self.events if e["event"] == "result")


def clean_environment(**extra: str) -> dict[str, str]:
    """This environment without the variables that change how Python behaves."""
    return {**{k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}, **extra}


def sealift(*arguments: str | Path, cwd: Path, **environment: str) -> Outcome:
    """Run ``sealift`` with ``arguments`` in ``cwd``."""
    done = subprocess.run(
        [sys.executable, "-m", "sealift", *map(str, arguments)],
        cwd=cwd,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def run_file(path: Path, *arguments: str, **environment: str) -> Outcome:
    """Run a built file with next to no environment, as on a machine that knows nothing of us."""
    env = {"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"], **environment}
    done = subprocess.run(
        [path, *arguments], env=env, capture_output=True, text=True, check=False, cwd="/"
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "{name}"
version = "1.0"
{more}
"""

# A PEP 517 backend of a few lines, so that building needs no index.
BACKEND = """
import base64, hashlib, pathlib, tomllib, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
    name = project["name"].replace("-", "_")
    files = {
        str(path.relative_to("src")): path.read_bytes()
        for path in sorted(pathlib.Path("src").rglob("*")) if path.is_file()
    }
    info = f"{name}-1.0.dist-info"
    scripts = "".join(f"{k} = {v}\\n" for k, v in project.get("scripts", {}).items())
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n".encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[f"{info}/entry_points.txt"] = f"[console_scripts]\\n{scripts}".encode()
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\\n"
        for path, data in files.items()
    ) + f"{info}/RECORD,,\\n"
    files[f"{info}/RECORD"] = record.encode()
    target = f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, target), "w") as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path), data)
    return target

def build_sdist(sdist_directory, config_settings=None):
    import io, tarfile
    target = "demo-1.0.tar.gz"
    with tarfile.open(pathlib.Path(sdist_directory, target), "w:gz") as archive:
        for path in sorted(pathlib.Path(".").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.add(path, f"demo-1.0/{path}")
    return target
"""


def write_tree(folder: Path, files: Mapping[str, str]) -> Path:
    """Write text ``files`` below ``folder``."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def demo_project(folder: Path, *, name: str = "demo", more: str = "", **sources: str) -> Path:
    """A project whose script ``demo`` prints a greeting and its arguments."""
    scripts = more or '[project.scripts]\ndemo = "demo:main"'
    main = "import sys\n\n\ndef main():\n    print('hello', *sys.argv[1:])\n"
    files = {"src/demo/__init__.py": main, **{f"src/{k}": v for k, v in sources.items()}}
    return write_tree(
        folder,
        {
            "pyproject.toml": PYPROJECT.format(name=name, more=scripts),
            "backend.py": BACKEND,
            **files,
        },
    )

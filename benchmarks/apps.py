"""The reference applications, and environments to run them in."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from sealift import process
from sealift.tools import UV

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class App:
    """An example: its folder, what ``python -m`` starts, and its console script's function."""

    name: str
    folder: Path
    module: str
    script: str
    entry: str

    @property
    def main_source(self) -> str:
        """A main program for tools that take one."""
        module, _, function = self.entry.partition(":")
        return f"import sys\n\nfrom {module} import {function}\n\nsys.exit({function}())\n"


APPS = {
    app.name: app
    for app in (
        App("patient", ROOT / "examples/patient", "myapp.myapp", "myapp", "myapp.myapp:main"),
        App("webcli", ROOT / "examples/webcli", "webcli", "webcli", "webcli.cli:app"),
        App("datacli", ROOT / "examples/datacli", "datacli", "datacli", "datacli.cli:main"),
    )
}


def make_environment(folder: Path, interpreter: str, *installed: str | Path) -> Path:
    """A virtual environment at ``folder`` with ``installed``; its Python's path.

    One that is complete is taken as it is; the peers' versions are those of
    ``requirements-peers.txt``.
    """
    python = folder / "bin" / "python"
    mark = folder / ".complete"
    wanted = "\n".join(map(str, installed))
    if mark.exists() and mark.read_text() == wanted:
        return python
    uv = UV.require()
    environment = process.clean_environment()
    process.run([uv, "venv", "--clear", "--python", interpreter, folder], env=environment)
    constraints = Path(__file__).parent / "requirements-peers.txt"
    if installed:
        process.run(
            [uv, "pip", "install", "--python", python, "--constraint", constraints, *installed],
            env=environment,
            action=f"install {' '.join(map(str, installed))}",
        )
    mark.write_text(wanted)
    return python


def copy_of(app: App, folder: Path) -> Path:
    """A fresh copy of the application's sources, so that builds leave nothing in the original."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(
        app.folder,
        folder,
        ignore=shutil.ignore_patterns("build", "dist", "*.egg-info", "__pycache__"),
    )
    return folder

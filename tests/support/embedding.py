"""A program that is Python over a prepared tree, as the launcher is, in forty lines of C."""

import shutil
import subprocess
from pathlib import Path

from sealift.interpreter import Interpreter
from tests.support.tools import require_tool

_SOURCE = Path(__file__).with_name("embedding.c")


def place_program(interpreter: Interpreter, root: Path) -> Path:
    """Copy the tree of ``interpreter`` to ``root`` and put ``bin/python3`` into it."""
    assert interpreter.library is not None
    assert interpreter.headers is not None
    shutil.copytree(interpreter.root, root, symlinks=True)
    program = root / "bin" / "python3"
    program.parent.mkdir()
    subprocess.run(
        [
            require_tool("cc"), "-O1", f"-I{interpreter.headers}",
            f'-DSTDLIB="{Path(interpreter.stdlib).name}"', _SOURCE, "-o", program,
            root / interpreter.library, "-Wl,-rpath,$ORIGIN/../lib",
        ],
        check=True,
    )  # fmt: skip
    return program

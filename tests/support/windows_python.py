"""CPython for Windows as Sealift ships it, with a program of a few lines to start it."""

import shutil
import subprocess
import sys
from pathlib import Path

from sealift.config import Settings
from sealift.errors import SealiftError
from sealift.image import Image
from sealift.interpreter import Interpreter
from sealift.interpreters.wheels import WheelInterpreters
from sealift.target import load_targets
from tests.support.tools import missing, require_tool
from tests.support.windows_wheels import MINGW, PYTHON, import_library, python_library

FEATURE = f"{sys.version_info[0]}.{sys.version_info[1]}"

_MAIN = """#include <wchar.h>
__declspec(dllimport) int Py_Main(int, wchar_t **);
int wmain(int count, wchar_t **arguments) { return Py_Main(count, arguments); }
"""


def wheel_interpreter(target: str, feature: str = FEATURE) -> Interpreter:
    """CPython for ``target`` out of wheels, of the feature version that runs the tests."""
    try:
        return WheelInterpreters().find(feature, load_targets()[target], Settings())
    except SealiftError as problem:
        missing(f"needs CPython {feature} for {target}: {problem}")


def windows_python(folder: Path) -> Path:
    """``python.exe`` in ``folder``; it looks at no environment variables."""
    root = wheel_interpreter("windows-x86_64").root
    shutil.copytree(root, folder, dirs_exist_ok=True)
    return _program(folder, ("Lib", "DLLs", "."))


def place_image(image: Image, folder: Path) -> Path:
    """``python.exe`` in ``folder``, among all files of ``image``, which is for Windows."""
    for entry in image.entries:
        place = folder / entry.path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(entry.source, place)
    return _program(folder, image.search_path)


def installed_python(folder: Path, feature: str) -> Path:
    """``python.exe`` of CPython ``feature`` in ``folder``, as an installer leaves it there."""
    shutil.copytree(wheel_interpreter("windows-x86_64", feature).root, folder)
    return _compiled(folder, feature.replace(".", ""))


def _program(folder: Path, search_path: tuple[str, ...]) -> Path:
    (folder / f"python{PYTHON}._pth").write_text("".join(f"{each}\n" for each in search_path))
    return _compiled(folder, PYTHON)


def _compiled(folder: Path, python: str) -> Path:
    (folder / "main.c").write_text(_MAIN)
    library = import_library(python_library(folder, python))
    subprocess.run(
        [require_tool(f"{MINGW}-gcc"), "-municode", folder / "main.c", library, "-o",
         folder / "python.exe"],
        check=True,
    )  # fmt: skip
    return folder / "python.exe"

"""A CPython for Windows, put together from a wheel that has its DLLs.

Such wheels bring the DLL of Python and its extension modules, as python.org builds and signs them;
the modules in Python are those of the interpreter that runs the tests, of the same minor version.
"""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

from tests.support.tools import require_tool
from tests.support.windows_wheels import MINGW, PYTHON, import_library, python_library

_WHEEL = "panda3d==1.10.16"
_FOLDER = "deploy_libs/"
_MAIN = """#include <wchar.h>
__declspec(dllimport) int Py_Main(int, wchar_t **);
int wmain(int count, wchar_t **arguments) { return Py_Main(count, arguments); }
"""


def windows_python(folder: Path) -> Path:
    """``python.exe`` in ``folder``; it looks at no environment variables."""
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
         "--platform", "win_amd64", "--python-version", minor, "--dest", folder, _WHEEL],
        check=True,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            name = member.filename.removeprefix(_FOLDER)
            if member.filename.startswith(_FOLDER) and "/" not in name:
                (folder / name).write_bytes(archive.read(member))
    wheel.unlink()
    (folder / "Lib").symlink_to(sysconfig.get_path("stdlib"))
    (folder / f"python{PYTHON}._pth").write_text("Lib\n.\n")
    (folder / "main.c").write_text(_MAIN)
    library = import_library(python_library(folder, PYTHON))
    subprocess.run(
        [require_tool(f"{MINGW}-gcc"), "-municode", folder / "main.c", library, "-o",
         folder / "python.exe"],
        check=True,
    )  # fmt: skip
    return folder / "python.exe"

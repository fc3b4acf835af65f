"""Archives laid out as python-build-standalone's, made from an interpreter of this machine."""

import io
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

from sealift.interpreter import Interpreter
from tests.support.embedding import place_program

_HEADER = '#define PY_VERSION "{}"\n'


def unix_archive(interpreter: Interpreter, folder: Path) -> Path:
    """``install_only.tar.gz`` of ``interpreter``: ``python/bin``, ``python/lib``, …"""
    home = folder / "python"
    program = place_program(interpreter, home)
    feature = interpreter.feature
    program.rename(program.with_name(f"python{feature}"))
    program.symlink_to(f"python{feature}")
    headers = home / "include" / f"python{feature}"
    assert interpreter.headers is not None
    shutil.copytree(interpreter.headers, headers)
    assert interpreter.library is not None
    shared = home / interpreter.library
    (home / "lib" / f"libpython{feature}.so").symlink_to(shared.name)
    # What such an archive has besides and nobody ships.
    unwanted = (
        "lib/pkgconfig/python.pc", f"{interpreter.stdlib}/test/test_x.py",
        f"{interpreter.stdlib}/site-packages/pip/__init__.py", "share/man/python.1",
    )  # fmt: skip
    for path in unwanted:
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text("not to be shipped")
    data = next((home / interpreter.stdlib).glob("_sysconfigdata*.py"))
    suffix = interpreter.ext_suffix
    data.write_text(f"build_time_vars = {{'EXT_SUFFIX': '{suffix}', 'LIBDIR': '/install/lib'}}\n")
    out = folder / "cpython-install_only.tar.gz"
    with tarfile.open(out, "w:gz", compresslevel=1) as archive:
        archive.add(home, "python")
    return out


def windows_archive(version: str, out: Path, *, extra: Mapping[str, bytes] | None = None) -> Path:
    """The layout on Windows, with empty files for everything native."""
    short = "".join(version.split(".")[:2])
    files = {
        "python.exe": b"MZ", f"python{short}.dll": b"MZ", "python3.dll": b"MZ",
        "vcruntime140.dll": b"MZ", "DLLs/_ssl.pyd": b"MZ", "DLLs/libssl-3.dll": b"MZ",
        "DLLs/_testcapi.pyd": b"MZ", "DLLs/_tkinter.pyd": b"MZ", "Lib/os.py": b"# os\n",
        "Lib/test/test_os.py": b"", "Lib/site-packages/README.txt": b"", "tcl/tcl8.6/init.tcl": b"",
        "include/Python.h": b"", "include/patchlevel.h": _HEADER.format(version).encode(),
        "libs/python3.lib": b"", "Scripts/pip.exe": b"MZ", **(extra or {}),
    }  # fmt: skip
    with tarfile.open(out, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"python/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out

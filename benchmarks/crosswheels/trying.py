"""A wheel tried where it is for: imported and put to work by a Python of that system.

It is Debian's for the CPU, or CPython for Windows under wine.
"""

import atexit
import functools
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sealift import process, uv
from sealift.cross.toolchain import find_toolchain
from sealift.debian.releases import architecture, parse_release
from sealift.debian.root import make_root
from sealift.errors import SealiftError
from sealift.machine import PROGRAMS, Machine
from sealift.runners.roots import RootMachine
from sealift.runners.wine import WineRunner
from sealift.target import Target, parse_target
from tests.support.windows_python import installed_python

USUAL = ("debian-13", "3.13")
# Of these the archive lacks packages of the newer release at times.
_OTHERS = {"s390x": ("debian-12", "3.11"), "ppc64le": ("debian-12", "3.11")}
_TIMEOUT = 900
_SHOWN = 200
_LACKING = Path(__file__).with_name("bcryptprimitives.c")  # of wine 8


def system_of(arch: str) -> tuple[str, str]:
    """The release that wheels for ``arch`` are tried on, and its Python."""
    return _OTHERS.get(arch, USUAL)


@functools.cache
def machine(target: Target) -> Machine:
    """A Windows, or a root of the release for the CPU with its Python."""
    arch = target.arch
    if target.is_windows:
        return WineRunner().start("wine", arch)
    debian = architecture(arch)
    assert debian, arch
    release, python = system_of(arch)
    # What manylinux lets wheels take from the system, and no smaller.
    packages = (f"python{python}-minimal", f"libpython{python}-stdlib", "libstdc++6")
    return RootMachine(make_root(parse_release(release), debian, packages), arch)


@functools.cache
def _windows_python() -> Path:
    folder = Path(tempfile.mkdtemp(), "python")
    atexit.register(shutil.rmtree, folder.parent)
    python = installed_python(folder, USUAL[1]).parent
    toolchain = find_toolchain("zig", parse_target("windows-x86_64"))
    process.run(
        [toolchain.cc, "-shared", _LACKING, "-o", python / f"{_LACKING.stem}.dll", "-ladvapi32"]
    )
    return python


def can_try(target: Target) -> bool:
    """Whether there is a machine for ``target`` here."""
    return target.os != "macos"


def try_wheel(wheels: Sequence[Path], row: Mapping[str, Any], target: Target, site: Path) -> str:
    """Why the ``check`` of ``row`` fails with ``wheels`` on ``target``, in a line; empty if not.

    ``site`` is an empty folder.
    """
    if row.get("with"):
        uv.call(
            ["pip", "install", "--quiet", "--no-deps", "--target", site, *row["with"]],
            cwd=site, action="install pure packages", error=SealiftError,
        )  # fmt: skip
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    site.chmod(0o755)
    place = "C:/opt/site" if target.is_windows else f"{PROGRAMS}/site"
    code = f"import sys; sys.path.insert(0, '{place}')\n{row['check']}"
    programs, python = {"site": site}, f"/usr/bin/python{system_of(target.arch)[1]}"
    if target.is_windows:
        programs["python"], python = _windows_python(), f"{PROGRAMS}/python/python.exe"
    command = (python, "-I", "-B", "-c", code)
    ending = machine(target).run(command, programs=programs, timeout=_TIMEOUT)
    if ending.status == 0:
        return ""
    last = (ending.output.strip().splitlines() or [f"ended with status {ending.status}"])[-1]
    return f"built, but it does not work: {last[:_SHOWN]}"

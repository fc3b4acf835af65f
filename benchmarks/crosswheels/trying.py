"""A wheel tried where it is for: imported and put to work by Debian's Python for that CPU."""

import functools
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sealift import uv
from sealift.debian.releases import architecture, parse_release
from sealift.debian.root import make_root
from sealift.errors import SealiftError
from sealift.machine import PROGRAMS
from sealift.runners.roots import RootMachine

RELEASE = "debian-13"
PYTHON = "3.13"
_TIMEOUT = 900
_SHOWN = 200
# What manylinux lets wheels take from the system, and no smaller.
_PACKAGES = (f"python{PYTHON}-minimal", f"libpython{PYTHON}-stdlib", "libstdc++6")


@functools.cache
def machine(arch: str) -> RootMachine:
    """A root of the release for ``arch`` with its Python."""
    debian = architecture(arch)
    assert debian, arch
    return RootMachine(make_root(parse_release(RELEASE), debian, _PACKAGES), arch)


def try_wheel(wheel: Path, row: Mapping[str, Any], arch: str, site: Path) -> str:
    """Why the ``check`` of ``row`` fails with ``wheel`` on ``arch``, in a line; empty if not.

    ``site`` is an empty folder.
    """
    if row.get("with"):
        uv.call(
            ["pip", "install", "--quiet", "--no-deps", "--target", site, *row["with"]],
            cwd=site, action="install pure packages", error=SealiftError,
        )  # fmt: skip
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    site.chmod(0o755)
    code = f"import sys; sys.path.insert(0, '{PROGRAMS}/site')\n{row['check']}"
    command = (f"/usr/bin/python{PYTHON}", "-I", "-B", "-c", code)
    ending = machine(arch).run(command, programs={"site": site}, timeout=_TIMEOUT)
    if ending.status == 0:
        return ""
    last = (ending.output.strip().splitlines() or [f"ended with status {ending.status}"])[-1]
    return f"built, but it does not work: {last[:_SHOWN]}"

"""A wheel tried where it is for: imported and put to work by Debian's Python for that CPU."""

import functools
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sealift import uv
from sealift.debian.releases import architecture, parse_release
from sealift.debian.root import make_root
from sealift.errors import SealiftError
from sealift.machine import PROGRAMS
from sealift.runners.roots import RootMachine

USUAL = ("debian-13", "3.13")
# Of these the archive lacks packages of the newer release at times.
_OTHERS = {"s390x": ("debian-12", "3.11"), "ppc64le": ("debian-12", "3.11")}
_TIMEOUT = 900
_SHOWN = 200


def system_of(arch: str) -> tuple[str, str]:
    """The release that wheels for ``arch`` are tried on, and its Python."""
    return _OTHERS.get(arch, USUAL)


@functools.cache
def machine(arch: str) -> RootMachine:
    """A root of the release for ``arch`` with its Python."""
    debian = architecture(arch)
    assert debian, arch
    release, python = system_of(arch)
    # What manylinux lets wheels take from the system, and no smaller.
    packages = (f"python{python}-minimal", f"libpython{python}-stdlib", "libstdc++6")
    return RootMachine(make_root(parse_release(release), debian, packages), arch)


def try_wheel(wheels: Sequence[Path], row: Mapping[str, Any], arch: str, site: Path) -> str:
    """Why the ``check`` of ``row`` fails with ``wheels`` on ``arch``, in a line; empty if not.

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
    code = f"import sys; sys.path.insert(0, '{PROGRAMS}/site')\n{row['check']}"
    command = (f"/usr/bin/python{system_of(arch)[1]}", "-I", "-B", "-c", code)
    ending = machine(arch).run(command, programs={"site": site}, timeout=_TIMEOUT)
    if ending.status == 0:
        return ""
    last = (ending.output.strip().splitlines() or [f"ended with status {ending.status}"])[-1]
    return f"built, but it does not work: {last[:_SHOWN]}"

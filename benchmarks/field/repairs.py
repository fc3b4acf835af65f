"""Wheels repaired by Sealift and by the tool made for their system.

Both look for libraries in the same places: for Linux on this machine, for Windows in a folder with
the Visual C++ runtime that ``msvc-runtime`` on the index has.  Beside the wheels of the index some
are built here, from their sdists, against this machine's libraries, so that there is much to take
in.
"""

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from packaging.utils import parse_wheel_filename

from benchmarks.field.answers import Answer, Row, compare_repairs
from benchmarks.field.fetching import fetch_wheels
from sealift import process
from sealift.audit.tags import parse_platform
from sealift.errors import SealiftError
from sealift.repair.plan import Options
from sealift.repair.wheel import repair_wheel
from sealift.target import cpu_count

# Built with libpq-dev, libcurl4-openssl-dev, libxslt1-dev and unixodbc-dev of Debian.
BUILT = ("psycopg2==2.9.13", "pycurl==7.49.0", "lxml==6.1.3", "pyodbc==5.5.0")
_RUNTIME = {
    "msvc-runtime==14.51.36231": [
        f"msvc_runtime-14.51.36231-cp312-cp312-{tag}.whl"
        for tag in ("win_amd64", "win_arm64")  # the one for win32 has DLLs for amd64
    ]
}
_DIGEST = re.compile(r"-[0-9a-f]{8,}(?=\.)")
_NATIVE = re.compile(r"([^/]+?)(?:\.so(?:\.[\d.]+)?|\.dll)$", re.IGNORECASE)


def repair_all(system: str, wheels: Sequence[Path], python: Path, out: Path) -> list[Row]:
    """What both tools make of each of ``wheels``, and of the wheels built here."""
    if system == "linux":
        wheels = [*wheels, *built(out)]
    search = tuple(runtimes(out)) if system == "windows" else ()
    with ThreadPoolExecutor(cpu_count()) as pool:
        return list(pool.map(partial(_row, system, python=python, search=search), wheels))


def built(out: Path) -> Iterator[Path]:
    """Wheels that nobody has repaired, built from the sdists of ``BUILT``."""
    folder = out / "built"
    for requirement in BUILT:
        project = requirement.partition("==")[0]
        if not list(folder.glob(f"{project}-*.whl")):
            process.run(
                [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-binary",
                 project, "--wheel-dir", folder, requirement],
                env={**os.environ, "CFLAGS": "-O0"},  # lxml takes minutes otherwise
                action=f"build {requirement}",
            )  # fmt: skip
        yield from folder.glob(f"{project}-*.whl")


def runtimes(out: Path) -> Iterator[Path]:
    """Folders with Microsoft's Visual C++ runtime, one for each machine."""
    for wheel in fetch_wheels(_RUNTIME, out):
        folder = out / "runtimes" / wheel.stem.rpartition("-")[2]
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(".dll"):
                    (folder / Path(name).name).write_bytes(archive.read(name))
        yield folder


def _row(system: str, wheel: Path, *, python: Path, search: Sequence[Path]) -> Row:
    ours, peers = _ours(wheel, search), _peers(system, wheel, python=python, search=search)
    return compare_repairs(wheel.name, ours, peers)


def _ours(wheel: Path, search: Sequence[Path]) -> Answer:
    with tempfile.TemporaryDirectory() as folder:
        try:
            repaired = repair_wheel(wheel, Options(search=_fitting(wheel, search)), Path(folder))
        except SealiftError as problem:
            return Answer(None, frozenset(), problem.message.partition(": ")[2])
        return _result(wheel, repaired.path)


def _fitting(wheel: Path, search: Sequence[Path]) -> tuple[Path, ...]:
    """The folders of ``search`` for the machine of ``wheel``."""
    return tuple(folder for folder in search if wheel.stem.endswith(folder.name))


def _peers(system: str, wheel: Path, *, python: Path, search: Sequence[Path]) -> Answer:
    tool = {"linux": "auditwheel", "windows": "delvewheel"}[system]
    with tempfile.TemporaryDirectory() as folder:
        programs = python.absolute().parent
        command: list[str | Path] = [programs / tool, "repair", "--wheel-dir", folder]
        if system == "windows":
            # What the wheel has counts, and what it asks for, as it does for Sealift.
            command += ["--ignore-existing", "--analyze-existing"]
            command += ["--add-path", ":".join(map(str, _fitting(wheel, search)))]
        environment = {"PATH": f"{programs}:/usr/bin:/bin"}
        done = subprocess.run(
            [*command, wheel], capture_output=True, text=True, check=False, env=environment
        )
        if "has already repaired this wheel" in done.stderr + done.stdout:
            return _result(wheel, wheel)
        made = list(Path(folder).glob("*.whl"))
        if done.returncode or not made:
            told = (done.stderr or done.stdout).strip().splitlines()
            return Answer(None, frozenset(), told[-1] if told else "nothing was written")
        return _result(wheel, made[0])


def _result(before: Path, after: Path) -> Answer:
    """The oldest platform of a repaired wheel's name, and the libraries it has more than before."""
    with zipfile.ZipFile(before) as one, zipfile.ZipFile(after) as other:
        added = set(other.namelist()) - set(one.namelist())
    found = (_NATIVE.search(_DIGEST.sub("", name)) for name in added)
    tags = sorted({tag.platform for tag in parse_wheel_filename(after.name)[3]}, key=_age)
    return Answer(tags[0], frozenset(match[1].lower() for match in found if match))


def _age(tag: str) -> tuple[object, ...]:
    """What the oldest tag has least of, and of its names the one that tells the version."""
    platform = parse_platform(tag)
    return (platform.family, platform.version, -len(tag)) if platform else ("", (), 0)

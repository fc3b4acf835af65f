"""Packages × targets: built here by ``sealift wheel``, audited, and tried in a root of the target.

Run it from the repository's root::

    python -m benchmarks.crosswheels                   # what is not known yet
    python -m benchmarks.crosswheels --only numpy -t linux-aarch64
    python -m benchmarks.crosswheels --page            # only write docs/crosswheels.md

Cells that are known are kept in ``cells.json`` beside this file; ``--again`` makes them anew.  The
packages are named in ``packages.toml``.  Wheels for Linux are tried in a Debian with its Python,
under qemu where this machine's CPU is another, those for Windows in CPython under wine; the others
are audited.
"""

import argparse
import dataclasses
import json
import re
import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.crosswheels.crates import prepared_sdist
from benchmarks.crosswheels.crates import variables as cargo_variables
from benchmarks.crosswheels.page import write_page
from benchmarks.crosswheels.trying import can_try, system_of, try_wheel
from sealift import process
from sealift.errors import SealiftError
from sealift.target import load_targets

TARGETS = (
    "linux-x86_64", "linux-aarch64", "linux-armv7l", "linux-riscv64", "linux-ppc64le",
    "linux-s390x", "windows-x86_64", "macos-arm64",
)  # fmt: skip
WORK = Path("build/crosswheels")
_LONGEST = 250
_OF_HERE = re.compile(r"(?<![\w.])/\S*/")  # folders of this machine
CELLS = Path(__file__).with_name("cells.json")


@dataclass(frozen=True)
class Cell:
    """One package on one target; ``reason`` tells why it is not good."""

    package: str
    version: str
    target: str
    good: bool
    tag: str = ""
    tried: bool = False
    reason: str = ""
    cpu: float = 0.0


def main() -> None:
    """Make the cells that are missing, then the page."""
    options = _options()
    packages = tomllib.loads(Path(__file__).with_name("packages.toml").read_text("utf-8"))
    cells = _known()
    for target in options.target or TARGETS:
        for name in packages:
            key = f"{name} {target}"
            wanted = not options.only or name in options.only
            if not wanted or options.page or (key in cells and not options.again):
                continue
            cells[key] = cell = make_cell(name, packages, target)
            _keep(cells)
            print("good" if cell.good else "BAD ", key, cell.tag, cell.reason, flush=True)
    write_page(packages, TARGETS, {key: dataclasses.asdict(cell) for key, cell in cells.items()})


def make_cell(name: str, packages: Mapping[str, Any], target: str) -> Cell:
    """Build ``name`` of ``packages`` for ``target``, and try it where that can be done."""
    row, machine = packages[name], load_targets()[target]
    cell = Cell(package=name, version=row["version"], target=target, good=False)
    timing = _build(name, row, target)
    cell = dataclasses.replace(cell, cpu=round(timing.cpu, 1))
    if timing.status != 0:
        return dataclasses.replace(cell, reason=_why(name, row, target))
    (wheel,) = _folder(name, target).glob("*.whl")
    tag = wheel.stem.split("-")[-1].split(".")[-1]
    if not can_try(machine):
        return dataclasses.replace(cell, good=True, tag=tag)
    besides = row.get("built", ())
    for other in besides:
        _build(other, packages[other], target)
    found = [path for other in besides for path in _folder(other, target).glob("*.whl")]
    with tempfile.TemporaryDirectory() as site:
        failure = try_wheel((wheel, *found), row, machine, Path(site))
    return dataclasses.replace(cell, good=not failure, tag=tag, tried=True, reason=failure)


def _folder(name: str, target: str) -> Path:
    """Where the wheel of ``name`` is."""
    return WORK / "wheels" / target / name


def _build(name: str, row: Mapping[str, Any], target: str) -> process.Timing:
    """Build ``name``, or have what was built before."""
    shutil.rmtree(_folder(name, target), ignore_errors=True)  # an older wheel may be called else
    command, variables = _command(name, row, target)
    env = process.clean_environment(variables)
    return process.spawn_timed(["/usr/bin/env", *command], env=env)


def _command(
    name: str, row: Mapping[str, Any], target: str
) -> tuple[list[str | Path], dict[str, str]]:
    """What builds ``name``, and variables that it takes."""
    wanted: str | Path = f"{name}=={row['version']}"
    variables: dict[str, str] = {}
    machine = load_targets()[target]
    if crates := row.get("crates"):
        wanted = prepared_sdist(name, row, WORK)
        variables = cargo_variables(crates, machine, WORK)
    python = system_of(machine.arch)[1]
    out = _folder(name, target)
    return [
        "python", "-m", "sealift", "--quiet", "wheel", wanted, "-t", target, "--python", python,
        "--out", out,
    ], variables  # fmt: skip


def _why(name: str, row: Mapping[str, Any], target: str) -> str:
    """What Sealift says of a build that failed; what was built by then is found again."""
    command, variables = _command(name, row, target)
    try:
        process.run(command, env=process.clean_environment(variables))
    except SealiftError as problem:
        lines = [line.strip() for line in problem.details if line.strip()]
        if any("as a dependency of package" in line or "crates" in line for line in lines):
            return "cargo could not get here what it depends on"
        logs = [Path(line[5:]) for line in lines if line.startswith("log: ")]
        said = [
            it.strip() for path in logs for it in path.read_text("utf-8", "replace").split("\n")
        ]
        of_compilers = [line for line in (*lines, *said) if re.search(r".\berror: ", line)]
        own = [line for line in lines if line.startswith(("error: cannot", "cannot"))]
        others = [line for line in lines if not line.startswith(("log:", "hint:"))]
        return _OF_HERE.sub("", next(iter((*of_compilers, *own)), others[-1]))[:_LONGEST]
    return "it failed once, and not the second time"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crosswheels")
    parser.add_argument("--only", action="append", help="a package; may be repeated")
    parser.add_argument("-t", "--target", action="append", choices=TARGETS)
    parser.add_argument("--again", action="store_true", help="make known cells anew")
    parser.add_argument("--page", action="store_true", help="only write the page")
    return parser.parse_args()


def _known() -> dict[str, Cell]:
    known = json.loads(CELLS.read_text("utf-8")) if CELLS.is_file() else {}
    return {key: Cell(**value) for key, value in known.items()}


def _keep(cells: Mapping[str, Cell]) -> None:
    data = {key: dataclasses.asdict(cell) for key, cell in cells.items()}
    CELLS.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()

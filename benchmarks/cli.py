"""Processor time of ``sealift --help``, beside a bare Python and commands people know.

Run it from the repository's root::

    python -m benchmarks.cli
"""

import argparse
import shutil
import sys
from pathlib import Path

from benchmarks.tables import milliseconds, table
from sealift.bench.measure import Subject, measure
from sealift.console import size

COLUMNS = ("command", "CPU", "wall", "ratio", "memory")


def subjects() -> list[Subject]:
    """A bare Python first, then ours, then the others that are installed."""
    found = [
        Subject("python -c pass", (sys.executable, "-c", "pass")),
        Subject("sealift --help", (sys.executable, "-m", "sealift", "--help")),
        Subject("sealift --version", (sys.executable, "-m", "sealift", "--version")),
        Subject("sealift build --help", (sys.executable, "-m", "sealift", "build", "--help")),
    ]
    beside = str(Path(sys.executable).parent)
    for name in ("uv", "pip"):
        program = shutil.which(name, path=beside) or shutil.which(name)
        if program:
            found.append(Subject(f"{name} --help", (program, "--help")))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cli", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=15, help="runs of each (%(default)s)")
    report = measure(subjects(), rounds=parser.parse_args().rounds)
    rows = [
        (
            result.subject.name,
            milliseconds(result.cpu),
            milliseconds(result.median),
            f"{result.ratio:.2f}",
            size(result.peak),
        )
        for result in (*report.results, report.control)
    ]
    print("\n".join(table(COLUMNS, rows)))


if __name__ == "__main__":
    main()

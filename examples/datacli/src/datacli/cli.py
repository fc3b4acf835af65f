"""The command line."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from datacli.summary import read_table, summarise


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of one call."""
    parser = argparse.ArgumentParser(
        prog="datacli", description="Summarises temperatures of weather stations."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    summary = commands.add_parser("summary", help="print one line a station")
    summary.add_argument("file", nargs="?", type=Path, help="a CSV file: station, month, celsius")
    summary.add_argument("--json", action="store_true", help="print JSON")
    commands.add_parser("versions", help="print the versions of the libraries")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    arguments = parse(argv)
    if arguments.command == "versions":
        print(f"numpy {np.__version__}", f"pandas {pd.__version__}", sep="\n")
        return 0
    try:
        table = read_table(arguments.file)
    except (OSError, ValueError) as problem:
        print(f"datacli: cannot read {arguments.file}: {problem}", file=sys.stderr)
        return 1
    summary = summarise(table)
    print(summary.to_json(orient="index", indent=2) if arguments.json else summary.to_string())
    return 0

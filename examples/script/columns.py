# /// script
# requires-python = ">=3.11"
# dependencies = ["rich>=13.7"]
# ///
"""Shows a CSV file as a table: `columns.py [FILE] [--only NAME]…`; standard input by default."""

import argparse
import csv
import sys

from rich.console import Console
from rich.table import Table


def read_rows(path: str | None) -> list[dict[str, str]]:
    """Rows of the file, or of standard input."""
    if path is None:
        return list(csv.DictReader(sys.stdin))
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def main() -> int:
    """Print the table; 1 when a column that was asked for is not there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", help="a CSV file")
    parser.add_argument("--only", action="append", metavar="NAME", help="show this column")
    arguments = parser.parse_args()
    rows = read_rows(arguments.file)
    columns = arguments.only or list(rows[0] if rows else ())
    missing = [name for name in columns if rows and name not in rows[0]]
    if missing:
        print(f"columns: there is no column {', '.join(missing)}", file=sys.stderr)
        return 1
    table = Table(*columns, caption=f"{len(rows)} rows")
    for row in rows:
        table.add_row(*(row[name] or "" for name in columns))
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How long Sealift builds the examples, and how much memory it takes.

Run it from the repository's root::

    python -m benchmarks.build --apps patient,datacli --out results

Four builds of each: *first* finds nothing but a Python (downloads and all), *downloaded* finds
what came from the network, *again* finds everything, *edited* finds everything but for one line
changed in the application.  A PyInstaller onefile of the same application is the yardstick.
"""

import argparse
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.apps import APPS, App, copy_of
from benchmarks.peers import PEERS, Command
from benchmarks.startup import (
    Bench,
    build_peer,
    forget_all_but_downloads,
    python_version,
    sealift_command,
    sealift_environment,
    timed_build,
)
from benchmarks.tables import YARDSTICK, table
from sealift.console import size
from sealift.output import write_text
from sealift.process import Timing
from sealift.target import current_target

FORMATS = ("onefile", "dir", "tar", "pyz")
COLUMNS = ("build", "seconds", "CPU", "memory", f"to {YARDSTICK}")


@dataclass(frozen=True, slots=True)
class Row:
    """One measured build."""

    name: str
    timing: Timing


def measure_builds(bench: Bench, app: App, form: str) -> Iterator[Row]:
    """The four builds of one format."""
    folder = bench.work / app.name / f"build-{form}"
    sources = copy_of(app, folder / "sources")

    def build(name: str) -> Row:
        shutil.rmtree(folder / "dist", ignore_errors=True)
        command: Command = sealift_command(bench, sources, form, folder / "dist")
        environment = sealift_environment(bench)
        return Row(f"{form}, {name}", timed_build(command, action="build", environment=environment))

    shutil.rmtree(bench.cache, ignore_errors=True)
    yield build("first")
    forget_all_but_downloads(bench.cache)
    yield build("downloaded")
    yield build("again")
    module = sources / "src" / (app.entry.partition(":")[0].replace(".", "/") + ".py")
    module.write_text(module.read_text(encoding="utf-8") + "\nEDITED = True\n", encoding="utf-8")
    yield build("edited")


def lines(rows: list[Row], yardstick: Timing | None) -> Iterator[str]:
    """The table of one application."""
    cells = [
        (
            row.name,
            f"{row.timing.wall:.1f} s",
            f"{row.timing.cpu:.1f} s",
            size(row.timing.peak),
            f"{row.timing.wall / yardstick.wall:.2f}" if yardstick else "",
        )
        for row in rows
    ]
    yield from table(COLUMNS, cells)


def main() -> None:
    """Build, measure, write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.build", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--apps", default="patient,datacli", help="which (%(default)s)")
    parser.add_argument("--formats", default="onefile", help=f"of {', '.join(FORMATS)}")
    parser.add_argument("--python", default="3.13", help="interpreter to ship (%(default)s)")
    parser.add_argument("--no-peer", action="store_true", help="leave PyInstaller out")
    parser.add_argument("--work", type=Path, default=Path("build/build"), help="where to build")
    parser.add_argument("--out", type=Path, default=Path("build"), help="folder for build.md")
    given = parser.parse_args()
    bench = Bench(work=given.work.absolute(), interpreter=given.python)
    bench.work.mkdir(parents=True, exist_ok=True)
    text: list[str] = []
    for name in given.apps.split(","):
        app = APPS[name]
        rows = [
            row for form in given.formats.split(",") for row in measure_builds(bench, app, form)
        ]
        yardstick = None
        if not given.no_peer:
            yardstick = build_peer(bench, app, PEERS[YARDSTICK]).build
            rows.append(Row(YARDSTICK, yardstick))
        about = f"{current_target()}, {python_version(bench)}"
        text += [f"### {name}", "", about, "", *lines(rows, yardstick), ""]
    given.out.mkdir(parents=True, exist_ok=True)
    write_text(given.out / "build.md", "\n".join(text))
    print("\n".join(text))


if __name__ == "__main__":
    main()

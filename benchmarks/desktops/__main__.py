"""Tools of the index, built here for Windows and macOS; the former run under wine.

Run it from the repository's root::

    python -m benchmarks.desktops                  # all, and docs/desktops.md
    python -m benchmarks.desktops --only httpie    # into the terminal alone

Tools and what they are asked are in ``tools.toml``.  What is for macOS cannot be started here: a
second reader (LIEF) says how it lies, and every page is hashed anew.
"""

import argparse
import dataclasses
import json
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift import process
from sealift.console import size
from sealift.output import write_text
from tests.support.macho_pages import check_layout, check_pages, slices

WINDOWS, MACOS = "windows-x86_64", "macos-universal2"
PYTHON = "3.13"
WORK, PAGE = Path("build/desktops"), Path("docs/desktops.md")
_SEALIFT = ("/usr/bin/env", "python", "-m", "sealift", "--json")
_TIMEOUT = 600.0


@dataclass(frozen=True)
class Row:
    """What came of one tool: sizes in bytes; ``pages`` were hashed; ``failures`` are in words."""

    name: str
    version: str
    why: str
    windows: int = 0
    macos: int = 0
    runs: int = 0
    pages: int = 0
    failures: tuple[str, ...] = ()


def main() -> None:
    """Build and try what is asked for; write the page when it is all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.desktops")
    parser.add_argument("--only", action="append", help="a tool; may be repeated")
    only = parser.parse_args().only
    tools = tomllib.loads(Path(__file__).with_name("tools.toml").read_text("utf-8"))
    rows = []
    for name, told in tools.items():
        if not only or name in only:
            rows.append(make_row(name, told))
            print(rows[-1], flush=True)
    if not only:
        write_text(PAGE, "\n".join(_page(rows)) + "\n")


def make_row(name: str, told: Mapping[str, Any]) -> Row:
    """Build ``name`` for both systems, run it on one, and look at the other's file."""
    row = Row(name=name, version=told["version"], why=told["why"])
    out = WORK / name
    shutil.rmtree(out, ignore_errors=True)
    entry = ("--entry", told["entry"]) if "entry" in told else ()
    status, events = _sealift(
        "build", f"{name}=={row.version}", "-t", WINDOWS, "-t", MACOS, "--python", PYTHON,
        *entry, "--name", entry[1] if entry else name, "--out", str(out),
    )  # fmt: skip
    if status:
        return dataclasses.replace(row, failures=(_problem(events),))
    (windows,), (macos,) = (list((out / target).iterdir()) for target in (WINDOWS, MACOS))
    row = dataclasses.replace(row, windows=windows.stat().st_size, macos=macos.stat().st_size)
    failures = [*_failed_runs(windows, told["runs"])]
    try:
        pages = sum(_checked_pages(macos))
    except AssertionError as problem:
        return dataclasses.replace(row, failures=(*failures, f"{MACOS}: {problem}"))
    runs = len(told["runs"])
    return dataclasses.replace(row, runs=runs, pages=pages, failures=tuple(failures))


def _failed_runs(program: Path, runs: Sequence[Sequence[str]]) -> Iterator[str]:
    """What does not print what it should, each in a Windows of its own."""
    for line, expected in runs:
        _, events = _sealift("test", str(program), "--run", line, "--timeout", str(_TIMEOUT))
        trials = (trial for e in events if e["event"] == "result" for trial in e["value"])
        output = next((str(trial["output"]) for trial in trials), "")
        if not re.search(expected, output):
            shown = " ".join(output.split()[-30:]) or _problem(events)
            yield f"{WINDOWS}: `{line}` does not print `{expected}`: {shown}"


def _checked_pages(program: Path) -> Iterator[int]:
    """How many pages each slice has; raises where one has not the hash that it is signed with."""
    for one in slices(program).values():
        check_layout(one)
        yield check_pages(one)[1]


def _sealift(*arguments: str) -> tuple[int | None, list[dict[str, Any]]]:
    done = process.attempt(
        [*_SEALIFT, *arguments], env=process.clean_environment(), timeout=2 * _TIMEOUT
    )
    lines = (line for line in done.output.splitlines() if line.startswith("{"))
    return done.status, [json.loads(line) for line in lines]


def _problem(events: Sequence[Mapping[str, Any]]) -> str:
    return next((str(e["message"]) for e in events if e["event"] == "error"), "it failed")


def _page(rows: Sequence[Row]) -> Iterator[str]:
    good = sum(not row.failures for row in rows)
    yield "# Command-line tools for Windows and macOS, made on Linux"
    yield ""
    yield f"Tools of the index, each built by one `sealift build TOOL -t {WINDOWS} -t {MACOS}` on"
    yield f"Linux, with CPython {PYTHON}: `python -m benchmarks.desktops` makes this page."
    yield f"**{good} of {len(rows)} are good.**"
    yield ""
    yield "The files for Windows ran under wine and printed what they should. Those for macOS were"
    yield "not started anywhere: their layout was checked by a second reader, and every page was"
    yield "hashed anew and held against the signature."
    yield ""
    yield "| tool | what is hard about it | Windows | runs | macOS | pages checked | |"
    yield "|---|---|---:|---:|---:|---:|---|"
    for row in rows:
        sizes = (size(row.windows), str(row.runs), size(row.macos), str(row.pages))
        result = "good" if not row.failures else "; ".join(row.failures)
        yield f"| {row.name} {row.version} | {row.why} | {' | '.join(sizes)} | {result} |"
    yield ""
    yield "## What was asked of them"
    yield ""
    tools = tomllib.loads(Path(__file__).with_name("tools.toml").read_text("utf-8"))
    for row in rows:
        for line, expected in tools[row.name]["runs"]:
            yield f"- `{line}` prints `{expected}`"


if __name__ == "__main__":
    main()

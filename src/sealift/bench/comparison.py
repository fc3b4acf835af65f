"""From files and command lines to tables of how they start."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from sealift import console
from sealift.bench.measure import Report, Start, Subject, measure
from sealift.errors import ConfigError

COLUMNS = ("program", "min ms", "median ms", "ratio", "95 % of ratio", "CPU ms", "peak")


def compare(
    *,
    files: Sequence[Path],
    against: Sequence[str],
    arguments: Sequence[str],
    rounds: int,
    cold: bool,
) -> None:
    """Measure ``files`` and the commands ``against``, all with ``arguments``; show a table a start.

    The first command is the baseline, or the first file where there is no command.
    """
    subjects = [
        *(command_subject(text, arguments) for text in against),
        *(file_subject(path, arguments) for path in files),
    ]
    starts = (Start.WARM, Start.COLD) if cold else (Start.WARM,)
    for report in [_measured(subjects, rounds, start) for start in starts]:
        show(report)


def file_subject(path: Path, arguments: Sequence[str]) -> Subject:
    """The program in a file, or the only one in a folder; raises :class:`ConfigError`."""
    programs = _programs_in(path) if path.is_dir() else [path]
    if len(programs) != 1 or not programs[0].is_file():
        found = ", ".join(program.name for program in programs) if path.is_dir() else "no file"
        raise ConfigError(f"cannot measure {path}: there is {found or 'no program'}")
    return Subject(path.name, (str(programs[0].absolute()), *arguments))


def _programs_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and os.access(path, os.X_OK))


def command_subject(text: str, arguments: Sequence[str]) -> Subject:
    """The program of a command line, split as a shell does; raises :class:`ConfigError`."""
    try:
        words = shlex.split(text)
    except ValueError as problem:
        raise ConfigError(f"cannot read --against {text!r}: {problem}") from problem
    if not words:
        raise ConfigError("cannot read --against: the command is empty")
    return Subject(text, (*words, *arguments))


def rows(report: Report) -> list[tuple[str, ...]]:
    """The lines of a report's table, one a program, under :data:`COLUMNS`."""
    return [
        (
            result.subject.name.replace("[", r"\["),  # else it is taken for markup
            f"{result.minimum * 1000:.1f}",
            f"{result.median * 1000:.1f}",
            f"{result.ratio:.2f}",
            f"{result.ratio_interval.low:.2f}–{result.ratio_interval.high:.2f}",
            f"{result.cpu * 1000:.1f}",
            console.size(result.peak),
        )
        for result in (*report.results, report.control)
    ]


def show(report: Report) -> None:
    """Answer with a report: a table for people, JSON for machines."""
    first = f"{report.start.value} start"
    console.answer(report.to_json(), (first, *COLUMNS[1:]), rows(report))
    console.note(
        f"{report.control.subject.name} is the baseline once more: "
        f"differences below {report.noise:.0%} may be chance"
    )


def _measured(subjects: Sequence[Subject], rounds: int, start: Start) -> Report:
    with console.step(f"Measuring {start.value} starts") as step:
        report = measure(subjects, rounds=rounds, start=start)
        step.done(f"{rounds} rounds of {len(subjects)} programs")
    return report

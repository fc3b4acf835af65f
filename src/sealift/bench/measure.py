"""Start-up times of programs, compared so that the comparison means something.

All programs run once in each round, in shuffled order, and are compared within the round: what
slows the machine for a while slows all of them.  The first program is the baseline and also runs
as its own *control*: the ratio of two identical programs tells how much of a difference is noise.
Variables that change how Python starts are unset, output goes to ``/dev/null``, and every program
runs a few times before the first round.
"""

import math
import mmap
import os
import random
import shlex
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sealift import process
from sealift.errors import ToolError

ROUNDS = 15  # the command says the same, without importing this
WARM_UPS = 2
CONTROL = "control"
CACHE_VARIABLES = ("SEALIFT_CACHE_DIR", "XDG_CACHE_HOME", "PEX_ROOT", "SHIV_ROOT")


class Start(StrEnum):
    """WARM: caches are as the run before left them.  COLD: caches are empty at each run.

    The caches are those of the product, in the place that :data:`CACHE_VARIABLES` names; what the
    system keeps of files in memory stays.
    """

    WARM = "warm"
    COLD = "cold"


@dataclass(frozen=True, slots=True)
class Subject:
    """A program to measure: ``command`` is its path or its name on ``PATH``, and arguments."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a median lies with a probability of at least 95 %, from ``low`` to ``high``."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All runs of one subject, one a round; ``ratios`` are wall times over the baseline's."""

    subject: Subject
    runs: tuple[process.Timing, ...]
    ratios: tuple[float, ...]

    @property
    def minimum(self) -> float:
        """The shortest wall time, in seconds."""
        return min(run.wall for run in self.runs)

    @property
    def median(self) -> float:
        """The median wall time, in seconds."""
        return statistics.median(run.wall for run in self.runs)

    @property
    def ratio(self) -> float:
        """The median of the ratios to the baseline, each taken within one round."""
        return statistics.median(self.ratios)

    @property
    def ratio_interval(self) -> Interval:
        """How well the ratio is known."""
        return median_interval(self.ratios)

    @property
    def cpu(self) -> float:
        """The median processor time, user and system, in seconds."""
        return statistics.median(run.cpu for run in self.runs)

    @property
    def peak(self) -> int:
        """The largest peak memory, in bytes."""
        return max(run.peak for run in self.runs)

    def to_json(self) -> Mapping[str, Any]:
        """JSON form: the figures, and every run."""
        interval = self.ratio_interval
        return {
            "name": self.subject.name,
            "command": list(self.subject.command),
            "minimum_seconds": self.minimum,
            "median_seconds": self.median,
            "ratio": self.ratio,
            "ratio_low": interval.low,
            "ratio_high": interval.high,
            "cpu_seconds": self.cpu,
            "peak_bytes": self.peak,
            "wall_seconds": [run.wall for run in self.runs],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was measured; the first of ``results`` is the baseline, ``control`` its repetition."""

    start: Start
    rounds: int
    results: tuple[Result, ...]
    control: Result

    @property
    def noise(self) -> float:
        """How far the ratio of two identical programs may be from one."""
        interval = self.control.ratio_interval
        return max(abs(interval.low - 1), abs(interval.high - 1))

    def to_json(self) -> Mapping[str, Any]:
        """JSON form."""
        return {
            "start": self.start.value,
            "rounds": self.rounds,
            "noise": self.noise,
            "results": [result.to_json() for result in self.results],
            "control": self.control.to_json(),
        }


def measure(
    commands: Sequence[Subject],
    *,
    rounds: int = ROUNDS,
    start: Start = Start.WARM,
    warm_ups: int = WARM_UPS,
) -> Report:
    """Run all ``commands`` ``rounds`` times and compare them with the first.

    Raises :class:`ToolError` when a program is not found or does not end with status 0.
    """
    found = [Subject(each.name, _located(each.command)) for each in commands]
    contestants = [*found, Subject(CONTROL, found[0].command)]
    shuffle = random.Random(rounds)  # noqa: S311  (an order, not a secret)
    # Cold caches stay until the end: file systems make new files slowly where many were deleted
    # just before (ext4 passes over their inodes one by one), which no user's first start meets.
    with tempfile.TemporaryDirectory(prefix="sealift-bench-") as folder:
        cache = Path(folder)
        for subject in found:
            _warm_up(subject, warm_ups, cache)
        if start is Start.COLD:
            _claim_memory(rounds * sum(_sizes(cache)))
        table = [_round(contestants, shuffle, start, cache) for _ in range(rounds)]
    results = tuple(_result(subject, index, table) for index, subject in enumerate(contestants))
    return Report(start=start, rounds=rounds, results=results[:-1], control=results[-1])


def _sizes(folder: Path) -> Iterator[int]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.stat().st_size


def _claim_memory(size: int) -> None:
    """Use ``size`` bytes of memory once and give them back, at most half of what is free.

    A virtual machine gets a page from its host when it first uses it, which takes longer than to
    write a page of a file.  That would be measured in place of the programs, and in the rounds of
    the first ones alone.
    """
    free = os.sysconf("SC_AVPHYS_PAGES") if "SC_AVPHYS_PAGES" in os.sysconf_names else 0
    pages = min(size // mmap.PAGESIZE, free // 2)
    if pages:
        with mmap.mmap(-1, pages * mmap.PAGESIZE) as memory:
            memory[:: mmap.PAGESIZE] = bytes(pages)


def median_interval(values: Sequence[float]) -> Interval:
    """An interval that holds the median of what ``values`` were drawn from, at 95 %.

    It runs from one order statistic to another, by the binomial distribution, and so assumes
    nothing of how times are spread; with five values or fewer it is their whole range.

    >>> median_interval([5, 1, 4, 2, 3, 9, 6, 8, 7])
    Interval(low=2, high=8)
    """
    ordered, count = sorted(values), len(values)
    outside, skipped = 0.0, 0
    while skipped < count // 2:
        outside += 2 * math.comb(count, skipped) / 2**count
        if outside > 0.05:
            break
        skipped += 1
    lowest = max(skipped - 1, 0)
    return Interval(ordered[lowest], ordered[count - 1 - lowest])


def _located(command: Sequence[str]) -> tuple[str, ...]:
    program = shutil.which(command[0])
    if program is None:
        raise ToolError(
            f"cannot measure {command[0]}: there is no such program",
            hint="give a path to an executable file, or a name on PATH",
        )
    return (str(Path(program).absolute()), *command[1:])


def _round(
    subjects: Sequence[Subject], shuffle: random.Random, start: Start, cache: Path
) -> list[process.Timing]:
    """One run of each subject, in shuffled order; the timings in the order of ``subjects``."""
    order = list(range(len(subjects)))
    shuffle.shuffle(order)
    timings = {index: _run(subjects[index], start, cache) for index in order}
    return [timings[index] for index in range(len(subjects))]


def _run(subject: Subject, start: Start, cache: Path) -> process.Timing:
    place = cache if start is Start.WARM else Path(tempfile.mkdtemp(prefix="cold-", dir=cache))
    timing = process.spawn_timed(subject.command, env=_environment(place))
    if timing.status:
        raise ToolError(
            f"cannot measure {subject.name}: it ended with status {timing.status}",
            details=[shlex.join(subject.command)],
        )
    return timing


def _warm_up(subject: Subject, times: int, cache: Path) -> None:
    for _ in range(times):
        process.run(
            subject.command,
            env=_environment(cache),
            action=f"measure {subject.name}",
            hint="what is measured has to end by itself with status 0; give arguments after --",
        )


def _environment(cache: Path) -> dict[str, str]:
    return process.clean_environment({name: str(cache) for name in CACHE_VARIABLES})


def _result(subject: Subject, index: int, table: Sequence[Sequence[process.Timing]]) -> Result:
    return Result(
        subject=subject,
        runs=tuple(timings[index] for timings in table),
        ratios=tuple(timings[index].wall / timings[0].wall for timings in table),
    )

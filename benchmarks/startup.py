"""Start-up, size and build time of the examples, made by Sealift and by its peers.

Run it from the repository's root::

    python -m benchmarks.startup --apps patient --peers pyinstaller,pex --out results

All programs of an application are built from the same sources with the same interpreter, and run
in the same rounds.  Peers are installed from the index, at the versions of
``requirements-peers.txt``.  A build that is timed finds everything downloaded; a peer's is timed
at the second time, when its own caches are warm (Nuitka's at the first: it takes minutes).
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.apps import APPS, App, copy_of, make_environment
from benchmarks.peers import Command, Peer, Site, chosen
from benchmarks.tables import Built, Measured, write_results
from sealift import jsonform, process
from sealift.bench.measure import Report, Start, Subject, measure
from sealift.target import current_target

ARGUMENTS = ("--help",)
SEALIFT_FORMATS = ("onefile", "dir", "pyz")
INIT_ONLY = "import posix\n\nposix._exit(0)\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One run of this program: where it works, with which interpreter, how often."""

    work: Path
    interpreter: str
    rounds: int = 15
    cold_rounds: int = 5
    sealift: bool = True
    reuse: bool = False

    @property
    def cache(self) -> Path:
        """Sealift's cache, apart from the user's."""
        return self.work / "sealift-cache"


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; links count as nothing."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink())


def timed_build(command: Command, *, action: str, environment: dict[str, str]) -> process.Timing:
    """Build once; where it fails, once more to show why."""
    timing = process.spawn_timed(command, env=environment)
    if timing.status:
        process.run(command, env=environment, action=action)
    return timing


def build_peer(bench: Bench, app: App, peer: Peer) -> Built:
    """Build ``app`` with ``peer``, in an environment of the peer's own."""
    record = bench.work / app.name / f"{peer.name.replace(' ', '-')}.json"
    if bench.reuse and record.exists():
        return jsonform.load(Built, json.loads(record.read_text()), where=str(record))
    print(f"{app.name}: building with {peer.name}", file=sys.stderr)
    tool = peer.name.split()[0]
    folder = bench.work / app.name / peer.name.replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    installed: Command = [*peer.requires, *([app.folder] if peer.with_app else [])]
    place = bench.work / (f"env-{tool}-{app.name}" if peer.with_app else f"env-{tool}")
    python = make_environment(place, bench.interpreter, *installed)
    site = Site(app, python, copy_of(app, folder / "sources"), folder)
    site.main.write_text(app.main_source, encoding="utf-8")
    environment = process.clean_environment(
        {"PATH": f"{site.bin}:/usr/local/bin:/usr/bin:/bin", "PEX_ROOT": str(bench.work / "pex")}
    )
    if not peer.slow:  # downloads, compiled modules and caches are there when time counts
        process.run(peer.build(site), env=environment, action=f"build with {peer.name}")
        remove(peer.product(site))
    timing = timed_build(
        peer.build(site), action=f"build with {peer.name}", environment=environment
    )
    made = built(peer.name, peer.start(site), peer.product(site), timing)
    record.write_text(json.dumps(jsonform.dump(made)))
    return made


def remove(product: Path) -> None:
    """Delete a file or a folder that a build made."""
    if product.is_dir():
        shutil.rmtree(product)
    else:
        product.unlink()


def built(name: str, start: Command, product: Path, timing: process.Timing) -> Built:
    """What came of a build."""
    command = tuple(map(str, start))
    return Built(name, command, size_of(product), timing)


def build_sealift(bench: Bench, given: Path, form: str, out: Path) -> Path:
    """Build ``given`` with Sealift, untimed; the artifact's path."""
    process.run(sealift_command(bench, given, form, out), env=sealift_environment(bench))
    return _only_artifact(out)


def time_sealift(bench: Bench, app: App, form: str) -> Built:
    """Build ``app`` with Sealift from nothing but its downloads."""
    print(f"{app.name}: building with Sealift, {form}", file=sys.stderr)
    folder = bench.work / app.name / f"sealift-{form}"
    sources = copy_of(app, folder / "sources")
    build_sealift(bench, sources, form, folder / "dist")
    forget_all_but_downloads(bench.cache)
    shutil.rmtree(folder / "dist")
    timing = timed_build(
        sealift_command(bench, sources, form, folder / "dist"),
        action=f"build {form}",
        environment=sealift_environment(bench),
    )
    made = _only_artifact(folder / "dist")
    start: Command = [made / app.script] if made.is_dir() else [made]
    if form == "pyz":
        start = [app_python(bench, app), made]
    return built(f"sealift {form}", start, made, timing)


def forget_all_but_downloads(cache: Path) -> None:
    """Leave in Sealift's cache what came from the network, and nothing that was made of it."""
    for folder in (cache / "build").iterdir():
        if folder.name != "downloads":
            shutil.rmtree(folder)


def sealift_command(bench: Bench, given: Path, form: str, out: Path) -> Command:
    """The command that builds ``given`` into ``out``."""
    which = "--python" if bench.interpreter[0].isdigit() else "--interpreter"
    options: Command = ["-f", form, which, bench.interpreter, "--out", out, "--quiet"]
    return [sys.executable, "-m", "sealift", "build", given, *options]


def sealift_environment(bench: Bench) -> dict[str, str]:
    """Variables for Sealift, with a cache of its own."""
    return process.clean_environment({"SEALIFT_CACHE_DIR": str(bench.cache)})


def _only_artifact(out: Path) -> Path:
    (made,) = (path for path in out.iterdir() if path.name != "artifacts.json")
    return made


def app_python(bench: Bench, app: App) -> Path:
    """The Python of an environment with ``app``: the baseline."""
    return make_environment(bench.work / f"env-{app.name}", bench.interpreter, app.folder)


def reference_subjects(bench: Bench, app: App) -> list[Subject]:
    """The baseline, and how long Python alone takes."""
    python = str(app_python(bench, app))
    return [
        Subject("python -m", (python, "-m", app.module, *ARGUMENTS)),
        Subject("python -I -S -c pass", (python, "-I", "-S", "-c", "pass")),
    ]


def init_subject(bench: Bench) -> Subject:
    """A program of Sealift that ends where an application would begin."""
    script = bench.work / "init.py"
    script.write_text(INIT_ONLY, encoding="utf-8")
    out = bench.work / "init"
    shutil.rmtree(out, ignore_errors=True)
    return Subject("sealift init only", (str(build_sealift(bench, script, "onefile", out)),))


def measure_app(bench: Bench, app: App, peers: Sequence[Peer]) -> Measured:
    """Build ``app`` in every way, then run all of it."""
    products = [time_sealift(bench, app, form) for form in SEALIFT_FORMATS if bench.sealift]
    products += [build_peer(bench, app, peer) for peer in peers]
    subjects = reference_subjects(bench, app)
    if bench.sealift:
        subjects.append(init_subject(bench))
    subjects += [Subject(each.name, (*each.start, *ARGUMENTS)) for each in products]
    warm = _run(bench.rounds, subjects, Start.WARM, app)
    cold = _run(bench.cold_rounds, subjects, Start.COLD, app)
    return Measured(app.name, tuple(products), warm, cold)


def _run(rounds: int, subjects: Sequence[Subject], start: Start, app: App) -> Report:
    print(f"{app.name}: {rounds} rounds, {start.value}", file=sys.stderr)
    return measure(subjects, rounds=rounds, start=start)


def python_version(bench: Bench) -> str:
    """Name and version of the interpreter in all environments."""
    python = make_environment(bench.work / "env-python", bench.interpreter)
    code = "import platform as p; print(p.python_implementation(), p.python_version())"
    return process.run([python, "-c", code]).strip()


def parse() -> argparse.Namespace:
    """The arguments of one call."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.startup", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--apps", default=",".join(APPS), help="which examples (%(default)s)")
    parser.add_argument(
        "--peers", help="tools or names, comma-separated; all but nuitka; '' for none"
    )
    parser.add_argument("--python", default="3.13", help="interpreter to ship (%(default)s)")
    parser.add_argument("--rounds", type=int, default=15, help="warm runs of each (%(default)s)")
    parser.add_argument("--cold-rounds", type=int, default=5, help="cold runs (%(default)s)")
    parser.add_argument("--reuse", action="store_true", help="take what peers built before")
    parser.add_argument("--no-sealift", action="store_true", help="measure only the peers")
    parser.add_argument("--work", type=Path, default=Path("build/startup"), help="where to build")
    parser.add_argument(
        "--out", type=Path, default=Path("build"), help="folder for startup.md, .json"
    )
    return parser.parse_args()


def main() -> None:
    """Build, measure, write."""
    arguments = parse()
    peers = chosen(arguments.peers)
    bench = Bench(
        work=arguments.work.absolute(),
        interpreter=arguments.python,
        rounds=arguments.rounds,
        cold_rounds=arguments.cold_rounds,
        sealift=not arguments.no_sealift,
        reuse=arguments.reuse,
    )
    bench.work.mkdir(parents=True, exist_ok=True)
    apps = [APPS[name] for name in arguments.apps.split(",")]
    measured = [measure_app(bench, app, peers) for app in apps]
    write_results(measured, arguments.out, about=f"{current_target()}, {python_version(bench)}")


if __name__ == "__main__":
    main()

"""Hold Sealift's verdicts on wheels of the index against those of the tools people use today.

Run it from the repository's root::

    python -m benchmarks.field linux
    python -m benchmarks.field macos --out results
    python -m benchmarks.field linux-repair
    python -m benchmarks.field policies

``wheels.toml`` names the wheels; they come from the index that uv is set up for.  The peers are
auditwheel for Linux, delocate (as repairwheel runs it, without Apple's tools) for macOS and
delvewheel for Windows, in the versions of ``requirements.txt``, in an environment of their own.
Each difference needs its reason in ``reasons.toml``; one without fails the run.  The tables are
written to ``docs/field.md``.  ``linux-repair`` and ``windows-repair`` repair the same wheels with
both, see :mod:`benchmarks.field.repairs`.  ``policies`` compares the lists behind the Linux
verdicts instead.
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.field.answers import Answer, Row, compare_verdicts
from benchmarks.field.fetching import fetch_wheels
from benchmarks.field.page import write_section
from benchmarks.field.policies import compare_policies
from benchmarks.field.repairs import repair_all
from sealift import process
from sealift.audit.inventory import take_inventory
from sealift.audit.platform import judge
from sealift.audit.verdict import Verdict
from sealift.policy.ladder import load_ladder
from sealift.tools import UV

HERE = Path(__file__).parent
SECTIONS = ("linux", "linux-repair", "macos", "windows", "windows-repair")


def main() -> None:
    """Compare the wheels of one system, and write a section of the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("section", choices=(*SECTIONS, "policies"))
    parser.add_argument("--out", type=Path, default=Path("build/field"), help="downloads, peers")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.section == "policies":
        lines = compare_policies(make_peers(given.out))
        print("\n".join(lines) or "the policies are auditwheel's")
        sys.exit(bool(lines))
    system, _, what = given.section.partition("-")
    wheels = tomllib.loads((HERE / "wheels.toml").read_text("utf-8"))[system]
    reasons = tomllib.loads((HERE / "reasons.toml").read_text("utf-8")).get(given.section, {})
    paths = list(fetch_wheels(wheels, given.out))
    if what == "repair":
        rows = repair_all(system, paths, make_peers(given.out), given.out)
    else:
        rows = compare(system, paths, given.out)
    write_section(given.section, rows, reasons)
    sys.exit(report(rows, reasons))


def compare(system: str, paths: Sequence[Path], out: Path) -> list[Row]:
    """Both answers on each of ``paths``."""
    python = make_peers(out)
    output = process.run([python, HERE / "ask.py", system, *paths], action=f"ask the {system} peer")
    told = {answer["name"]: answer for answer in map(json.loads, output.splitlines())}
    return [
        compare_verdicts(path.name, judge_wheel(path, system), _answer(told[path.name]))
        for path in paths
    ]


def _answer(told: Mapping[str, Any]) -> Answer:
    return Answer(told["tag"], frozenset(told["externals"]), told["problem"])


def judge_wheel(path: Path, system: str) -> Answer:
    """Sealift's answer, with the libraries that the peer would list.

    auditwheel lists what the oldest policy does not promise; the others know one list alone.
    """
    verdict = judge(take_inventory(path))
    names = {it.library for it in verdict.externals if not it.promised_by}
    if system == "linux":
        names = {it.library for it in verdict.externals if _lowest(verdict) not in it.promised_by}
    if system == "windows":
        names = {name.lower() for name in names}
    return Answer(verdict.best, frozenset(names))


def _lowest(verdict: Verdict) -> str:
    """The tag of the oldest policy that the peer takes for the wheel."""
    best = str(verdict.best)
    arch = best.partition("_")[2] if best.startswith("linux_") else best.split("_", 3)[3]
    is_musl = any(tag.startswith("musllinux") for tag in (best, *verdict.claimed))
    ladder = load_ladder("musl" if is_musl and "manylinux" not in best else "gnu", arch)
    assert ladder
    return ladder.tags[-1 if ladder.libc == "musl" else 0]


def make_peers(out: Path) -> Path:
    """The environment of the peers; its Python."""
    folder, wanted = out / "peers", HERE / "requirements.txt"
    python, mark = folder / "bin" / "python", folder / ".complete"
    if not mark.exists() or mark.read_text() != wanted.read_text():
        uv, environment = UV.require(), process.clean_environment()
        process.run([uv, "venv", "--clear", "--python", sys.executable, folder], env=environment)
        process.run(
            [uv, "pip", "install", "--no-deps", "--python", python, "-r", wanted],
            env=environment,
            action="install the peers",
        )
        mark.write_text(wanted.read_text())
    return python


def report(rows: Sequence[Row], reasons: Mapping[str, Any]) -> int:
    """Print what differs; 1 where a difference has no reason, or a reason no difference."""
    different = {row.wheel: row for row in rows if not row.is_same}
    print(f"{len(rows) - len(different)} of {len(rows)} wheels: the same")
    known = {wheel for reason in reasons.values() for wheel in reason["wheels"]}
    for line in _unexplained(different, known):
        print(line)
    return int(different.keys() != known)


def _unexplained(different: Mapping[str, Row], known: set[str]) -> Iterator[str]:
    for wheel, row in different.items():
        if wheel not in known:
            yield f"{wheel}\n    Sealift: {row.ours}\n    peer:    {row.peers}"
    for wheel in sorted(known - different.keys()):
        yield f"{wheel}: has a reason in reasons.toml, and no difference"


if __name__ == "__main__":
    main()

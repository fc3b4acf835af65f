"""Targets, interpreters and locks for tests that plan and collect."""

import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.pylock import Pylock

from sealift.config import Config, Settings
from sealift.entry import EntryPoint
from sealift.interpreter import Interpreter
from sealift.lockfile import parse_lock
from sealift.plan import Job, Plan, make_plan
from sealift.project import InputKind, Project
from sealift.target import Target, current_target, parse_target

SHA256 = "0" * 64


def interpreter(
    target: Target,
    version: str = "3.13.2",
    *,
    program: Path | None = Path("/nowhere/python"),
    free_threaded: bool = False,
) -> Interpreter:
    """An interpreter as far as planning asks."""
    feature = ".".join(version.split(".")[:2])
    return Interpreter(
        provider="local", version=version, target=target, root=Path("/nowhere"),
        stdlib=f"lib/python{feature}", library=None, static_library=None, headers=None,
        program=program, ext_suffix=".so", free_threaded=free_threaded, floor=None,
        key="test", reason="a test",
    )  # fmt: skip


def running_interpreter() -> Interpreter:
    """The Python that runs the tests, for builds."""
    version = ".".join(map(str, sys.version_info[:3]))
    return interpreter(current_target(), version, program=Path(sys.executable))


def project(
    name: str = "demo",
    *,
    kind: InputKind = InputKind.REQUIREMENT,
    path: Path | None = None,
    config: Config | None = None,
    entry_points: Sequence[EntryPoint] = (),
) -> Project:
    """A project as far as planning asks."""
    return Project(
        kind=kind, name=name, version=None, path=path,
        requirement=name if kind is InputKind.REQUIREMENT else None,
        dependencies=(), requires_python="", entry_points=tuple(entry_points),
        settings=Settings(config=config or Config()),
    )  # fmt: skip


def package(
    name: str, *wheels: str, version: str = "1.0", sdist: bool = False, more: str = ""
) -> str:
    """``[[packages]]`` of a lock; ``wheels`` are the tags of its wheels."""
    stem = f"{name.replace('-', '_')}-{version}"
    files = [f"{stem}-{tags}.whl" for tags in wheels]
    base, hashes = "https://index.invalid", f'hashes = {{ sha256 = "{SHA256}" }}'
    lines = [f'[[packages]]\nname = "{name}"\nversion = "{version}"', more]
    if files:
        listed = ", ".join(f'{{ url = "{base}/{file}", {hashes} }}' for file in files)
        lines.append(f"wheels = [{listed}]")
    if sdist:
        lines.append(f'sdist = {{ url = "{base}/{stem}.tar.gz", {hashes} }}')
    return "\n".join(lines)


def lock(*packages: str, head: str = "", folder: Path | None = None) -> Pylock:
    """A lock of ``packages``."""
    text = "\n".join(['lock-version = "1.0"\ncreated-by = "test"', head, *packages])
    return parse_lock(
        text if packages else f"{text}\npackages = []", folder=folder or Path(), source="test"
    )


def plan_for(
    made: Project, locked: Pylock, *names: str, version: str = "3.13.2", floor: str | None = None
) -> Plan:
    """A plan for the targets called ``names``."""
    targets = [parse_target(name) for name in names]
    targets = [target.with_floor(floor) if floor else target for target in targets]
    interpreters = {target.name: interpreter(target, version) for target in targets}
    return make_plan(
        made, lock=locked, targets=targets, interpreters=interpreters, formats=("dir",)
    )


def job_here(made: Project, locked: Pylock) -> Job:
    """The job for this machine with the running Python."""
    here = current_target()
    plan = make_plan(
        made, lock=locked, targets=[here], interpreters={here.name: running_interpreter()},
        formats=("dir",),
    )  # fmt: skip
    return plan.jobs[0]

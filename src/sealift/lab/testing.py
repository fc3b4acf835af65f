"""What ``sealift test`` does: a program on one system after the other, and what came of it."""

import difflib
import functools
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sealift import console, jsonform, plugins
from sealift.audit.inventory import take_inventory
from sealift.audit.natives import Native
from sealift.audit.tags import cpu_of
from sealift.binary.elf import read_elf
from sealift.binary.pe import read_pe
from sealift.errors import ConfigError, PolicyError, RefusedError
from sealift.lab.reasons import reasons
from sealift.machine import PROGRAMS, Ending, System
from sealift.plugins import Runner

_SYSTEMS = {"linux": ("debian-11", "debian-12", "debian-13"), "windows": ("wine",)}
_INTERPRETERS = {"python.exe", "pythonw.exe"}  # that lie beside a program for Windows
_DEFAULT_ARGUMENT = "--help"
_SHOWN = 12  # lines of output


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How a program did on one system; ``reasons`` tell why it failed."""

    system: str
    libc: str
    arch: str
    passed: bool
    status: int | None
    seconds: float
    output: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is tried: ``path`` is laid under ``name``, and ``command`` starts it.

    ``systems`` are those it is tried on by default.
    """

    path: Path
    name: str
    os: str
    arch: str
    command: tuple[str, ...]
    systems: tuple[str, ...]


def run(file: Path, *, systems: Sequence[str], line: str | None, timeout: float) -> None:
    """Run ``file`` on ``systems`` and show how it did.

    Raises :class:`PolicyError` where it failed on any, :class:`RefusedError` where there is no way
    to try, and :class:`ConfigError` for what is no program or no system.
    """
    subject = _subject(file, line)
    runners = _runners(systems, subject)
    trials = []
    for name, runner in runners.items():
        with console.step(f"Running on {name}") as step:
            machine = runner.start(name, subject.arch)
            ending = machine.run(
                subject.command, programs={subject.name: subject.path}, timeout=timeout
            )
            trials.append(_trial(subject, machine.system, ending))
            step.done("works" if trials[-1].passed else "fails")
    console.page(lambda: [jsonform.dump(trial) for trial in trials], _lines(trials))
    failed = [trial.system for trial in trials if not trial.passed]
    if failed:
        raise PolicyError(f"{file.name} does not run on {', '.join(failed)}")


def _trial(subject: _Subject, system: System, ending: Ending) -> Trial:
    passed = ending.status == 0
    return Trial(
        system=system.name,
        libc=system.libc,
        arch=system.arch,
        passed=passed,
        status=ending.status,
        seconds=round(ending.seconds, 3),
        output=ending.output,
        reasons=() if passed else reasons(_natives(subject.path), system, ending),
    )


@functools.cache
def _natives(path: Path) -> Sequence[Native]:
    return take_inventory(path).natives


def _subject(file: Path, line: str | None) -> _Subject:
    """What is to be tried of ``file``, and by which command."""
    program = _program(file)
    system, native = _native(program)
    words = _words(line) if line is not None else (program.name, _DEFAULT_ARGUMENT)
    if words[0] in {program.name, program.stem, str(file)}:
        below = (file.name,) if program == file else (file.name, program.name)
        words = ("/".join((PROGRAMS, *below)), *words[1:])
    return _Subject(file.absolute(), file.name, system, cpu_of(native), words, _SYSTEMS[system])


def _native(program: Path) -> tuple[str, Native]:
    """The system that the program is for, and what it is."""
    for system, read in (("linux", read_elf), ("windows", read_pe)):
        facts = read(program)
        if facts is not None and facts.is_program:
            return system, Native(path=program.name, size=0, mode=0, facts=facts)
    raise ConfigError(
        f"cannot try {program}: it is no program for Linux or Windows",
        hint="`sealift build` makes one; a .pyz needs a Python, which these systems lack",
    )


def _program(file: Path) -> Path:
    if not file.is_dir():
        return file
    files = sorted(path for path in file.iterdir() if path.is_file())
    programs = [path for path in files if path.suffix == ".exe" and path.name not in _INTERPRETERS]
    programs = programs or [path for path in files if os.access(path, os.X_OK)]
    if len(programs) != 1:
        found = ", ".join(program.name for program in programs)
        raise ConfigError(f"cannot try {file}: it has {found or 'no program'}")
    return programs[0]


def _words(line: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(line))
    except ValueError as problem:
        raise ConfigError(f"cannot read --run {line!r}: {problem}") from problem
    if not words:
        raise ConfigError("cannot read --run: the command is empty")
    return words


def _runners(systems: Sequence[str], subject: _Subject) -> Mapping[str, Runner]:
    """A runner for each of ``systems``; by default for those of the usual ones that have one."""
    if systems:
        return {name: _runner(name, subject) for name in systems}
    found = {}
    problem: RefusedError | None = None
    for name in subject.systems:
        try:
            found[name] = _runner(name, subject)
        except RefusedError as refusal:
            problem = refusal
    if problem and not found:
        raise problem
    return found


def _runner(system: str, subject: _Subject) -> Runner:
    """A runner that has ``system``, and can run ``subject`` there."""
    refusals: list[str] = []
    runners: list[Runner] = [plugins.load("runners", name) for name in plugins.names("runners")]
    for runner in runners:
        try:
            refusal = runner.refuses(system, subject.arch)
        except ConfigError:  # another one may have it
            continue
        if runner.os != subject.os:
            refusal = f"{system} runs programs for {runner.os}, and this one is for {subject.os}"
        if refusal is None:
            return runner
        refusals.append(refusal)
    if not refusals:
        known = [name for runner in runners for name in runner.systems()]
        near = difflib.get_close_matches(system, known, n=1)
        raise ConfigError(
            f"there is no system {system!r} to try programs on",
            hint=f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}",
        )
    raise RefusedError(f"cannot run {subject.name} on {system}: {'; '.join(refusals)}")


def _lines(trials: Sequence[Trial]) -> Iterator[str]:
    for trial in trials:
        mark = "[green]✓[/]" if trial.passed else "[red]✗[/]"
        what = "works" if trial.passed else "fails"
        yield (
            f"{mark} {trial.system}  {trial.libc}  {trial.arch}  {what}  "
            f"[dim]{trial.seconds:.2f} s[/]"
        )
        yield from (f"    {console.escape(reason)}" for reason in trial.reasons)
        lines = trial.output.splitlines()
        shown = lines if console.is_verbose() else lines[:_SHOWN]
        yield from (f"    [dim]│[/] {console.escape(text)}" for text in shown)
        if lines[len(shown) :]:
            yield f"    [dim]│ … {len(lines) - len(shown)} lines more, with --verbose[/]"

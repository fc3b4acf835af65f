"""What ``python -m sealift.crossenv`` does: a host read off its files, and its environment."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sealift import console, process
from sealift.cross.environment.creation import Variable, Wishes, make_environment
from sealift.cross.environment.making import find_program, tell
from sealift.cross.given_host import make_given_host
from sealift.cross.given_toolchain import Commands, find_given_toolchain
from sealift.cross.host import Host
from sealift.cross.hostpython import HostPython, read_host_python
from sealift.cross.toolchain import GNU, Toolchain, find_toolchain
from sealift.errors import ConfigError, InterpreterError, RefusedError
from sealift.interpreters.candidates import named_program
from sealift.interpreters.installation import OLDEST, Installation, ask
from sealift.target import current_target
from sealift.uv import running_python

_ALIASES = {"manylinux1": "manylinux_2_5", "manylinux2010": "manylinux_2_12",
            "manylinux2014": "manylinux_2_17"}  # fmt: skip
_GLIBC = re.compile(r"manylinux_(\d+)_(\d+)")
_ASSIGNED = re.compile(r"\s*([^\W\d]\w*)([?+:]?=)(.*)", re.DOTALL)
_CLEARED = {
    None: frozenset[str](), "clear": frozenset({"build", "cross"}),
    "clear-cross": frozenset({"cross"}), "clear-build": frozenset({"build"}),
    "clear-both": frozenset({"build", "cross"}),
}  # fmt: skip


def run(host_python: Path, folders: Sequence[Path], **options: Any) -> None:
    """Make an environment for ``host_python`` in each of ``folders``.

    ``options`` are those of the command.  Raises :class:`ConfigError` for one that is wrong, and
    what reading a host, finding its compilers and making an environment raise.
    """
    variables = parse_variables(options["variables"])
    changed = _parse_changes(options["config_vars"])
    given = read_host_python(
        host_python, sysconfigdata=options["sysconfigdata"], machine=options["machine"]
    )
    platforms = expand_platforms((*options["manylinux"], *options["platform_tags"]), given)
    given = _with_floor(given, platforms)
    program = _build_program(given, options["python"])
    toolchain = _toolchain(given, options)
    sysroot = options["sysroot"] or given.root or _sysroot_of(toolchain)
    host = make_given_host(
        given, toolchain, changed=changed, build_type=current_target().triple, sysroot=sysroot
    )
    wishes = Wishes(
        cleared=_cleared(options["clear"], options["cross_prefix"]),
        cross_prefix=options["cross_prefix"],
        system_site_packages=options["system_site_packages"],
        build_pip=not options["without_pip"],
        cross_pip=not (options["without_pip"] or options["without_cross_pip"]),
        variables=(*_of_sysroot(sysroot, toolchain, given), *variables),
        platforms=platforms or (f"linux_{given.target.machine}",),
        makefile=given.makefile,
        roots=(sysroot,) if sysroot else (),
    )
    _describe(given, program, host)
    for folder in folders:
        with console.step(f"Making an environment in {folder}"):
            make_environment(host, program.program, folder, wishes)
        tell(folder, host)


def _describe(given: HostPython, program: Installation, host: Host) -> None:
    console.detail(f"host-python: {given.version} for {given.target.machine}, in {given.home}")
    console.detail(f"build-python: {program.version}, {program.program}")
    console.detail(f"compiler: {host.toolchain.cc}")


def parse_variables(texts: Sequence[str]) -> tuple[Variable, ...]:
    """Variables of ``--env``, each with how it is set.

    >>> parse_variables(["A=1", "B?=x=y", "PATH:=/bin"])
    (('A', '=', '1'), ('B', '?=', 'x=y'), ('PATH', ':=', '/bin'))
    """
    found = []
    for text in texts:
        parts = _ASSIGNED.fullmatch(text)
        if not parts:
            raise ConfigError(
                f"--env {text!r} sets no variable",
                hint="write it as NAME=VALUE, NAME?=VALUE, NAME+=VALUE or NAME:=VALUE",
            )
        found.append((parts[1], parts[2], parts[3]))
    return tuple(found)


def _parse_changes(texts: Sequence[str]) -> Mapping[str, str]:
    wrong = [text for text in texts if not text.partition("=")[0] or "=" not in text]
    if wrong:
        raise ConfigError(f"--config-var {wrong[0]!r} is not NAME=VALUE")
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def expand_platforms(tags: Sequence[str], given: HostPython) -> tuple[str, ...]:
    """``tags`` with their other names (PEP 600) and the CPU; wheels built here always fit."""
    if not tags:
        return ()
    machine = given.target.machine
    other = {**_ALIASES, **{new: old for old, new in _ALIASES.items()}}
    bare = [tag.removesuffix(f"_{machine}") for tag in tags]
    every = dict.fromkeys(name for tag in bare for name in (tag, other.get(tag, tag)))
    return (*(f"{tag}_{machine}" for tag in every), f"linux_{machine}")


def _with_floor(given: HostPython, platforms: Sequence[str]) -> HostPython:
    """``given`` with the newest glibc that any of ``platforms`` may count on."""
    found = [(int(m[1]), int(m[2])) for tag in platforms if (m := _GLIBC.match(tag))]
    if not found or given.target.abi != "gnu":
        return given
    return dataclasses.replace(given, target=dataclasses.replace(given.target, floor=max(found)))


def _build_program(given: HostPython, named: str | None) -> Installation:
    """Build-python: its feature version is the host's, for it is that one's that it answers."""
    if tuple(map(int, given.feature.split("."))) < OLDEST:
        raise RefusedError(
            f"cannot build for {given.program}: it is CPython {given.version}; environments are "
            f"made for {OLDEST[0]}.{OLDEST[1]} and later"
        )
    if named:
        is_path = "/" in named
        found = ask(named_program(named) if is_path else find_program(named))
        if found.feature != given.feature:
            raise InterpreterError(
                f"cannot build for {given.program}, which is CPython {given.version}, with "
                f"{found.program}, which is {found.version}",
                hint=f"both have to be {given.feature}: name another with --python",
            )
        return found
    own = ask(running_python())
    if own.feature == given.feature:
        return own
    try:
        return ask(find_program(given.feature))
    except InterpreterError as problem:
        raise InterpreterError(
            f"cannot build for {given.program}, which is CPython {given.version}: there is no "
            f"CPython {given.feature} on this machine to build with, and Sealift runs on "
            f"{own.version}",
            details=problem.details,
            hint=f"uv python install {given.feature}   |   name a program with --python",
        ) from problem


def _toolchain(given: HostPython, options: Mapping[str, Any]) -> Toolchain:
    if options["toolchain"]:
        if options["cc"] or options["cxx"] or options["ar"]:
            raise ConfigError("--toolchain goes without --cc, --cxx and --ar")
        return find_toolchain(options["toolchain"], given.target)
    commands = Commands(
        cc=options["cc"], cxx=options["cxx"], ar=options["ar"],
        is_relative=options["relative_toolchain"], sysroot=options["sysroot"] or given.root,
    )  # fmt: skip
    return find_given_toolchain(given, commands)


def _sysroot_of(toolchain: Toolchain) -> Path | None:
    """Where the compiler itself looks, if that is not this machine's root."""
    if toolchain.name != GNU:
        return None
    told = process.run(
        [toolchain.cc, "-print-sysroot"], action="ask for the sysroot", expected=range(256)
    ).strip()
    return Path(told) if told and Path(told).is_dir() and Path(told) != Path("/") else None


def _of_sysroot(
    sysroot: Path | None, toolchain: Toolchain, given: HostPython
) -> tuple[Variable, ...]:
    """What lets packages find headers and libraries that they look for by themselves.

    Zig has a C library of its own, whose headers those of a sysroot would hide.
    """
    if sysroot is None or toolchain.name != GNU:
        return ()
    usr = sysroot / "usr" if (sysroot / "usr").is_dir() else sysroot
    multiarch = str(given.variables.get("MULTIARCH") or "-")
    found = {
        "CPATH": [usr / "include", usr / "include" / multiarch],
        "LIBRARY_PATH": [usr / "lib" / multiarch, *sorted(usr.glob("lib*"))],
    }
    there = {name: [path for path in paths if path.is_dir()] for name, paths in found.items()}
    if not there["CPATH"] and not there["LIBRARY_PATH"]:
        console.warning(f"there are neither headers nor libraries in the sysroot {sysroot}")
    return tuple((name, ":=", ":".join(map(str, paths))) for name, paths in there.items() if paths)


def _cleared(how: str | None, cross_prefix: Path | None) -> frozenset[str]:
    if how == "clear" and cross_prefix:
        return frozenset({"build"})
    return _CLEARED[how]

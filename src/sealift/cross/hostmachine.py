"""The machine that a given host Python is for, by what was recorded when it was built."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sealift.binary.elf import read_elf
from sealift.cross.configuration import host_row
from sealift.errors import BinaryFormatError, InterpreterError
from sealift.target import Target, load_targets

# CPUs that GNU and the kernel call by different names.
_MACHINES = {"powerpc64le": "ppc64le", "powerpc64": "ppc64", "i386": "i686", "i586": "i686"}


def target_of(
    values: Mapping[str, Any], program: Path, platform: str | None, machine: str | None
) -> Target:
    """What it runs on: a target that Sealift knows, or one like it.

    ``values`` are the build's variables, ``platform`` is what :func:`sysconfig.get_platform` says
    there where that is recorded, too, ``machine`` what the kernel calls the CPU where a user
    knows better.  Raises :class:`InterpreterError` where it is not for Linux.
    """
    gnu = str(values.get("HOST_GNU_TYPE") or "")
    triplet = str(values.get("MULTIARCH") or "") or gnu
    system = (platform or str(values.get("MACHDEP") or "linux")).partition("-")[0]
    if not system.startswith("linux") or "android" in triplet:
        raise InterpreterError(
            f"cannot build for {program}: it is for {'android' if 'android' in triplet else system}"
            ", not for Linux",
            hint="`sealift cross env` has other systems",
        )
    known = next((each for each in load_targets().values() if _is_called(each, triplet)), None)
    abi = "musl" if "musl" in f"{triplet} {gnu} {_libc(program)}" else "gnu"
    if known and known.abi != abi:
        own = (known.os, known.arch, abi)
        same = (t for t in load_targets().values() if (t.os, t.arch, t.abi) == own)
        known = next(same, None)
    if known and machine in {None, known.machine}:
        return known
    cpu = machine or _MACHINES.get(gnu.partition("-")[0], gnu.partition("-")[0])
    oldest, newest = ((2, 17), (2, 41)) if abi == "gnu" else ((1, 0), (1, 2))
    return Target(
        name=f"linux-{cpu}{'-musl' * (abi == 'musl')}", os="linux", arch=cpu, abi=abi, wheel=cpu,
        machine=cpu, triple=gnu, oldest=oldest, newest=newest,
    )  # fmt: skip


def other_cpu(path: Path, target: Target) -> str | None:
    """The CPU that the ELF file at ``path`` is for where ``target`` has another one.

    ``None`` tells nothing of files of another kind, and of CPUs that no target here has.
    """
    with path.open("rb") as file:
        facts = read_elf(path) if file.read(4) == b"\x7fELF" else None
    known = {each.arch for each in load_targets().values()}
    agrees = facts is None or target.arch not in known or facts.runs_on(target.arch)
    return None if agrees or facts is None else facts.machine


def _is_called(target: Target, triplet: str) -> bool:
    return target.os == "linux" and host_row(target)["triplet"] == triplet


def _libc(program: Path) -> str:
    try:
        facts = read_elf(program) if program.is_file() else None
    except BinaryFormatError:
        facts = None
    return facts.libc or "" if facts else ""

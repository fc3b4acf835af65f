"""Debian's releases as minimal roots: no daemon, no rights, the kernel of this machine."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sealift import process
from sealift.debian.releases import architecture, load_releases, parse_release
from sealift.debian.root import Root, make_root
from sealift.errors import ToolError
from sealift.machine import PROGRAMS, Ending, System
from sealift.runners import emulation
from sealift.target import current_target
from sealift.tools import BWRAP, GPGV

_USER = "1000"
_HOME = "/home/user"
_PROBE_SECONDS = 60
# What every system sets, and nothing of this machine's.
_ENVIRONMENT = {
    "HOME": _HOME,
    "LANG": "C.UTF-8",
    "PATH": f"{PROGRAMS}:/usr/local/bin:/usr/bin:/bin",
    "USER": "user",
}


class RootRunner:
    """Runs programs in roots of Debian's releases, for its architectures, by bubblewrap."""

    name: ClassVar[str] = "roots"
    os: ClassVar[str] = "linux"

    def systems(self) -> Sequence[str]:
        """Debian's releases, oldest first."""
        return tuple(load_releases())

    def refuses(self, system: str, arch: str) -> str | None:
        """Why not; see :class:`sealift.plugins.Runner`."""
        release, debian = parse_release(system), architecture(arch)
        if current_target().os != "linux":
            return "roots need the kernel of Linux"
        if debian is None:
            return f"Debian has no architecture for {arch}"
        if debian in release.lacks:
            return f"{release.name} was not released for {debian}"
        for tool in (BWRAP, GPGV):
            if tool.find() is None:
                return f"there is no {tool.name} ({tool.install})"
        return emulation.refuses(arch)

    def start(self, system: str, arch: str) -> "RootMachine":
        """See :class:`sealift.plugins.Runner`."""
        debian = architecture(arch)
        assert debian is not None
        machine = RootMachine(make_root(parse_release(system), debian), arch)
        probe = machine.run(("/bin/sh", "-c", "exit 0"), programs={}, timeout=_PROBE_SECONDS)
        if probe.status != 0:
            raise ToolError(
                f"cannot run programs of {system} for {arch} here",
                details=probe.output.splitlines()[-process.TAIL_LINES :],
                hint="this takes user namespaces (sysctl user.max_user_namespaces) and, for "
                "another CPU, Linux 6.7",
            )
        return machine


@dataclass(frozen=True, slots=True)
class RootMachine:
    """A root, ready to run programs for CPU ``arch``."""

    root: Root
    arch: str

    @property
    def system(self) -> System:
        """What it is."""
        glibc = self.root.glibc
        return System(
            name=self.root.release.name,
            libc="glibc {}.{}".format(*glibc),
            arch=self.arch,
            glibc=glibc,
            libraries=self.root.libraries(),
        )

    def run(
        self, command: Sequence[str], *, programs: Mapping[str, Path], timeout: float
    ) -> Ending:
        """See :class:`sealift.machine.Machine`."""
        inner, extra = emulation.emulated(self.arch, self._sandbox(programs))
        settings = [
            part for name, value in (_ENVIRONMENT | extra).items()
            for part in ("--setenv", name, value)
        ]  # fmt: skip
        done = process.attempt(
            [*inner, "--clearenv", *settings, "--", *command],
            env={"PATH": os.environ.get("PATH", os.defpath)},
            timeout=timeout,
        )
        return Ending(status=done.status, seconds=done.seconds, output=done.output)

    def _sandbox(self, programs: Mapping[str, Path]) -> list[str | Path]:
        """The command of bubblewrap up to the environment."""
        made: list[str | Path] = [
            BWRAP.require(), "--unshare-user", "--unshare-all", "--die-with-parent",
            "--uid", _USER, "--gid", _USER, "--hostname", self.root.release.name,
            "--ro-bind", self.root.path, "/", "--proc", "/proc", "--dev", "/dev",
        ]  # fmt: skip
        for folder in ("/tmp", "/var/tmp", "/run", "/home", PROGRAMS):  # noqa: S108
            made += ["--tmpfs", folder]
        made += ["--dir", _HOME, "--chdir", _HOME]
        for name, path in programs.items():
            made += ["--ro-bind", path.absolute(), f"{PROGRAMS}/{name}"]
        return made

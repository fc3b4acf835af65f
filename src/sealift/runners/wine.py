"""Windows as wine has it: a fresh one for every program, without network."""

import functools
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sealift import process
from sealift.errors import ConfigError
from sealift.machine import PROGRAMS, Ending, System
from sealift.runners.wine_prefix import HOME, copy_prefix, environment, make_prefix, wine_version
from sealift.target import current_target
from sealift.tools import BWRAP, WINE

_SYSTEM = "wine"
_ARCH = "x86_64"


class WineRunner:
    """Runs programs for Windows by wine, shut in by bubblewrap."""

    name: ClassVar[str] = "wine"
    os: ClassVar[str] = "windows"

    def systems(self) -> Sequence[str]:
        """Only one: the wine of this machine."""
        return (_SYSTEM,)

    def refuses(self, system: str, arch: str) -> str | None:
        """Why not; see :class:`sealift.plugins.Runner`."""
        if system != _SYSTEM:
            raise ConfigError(f"there is no system {system!r} for Windows programs but {_SYSTEM!r}")
        here = current_target()
        if (here.os, here.arch) != ("linux", _ARCH):
            return f"wine runs programs for {_ARCH} on Linux on {_ARCH}"
        if arch != _ARCH:
            return f"wine is asked for programs for {_ARCH} only"
        for tool in (WINE, BWRAP):
            if tool.find() is None:
                return f"there is no {tool.name} ({tool.install})"
        return None

    def start(self, system: str, arch: str) -> "WineMachine":  # noqa: ARG002  (there is one)
        """See :class:`sealift.plugins.Runner`; takes half a minute the first time."""
        return WineMachine(make_prefix(), wine_version())


@dataclass(frozen=True, slots=True)
class WineMachine:
    """A Windows to be copied for every program that runs."""

    prefix: Path
    version: str

    @property
    def system(self) -> System:
        """What it is."""
        folder = self.prefix / "drive_c" / "windows" / "system32"
        return System(
            name=_SYSTEM,
            libc=f"Windows 10 ({self.version.partition(' ')[0]})",
            arch=_ARCH,
            libraries=_names(folder),
        )

    def run(
        self, command: Sequence[str], *, programs: Mapping[str, Path], timeout: float
    ) -> Ending:
        """See :class:`sealift.machine.Machine`; programs lie in the folder "opt" of drive C."""
        with self._copied(programs) as prefix:
            words = [_windows_path(word) for word in command]
            done = process.attempt(
                [*self._sandbox(prefix), "--", WINE.require(), *words],
                env={"PATH": os.environ.get("PATH", os.defpath)},
                timeout=timeout,
            )
        return Ending(status=done.status, seconds=done.seconds, output=done.output)

    def _sandbox(self, prefix: Path) -> list[str | Path]:
        """The command of bubblewrap: all is read only but ``prefix``, and ends with the program.

        So are Windows' own folders, which are the same files for all programs.
        """
        settings = {
            "PATH": f"{WINE.require().parent}:/usr/bin:/bin",
            "HOME": HOME,
            "LANG": "C.UTF-8",
            **environment(prefix),
        }
        drive, own = prefix / "drive_c", self.prefix / "drive_c" / "windows"
        return [
            BWRAP.require(), "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/",
            "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/home",  # noqa: S108
            "--dir", HOME, "--bind", prefix, prefix,
            "--ro-bind", own, drive / "windows", "--tmpfs", drive / "windows" / "temp",
            "--chdir", drive / PROGRAMS.strip("/"), "--clearenv",
            *(part for name, value in settings.items() for part in ("--setenv", name, value)),
        ]  # fmt: skip

    @contextmanager
    def _copied(self, programs: Mapping[str, Path]) -> Iterator[Path]:
        """A prefix of its own with ``programs``; beside the one it is made of, to share files."""
        with tempfile.TemporaryDirectory(prefix=".run.", dir=self.prefix.parent) as scratch:
            prefix = Path(scratch, "prefix")
            copy_prefix(self.prefix, prefix)
            folder = prefix / "drive_c" / PROGRAMS.strip("/")
            folder.mkdir()
            for name, path in programs.items():
                copy = shutil.copytree if path.is_dir() else shutil.copyfile
                copy(path, folder / name)
            yield prefix


@functools.cache
def _names(folder: Path) -> frozenset[str]:
    return frozenset(path.name.lower() for path in folder.iterdir())


def _windows_path(word: str) -> str:
    r"""``word`` as Windows calls it, where it is below :data:`PROGRAMS`.

    >>> _windows_path("/opt/app/app.exe"), _windows_path("--help")
    ('C:\\opt\\app\\app.exe', '--help')
    """
    if word.startswith(f"{PROGRAMS}/"):
        return "C:" + word.replace("/", "\\")
    return word

"""Windows programs run by wine, in a Windows of their own."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sealift.runners.wine_prefix import copy_prefix, environment, make_prefix
from tests.support.tools import require_tool


@dataclass(frozen=True)
class Wine:
    """A Windows of its own in ``prefix``; ``settings`` are variables that programs see besides."""

    program: Path
    prefix: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **environment(self.prefix), "WINEDEBUG": "-all", **self.settings}

    @property
    def drive(self) -> Path:
        """What programs see as ``C:``."""
        return self.prefix / "drive_c"

    def run(self, *command: Path | str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """What came of ``command``; its output are pipes: wine 8 cannot write to files."""
        return subprocess.run(
            [self.program, *command], env=self.environment, capture_output=True, text=True,
            check=False, timeout=timeout, errors="replace", stdin=subprocess.DEVNULL,
        )  # fmt: skip


@contextmanager
def running_wine(folder: Path) -> Iterator[Wine]:
    """A Windows 10 in ``folder``, copied from the one that ``sealift test`` uses."""
    wine, server = Wine(require_tool("wine"), folder / "prefix"), require_tool("wineserver")
    copy_prefix(make_prefix(), wine.prefix)
    try:
        yield wine
    finally:
        subprocess.run([server, "-k"], env=wine.environment, check=False, timeout=60)

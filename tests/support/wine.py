"""Windows programs run by wine, in a Windows of their own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.tools import require_tool


@dataclass(frozen=True)
class Wine:
    """A Windows of its own in ``prefix``."""

    program: Path
    prefix: Path

    @property
    def environment(self) -> dict[str, str]:
        # Without WMI, whose part in wine 8 ends programs that ask it; platform does without, too.
        overrides = "mscoree,mshtml,winedbg.exe,wbemprox="
        settings = {"WINEPREFIX": str(self.prefix), "WINEDEBUG": "-all", "DISPLAY": ""}
        return {**os.environ, **settings, "WINEDLLOVERRIDES": overrides}

    def run(self, *command: Path | str) -> subprocess.CompletedProcess[str]:
        """What came of ``command``; its output are pipes: wine 8 cannot write to files."""
        return subprocess.run(
            [self.program, *command], env=self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip


@contextmanager
def running_wine(folder: Path) -> Iterator[Wine]:
    """A Windows 10 in ``folder``."""
    wine, server = Wine(require_tool("wine"), folder / "prefix"), require_tool("wineserver")
    try:
        assert wine.run("wineboot", "--init").returncode == 0
        assert wine.run("winecfg", "-v", "win10").returncode == 0
        yield wine
    finally:
        subprocess.run([server, "-k"], env=wine.environment, check=False, timeout=60)

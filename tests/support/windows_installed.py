"""What installers did to a Windows of wine."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.windows_products import TITLE
from tests.support.wine import Wine


def value(wine: Wine, key: str, name: str) -> str | None:
    """A value of the registry."""
    done = wine.run("reg", "query", key, "/v", name)
    found = re.search(r"REG_\w+ +(.*)", done.stdout)
    return found[1].rstrip("\r") if found else None


def installed(wine: Wine) -> Path:
    """The folder it is in."""
    (users,) = (path for path in (wine.drive / "users").iterdir() if path.name != "Public")
    return users / "AppData" / "Local" / "Programs" / TITLE


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def until(holds: Callable[[], bool]) -> None:
    """Wait until ``holds``: an uninstaller goes on in a copy of itself."""
    for _ in range(300):
        if holds():
            return
        time.sleep(0.1)
    pytest.fail("nothing came of it in half a minute")

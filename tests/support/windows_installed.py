"""What installers did to a Windows of wine."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.windows_products import TITLE
from tests.support.wine import Wine


def values(wine: Wine, *asked: tuple[str, str]) -> list[str | None]:
    """Values of the registry by key and name; all in one run, for a start of Windows takes long."""
    script = wine.drive / "asked.bat"
    lines = [f'@reg query "{key}" /v "{name}"\r\n@echo ====\r\n' for key, name in asked]
    script.write_bytes("".join(lines).encode())
    *answers, _ = wine.run("cmd", "/c", "C:\\asked.bat").stdout.split("====")
    found = [re.search(r"REG_\w+ +(.*)", answer) for answer in answers]
    return [one[1].rstrip("\r") if one else None for one in found]


def installed(wine: Wine, title: str = TITLE) -> Path:
    """The folder of the product of that title."""
    (users,) = (path for path in (wine.drive / "users").iterdir() if path.name != "Public")
    return users / "AppData" / "Local" / "Programs" / title


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def until(holds: Callable[[], bool]) -> None:
    """Wait until ``holds``: an uninstaller goes on in a copy of itself."""
    for _ in range(300):
        if holds():
            return
        time.sleep(0.1)
    pytest.fail("nothing came of it in half a minute")

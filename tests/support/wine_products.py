"""Products for Windows, built here and run by wine as on a machine that knows nothing of us."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from sealift.config import Settings
from sealift.errors import SealiftError
from sealift.interpreter import Interpreter
from sealift.interpreters.wheels import WheelInterpreters
from sealift.target import parse_target
from tests.support.running import Product
from tests.support.tools import missing
from tests.support.wine import Wine


@functools.cache
def windows_interpreter(feature: str = "3.13") -> Interpreter:
    """A CPython ``feature`` for Windows, with headers for its launcher."""
    target = parse_target("windows-x86_64")
    try:
        found = WheelInterpreters().find(feature, target, Settings())
    except SealiftError as problem:
        missing(f"needs CPython {feature} for Windows: {problem}")
    if found.headers is None:
        missing(f"needs the headers of CPython {feature}")
    return found


@dataclass(frozen=True, kw_only=True)
class WindowsProduct(Product):
    """A product below drive C of a Windows of wine."""

    wine: Wine

    @property
    def command(self) -> tuple[Path, ...]:
        return (self.wine.program, self.path)

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**self.wine.environment, **self.variables, **(extra or {})}

    def run(self, *arguments: str | bytes, **options: Any) -> Any:
        return super().run(*arguments, **{"errors": "surrogateescape", **options})

    @property
    def local_data(self) -> Path:
        """The user's local application data, where caches lie."""
        (found,) = self.wine.drive.glob("users/*/AppData/Local")
        return found

    def trees(self, name: str) -> list[Path]:
        """The complete trees in the cache of the product that is called so."""
        return sorted((self.local_data / "sealift" / "apps").glob(f"{name}-*"))


def windows_path(wine: Wine, path: Path) -> str:
    r"""How Windows calls ``path`` on its drive C: ``C:\...``."""
    return str(PureWindowsPath("C:/", path.relative_to(wine.drive).as_posix()))

"""Application zips of small programs, and Pythons of this machine to run them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift.formats.pyz import Pyz, PyzOptions
from sealift.image import Image
from tests.support.interpreters import shared_interpreter
from tests.support.products import local_interpreter, make_image, wheel_of
from tests.support.running import Product

HELLO = "def main():\n    print('hello')\n"


@dataclass(frozen=True, kw_only=True)
class Zip(Product):
    """A written zip, and a Python to run it with."""

    python: Path

    @property
    def command(self) -> tuple[Path, ...]:
        """What starts it."""
        return (self.python, self.path)

    @property
    def cache(self) -> Path:
        """Where it unpacks to."""
        return self.home / ".cache/sealift/pyz"

    @property
    def trees(self) -> list[Path]:
        """The folders in there."""
        return sorted(path for path in self.cache.iterdir() if path.is_dir())


def python_of(feature: str) -> Path:
    """A CPython of this machine."""
    program = shared_interpreter(feature).program
    assert program
    return program


def write_zip(images: list[Image], folder: Path, **options: Any) -> Path:
    """The zip of ``images``, in ``folder``."""
    path = folder / Pyz().filename(images[0])
    Pyz().write(images, PyzOptions(compression="fast", **options), path)
    return path


def app_image(source: str, folder: Path, data: Mapping[str, bytes] | None = None) -> Image:
    """An image for CPython 3.13 of one module, and ``data`` beside it."""
    wheel = wheel_of("app", {"app.py": source.encode(), **(data or {})}, folder)
    return make_image(local_interpreter("3.13"), [wheel], "app:main")


def make_zip(source: str, folder: Path, **options: Any) -> Zip:
    """The zip of one module, with a home in ``folder``."""
    return zip_of([app_image(source, folder)], folder, **options)


def zip_of(images: list[Image], folder: Path, feature: str = "3.13", **options: Any) -> Zip:
    """The zip of ``images``, with a home in ``folder``."""
    (folder / "home").mkdir()
    path = write_zip(images, folder, **options)
    return Zip(path=path, home=folder / "home", python=python_of(feature))

"""What happens when a normal environment starts: ``.pth`` files, read while staging.

A ``.pth`` file is lines: a folder joins ``sys.path``, a line that begins with ``import`` is run
(:mod:`site`).  In a product the folders are known beforehand and the code is listed, so that the
start need not look for either.  ``.start`` files (PEP 829) name functions to call, on CPython 3.15
and newer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True)
class Startup:
    """Folders to add to ``sys.path``, relative to the product's root, and code lines to run."""

    folders: tuple[str, ...] = ()
    code: tuple[str, ...] = ()


def read_startup(
    files: Iterable[tuple[str, Path]], *, python: str, folders: frozenset[str]
) -> Startup:
    """Read the ``.pth`` and ``.start`` ``files``: pairs of a path in the product and one here.

    ``folders`` are the folders that exist in the product: as in :mod:`site`, others are left out.
    """
    found: list[str] = []
    code: list[str] = []
    named = sorted(files)
    for product_path, path in named:
        if product_path.endswith(".pth"):
            site = PurePosixPath(product_path).parent
            for line in _lines(path):
                if line.startswith(("import ", "import\t")):
                    code.append(line)
                elif (folder := _normal(site / line)) in folders and folder not in found:
                    found.append(folder)
    if _at_least(python, (3, 15)):
        for product_path, path in named:
            if product_path.endswith(".start"):
                code.extend(_call(line) for line in _lines(path))
    return Startup(tuple(found), tuple(code))


def _lines(path: Path) -> Iterable[str]:
    # site reads UTF-8 with an optional mark and falls back to the locale; a product has UTF-8.
    for raw in path.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines():
        line = raw.rstrip()
        if line.strip() and not line.startswith("#"):
            yield line


def _normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _call(line: str) -> str:
    module, _, function = line.strip().partition(":")
    return f"import {module}; {module}.{function}()" if function else f"import {module}"


def _at_least(python: str, version: tuple[int, int]) -> bool:
    major, minor, *_ = python.split(".")
    return (int(major), int(minor)) >= version

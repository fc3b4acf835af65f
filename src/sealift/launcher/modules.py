"""Which modules, packages and folders an image has, as Python's own finders would see them.

A *key* is a path below the product's root without the module's suffix:
``lib/python3.13/site-packages/click/core`` is a module, ``…/click`` a package.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from pathlib import PurePosixPath

from sealift.image import Image, Kind

Place = tuple[int, int]  # offset and size


class Flag(IntFlag):
    """What an entry of the index is; several may hold."""

    MODULE = 1
    PACKAGE = 2
    EXTENSION = 4
    DIRECTORY = 8
    SOURCE = 16
    REAL = 32


NONE = Flag(0)


@dataclass(slots=True)
class Module:
    """An entry of the index while it is put together.

    ``file`` is the path below the root of what is imported; ``code`` is its place in the file,
    ``source`` that in group ``group``; ``children`` are keys directly below.
    """

    key: str
    flags: Flag = NONE
    file: str = ""
    code: Place = (0, 0)
    group: int = 0
    source: Place = (0, 0)
    children: list[str] = field(default_factory=list)


def find_modules(
    image: Image,
    codes: Mapping[str, Place],
    sources: Mapping[str, tuple[int, Place]],
    real: Iterable[str],
) -> dict[str, Module]:
    """The index of ``image`` by key, in the order of keys.

    ``codes`` and ``sources`` tell by path where code and source (group and place) lie; ``real``
    are the paths that are files on disk.
    """
    found: dict[str, Module] = {}
    on_disk = frozenset(real)
    for path in sorted({*codes, *sources}):
        _add_module(found, path, codes.get(path), sources.get(path), real=path in on_disk)
    suffixes = extension_suffixes(image.interpreter.ext_suffix)
    for entry in image.entries:
        if entry.kind is Kind.NATIVE:
            _add_extension(found, entry.path, suffixes)
    _add_folders(found, image)
    for key in sorted(found):
        if "/" in key:
            found[key.rpartition("/")[0]].children.append(key)
    return dict(sorted(found.items()))


def extension_suffixes(own: str) -> tuple[str, ...]:
    """The suffixes of extension modules, in the order in which CPython tries them.

    >>> extension_suffixes(".cpython-313-x86_64-linux-gnu.so")
    ('.cpython-313-x86_64-linux-gnu.so', '.abi3.so', '.so')
    """
    last = own[own.rindex(".") :]
    return (own, last) if last == ".pyd" else (own, f".abi3{last}", last)


def _key(path: str, suffix: str) -> tuple[str, Flag]:
    stem = path.removesuffix(suffix)
    if stem.endswith("/__init__"):
        return stem.removesuffix("/__init__"), Flag.PACKAGE
    return stem, NONE


def _add_module(
    found: dict[str, Module],
    path: str,
    code: Place | None,
    source: tuple[int, Place] | None,
    *,
    real: bool,
) -> None:
    """Add a ``.py`` file; ``x/__init__.py`` wins over ``x.py``, as it does with CPython."""
    key, package = _key(path, ".py")
    if not package and key in found and Flag.PACKAGE in found[key].flags:
        return
    module = found[key] = Module(key, package, path)
    if code:
        module.flags |= Flag.MODULE
        module.code = code
    if source:
        module.flags |= Flag.SOURCE
        module.group, module.source = source
    if real:
        module.flags |= Flag.REAL


def _add_extension(found: dict[str, Module], path: str, suffixes: Sequence[str]) -> None:
    """Add a native file that can be imported; it wins over a ``.py`` beside it, whose source stays.

    What ``x/__init__`` or an earlier suffix offers wins over a later one.
    """
    suffix = next((suffix for suffix in suffixes if path.endswith(suffix)), None)
    if suffix is None:
        return
    key, package = _key(path, suffix)
    module = found.setdefault(key, Module(key))
    if Flag.PACKAGE in module.flags and not package:
        return
    if Flag.EXTENSION in module.flags and not package:
        taken = next(rank for rank, other in enumerate(suffixes) if module.file.endswith(other))
        if taken <= suffixes.index(suffix):
            return
    module.flags = module.flags & ~Flag.MODULE | Flag.EXTENSION | package
    module.file = path


def _add_folders(found: dict[str, Module], image: Image) -> None:
    """Add the folders of all modules, and those of data that could be namespace packages."""
    needed = {str(parent) for key in found for parent in PurePosixPath(key).parents}
    needed |= {path for path in (image.interpreter.stdlib, *image.search_path) if path != "."}
    needed |= {str(parent) for key in needed for parent in PurePosixPath(key).parents}
    folders = {PurePosixPath(entry.path).parent for entry in image.entries}
    for folder in sorted(folders, key=lambda path: len(path.parts)):
        for path in (*reversed(folder.parents), folder):
            if path.name.isidentifier() and str(path.parent) in needed:
                needed.add(str(path))
    needed |= {key for key, module in found.items() if Flag.PACKAGE in module.flags}
    for key in needed - {"."}:
        found.setdefault(key, Module(key)).flags |= Flag.DIRECTORY

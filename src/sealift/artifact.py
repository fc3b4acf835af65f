"""The fifth noun: a finished file or folder, with what a user wants to know of it."""

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift import jsonform, store
from sealift.errors import OutputError
from sealift.floor import Floor, floor_of
from sealift.image import INTERPRETER, Image, Kind
from sealift.output import output_error
from sealift.plugins import Format

_MARK = "image.sealift"  # a folder that has it was written by us and may be replaced
_TREES = (".", "Contents/Resources")  # where it is, in a folder and in an application for macOS


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a product is, for those who tell of it elsewhere; ``gui``: it has windows."""

    name: str
    version: str
    title: str
    identifier: str
    publisher: str
    summary: str
    homepage: str
    license: str
    copyright: str
    gui: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What a format wrote: ``size`` in bytes, ``sha256`` in hex (of the tree for a folder)."""

    path: Path
    format: str
    targets: tuple[str, ...]
    size: int
    sha256: str
    python: str
    floor: tuple[int, int] | None
    floor_because: str
    distributions: int
    about: About

    def to_json(self) -> Any:
        """JSON form; :func:`sealift.jsonform.load` reads it back."""
        return jsonform.dump(self)


def export(images: Sequence[Image], plugin: Format[Any], options: Any, out: Path) -> Artifact:
    """Write ``images`` with ``plugin`` into the folder ``out``: a whole artifact or none.

    Raises :class:`OutputError` where ``out`` cannot be written, is full, or holds something in
    the way that Sealift did not write.
    """
    (first, *_) = images
    final = out / plugin.filename(first)
    try:
        _check_replaceable(final)
        # Formats run tools in folders of their own, where the path has to be the same.
        scratch = Path(tempfile.mkdtemp(prefix=".sealift-", dir=out.absolute()))
        try:
            made = scratch / final.name
            plugin.write(images, options, made)
            _replace(made, final, scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as problem:
        raise output_error(final, problem) from problem
    floors = [_floor(image, plugin) for image in images]
    highest = max(floors, key=lambda floor: floor.version or (0, 0))
    return Artifact(
        path=final,
        format=plugin.name,
        targets=tuple(image.target.name for image in images),
        size=_size(final),
        sha256=_sha256(final),
        python=first.python,
        floor=highest.version,
        floor_because=highest.because,
        distributions=len(first.distributions),
        about=_about(first),
    )


def _about(image: Image) -> About:
    app = image.application
    return About(
        name=image.name,
        version=image.version,
        title=app.title,
        identifier=app.identifier,
        publisher=app.publisher,
        summary=app.summary,
        homepage=app.homepage,
        license=app.license,
        copyright=app.copyright,
        gui=image.entry.gui,
    )


def _floor(image: Image, plugin: Format[Any]) -> Floor:
    if plugin.ships_interpreter:
        return Floor(version=image.floor, because=image.floor_because)
    own = (e for e in image.entries if e.kind is Kind.NATIVE and e.origin != INTERPRETER)
    return floor_of({entry.path: entry.source for entry in own}, image.target)


def _check_replaceable(final: Path) -> None:
    marks = (final / folder / _MARK for folder in _TREES)
    if final.is_dir() and not final.is_symlink() and not any(mark.exists() for mark in marks):
        raise OutputError(
            f"cannot write {final}: a folder that Sealift did not make is in the way",
            hint="move it away, or name another folder with --out",
        )


def _replace(made: Path, final: Path, scratch: Path) -> None:
    if final.is_dir() and not final.is_symlink():
        final.rename(scratch / "replaced")
    elif made.is_dir() and final.exists():
        final.unlink()
    made.replace(final)


def _files(path: Path) -> list[Path]:
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in _files(path))


def _sha256(path: Path) -> str:
    if not path.is_dir():
        return store.file_sha256(path)
    total = hashlib.sha256()
    for file in _files(path):
        mode = "x" if file.stat().st_mode & 0o111 else "-"
        total.update(f"{file.relative_to(path)} {mode} {store.file_sha256(file)}\n".encode())
    return total.hexdigest()

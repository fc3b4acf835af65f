"""Files and folders for users: written whole or not at all, with a clear error."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sealift.errors import OutputError


def make_folder(folder: Path) -> Path:
    """``folder``, made when it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise output_error(folder, problem) from problem
    return folder


def check_folder(folder: Path) -> None:
    """Raise :class:`OutputError` now where :func:`make_folder` would later; nothing is made."""
    place = folder.absolute()
    there = next(path for path in (place, *place.parents) if os.path.lexists(path))
    if not there.is_dir():
        raise output_error(there, NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)))
    if not os.access(there, os.W_OK | os.X_OK):
        raise output_error(there, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def write_text(path: Path, text: str, *, option: str = "--out") -> None:
    """Write ``text`` as UTF-8, replacing what is there; ``option`` names ``path``."""
    _write(path, lambda scratch: scratch.write_text(text, encoding="utf-8"), option)


def copy_file(source: Path, path: Path) -> None:
    """Copy the content of ``source`` to ``path``, replacing what is there."""
    _write(path, lambda scratch: shutil.copyfile(source, scratch), "--out")


def _write(path: Path, write: Callable[[Path], object], option: str) -> None:
    """What ``write`` writes to the path it is given, whole or not at all."""
    scratch = path.with_name(f".{path.name}.part")
    try:
        try:
            write(scratch)
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as problem:
        raise output_error(path, problem, option=option) from problem


def write_json(path: Path, data: Any) -> None:
    """Write ``data`` as JSON, replacing what is there."""
    write_text(path, json.dumps(data, indent=1) + "\n")


def output_error(path: Path, problem: OSError, *, option: str = "--out") -> OutputError:
    """The error of not being able to write ``path``, with what to do about it."""
    hint = f"name another folder with {option}"
    if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
        hint = f"free some space there, or {hint}"
    elif problem.errno == errno.ENAMETOOLONG:
        hint = "shorten its name: --name, or `title` in [tool.sealift.app]"
    return OutputError(f"cannot write {path}: {problem.strerror or problem}", hint=hint)

"""Tcl's and Tk's own scripts, without which ``tkinter`` does not start."""

import functools
from collections.abc import Iterator
from pathlib import Path

from sealift import process
from sealift.errors import SealiftError
from sealift.interpreters.installation import Installation
from sealift.stdlib import load_rules

_QUESTION = "import tkinter; print(tkinter.Tcl().eval('info library'), tkinter.TkVersion)"
_DEBIAN = "usr/share/tcltk"
_FIRST_FILES = ("tcl8.*/init.tcl", "tk8.*/tk.tcl")


def script_folders(found: Installation) -> tuple[Path, ...]:
    """Folders of the scripts; none where they lie inside the libraries (Tcl 9), or not at all."""
    if found.root:
        folder = found.root / _DEBIAN
        return tuple(path.parent for name in _FIRST_FILES for path in sorted(folder.glob(name)))
    library, _, version = _answer(found.program).rpartition(" ")
    if not library:
        return ()
    tcl = Path(library)
    return tuple(folder for folder in (tcl, tcl.with_name(f"tk{version}")) if folder.is_dir())


@functools.cache
def _answer(program: Path) -> str:
    """Where Tcl's scripts are, and Tk's version; empty where ``program`` has none."""
    try:
        command: list[str | Path] = [program, "-I", "-S", "-c", _QUESTION]
        return process.run(command, env=process.clean_environment()).strip()
    except SealiftError:
        return ""


def compiled_in(folder: Path, found: Installation) -> str:
    """What the libraries of ``found`` call ``folder``."""
    return f"/{folder.relative_to(found.root)}" if found.root else str(folder)


def scripts_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Scripts that are shipped, by path below ``lib``: Tcl looks beside the program's folder."""
    rules = load_rules()
    for source in sorted(path for path in folder.rglob("*") if path.is_file()):
        path = source.relative_to(folder).as_posix()
        if not rules.scripts_left_out.fullmatch(path):
            yield f"{folder.name}/{path}", source

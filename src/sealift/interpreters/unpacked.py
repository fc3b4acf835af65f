"""Relocatable interpreters that come as archives: unpacked, recognised, pruned.

Two layouts are known (``data/interpreters.toml``): that of Unix, and that of Windows, which keeps
its own in the product too (``Lib``, ``DLLs``, the DLLs beside the program).  Everything is read off
the files, so that an archive for another machine is as good as one for this.
"""

import ast
import fnmatch
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift import archive, store, tables
from sealift.binary import elf_edit
from sealift.binary.elf import read_elf
from sealift.errors import InterpreterError
from sealift.floor import floor_of
from sealift.interpreter import Interpreter
from sealift.interpreters import candidates
from sealift.interpreters.relocate import content_key, files_below, put
from sealift.interpreters.sysconfigdata import relative_sysconfig
from sealift.stdlib import load_rules
from sealift.target import Target, current_target

_RECIPE = "1"  # changes when the same archive gives another tree
_BUILD_PREFIX = "/install"  # where python-build-standalone believes to be installed


@dataclass(frozen=True, slots=True)
class _Layout:
    """An installation at ``home`` and where its parts are, as ``data/interpreters.toml`` says."""

    home: Path
    table: Mapping[str, Any]

    def first(self, patterns: str | Sequence[str]) -> Path | None:
        """The first file or folder that fits one of ``patterns``."""
        wanted = [patterns] if isinstance(patterns, str) else patterns
        found = (path for pattern in wanted for path in sorted(self.home.glob(pattern)))
        return next(found, None)

    def require(self, key: str) -> Path:
        """The part ``key``; raises :class:`InterpreterError` when the archive lacks it."""
        found = self.first(self.table[key])
        if not found:
            raise InterpreterError(
                f"cannot use the interpreter's archive: it has no {self.table[key]}",
                hint="it must be laid out as an installation, as python-build-standalone's are",
            )
        return found

    def relative(self, path: Path) -> str:
        return path.relative_to(self.home).as_posix()


@functools.cache
def load_table() -> Mapping[str, Any]:
    """``data/interpreters.toml``, read once."""
    return tables.load_table("interpreters")


def prepare(
    path: Path, sha256: str, target: Target, *, provider: str, reason: str, everything: bool
) -> Interpreter:
    """The interpreter in archive ``path`` (tar or zip, content ``sha256``), ready to ship.

    Raises :class:`InterpreterError` when it is not for ``target`` or holds none, and
    :class:`~sealift.errors.ArchiveError` when it is unsafe.
    """
    layout = _recognise(_unpack(path, sha256), target)
    version = _version(layout)
    key = store.digest_of(_RECIPE, sha256, target.name, "all" if everything else "needed")
    root = store.make_entry(
        "interpreters", key, lambda out: _make(out, layout, target, everything=everything)
    )
    library, stdlib = layout.first(layout.table["library"]), layout.require("stdlib")
    free_threaded = bool(re.search(r"python3\.?\d+t", f"{stdlib.name} {library}"))
    natives = {p.relative_to(root).as_posix(): p for p in files_below(root) if _is_native(p)}
    return Interpreter(
        provider=provider,
        version=version,
        target=target,
        root=root,
        stdlib=layout.relative(stdlib),
        library=layout.relative(library) if library else None,
        static_library=layout.first("lib/python3.*/config-*/libpython3.*.a"),
        headers=layout.require("version").parent,
        program=_program(layout, version, target),
        ext_suffix=extension_suffix(stdlib, version, target, free_threaded=free_threaded),
        free_threaded=free_threaded,
        floor=floor_of(natives, target).version,
        key=store.remember("interpreter-keys", key, lambda: content_key(root)),
        reason=reason,
    )


def _unpack(path: Path, sha256: str) -> Path:
    unpack = archive.extract_zip if archive.is_zip(path) else archive.extract_tar
    return store.make_entry("unpacked-interpreters", sha256, lambda out: unpack(path, out))


def _recognise(folder: Path, target: Target) -> _Layout:
    """The installation in ``folder``, which may lie a folder or two down."""
    table = load_table()["layout"]["windows" if target.is_windows else "unix"]
    for home in (folder, *sorted(folder.glob("*/")), *sorted(folder.glob("*/install/"))):
        layout = _Layout(home, table)
        if layout.first(table["version"]) and layout.first(table["stdlib"]):
            return layout
    raise InterpreterError(
        f"cannot use the archive as an interpreter for {target}: "
        f"it holds no {table['stdlib']} with {table['version']}",
        hint="it must be laid out as an installation, as python-build-standalone's are",
    )


def _version(layout: _Layout) -> str:
    header = layout.require("version")
    found = re.search(r'^#define PY_VERSION\s+"([^"+]+)', header.read_text("utf-8"), re.MULTILINE)
    if not found:
        raise InterpreterError(f"cannot use the archive: {header.name} tells no PY_VERSION")
    return found[1]


def _make(root: Path, layout: _Layout, target: Target, *, everything: bool) -> None:
    for path, source in _shipped(layout, everything=everything):
        data, native = source.read_bytes(), _is_native(source)
        if native and target.os == "linux":
            _check_machine(source, target)
            data = elf_edit.stripped(data, path)
        elif source.name.startswith("_sysconfigdata"):
            names = {_BUILD_PREFIX: "sys.prefix"}
            data = relative_sysconfig(data.decode(), names, tuple(names)).encode()
        put(root / path, data, mode=0o755 if native else 0o644)


def _shipped(layout: _Layout, *, everything: bool) -> Iterator[tuple[str, Path]]:
    rules, table = load_rules(), layout.table
    stdlib = layout.relative(layout.require("stdlib"))
    for source in files_below(layout.home):
        path = layout.relative(source)
        if path.startswith(f"{stdlib}/"):
            if rules.ships(path.removeprefix(f"{stdlib}/"), everything=everything):
                yield path, source
        elif source.is_symlink():  # another name of a file that is shipped under its own
            continue
        elif _fits(path, table["ships"]) and not _fits(path, table["except"]):
            judged = path.replace(f"{table['dynload']}/", "lib-dynload/", 1)
            if judged == path or rules.ships(judged, everything=everything):
                yield path, source


def _fits(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def _is_native(path: Path) -> bool:
    return ".so" in path.suffixes or path.suffix in {".dylib", ".dll", ".pyd"}


def _check_machine(path: Path, target: Target) -> None:
    facts = read_elf(path)
    if facts and not facts.runs_on(target.arch):
        raise InterpreterError(
            f"cannot use the archive for {target}: {path.name} is for {facts.machine}"
        )


def _program(layout: _Layout, version: str, target: Target) -> Path | None:
    """A program of the same feature version that runs here, if there is one."""
    if target.name == current_target().name:
        return layout.require("program").resolve()
    return candidates.program_for(".".join(version.split(".")[:2]))


def extension_suffix(stdlib: Path, version: str, target: Target, *, free_threaded: bool) -> str:
    """What names of modules in C end with, as the interpreter's own record says.

    Windows has no such record; there it follows from version and machine (PEP 425's platform).
    """
    for path in sorted(stdlib.glob("_sysconfigdata*.py")):
        found = re.search(r"'EXT_SUFFIX':\s*('[^']*')", path.read_text("utf-8"))
        if found:
            return str(ast.literal_eval(found[1]))
    major, minor, *_ = version.split(".")
    return f".cp{major}{minor}{'t' if free_threaded else ''}-{target.wheel}.pyd"

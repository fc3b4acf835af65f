"""An installed interpreter made into a relocatable tree in the content store.

Standard library, modules in C and libpython are copied in the layout in which they are shipped;
native files are stripped, what they need beyond the system is grafted, and every path of this
machine is taken out.  The last step searches the whole tree for such paths: one that is left is a
failure, not a warning.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift import console, jsonform, process, store
from sealift.binary import elf_edit
from sealift.binary.build_paths import first_leak, neutralised, telling
from sealift.binary.elf import read_elf
from sealift.errors import InterpreterError, SealiftError
from sealift.floor import FALLBACKS, floor_of
from sealift.graft import Native, graft
from sealift.interpreters.installation import Installation
from sealift.libraries import find_library
from sealift.owners import library_components
from sealift.policy import load_policy
from sealift.sbom import Component
from sealift.stdlib import load_rules
from sealift.target import Target

_RECIPE = "5"  # changes when the same installation gives another tree
_SHARED = "lib"
_TK = "tk"  # the group whose libraries lie apart
_TK_LIBRARIES = "lib/tk"
_UNWINDER = ("libgcc_s.so.1",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A relocatable tree: ``root`` in the store, the rest as in :class:`~sealift.interpreter`."""

    root: Path
    stdlib: str
    library: str | None
    floor: tuple[int, int] | None
    floor_because: str
    libraries: tuple[Component, ...]
    key: str


@dataclass(frozen=True, slots=True)
class _Natives:
    """Native files of the tree by product path, and where those were found that are grafted."""

    files: Mapping[str, Path]
    found: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class _Parts:
    """Files of the tree by product path: ``natives`` to be edited, ``others`` to be copied.

    ``scripts`` are the folders that Tcl's and Tk's scripts were found in.
    """

    natives: Mapping[str, Path]
    others: Mapping[str, Path]
    scripts: tuple[str, ...] = ()


def relocate(found: Installation, target: Target, *, everything: bool) -> Prepared:
    """The tree of ``found``, made once for as long as nothing of it changes on this machine.

    ``everything`` ships also what ``data/stdlib.toml`` leaves out.  Raises
    :class:`InterpreterError` with the file when a path of this machine cannot be taken out.
    """
    parts = _parts(found, everything=everything)
    key = store.digest_of(_RECIPE, found.version, str(found.program), *_stamps(parts))
    entry = store.make_entry("interpreters", key, lambda out: _make(out, found, target, parts))
    facts = json.loads((entry / "facts.json").read_text(encoding="utf-8"))
    return jsonform.load(
        Prepared, {**facts, "root": str(entry / "root")}, where=str(entry / "facts.json")
    )


def _parts(found: Installation, *, everything: bool) -> _Parts:
    """What is shipped of ``found``, by product path."""
    folder = f"{_SHARED}/{found.stdlib.name}"
    rules = load_rules()
    files = {
        f"{folder}/{path}": source
        for path, source in _stdlib_files(found)
        if rules.ships(path, everything=everything)
    }
    scripts = _tcl_folders(found) if f"{folder}/tkinter/__init__.py" in files else ()
    files.update(pair for scripts_folder in scripts for pair in _tcl_scripts(scripts_folder))
    library = found.shared_library()
    if library:
        files[f"{_SHARED}/{library.name}"] = library
    natives = {path: source for path, source in files.items() if ".so" in Path(path).suffixes}
    others = {path: source for path, source in files.items() if path not in natives}
    return _Parts(
        natives=dict(sorted(natives.items())),
        others=dict(sorted(others.items())),
        scripts=tuple(map(str, scripts)),
    )


def _stdlib_files(found: Installation) -> Iterator[tuple[str, Path]]:
    """Files of the standard library with their path below its folder, links followed."""
    for source in files_below(found.stdlib):
        yield source.relative_to(found.stdlib).as_posix(), source
    # Some systems keep modules in C in another folder, such as lib64.
    dynload = found.dynload()
    if not dynload.is_relative_to(found.stdlib):
        for source in files_below(dynload):
            yield f"lib-dynload/{source.relative_to(dynload).as_posix()}", source


def files_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if path.name not in {"__pycache__", "site-packages", "dist-packages"}:
                yield from files_below(path)
        elif path.is_file():
            yield path


def _tcl_folders(found: Installation) -> tuple[Path, ...]:
    """Folders of Tcl's and Tk's own scripts; none where they lie inside the libraries (Tcl 9)."""
    question = "import tkinter; print(tkinter.Tcl().eval('info library'), tkinter.TkVersion)"
    try:
        answer = process.run(
            [found.program, "-I", "-S", "-c", question], env=process.clean_environment()
        )
    except SealiftError:
        return ()
    library, _, version = answer.strip().rpartition(" ")
    tcl = Path(library)
    return tuple(folder for folder in (tcl, tcl.with_name(f"tk{version}")) if folder.is_dir())


def _tcl_scripts(folder: Path) -> Iterator[tuple[str, Path]]:
    """Scripts by product path: Tcl finds them in ``lib``, beside the folder of the program."""
    rules = load_rules()
    for source in files_below(folder):
        path = source.relative_to(folder).as_posix()
        if not rules.scripts_left_out.fullmatch(path):
            yield f"{_SHARED}/{folder.name}/{path}", source


def _stamps(parts: _Parts) -> Iterator[str]:
    """What changes when a file of the tree, or a library that might be grafted, does."""
    for path, source in (*parts.natives.items(), *parts.others.items()):
        yield f"{path} {store.file_stamp(source)}"
    cache = Path("/etc/ld.so.cache")  # written anew whenever a library is installed
    yield str(cache.stat().st_mtime_ns if cache.exists() else 0)


def _make(out: Path, found: Installation, target: Target, parts: _Parts) -> None:
    root = out / "root"
    paths = telling_paths(found)
    # Tcl looks for its scripts where it was built to before it looks beside the program.
    compiled_in = (*paths, *parts.scripts)
    natives = _grafted_natives(parts.natives, target)
    for path, source in natives.files.items():
        data = elf_edit.stripped(source.read_bytes(), path)
        put(root / path, neutralised(data, compiled_in), mode=0o755)
    for path, source in parts.others.items():
        data = source.read_bytes()
        if source.name.startswith("_sysconfigdata"):
            names = {found.exec_prefix: "sys.exec_prefix", found.prefix: "sys.prefix"}
            data = relative_sysconfig(data.decode(), names, paths).encode()
        put(root / path, data, mode=0o644)
    _check(root, found, paths)
    library = found.shared_library()
    files = {path: root / path for path in natives.files}
    floor = floor_of(files, target)
    prepared = Prepared(
        root=Path("root"),
        stdlib=f"{_SHARED}/{found.stdlib.name}",
        library=f"{_SHARED}/{library.name}" if library else None,
        floor=floor.version,
        floor_because=floor.because,
        libraries=library_components(natives.found, files),
        key=content_key(root),
    )
    (out / "facts.json").write_text(json.dumps(jsonform.dump(prepared)), encoding="utf-8")


def _grafted_natives(natives: Mapping[str, Path], target: Target) -> _Natives:
    """``natives`` edited, with the libraries they need."""
    group = load_rules().groups[_TK]
    apart = {path: source for path, source in natives.items() if group.holds(path)}
    common = {path: source for path, source in natives.items() if path not in apart}
    first = _graft(common, {}, _SHARED, target)
    provided = {Path(path).name: path for path in first.files if Path(path).parent == Path(_SHARED)}
    second = _graft(apart, provided, _TK_LIBRARIES, target)
    last = _fallbacks(first.files, target)
    return _Natives(
        files={**first.files, **second.files, **last}, found={**first.found, **second.found, **last}
    )


def _fallbacks(files: Mapping[str, Path], target: Target) -> dict[str, Path]:
    """Libraries the C library itself loads when it needs them, for systems that have none.

    glibc ends threads, as Python does at exit, by the unwinder of libgcc_s, and aborts without it.
    The system's own is newer or as good, so that ours lies where only the launcher looks, last.
    """
    asker = next((facts for file in files.values() if (facts := read_elf(file))), None)
    if target.abi != "gnu" or asker is None:
        return {}
    search = load_policy(target).search
    found = {name: find_library(name, asker=asker, rpaths=(), search=search) for name in _UNWINDER}
    return {f"{FALLBACKS}/{name}": source.resolve() for name, source in found.items() if source}


def _graft(
    natives: Mapping[str, Path], provided: Mapping[str, str], folder: str, target: Target
) -> _Natives:
    """Like :func:`sealift.graft.graft`; a module that does not load here either is left out."""
    kept = dict(natives)
    while True:
        asked = {path: Native(path=source, strip=True) for path, source in kept.items()}
        done = graft(asked, provided=provided, library_dir=folder, target=target)
        broken = {asker: lost.soname for lost in done.missing for asker in lost.askers}
        for path in broken.keys() & kept.keys():
            console.note(f"{Path(path).name} is left out: {broken[path]} is not on this machine")
            del kept[path]
        if not broken.keys() & asked.keys():
            files = {**{path: asked[path].path for path in kept}, **done.edited, **done.added}
            return _Natives(files, done.origins)


def telling_paths(found: Installation) -> tuple[str, ...]:
    """Paths that must not be in the tree."""
    home = str(Path.home())
    return telling(
        (
            found.prefix,
            found.exec_prefix,
            found.variables["abs_builddir"] or "",
            found.variables["abs_srcdir"] or "",
            # The superuser's home is the same everywhere, and stands in many an ordinary text.
            "" if home == "/root" else home,
        )
    )


def relative_sysconfig(text: str, names: Mapping[str, str], paths: Sequence[str]) -> str:
    """The module ``_sysconfigdata*`` with prefixes that are found out at run time.

    ``names`` maps paths to what Python calls them; others of ``paths`` become neutral text.  A
    text that has none of ``paths`` stays as it is.
    """
    if not first_leak(text.encode(), paths):
        return text
    (assigned,) = (node for node in ast.parse(text).body if isinstance(node, ast.Assign))
    values: dict[str, Any] = ast.literal_eval(assigned.value)
    lines = (f"    {key!r}: {_expression(value, names, paths)},\n" for key, value in values.items())
    return f"import sys\n\nbuild_time_vars = {{\n{''.join(lines)}}}\n"


def _expression(value: Any, names: Mapping[str, str], paths: Sequence[str]) -> str:
    """Python text that gives ``value``, with ``names`` for some of ``paths`` in it.

    >>> _expression("-L/opt/py/lib", {"/opt/py": "sys.prefix"}, ["/opt/py"])
    "'-L' + sys.prefix + '/lib'"
    """
    if not isinstance(value, str):
        return repr(value)
    parts = re.split("(" + "|".join(map(re.escape, paths)) + ")", value)
    shown = (
        (names.get(part) or repr("/sealift")) if part in paths else repr(part)
        for part in parts
        if part
    )
    return " + ".join(shown) or "''"


def _check(root: Path, found: Installation, paths: Sequence[str]) -> None:
    for path in files_below(root):
        leak = first_leak(path.read_bytes(), paths)
        if leak:
            raise InterpreterError(
                f"cannot prepare {found.program}: {path.relative_to(root)} holds {leak}, "
                "a path of this machine",
                hint="use another interpreter, or the standalone provider",
            )


def content_key(root: Path) -> str:
    """The digest of the tree below ``root``: paths and contents."""
    files = sorted((path.relative_to(root).as_posix(), path) for path in files_below(root))
    return store.digest_of(
        *(part for name, path in files for part in (name, store.file_sha256(path)))
    )


def put(path: Path, data: bytes, *, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)

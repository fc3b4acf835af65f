"""An installed interpreter made into a relocatable tree in the content store.

Standard library, modules in C and libpython are copied in the layout in which they are shipped;
native files are stripped, what they need beyond the system is grafted, and every path of the
machine they were built on is taken out.  The last step searches the whole tree for such paths: one
that is left is a failure, not a warning.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sealift import console, jsonform, store
from sealift.binary import elf_edit
from sealift.binary.build_paths import first_leak, neutralised, telling
from sealift.binary.elf import read_elf
from sealift.errors import InterpreterError
from sealift.floor import FALLBACKS, floor_of
from sealift.graft import Native, graft
from sealift.interpreters import tcl
from sealift.interpreters.installation import Installation
from sealift.interpreters.sysconfigdata import relative_sysconfig
from sealift.libraries import find_library
from sealift.owners import Owner, library_components, owners_of
from sealift.policy import load_policy
from sealift.sbom import Component
from sealift.stdlib import load_rules
from sealift.target import Target

RECIPE = "6"  # changes when the same installation gives another tree
_SHARED = "lib"
_TK = "tk"  # the group whose libraries lie apart
_TK_LIBRARIES = "lib/tk"
_UNWINDER = ("libgcc_s.so.1",)

Owners = Callable[[Iterable[Path]], Mapping[Path, Owner]]


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

    ``scripts`` are the folders of Tcl's and Tk's scripts, as their libraries name them.
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
    key = store.digest_of(RECIPE, found.version, str(found.program), *_stamps(parts))
    return load_prepared(
        store.make_entry(
            "interpreters", key, lambda out: _make(out, found, target, parts, owners=owners_of)
        )
    )


def make_tree(
    out: Path, found: Installation, target: Target, *, everything: bool, owners: Owners
) -> None:
    """Make at ``out`` what :func:`load_prepared` reads, of ``found`` as :func:`relocate` does.

    ``owners`` tells which packages the libraries are from that are grafted.
    """
    _make(out, found, target, _parts(found, everything=everything), owners=owners)


def load_prepared(entry: Path) -> Prepared:
    """The tree in the store's folder ``entry``."""
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
    scripts = tcl.script_folders(found) if f"{folder}/tkinter/__init__.py" in files else ()
    files.update(
        (f"{_SHARED}/{path}", source) for each in scripts for path, source in tcl.scripts_in(each)
    )
    library = found.shared_library()
    if library:
        files[f"{_SHARED}/{library.name}"] = library
    natives = {path: source for path, source in files.items() if ".so" in Path(path).suffixes}
    others = {path: source for path, source in files.items() if path not in natives}
    return _Parts(
        natives=dict(sorted(natives.items())),
        others=dict(sorted(others.items())),
        scripts=tuple(tcl.compiled_in(each, found) for each in scripts),
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
    """Files below ``folder`` by name, links followed, without code and installed packages."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir():
            if entry.name not in {"__pycache__", "site-packages", "dist-packages"}:
                yield from files_below(Path(entry.path))
        elif entry.is_file():
            yield Path(entry.path)


def _stamps(parts: _Parts) -> Iterator[str]:
    """What changes when a file of the tree, or a library that might be grafted, does."""
    for path, source in (*parts.natives.items(), *parts.others.items()):
        yield f"{path} {store.file_stamp(source)}"
    cache = Path("/etc/ld.so.cache")  # written anew whenever a library is installed
    yield str(cache.stat().st_mtime_ns if cache.exists() else 0)


def _make(out: Path, found: Installation, target: Target, parts: _Parts, *, owners: Owners) -> None:
    root = out / "root"
    paths = telling_paths(found)
    # Tcl looks for its scripts where it was built to before it looks beside the program.
    compiled_in = (*paths, *parts.scripts)
    natives = _grafted_natives(parts.natives, target, found.root)
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
        libraries=library_components(natives.found, files, owners(natives.found.values())),
        key=content_key(root),
    )
    (out / "facts.json").write_text(json.dumps(jsonform.dump(prepared)), encoding="utf-8")


def _grafted_natives(natives: Mapping[str, Path], target: Target, root: Path | None) -> _Natives:
    """``natives`` edited, with the libraries they need."""
    group = load_rules().groups[_TK]
    apart = {path: source for path, source in natives.items() if group.holds(path)}
    common = {path: source for path, source in natives.items() if path not in apart}
    first = _graft(common, {}, _SHARED, target, root=root)
    provided = {Path(path).name: path for path in first.files if Path(path).parent == Path(_SHARED)}
    second = _graft(apart, provided, _TK_LIBRARIES, target, root=root)
    last = _fallbacks(first.files, target, root)
    return _Natives(
        files={**first.files, **second.files, **last}, found={**first.found, **second.found, **last}
    )


def _fallbacks(files: Mapping[str, Path], target: Target, root: Path | None) -> dict[str, Path]:
    """Libraries the C library itself loads when it needs them, for systems that have none.

    glibc ends threads, as Python does at exit, by the unwinder of libgcc_s, and aborts without it.
    The system's own is newer or as good, so that ours lies where only the launcher looks, last.
    """
    asker = next((facts for file in files.values() if (facts := read_elf(file))), None)
    if target.abi != "gnu" or asker is None:
        return {}
    search = load_policy(target).search
    found = {
        name: find_library(name, asker=asker, rpaths=(), search=search, root=root)
        for name in _UNWINDER
    }
    return {f"{FALLBACKS}/{name}": source.resolve() for name, source in found.items() if source}


def _graft(
    natives: Mapping[str, Path],
    provided: Mapping[str, str],
    folder: str,
    target: Target,
    *,
    root: Path | None,
) -> _Natives:
    """Like :func:`sealift.graft.graft`; a module that does not load there either is left out."""
    place = "in its packages" if root else "on this machine"
    kept = dict(natives)
    while True:
        asked = {path: Native(path=source, strip=True) for path, source in kept.items()}
        done = graft(asked, provided=provided, library_dir=folder, target=target, root=root)
        broken = {asker: lost.soname for lost in done.missing for asker in lost.askers}
        for path in broken.keys() & kept.keys():
            console.note(f"{Path(path).name} is left out: {broken[path]} is not {place}")
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

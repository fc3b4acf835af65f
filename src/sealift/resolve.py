"""One universal lock for a project: honoured where there is one, else made with uv.

A resolution is kept for a day, so that builds without a lock file of their own are quick and alike;
``docs/design/lock.md`` tells the order and why.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.pylock import Pylock
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from sealift import console, store, uv
from sealift.backend import aside
from sealift.errors import LockError
from sealift.indexes import Indexes, read_indexes
from sealift.inputs.folder import PROJECT_FILES
from sealift.lockfile import load_lock, lock_text, parse_lock
from sealift.lockscript import lock_script, script_block, uv_table
from sealift.output import write_text
from sealift.project import InputKind, Project
from sealift.requirements import is_hashed, only_hashes_of

_FORMAT = "3"  # a new number forgets resolutions made before
_DAY = 24 * 3600  # seconds a resolution is reused
_FOLDER_INPUTS = ("*requirements*.txt", "requirements/*.txt", "uv.toml")


def lock(project: Project, *, python: str, update: bool = False) -> Pylock:
    """The lock of ``project`` for CPython ``python`` ("3.13"); local paths in it are absolute.

    A lock that is named or lies beside the project is taken, unless ``update``.  Raises
    :class:`LockError` when requirements cannot be met or a lock does not cover them.
    """
    _check_python(project, python)
    if not update and (path := _given(project) or _found(project)):
        console.note(f"lock: {path}")
        found = _read(path, project, python)
        check_covers(found, project, str(path))
        return found
    text, folder = _resolved(project, python, update=update)
    return parse_lock(text, folder=folder, source="the resolution")


def save_lock(found: Pylock, out: Path) -> None:
    """Write ``found`` to ``out`` as ``pylock.toml``; paths in it are relative to its folder."""
    write_text(out, lock_text(found, folder=out.parent))


def check_covers(found: Pylock, project: Project, source: str) -> None:
    """Raise :class:`LockError` unless ``found`` meets the project's own dependencies."""
    versions: dict[str, Version | None] = {p.name: p.version for p in found.packages}
    missing = [
        f"{text}: {f'the lock has {version}' if version else 'the lock has none'}"
        for text in project.dependencies
        for name, specifier, needed in _parsed(text)
        for version in [versions.get(name)]
        if (name not in versions and needed)
        or (version and not specifier.contains(version, prereleases=True))
    ]
    if missing:
        raise LockError(
            f"cannot use {source}: it does not cover what {project.name} requires",
            details=missing,
            hint="`sealift lock` makes a new one; a uv.lock is renewed by `uv lock`",
        )


def _parsed(text: str) -> Iterator[tuple[str, SpecifierSet, bool]]:
    """Name, versions and whether every machine needs it."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return
    yield canonicalize_name(requirement.name), requirement.specifier, requirement.marker is None


def _check_python(project: Project, python: str) -> None:
    # Of a feature version, one release that fits is enough: which one is shipped is another matter.
    releases = [python] if python.count(".") > 1 else [f"{python}.{n}" for n in range(100)]
    wanted = SpecifierSet(project.requires_python)
    if not any(wanted.contains(release, prereleases=True) for release in releases):
        raise LockError(
            f"cannot lock {project.name}: it requires Python {project.requires_python}, "
            f"and {python} is to be shipped",
            hint="choose another with --python",
        )


def _given(project: Project) -> Path | None:
    named = project.settings.config.lock
    if not named:
        return None
    folders = [folder for folder in (_folder(project), Path.cwd()) if folder]
    for folder in folders:
        if (folder / named).is_file():
            return folder / named
    raise LockError(f"cannot read the lock {named}: there is no such file")


def _found(project: Project) -> Path | None:
    """A lock beside the project: ``pylock.toml``, ``uv.lock``, or hashed requirements."""
    if project.kind is InputKind.SCRIPT and project.path:
        beside = project.path.with_name(f"{project.path.name}.lock")
        return beside if beside.is_file() else None
    if project.kind is InputKind.ZIP and project.archive:
        beside = project.archive.with_name("requirements.txt")
        return beside if beside.is_file() and is_hashed(beside) else None
    if project.kind is not InputKind.FOLDER or not project.path:
        return None
    for name in ("pylock.toml", "uv.lock"):
        if (project.path / name).is_file():
            return project.path / name
    for parent in project.path.parents:
        if (parent / "uv.lock").is_file() and _is_workspace(parent):
            return parent / "uv.lock"
    plain = project.path / "requirements.txt"
    return plain if plain.is_file() and is_hashed(plain) else None


def _is_workspace(folder: Path) -> bool:
    try:
        return "[tool.uv.workspace]" in (folder / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def _folder(project: Project) -> Path | None:
    if project.path is None:
        return None
    return project.path if project.kind is InputKind.FOLDER else project.path.parent


def _read(path: Path, project: Project, python: str) -> Pylock:
    if path.name.endswith(".toml"):
        return load_lock(path)
    if path.name.endswith(".lock"):
        return _export(path, project)
    text = _compile(project, ["--no-deps", str(path)], python, cwd=path.parent)
    found = parse_lock(text, folder=path.parent, source=str(path))
    return only_hashes_of(path, found)


def _export(path: Path, project: Project) -> Pylock:
    """``uv.lock``, or a script's lock, as ``pylock.toml``; nothing is resolved."""
    config = project.settings.config
    command: list[str | Path] = ["export", "--frozen", "--format", "pylock.toml", "--no-header"]
    if project.kind is InputKind.SCRIPT and project.path:
        command += ["--script", project.path]
    else:
        command += ["--no-emit-project", "--no-default-groups"]
        command += [part for extra in config.extras for part in ("--extra", extra)]
        command += [part for group in config.groups for part in ("--group", group)]
    folder = _folder(project) or path.parent
    name = f"{project.path.name}.lock" if "--script" in command and project.path else "uv.lock"
    place, own = path.parent.resolve(), folder.resolve()
    if path.name != name or place not in (own, *own.parents):  # uv would read another
        raise LockError(
            f"cannot use {path}: uv reads {name} only, of the project or workspace it lies in",
            hint="export it: uv export --format pylock.toml -o pylock.toml",
        )
    text = uv.call(command, cwd=folder, action=f"lock {project.name}", error=LockError)
    return parse_lock(text, folder=folder, source=str(path))


def indexes_of(project: Project) -> Indexes:
    """The package indexes that hold for ``project``, those that a script names before others."""
    return read_indexes(_folder(project) or Path.cwd(), own=uv_table(project))


def _resolved(project: Project, python: str, *, update: bool) -> tuple[str, Path]:
    """A resolution not older than a day, and the folder its paths are relative to."""
    folder, indexes = _folder(project) or Path.cwd(), indexes_of(project)
    table = uv_table(project)
    block = script_block(project, table, _feature(python)) if table else ""
    sources, given = _sources(project)
    key = store.digest_of(
        _FORMAT, python, str(folder), *indexes.options, *indexes.fallback,
        *project.settings.config.extras, "|", *project.settings.config.groups, "|",
        block or given, *_inputs(project),
    )  # fmt: skip
    cached = store.store_root() / "locks" / f"{key}.toml"
    if not update and cached.is_file() and time.time() - cached.stat().st_mtime < _DAY:
        return cached.read_text(encoding="utf-8"), folder
    try:
        if block:
            with tempfile.TemporaryDirectory(prefix="sealift-") as scratch:
                place = Path(scratch)
                text = lock_script(block, project, folder=folder, scratch=place, indexes=indexes)
        else:
            text = _compile(project, sources, python, cwd=folder, given=given)
    except LockError as problem:
        if update or not cached.is_file() or not uv.is_about_network(problem.details):
            raise
        console.warning("the package index cannot be reached: the last resolution is used")
        return cached.read_text(encoding="utf-8"), folder
    store.replace_file(cached, text.encode())
    return text, folder


def _feature(python: str) -> str:
    return ".".join(python.split(".")[:2])


def _inputs(project: Project) -> Iterator[bytes]:
    """Content of the files a folder's requirements may come from."""
    if project.kind is not InputKind.FOLDER or not project.path:
        return
    dynamic = [path for pattern in _FOLDER_INPUTS for path in project.path.glob(pattern)]
    for path in (*(project.path / name for name in PROJECT_FILES), *sorted(dynamic)):
        if path.is_file():
            yield path.read_bytes()


def _sources(project: Project) -> tuple[list[str], str]:
    """What uv is to compile, as arguments, and the text for its standard input."""
    config = project.settings.config
    groups = [part for group in config.groups for part in ("--group", group)]
    extras = [part for extra in config.extras for part in ("--extra", extra)]
    match project.kind:
        case InputKind.FOLDER:
            assert project.path is not None
            first = next(name for name in PROJECT_FILES if (project.path / name).is_file())
            return [first, *extras, *groups], ""
        case InputKind.WHEEL | InputKind.SDIST:
            assert project.archive is not None
            wanted = f"[{','.join(config.extras)}]" if config.extras else ""
            return ["-"], f"{project.name}{wanted} @ {project.archive.absolute().as_uri()}\n"
        case InputKind.REQUIREMENT:
            return ["-"], f"{project.requirement}\n"
        case _:
            return ["-"], "".join(f"{text}\n" for text in project.dependencies)


def _compile(
    project: Project, sources: Sequence[str], python: str, *, cwd: Path, given: str = ""
) -> str:
    """A universal resolution, as the text of a ``pylock.toml``."""
    if not project.dependencies and list(sources) == ["-"] and not given:
        return 'lock-version = "1.0"\ncreated-by = "sealift"\npackages = []\n'
    command: list[str | Path] = [
        "pip", "compile", "--universal", "--format", "pylock.toml", "--no-header",
        "--python-version", _feature(python), "--python", uv.running_python(), *sources,
    ]  # fmt: skip
    action = f"lock {project.name}"
    with tempfile.TemporaryDirectory(prefix="sealift-") as scratch:
        variables = aside(Path(scratch))
        return uv.call(
            command, cwd=cwd, action=action, error=LockError, given=given, variables=variables
        )

"""The first noun: what the user gave, as a name, requirements and entry points."""

import dataclasses
import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from sealift import archive, console, jsonform, plugins, store
from sealift.config import Settings, read_settings
from sealift.entry import EntryPoint
from sealift.errors import ProjectError
from sealift.extras import check_extras, normalize_extras
from sealift.inputs import archives, folder, script, zipped
from sealift.inputs.reading import Reading
from sealift.target import load_targets

_EXTRAS = re.compile(r"(?P<path>.+)\[(?P<extras>[\w\-., ]+)\]")
_SUFFIXES = (".whl", ".py", ".pyw", ".pyz", ".zip", ".toml", *archives.TAR_SUFFIXES)


class InputKind(StrEnum):
    """What was given on the command line."""

    FOLDER = "folder"
    WHEEL = "wheel"
    SDIST = "sdist"
    ZIP = "zip"
    SCRIPT = "script"
    REQUIREMENT = "requirement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project as given: a source to build or a wheel or a requirement, and what is known of it.

    ``name`` is as people write it: a script's or zip's is its file's, accents and spaces included.
    ``path`` is the folder, wheel, sdist, zip or script (``None`` for a requirement);
    ``archive`` with ``sha256`` is the wheel or sdist that stands for it: the one given, or a wheel
    made of the script or zip.  ``requirement`` is the PEP 508 text that was given.
    ``entry_points`` is empty where only the built or fetched wheel tells.
    """

    kind: InputKind
    name: str
    version: str | None
    path: Path | None
    requirement: str | None
    dependencies: tuple[str, ...]
    requires_python: str
    entry_points: tuple[EntryPoint, ...]
    settings: Settings
    archive: Path | None = None
    sha256: str | None = None

    @property
    def product(self) -> str:
        """What the product is called, and its file."""
        return self.settings.config.name or self.name

    def to_json(self) -> Any:
        """JSON form; :func:`sealift.jsonform.load` reads it back."""
        return jsonform.dump(self)


_READERS: Mapping[InputKind, Callable[[Path], Reading]] = {
    InputKind.FOLDER: folder.read_folder,
    InputKind.WHEEL: archives.read_wheel_input,
    InputKind.SDIST: archives.read_sdist,
    InputKind.ZIP: zipped.read_zip,
    InputKind.SCRIPT: script.read_script,
}


def load_project(
    text: str = ".", *, cwd: Path | None = None, overrides: Mapping[str, Any] | None = None
) -> Project:
    """The project that ``text`` names: a path (relative to ``cwd``) or a requirement.

    A path may end in extras, as in ``.[web]``.  ``overrides`` are fields of
    :class:`~sealift.config.Config` that win over the project's own.  Raises
    :class:`ProjectError`, :class:`~sealift.errors.ArchiveError` or
    :class:`~sealift.errors.ConfigError`, the latter for an extra that it does not have, too.
    """
    path, extras = _path_of(text, cwd or Path.cwd())
    if path is None:
        return _required(text, overrides or {})
    overrides = dict(overrides or {})
    if extras:
        overrides["extras"] = (*extras, *overrides.get("extras", ()))
    kind = _kind(path)
    reading = _READERS[kind](path)
    _check_python(reading)
    settings = _overridden(settings_of(reading.table, source=reading.source), overrides)
    if reading.extras is not None:
        check_extras(settings.config.extras, reading.extras, project=reading.name)
    return Project(
        kind=kind,
        name=reading.name,
        version=reading.version,
        path=path,
        requirement=None,
        dependencies=reading.dependencies,
        requires_python=reading.requires_python,
        entry_points=reading.entry_points,
        settings=settings,
        archive=reading.archive,
        sha256=store.file_sha256(reading.archive) if reading.archive else None,
    )


def settings_of(table: Mapping[str, Any], *, source: str) -> Settings:
    """Settings of ``table``, ``[tool.sealift]`` of the file ``source``.

    Raises :class:`~sealift.errors.ConfigError`.
    """
    targets, formats = tuple(load_targets()), plugins.names("formats")
    settings = read_settings(table, source=source, targets=targets, formats=formats)
    rooted = {
        name: settings.rooted_format(name, plugins.load("formats", name).options)
        for name in settings.formats
    }
    return dataclasses.replace(settings, formats=rooted)


def _check_python(reading: Reading) -> None:
    try:
        SpecifierSet(reading.requires_python)
    except InvalidSpecifier as problem:
        raise ProjectError(
            f"cannot read {reading.source}: its requires-python {reading.requires_python!r} "
            "is not valid",
            hint='write it as in requires-python = ">=3.11"',
        ) from problem


def _overridden(settings: Settings, overrides: Mapping[str, Any]) -> Settings:
    config = dataclasses.replace(settings.config, **overrides)
    config = dataclasses.replace(config, extras=normalize_extras(config.extras))
    return dataclasses.replace(settings, config=config)


def _required(text: str, overrides: Mapping[str, Any]) -> Project:
    requirement = _parse_requirement(text)
    extras = normalize_extras((*sorted(requirement.extras), *overrides.get("extras", ())))
    requirement.extras = set(extras)
    return Project(
        kind=InputKind.REQUIREMENT,
        name=requirement.name,
        version=None,
        path=None,
        requirement=str(requirement),
        dependencies=(),
        requires_python="",
        entry_points=(),
        settings=_overridden(Settings(), {**overrides, "extras": extras}),
    )


def _parse_requirement(text: str) -> Requirement:
    location = text.partition("#")[0].partition("?")[0]
    try:
        if "://" in text and location.endswith(".whl"):
            name, *_ = parse_wheel_filename(location.rpartition("/")[2])
            return Requirement(f"{name} @ {text}")
        return Requirement(text)
    except (InvalidRequirement, InvalidWheelFilename) as problem:
        hint = (
            f"name it: NAME @ {text}"
            if "://" in text
            else "examples: . · app.whl · app.py · httpie"
        )
        raise ProjectError(
            f"cannot read {text!r}: it is neither a file, a folder nor a requirement",
            details=str(problem).splitlines()[:1],
            hint=hint,
        ) from problem


def _path_of(text: str, cwd: Path) -> tuple[Path | None, tuple[str, ...]]:
    """The path ``text`` means, with extras written behind it; ``None`` for a requirement."""
    match = _EXTRAS.fullmatch(text)
    for name, extras in ((text, ""), (match["path"], match["extras"]) if match else (text, "")):
        path = Path(cwd, name).absolute()
        if _is_input(path, name):
            found = path.parent if path.name == "pyproject.toml" else path
            return _tidy(found), tuple(e.strip() for e in extras.split(",") if e.strip())
    if "://" in text or " @ " in text:
        return None, ()
    bare = match["path"] if match else text
    if "/" in bare or "\\" in bare or bare.endswith(_SUFFIXES) or bare in {".", ".."}:
        raise _absent(Path(cwd, bare), bare)
    if os.path.isdir(Path(cwd, bare)):  # noqa: PTH112  (no error for names too long for a path)
        console.warning(
            f"{bare} is taken for a name on the index, as the folder of that name is no project; "
            f"to mean the folder, write ./{bare}"
        )
    return None, ()


def _is_input(path: Path, name: str) -> bool:
    """Whether ``path`` is meant: a folder named like a requirement has to be a project."""
    try:
        if path.is_dir():
            is_plain = "/" not in name and "\\" not in name and name not in {".", ".."}
            return not is_plain or any((path / file).is_file() for file in folder.PROJECT_FILES)
        return path.exists() or path.is_symlink()
    except (OSError, ValueError):  # too long, or with a NUL
        return False


def _tidy(path: Path) -> Path:
    """``path`` without ``.`` and ``..``, so that its name is a name."""
    return path.resolve() if path.name in {"", ".", ".."} or ".." in path.parts else path


def _absent(path: Path, text: str) -> ProjectError:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        names = []
    near = difflib.get_close_matches(path.name, names, n=1)
    meant = os.path.normpath(Path(text).parent / near[0]) if near else ""
    return ProjectError(
        f"cannot read {text}: there is no such file or folder",
        hint=f"did you mean {meant}?" if near else None,
    )


def _kind(path: Path) -> InputKind:
    name = path.name.lower()
    if path.is_dir():
        return InputKind.FOLDER
    if not path.is_file():
        what = "it is neither a file nor a folder" if path.exists() else "its link leads nowhere"
        raise ProjectError(f"cannot read {path}: {what}")
    if name.endswith(".whl"):
        return InputKind.WHEEL
    if name.endswith(archives.TAR_SUFFIXES):
        return InputKind.SDIST
    if name.endswith((".py", ".pyw")):
        return InputKind.SCRIPT
    try:
        if archive.is_zip(path):
            return InputKind.SDIST if archives.is_sdist_zip(path) else InputKind.ZIP
        with path.open("rb") as file:
            if file.read(2) == b"#!":
                return InputKind.SCRIPT
    except OSError as problem:
        raise ProjectError(f"cannot read {path}: {problem.strerror}") from problem
    raise ProjectError(
        f"cannot read {path}: it is not a wheel, an sdist, a zip of code or a Python script",
        hint="give a folder with pyproject.toml, a .whl, .tar.gz, .zip or .py, or a requirement",
    )

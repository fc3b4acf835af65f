"""A wheel or an sdist as input."""

from pathlib import Path

from packaging.utils import InvalidSdistFilename, parse_sdist_filename

from sealift import archive
from sealift.errors import ProjectError
from sealift.extras import extras_of
from sealift.inputs.folder import PROJECT_FILES, read_pyproject
from sealift.inputs.reading import Reading
from sealift.wheel import read_wheel

TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tar")


def read_wheel_input(path: Path) -> Reading:
    """The wheel at ``path``."""
    wheel = read_wheel(path)
    return Reading(
        name=wheel.name,
        version=wheel.version,
        archive=path,
        dependencies=wheel.requires,
        requires_python=wheel.requires_python,
        extras=extras_of(wheel),
        entry_points=wheel.entry_points,
    )


def read_sdist(path: Path) -> Reading:
    """The sdist at ``path``, or any archive with one project folder in it."""
    names = archive.member_names(path)
    tops = {name.split("/")[0] for name in names}
    root = f"{next(iter(tops))}/" if len(tops) == 1 else ""
    if not any(f"{root}{name}" in names for name in PROJECT_FILES):
        raise ProjectError(
            f"cannot read {path}: it has neither {' nor '.join(PROJECT_FILES)}",
            hint="an sdist is one folder with the project's files in it",
        )
    name, version = _filename(path)
    pyproject = f"{root}pyproject.toml"
    if pyproject not in names:
        return Reading(name=name, version=version, archive=path)
    content = archive.read_member(path, pyproject)
    reading = read_pyproject(content, folder=path.parent, source=f"{path}: pyproject.toml")
    return Reading(
        name=name if version else reading.name,
        version=reading.version or version,
        archive=path,
        dependencies=reading.dependencies,
        requires_python=reading.requires_python,
        extras=reading.extras,
        entry_points=reading.entry_points,
        table=reading.table,
        source=reading.source,
    )


def is_sdist_zip(path: Path) -> bool:
    """Whether a zip holds a project (at its top or in one folder) rather than bare code."""
    names = archive.member_names(path)
    return any(
        name in PROJECT_FILES or (name.count("/") == 1 and name.split("/")[1] in PROJECT_FILES)
        for name in names
    )


def _filename(path: Path) -> tuple[str, str | None]:
    try:
        name, version = parse_sdist_filename(path.name)
    except InvalidSdistFilename:
        suffix = next((s for s in (*TAR_SUFFIXES, ".zip") if path.name.endswith(s)), path.suffix)
        return path.name.removesuffix(suffix), None
    return name, str(version)

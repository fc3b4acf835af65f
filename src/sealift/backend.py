"""Sources to a wheel: PEP 517 hooks in an isolated, cached environment.

The hook runs in the project's own folder, as pip and uv run it; what setuptools would leave there
is turned aside.  The same sources give the same bytes as far as the backend and the compiler allow:
times are fixed and the paths of this machine are mapped away.
"""

import json
import os
import shlex
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift import backend_worker, buildhints, process, store, uv
from sealift.bills import hide_folders
from sealift.epoch import source_epoch
from sealift.errors import BuildError
from sealift.target import current_target

_LEGACY = ("setuptools.build_meta:__legacy__", ["setuptools>=40.8.0"])  # PEP 518
_FLAGS = ("CPPFLAGS", "CFLAGS", "CXXFLAGS")
_PLATFORM = "_PYTHON_HOST_PLATFORM"  # set where a build is for another machine
_PASSED = ("CC", "CXX", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSystem:
    """``[build-system]`` of a project (PEP 518)."""

    requires: tuple[str, ...]
    backend: str
    backend_path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPython:
    """The Python of this machine that runs a build: its ``program``, and its full ``version``."""

    program: Path
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A wheel, and the paths of the extension modules it was to have, where its backend told."""

    wheel: Path
    extensions: tuple[str, ...]


def build_wheel(
    source: Path,
    *,
    name: str,
    python: BuildPython,
    out: Path,
    log: Path,
    variables: Mapping[str, str | None] | None = None,
    settings: Mapping[str, Sequence[str]] | None = None,
    requires: Sequence[str] = (),
) -> Built:
    """Build the project in ``source`` into a wheel in folder ``out``, which is made.

    The wheel is for the version of ``python`` and this machine, unless ``variables`` of the
    environment tell the backend otherwise; those that are ``None`` are to be absent, folders in
    ``PATH`` come before all others.  Only the backend's hooks see them.  ``settings`` are for the
    backend (PEP 517), ``requires`` what is installed besides what it asks for.  Everything the
    backend says is in ``log``.  Raises :class:`BuildError` with the backend's last lines.
    """
    build = _Build(
        source=source,
        name=name,
        system=read_build_system(source),
        python=python,
        out=out,
        log=log,
        variables=variables or {},
        settings=settings or {},
    )
    out.mkdir(parents=True, exist_ok=True)
    requires = (*build.system.requires, *requires)
    missing: Sequence[str] = ()
    for _ in range(3):  # a backend may ask for more twice: once itself, once for its plug-ins
        requires = (*requires, *missing)
        answer = _hook(build, requires, build_environment(requires, python, source))
        if "wheel" in answer:
            built = Built(wheel=out / str(answer["wheel"]), extensions=tuple(answer["extensions"]))
            hide_folders(built.wheel, source)
            return built
        missing = answer["requires"]
    raise BuildError(
        f"cannot build {name}: its backend keeps asking for more requirements",
        details=missing,
        log=log,
    )


def environment_key() -> str:
    """A digest of the variables of this environment that a build may depend on."""
    return store.digest_of(*(os.environ.get(name, "") for name in _PASSED))


def source_date() -> str:
    """The time that builds are told, in seconds since 1970: ``SOURCE_DATE_EPOCH``."""
    return str(source_epoch())


def read_build_system(source: Path) -> BuildSystem:
    """``[build-system]`` in ``source``, with the defaults of PEP 517.

    Raises :class:`BuildError` where ``pyproject.toml`` is damaged, or the table is none.
    """
    table = read_pyproject(source).get("build-system", {})
    if not isinstance(table, Mapping):
        raise BuildError(f"cannot build {source}: build-system of pyproject.toml is no table")
    return BuildSystem(
        requires=texts_of(table, "requires", source, _LEGACY[1]),
        backend=str(table.get("build-backend") or _LEGACY[0]),
        backend_path=tuple(str(source / part) for part in texts_of(table, "backend-path", source)),
    )


def read_pyproject(source: Path) -> Mapping[str, Any]:
    """``pyproject.toml`` in ``source``, empty where there is none; raises :class:`BuildError`."""
    path = source / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig")) if path.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BuildError(
            f"cannot build {source}: pyproject.toml is damaged: {problem}"
        ) from problem


def texts_of(
    table: Mapping[str, Any], key: str, source: Path, default: Sequence[str] = ()
) -> tuple[str, ...]:
    """The list of texts under ``key`` of a ``table`` of ``source``; raises :class:`BuildError`."""
    texts = table.get(key, [*default])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BuildError(f"cannot build {source}: {key} of pyproject.toml is no list of texts")
    return tuple(texts)


def build_environment(requires: Sequence[str], python: BuildPython, source: Path) -> Path:
    """A virtual environment with ``requires``, made once for the same list and Python."""
    program = python.program

    def make(folder: Path) -> None:
        new = ["venv", "--relocatable", "--no-project", "--python", program, folder]
        action = "make an environment to build in"
        uv.call([*map(str, new)], cwd=source, action=action, error=BuildError)
        if requires:
            install = ["pip", "install", "--compile-bytecode", "-r", "-"]
            uv.call(
                [*install, "--python", _python_in(folder)],
                cwd=source,
                action=f"install what the build of {source.name} requires",
                error=BuildError,
                given="".join(f"{text}\n" for text in requires),
            )

    key = store.digest_of(str(program), python.version, *sorted(set(requires)))
    return store.make_entry("buildenvs", key, make)


def _python_in(environment: Path) -> Path:
    posix = environment / "bin" / "python"
    return posix if posix.exists() else environment / "Scripts" / "python.exe"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Build:
    """One run of :func:`build_wheel`: its arguments, together."""

    source: Path
    name: str
    system: BuildSystem
    python: BuildPython
    out: Path
    log: Path
    variables: Mapping[str, str | None]
    settings: Mapping[str, Sequence[str]]


def _hook(build: _Build, requires: Sequence[str], environment: Path) -> Mapping[str, Any]:
    """Run the backend in ``environment``; what it answered."""
    with tempfile.TemporaryDirectory(prefix="sealift-build-") as scratch:
        request, answer = Path(scratch, "request.json"), Path(scratch, "answer.json")
        asked = {
            "backend": build.system.backend,
            "backend_path": build.system.backend_path,
            "installed": list(requires),
            "out": str(build.out),
            "settings": {
                name: values[0] if len(values) == 1 else list(values)
                for name, values in build.settings.items()
            },
        }
        request.write_text(json.dumps(asked), encoding="utf-8")
        command: list[str | Path] = [
            _python_in(environment),
            "-P",
            "-s",
            str(backend_worker.__file__),
        ]
        try:
            process.run(
                [*command, request, answer],
                cwd=build.source,
                env=_variables(build, Path(scratch), environment),
                log=build.log,
                error=BuildError,
                action=f"build {build.name}",
            )
        except BuildError as problem:
            raise BuildError(
                f"cannot build {build.name}: its build backend {build.system.backend} failed",
                details=[*problem.details[1 - process.TAIL_LINES :], _ending(problem)],
                hint=buildhints.hint_for(build.log, platform=build.variables.get(_PLATFORM) or ""),
                log=build.log,
            ) from problem
        found: Mapping[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return found


def _ending(problem: BuildError) -> str:
    return problem.message.rpartition(": ")[2]


def aside(scratch: Path) -> dict[str, str]:
    """Variables by which setuptools leaves what it makes in ``scratch``, not in the project."""
    config = scratch / "setup.cfg"
    (scratch / "egg").mkdir()
    config.write_text(
        f"[build]\nbuild_base = {scratch / 'build'}\n[egg_info]\negg_base = {scratch / 'egg'}\n",
        encoding="utf-8",
    )
    return {"DIST_EXTRA_CONFIG": str(config)}


def _variables(build: _Build, scratch: Path, environment: Path) -> dict[str, str]:
    paths = {build.source: build.name, scratch: "build", environment: "environment"}
    paths[build.python.program.resolve().parents[1]] = "python"
    maps = " ".join(shlex.quote(f"-ffile-prefix-map={old}={new}") for old, new in paths.items())
    # setuptools drops its own -O2 where CFLAGS is set, and appends CPPFLAGS; CMake and Meson add to
    # CFLAGS what they need.
    additive = build.system.backend.startswith(("mesonpy", "scikit_build_core"))
    names = () if current_target().is_windows else _FLAGS if additive else _FLAGS[:1]
    scripts = str(_python_in(environment).parent)
    wanted = build.variables
    flags = {name: wanted.get(name, os.environ.get(name)) or "" for name in names}
    told = {name: value for name, value in wanted.items() if value is not None}
    first = filter(None, (told.pop("PATH", ""), scripts, os.environ.get("PATH", os.defpath)))
    variables = process.clean_environment(
        {
            **aside(scratch),
            "PATH": os.pathsep.join(first),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONIOENCODING": "utf-8",
            "PYTHONUNBUFFERED": "1",
            "SOURCE_DATE_EPOCH": source_date(),
            "VIRTUAL_ENV": str(environment),
            **told,
            **{name: f"{value} {maps}".strip() for name, value in flags.items()},
        }
    )
    absent = {name for name, value in wanted.items() if value is None} - {*names}
    return {name: value for name, value in variables.items() if name not in absent}

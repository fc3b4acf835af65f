"""An environment for cross-building by hand: build-python, cross-python and their commands.

Cross-python is a virtual environment of the same program as build-python.  What makes it answer as
the host is read when it starts (:mod:`sealift.cross.environment.startup`); nothing of the host is
run, nor is its standard library.
"""

import dataclasses
import json
import re
import runpy
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift import process, store, uv
from sealift.cross import answering
from sealift.cross.buildfiles import BuildFiles, is_known, write_build_files
from sealift.cross.environment import expose, patches, startup
from sealift.cross.environment.scripts import Places, write_scripts
from sealift.cross.host import Host
from sealift.errors import BuildError, ConfigError, OutputError

PACKAGE = "sealift_crossenv"
_PTH = f"{PACKAGE}.pth"
_ASK_PATHS = """
import json, site, sys
sites = [*site.getsitepackages(), site.getusersitepackages()]
path = [each for each in sys.path if each]
print(json.dumps({"prefix": sys.prefix, "path": path, "sites": sites}))
"""
# Of the host's variables, those that are cross-python's own matter.
_ANSWERED = ("PYTHONPATH", "_PYTHON_")

Variable = tuple[str, str, str]
"""A name, how it is set (``=``, ``?=``, ``+=``, ``:=``), and a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How an environment is to be.

    ``cleared`` names what is emptied first, "build" and "cross".  ``cross_prefix`` is where
    cross-python is to be, instead of in the environment.  ``variables`` are set when it starts.
    ``platforms`` are those whose wheels its pip takes, the best first; ``None`` takes what runs on
    the target.  ``roots`` have ``include`` and ``lib`` of libraries for the host.
    """

    cleared: frozenset[str] = frozenset()
    cross_prefix: Path | None = None
    system_site_packages: bool = False
    build_pip: bool = True
    cross_pip: bool = True
    variables: tuple[Variable, ...] = ()
    platforms: tuple[str, ...] | None = None
    makefile: Path | None = None
    roots: tuple[Path, ...] = ()


def make_environment(host: Host, program: Path, folder: Path, wishes: Wishes) -> Places:
    """Make, or renew, the environment for ``host`` in ``folder``.

    ``program`` is the CPython of this machine that builds; its version is the host's but for the
    last number.  Raises :class:`OutputError` where something else is in ``folder``,
    :class:`BuildError` where a virtual environment cannot be made.
    """
    root = folder.absolute()
    cross = wishes.cross_prefix.absolute() if wishes.cross_prefix else root / "cross"
    places = Places(root, cross)
    _check(places, wishes)
    was_there = root.exists()
    try:
        _clear(places, wishes)
        _fill(host, program, places, wishes)
    except BaseException as problem:
        if not was_there:
            shutil.rmtree(root, ignore_errors=True)
        if isinstance(problem, OSError):
            raise OutputError(
                f"cannot make {folder}: {problem.filename}: {problem.strerror}"
            ) from problem
        raise
    return places


def _check(places: Places, wishes: Wishes) -> None:
    if wishes.cross_pip and not wishes.build_pip:
        raise ConfigError("cannot have cross-pip without build-pip")
    for path, is_ours in ((places.root, is_environment), (places.cross, _is_virtual)):
        if path.exists() and not path.is_dir():
            raise OutputError(f"cannot make {path}: it is a file")
        may_be_filled = path == wishes.cross_prefix and "cross" not in wishes.cleared
        if path.exists() and any(path.iterdir()) and not is_ours(path) and not may_be_filled:
            raise OutputError(
                f"cannot make {path}: it is not empty, and no cross environment",
                hint="name another folder, or empty it",
            )


def is_environment(folder: Path) -> bool:
    """Whether ``folder`` holds a cross environment, of Sealift's or crossenv's making."""
    return (folder / "lib" / PACKAGE).is_dir() or all(
        (folder / name).exists() for name in ("bin/cross-expose", "build/pyvenv.cfg")
    )


def _is_virtual(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").is_file()


def _clear(places: Places, wishes: Wishes) -> None:
    if wishes.cleared:
        for path in (places.bin, places.lib):
            shutil.rmtree(path, ignore_errors=True)
    for name, path in (("build", places.build), ("cross", places.cross)):
        if name in wishes.cleared and path.exists():
            shutil.rmtree(path)


def _fill(host: Host, program: Path, places: Places, wishes: Wishes) -> None:
    places.bin.mkdir(parents=True, exist_ok=True)
    package = places.lib / PACKAGE
    package.mkdir(parents=True, exist_ok=True)
    _copy(expose, places.lib / "expose.py")
    for module in (startup, patches, answering):
        _copy(module, package / f"{module.__name__.rpartition('.')[2]}.py")
    (package / "__init__.py").touch()
    more = ("--system-site-packages",) if wishes.system_site_packages else ()
    _make_virtual(program, places.build, ("--seed",) * wishes.build_pip + more)
    _make_virtual(program, places.cross, ("--seed",) * wishes.cross_pip + _named(places))
    files = None
    if is_known(host.target):
        files = write_build_files(places.lib, host, roots=wishes.roots)
    build, cross = _virtual(places.build), _virtual(places.cross)
    where = {
        "environment": str(places.root),
        "bin": str(places.bin),
        "build_bin": str(places.build / "bin"),
        "build_path": build.path,
        "stdlib": [path for path in build.path if path not in build.sites],
        "site": cross.sites[0],
    }
    _write_answers(package, host, {**where, **_settings(host, wishes, files)})
    for virtual, kind in ((build, "build"), (cross, "cross")):
        line = startup.pth_line(places.lib, PACKAGE, kind, virtual.prefix)
        store.replace_file(Path(virtual.sites[0], _PTH), line.encode())
    write_scripts(places, Path(cross.sites[0]), files.cmake if files else None)


def _named(places: Places) -> tuple[str, str]:
    # It is put between double quotes as it is.
    return ("--prompt", re.sub(r"[^\w .+-]", "_", places.root.name))


def _make_virtual(program: Path, folder: Path, options: Sequence[str]) -> None:
    name = "build-python" if folder.name == "build" else "cross-python"
    uv.call(
        ["venv", "--no-project", "--allow-existing", "--python", program, *options, folder],
        cwd=Path.cwd(),
        action=f"make {name} in {folder}",
        error=BuildError,
    )


def _copy(module: Any, path: Path) -> None:
    store.replace_file(path, Path(module.__file__).read_bytes())


@dataclass(frozen=True, slots=True)
class _Virtual:
    """What a virtual environment has in ``sys.path``, and which of it are its packages."""

    prefix: str
    path: list[str]
    sites: list[str]


def _virtual(folder: Path) -> _Virtual:
    said = process.run(
        [folder / "bin/python", "-c", _ASK_PATHS],
        env=process.clean_environment({startup.MODE: "build"}),
        cwd=folder,
        error=BuildError,
        action=f"ask {folder} for its paths",
    )
    return _Virtual(**json.loads(said))


def _write_answers(package: Path, host: Host, settings: Mapping[str, Any]) -> None:
    answers = Path(str(host.variables["PYTHONPATH"]))
    for name in ("answers.json", f"{settings['sysconfigdata']}.py"):
        store.replace_file(package / name, (answers / name).read_bytes())
    text = json.dumps(settings, indent=1, sort_keys=True)
    store.replace_file(package / "settings.json", text.encode())


def _settings(host: Host, wishes: Wishes, files: BuildFiles | None) -> dict[str, Any]:
    """What cross-python answers, but for where it is."""
    name = str(host.variables["_PYTHON_SYSCONFIGDATA_NAME"])
    answers = Path(str(host.variables["PYTHONPATH"]), f"{name}.py")
    told: Mapping[str, Any] = runpy.run_path(str(answers))["build_time_vars"]
    target = dataclasses.replace(host.target, floor=host.floor)
    floor = ".".join(map(str, host.floor or ()))
    return {
        "pth": _PTH,
        "headers": str(host.headers),
        "sysconfigdata": name,
        "platform": host.variables["_PYTHON_HOST_PLATFORM"],
        "makefile": wishes.makefile and str(wishes.makefile),
        "machine": target.machine,
        "libc": ["glibc", floor] if target.abi == "gnu" and floor else ["", ""],
        "bits": f"{8 * int(told.get('SIZEOF_VOID_P') or 8)}bit",
        "abiflags": told.get("ABIFLAGS") or "",
        "multiarch": told.get("MULTIARCH") or "",
        "suffixes": list(host.suffixes),
        "tags": list(target.platforms() if wishes.platforms is None else wishes.platforms),
        "meson": str(files.meson) if files else None,
        "variables": [*_variables(host, files), *wishes.variables],
    }


def _variables(host: Host, files: BuildFiles | None) -> Iterator[Variable]:
    """What builds read; what a user has set stays, but that pip keeps what it built apart.

    Wheels in its cache are told apart by tags, which do not tell floors or C libraries.
    """
    yield "PIP_CACHE_DIR", "=", str(store.store_root() / "pip" / host.key)
    for name, value in {**host.variables, **(files.variables() if files else {})}.items():
        if value is not None and not name.startswith(_ANSWERED):
            yield name, "?=", value

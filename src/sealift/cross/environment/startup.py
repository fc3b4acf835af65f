"""Starts the Pythons of a cross environment; standard library only.

Copies of this module, :mod:`sealift.cross.environment.patches` and :mod:`sealift.cross.answering`
are a package in the environment, and a ``.pth`` file of each virtual environment there calls
:func:`start`.  ``settings.json`` beside it says what is answered.
"""

import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

HERE = Path(__file__).parent
MODE = "_SEALIFT_CROSSENV_MODE"
_SAVED = "_SEALIFT_CROSSENV_SAVED"
_MARK = "PYTHON_CROSSENV"
_HOOK = "_in_process.py"  # by which pip and build run a backend (pyproject_hooks)
# What is read before any code of Python's runs.
_EARLY = ("PYTHON", "LD_", "DYLD_", "MALLOC_", "GLIBC_")


def pth_line(folder: Path, package: str, kind: str, prefix: str) -> str:
    """The line of a ``.pth`` file that starts a Python by ``package`` in ``folder``.

    Pip's isolated builds have a ``sitecustomize`` that reads such files again, with ``sys.path``
    empty, and in any Python that is started below them; only the environment at ``prefix`` is
    meant, and only once.
    """
    place = ascii(str(folder))
    code = "\n".join(
        (
            f"sys.path.insert(0, {place})",
            "try:",
            f"    import {package}.startup as s",
            "except ImportError as problem:",
            "    import os",
            "    os.write(2, f'cross-python: {problem}: make its environment again\\n'.encode())",
            "    os._exit(1)",
            "finally:",
            f"    sys.path.remove({place})",
            f"s.start({kind!r})",
        )
    )
    is_first = f"sys.prefix == {prefix!a} and {package!r} not in sys.modules"
    return f"import sys; {is_first} and exec({code!a})\n"


def start(kind: str) -> None:
    """Answer as the host, or as the machine that builds.

    ``kind`` is "cross" for cross-python, "build" for build-python, and "isolated" for an
    environment that cross-python made, for a build: there only a backend is answered as the host,
    for what it requires runs here.  Ends the process where the host's files have gone, rather than
    build for this machine in silence.
    """
    try:
        _start(kind)
    except Exception as problem:  # noqa: BLE001  (site would report it and go on as this machine)
        _end(f"cannot answer as the host: {problem!r}")


def _end(message: str) -> NoReturn:
    """End the process; site would make a crash of an ordinary exit."""
    os.write(2, f"cross-python: {message}\n".encode())
    os._exit(1)


def _start(kind: str) -> None:
    if not _answers_as_host(kind):
        _restore()
        return
    settings = json.loads((HERE / "settings.json").read_text(encoding="utf-8"))
    if not Path(settings["headers"]).is_dir():
        _end(
            f"{settings['headers']} is gone, as after `sealift cache clear`: "
            f"make {settings['environment']} again"
        )
    _set_variables(settings)
    _answer(settings)


def _answers_as_host(kind: str) -> bool:
    mode = os.environ.get(MODE)
    if kind == "isolated" and mode is None and _is_hook():
        os.environ[MODE] = mode = "host"  # for what the backend starts
    return kind != "build" and (mode == "host" or (mode is None and kind == "cross"))


def _is_hook() -> bool:
    return any(os.path.basename(word) == _HOOK for word in sys.orig_argv[1:4])  # noqa: PTH119


def _restore() -> None:
    """Undo what a cross-python above this process set; what runs here is for this machine."""
    saved = json.loads(os.environ.pop(_SAVED, "{}"))
    for name, value in saved.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if os.environ.pop(_MARK, None) is not None:
        os.environ[MODE] = "build"


def _set_variables(settings: Mapping[str, Any]) -> None:
    """The environment's variables, once for this process and those it starts."""
    if os.environ.get(_MARK) == settings["environment"]:
        return
    before = dict(os.environ)
    # Commands here tell meson and cmake what is built for; those of build-python come last.
    _assign("PATH", "=:", settings["bin"])
    _assign("PATH", ":=", settings["build_bin"])
    for name, how, value in settings["variables"]:
        _assign(name, how, value)
    changed = {name for name in os.environ if os.environ[name] != before.get(name)}
    os.environ[_SAVED] = json.dumps({name: before.get(name) for name in sorted(changed)})
    os.environ[_MARK] = settings["environment"]
    if any(name.startswith(_EARLY) for name in changed):
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606


def _assign(name: str, how: str, value: str) -> None:
    """``FOO=``, ``FOO?=`` where it is unset, ``FOO+=``; for lists of paths ``FOO:=``, ``FOO=:``."""
    old = os.environ.get(name)
    if how == "?=" and old is not None:
        return
    if how == "+=":
        value = (old or "") + value
    elif how == ":=" and old:
        value = f"{old}{os.pathsep}{value}"
    elif how == "=:" and old:
        value = f"{value}{os.pathsep}{old}"
    os.environ[name] = value


def _answer(settings: Mapping[str, Any]) -> None:
    from . import patches

    build_path = list(settings["build_path"])
    answering: Any = importlib.import_module(f"{__package__}.answering")
    answering._INSTALLED += (*build_path, *_isolated())  # noqa: SLF001
    answering.answer_for_host()
    patches.patch_now(settings)
    sys.cross_compiling = True  # type: ignore[attr-defined]
    sys.build_path = build_path  # type: ignore[attr-defined]
    finder = _Finder(settings)
    places = [number for number, each in enumerate(sys.meta_path) if each is PathFinder]
    sys.meta_path.insert(places[0] if places else 0, finder)
    sys.meta_path.append(_LastFinder(finder))


def _isolated() -> Iterator[str]:
    """Where pip's isolated builds install what they require: no code of projects, either."""
    for path in map(Path, filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))):
        if path.name == "site" and path.parent.name.startswith("pip-build-env-"):
            yield str(path.parent)


class _Finder:
    """Finds modules in ``sys.build_path`` besides ``sys.path``, and patches some of them.

    The former comes just before the standard library, so that what build-python has installed is
    preferred to foreign files of the same name, while what is put first in ``sys.path`` stays
    first.  In an isolated environment, what that one has comes first.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._stdlib = set(settings["stdlib"])

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        from . import patches

        if fullname == self._settings["sysconfigdata"]:
            return importlib.util.spec_from_file_location(fullname, HERE / f"{fullname}.py")
        patch = patches.find_patch(fullname)
        if path is not None and patch is None:
            return None
        spec = PathFinder.find_spec(fullname, self._path() if path is None else path, target)
        if spec and spec.loader and patch:
            _patch_when_loaded(spec.loader, patch, self._settings)
        return spec

    @property
    def is_isolated(self) -> bool:
        """Whether what cross-python has installed is out of sight."""
        return self._settings["site"] not in sys.path

    def installed(self) -> list[str]:
        """Folders of ``sys.build_path`` in which distributions are installed."""
        return [path for path in sys.build_path if path not in self._stdlib]  # type: ignore[attr-defined]

    def _path(self) -> list[str]:
        if self.is_isolated:
            return [*sys.path, *self.installed()]
        found = [number for number, path in enumerate(sys.path) if path in self._stdlib]
        place = found[0] if found else len(sys.path)
        build_path: list[str] = sys.build_path  # type: ignore[attr-defined]
        return [*sys.path[:place], *build_path, *sys.path[place:]]

    def find_distributions(self, context: Any) -> Iterator[Any]:
        """Metadata of what build-python has installed (:mod:`importlib.metadata`)."""
        if not self.is_isolated:
            yield from distributions_of(self, context)

    @staticmethod
    def invalidate_caches() -> None:
        """Nothing is kept here."""


class _LastFinder:
    """Finds metadata in ``sys.build_path`` after all others."""

    def __init__(self, first: _Finder) -> None:
        self._first = first

    @staticmethod
    def find_spec(*_: object) -> None:
        return None

    def find_distributions(self, context: Any) -> Iterator[Any]:
        if self._first.is_isolated:
            yield from distributions_of(self._first, context)


def distributions_of(finder: _Finder, context: Any) -> Iterator[Any]:
    """Those in ``sys.build_path``, unless ``context`` names folders of its own."""
    from importlib.metadata import DistributionFinder, MetadataPathFinder

    if "path" not in vars(context):
        folders = DistributionFinder.Context(name=context.name, path=finder.installed())
        yield from MetadataPathFinder.find_distributions(folders)


def _patch_when_loaded(loader: Any, patch: Any, settings: Mapping[str, Any]) -> None:
    original = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        original(module)
        patch(module, settings)

    loader.exec_module = exec_module

"""Imports from ``image.sealift``; runs inside the product as ``_sealift_importer``.

It is compiled by the Python that is shipped and runs before anything else at every start, so it
imports only what is built in or frozen, and what few programs need waits in ``_sealift_adapters``.

A *path hook* claims the folders below the product's root, so ``sys.path``, ``__path__``, namespace
packages and plug-ins mean what they always mean.  The image is asked first; what is on disk beside
it (a file that a program wrote into its package) is found last.
"""

import builtins
import marshal
import sys
from _frozen_importlib import (  # type: ignore[attr-defined]
    ModuleSpec,
    _find_spec,
    _handle_fromlist,
)
from _frozen_importlib_external import (  # type: ignore[attr-defined]
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    _get_supported_file_loaders,
)
from _imp import _fix_co_filename  # type: ignore[attr-defined]

import _sealift  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import CodeType, ModuleType
    from typing import Any

MODULE, PACKAGE, EXTENSION, DIRECTORY, SOURCE = 1, 2, 4, 8, 16
IMPORTABLE = MODULE | EXTENSION | SOURCE

find, native = _sealift.find, _sealift.native
SEPARATOR = "\\" if "nt" in sys.builtin_module_names else "/"
prefix: "str" = _sealift.root + SEPARATOR
settings: "dict[str, Any]" = marshal.loads(_sealift.settings)

# Functions of the standard library that open files themselves, by module; see _sealift_adapters.
_ADAPTED = {
    "ctypes": ("_dlopen",),
    "importlib.metadata": ("PathDistribution.locate_file",),
    "linecache": ("updatecache",),
    "pkgutil": (),
    "ssl": ("SSLContext.set_default_verify_paths",),
}
if sys.version_info < (3, 13):  # later ones print tracebacks by Python code, which asks loaders
    _ADAPTED["threading"] = ("excepthook",)


def native_path(key: "str") -> "str":
    """A path below the root as the system writes it."""
    return key.replace("/", SEPARATOR)


class _Spec(ModuleSpec):
    """A module spec without ``cached``: there are no ``.pyc`` files."""

    cached = None


_Spec.__name__ = _Spec.__qualname__ = "ModuleSpec"


class Loader(SourceFileLoader):
    """Loads a module of the image; what it says of sources holds without a file on disk."""

    def __init__(self, fullname: "str", path: "str", index: "int", *, compiled: "bool") -> None:
        self.name = fullname
        self.path = path
        self._index = index
        self._compiled = compiled

    def get_code(self, fullname: "str") -> "CodeType":
        """The module's code, with its true file name."""
        if not self._compiled:
            return self.source_to_code(self.get_data(self.path), self.path)
        code: CodeType = _sealift.code(self._index)
        _fix_co_filename(code, self.path)
        return code

    def get_data(self, path: "str") -> "bytes":
        """The file at ``path``; a source that is only in the image comes from there."""
        try:
            return super().get_data(path)
        except FileNotFoundError:
            source = source_at(path)
            if source is None:
                raise
            return source

    def get_source(self, fullname: "str") -> "str | None":
        """The module's source, or ``None`` where sources are not shipped."""
        source = source_at(self.path)
        if source is None:
            return None
        from importlib.util import decode_source

        return decode_source(source)

    def path_stats(self, path: "str") -> "Mapping[str, Any]":
        """Size of the source; files of the image have no time."""
        try:
            return super().path_stats(path)
        except FileNotFoundError:
            return {"mtime": 0, "size": len(self.get_data(path))}

    def set_data(self, path: "str", data: "Any", *, _mode: "int" = 0o666) -> None:
        """Write nothing: code is in the image."""

    def get_resource_reader(self, name: "str | None" = None) -> "Any":
        """A reader that sees real files and sources alike."""
        return support("_sealift_paths").Reader(self.path)


class _AdaptedLoader(Loader):
    """Loads a module of the standard library and adapts some functions of it."""

    def exec_module(self, module: "ModuleType") -> None:
        super().exec_module(module)
        for dotted in _ADAPTED[self.name]:
            owner, _, function = dotted.rpartition(".")
            place = getattr(module, owner) if owner else module
            setattr(place, function, _adapted(function, getattr(place, function)))
        if self.name == "pkgutil":
            module.iter_importer_modules.register(FolderFinder, FolderFinder.iter_modules)
        elif self.name == "threading":
            module.__excepthook__ = module.excepthook  # type: ignore[attr-defined]


class Extension(ExtensionFileLoader):
    """Loads an extension module, from a copy where its own place forbids execution."""

    def create_module(self, spec: "Any") -> "ModuleType":
        """Load ``spec.origin``; the module says its true path in any case."""
        path = native(self.path)
        if path == self.path:
            return super().create_module(spec)
        module: ModuleType = super().create_module(ModuleSpec(spec.name, self, origin=path))
        module.__file__ = self.path
        return module


class FolderFinder(FileFinder):
    """Finds the modules in one folder of the image.

    It *is* a FileFinder, as other packages ask; that one's own way is kept for ``Latecomers``.
    """

    _loaders = ()

    def __init__(self, path: "str", key: "str", index: "int") -> None:
        self.path = path
        self._index = index
        self._key = key + "/"

    def find_spec(self, fullname: "str", target: "ModuleType | None" = None) -> "Any":
        """The spec of the module or the portion of a namespace package, or ``None``."""
        tail = fullname.rpartition(".")[2]
        found = find(self._key + tail)
        if found is None or "/" in tail:
            return None
        flags, index, file = found
        if not flags & IMPORTABLE:
            spec = ModuleSpec(fullname, None)
            spec.submodule_search_locations = [self.path + SEPARATOR + tail]
            return spec
        if flags & EXTENSION:
            loader: Any = Extension(fullname, file)
        else:
            kind = _AdaptedLoader if fullname in _ADAPTED else Loader
            loader = kind(fullname, file, index, compiled=bool(flags & MODULE))
        spec = _Spec(fullname, loader, origin=file)
        spec.has_location = True
        if flags & PACKAGE:
            spec.submodule_search_locations = [self.path + SEPARATOR + tail]
        return spec

    def iter_modules(self, prefix: "str" = "") -> "Iterator[tuple[str, bool]]":
        """Names in this folder with whether they are packages, as ``pkgutil`` asks."""
        for name in sorted(_sealift.children(self._index)):
            flags = find(self._key + name)[0]
            if flags & IMPORTABLE and "." not in name:
                yield prefix + name, bool(flags & PACKAGE)


class Latecomers:
    """Finds modules on disk that are not in the image; asked when everything else failed."""

    @staticmethod
    def find_spec(
        fullname: "str", path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "Any":
        """The spec of a file that somebody put into a folder of the image, or ``None``."""
        for folder in sys.path if path is None else path:
            finder = sys.path_importer_cache.get(folder)
            if isinstance(finder, FolderFinder):
                if not finder._loaders:  # noqa: SLF001  (most folders are never looked into)
                    FileFinder.__init__(finder, folder, *_get_supported_file_loaders())
                spec = FileFinder.find_spec(finder, fullname)
                if spec is not None and spec.loader is not None:
                    return spec
        return None


def claim(path: "str") -> FolderFinder:
    """The path hook: a finder for a folder of the image, else ImportError."""
    key = key_of(path)
    if key is not None:
        found = find(key)
        if found is not None and found[0] & DIRECTORY:
            return FolderFinder(path, key, found[1])
        if ".." in path or "//" in key or key.endswith("/"):
            from os.path import normpath

            if (plain := normpath(path)) != path:
                return claim(plain)
    msg = "not a folder of the image"
    raise ImportError(msg, path=path)


def key_of(path: "str") -> "str | None":
    """The key of what the image may have at ``path``, a folder or a module without its suffix."""
    return path[len(prefix) :] if path.startswith(prefix) else None


is_same = str.__eq__  # whether two paths are the same but for spelling


def source_at(path: "str") -> "bytes | None":
    """The source of the ``.py`` file ``path`` where the image has it."""
    if not path.endswith(".py"):
        return None
    key = key_of(path[:-3].removesuffix(SEPARATOR + "__init__"))
    found = None if key is None else find(key)
    if found is None or not found[0] & SOURCE:
        return None
    return _sealift.source(found[1]) if is_same(found[2], path) or found[0] & EXTENSION else None


def support(name: "str") -> "Any":
    """One of the importer's own modules, which are not on ``sys.path``."""
    if name not in sys.modules:
        module = type(sys)(name)
        exec(_sealift.code(find(name)[1]), module.__dict__)  # noqa: S102  (our own code)
        sys.modules[name] = module
    return sys.modules[name]


if SEPARATOR == "\\":
    key_of, is_same = (getattr(support("_sealift_windows"), name) for name in ("key_of", "is_same"))


def _adapted(name: "str", original: "Callable[..., Any]") -> "Callable[..., Any]":
    """``original`` by way of the function ``name`` of the adapters, loaded when it is called."""

    def call(*args: "Any", **kwargs: "Any") -> "Any":
        return getattr(support("_sealift_adapters"), name.lstrip("_"))(original, *args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = original.__doc__
    return call


class _SiteBuiltin:
    """``exit``, ``help`` and the like, which ``site`` makes when one is used."""

    def __init__(self, name: "str") -> None:
        self._name = name

    def _real(self) -> "Any":
        import site

        site.setquit()
        site.setcopyright()
        site.sethelper()
        return getattr(builtins, self._name)

    def __call__(self, *args: "Any", **kwargs: "Any") -> "Any":
        return self._real()(*args, **kwargs)

    def __repr__(self) -> "str":
        return repr(self._real())


def connect() -> None:
    """Make the image importable in this interpreter; a second call does nothing."""
    if claim not in sys.path_hooks:
        sys.path[:] = [prefix + native_path(path) for path in settings["search_path"]]
        sys.path_hooks.insert(0, claim)
        sys.path_importer_cache.clear()
        sys.meta_path.append(Latecomers)


def install() -> None:
    """Do what an environment does at the start of its main interpreter."""
    connect()
    if _sealift.mode == "app":
        if SEPARATOR == "/" and sys.argv[0] and "/" not in sys.argv[0]:
            sys.argv[0] = support("_sealift_adapters").found_on_path(sys.argv[0])
        sys.orig_argv[:] = [sys.executable, *sys.argv]
    if sys._stdlib_dir is None:  # type: ignore[attr-defined]  # noqa: SLF001
        support("_sealift_frozen").place(prefix + native_path(settings["stdlib"]))
    for name in ("exit", "quit", "copyright", "credits", "license", "help"):
        setattr(builtins, name, _SiteBuiltin(name))
    if sys.version_info < (3, 13):
        sys.excepthook = sys.__excepthook__ = _adapted("show_exception", sys.__excepthook__)
    for code in settings["startup"]:
        _run_startup(code, prefix + native_path(f"{settings['stdlib']}/site-packages"))
    for name in ("sitecustomize", "usercustomize"):
        if any(find(f"{path}/{name}") for path in settings["search_path"]):
            _run_startup(f"import {name}", "")


def _run_startup(code: "str", sitedir: "str") -> None:
    """Run code of a ``.pth`` file; some of it looks for ``sitedir`` in the frame that calls it."""
    try:
        exec(code)  # noqa: S102  (as site does)
    except Exception as problem:  # noqa: BLE001  (as site does: the program starts all the same)
        support("_sealift_adapters").startup_failed(code, problem)


def import_entry() -> "Callable[[], Any]":
    """Import what the product starts and return it, garbage collection on again."""
    import gc

    if settings["gc"] != "defer":
        gc.enable()
    module, function = settings["entry"]
    entry = _module_entry(module) if function is None else _function_entry(module, function)
    if settings["gc"] == "defer":
        gc.freeze()
        gc.enable()
    return entry


def _function_entry(module: "str", function: "str") -> "Callable[[], Any]":
    __import__(module)
    found: Any = sys.modules[module]
    for part in function.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            sys.exit(f"cannot start {settings['name']}: {module} has no {function}")
    return lambda: sys.exit(found())


def _module_entry(module: "str") -> "Callable[[], Any]":
    """What ``python -m module`` runs."""
    spec = _spec_of(module)
    if spec is not None and spec.submodule_search_locations is not None:
        __import__(module)
        spec = _spec_of(f"{module}.__main__")
    if spec is None:
        sys.exit(f"cannot start {settings['name']}: there is no module {module} to run")
    code = spec.loader.get_code(spec.name)
    main = sys.modules["__main__"].__dict__
    main.update(
        __name__="__main__", __file__=spec.origin, __cached__=None, __doc__=None,
        __loader__=spec.loader, __package__=spec.parent, __spec__=spec,
    )  # fmt: skip
    _preload()
    return lambda: exec(code, main)  # noqa: S102  (as runpy does)


def _spec_of(name: "str") -> "Any":
    parent = name.rpartition(".")[0]
    if not parent:
        return _find_spec(name, None)
    __import__(parent)
    return _find_spec(name, sys.modules[parent].__path__)


def _preload() -> None:
    """Make the imports that the entry begins with; one that fails does so again, in its place."""
    try:
        for name, names in settings["preload"]:
            __import__(name)
            if names:
                _handle_fromlist(sys.modules[name], names, __import__)
    except Exception:  # noqa: BLE001, S110
        pass


def call_entry(entry: "Callable[[], Any]") -> None:
    """Run the entry; ends like a console script does, by SystemExit."""
    if not settings["fast_exit"]:
        entry()
        return
    try:
        entry()
    except SystemExit as wanted:
        status = wanted.code
    else:
        status = None
    support("_sealift_adapters").end_process(status)

"""Modules, files and metadata, as programs ask for them."""

import importlib
import importlib.metadata
import importlib.resources
import importlib.util
import inspect
import os
import pkgutil
import sys
import types
import warnings

import behaviour
from behaviour import plugins


def files():
    import json.decoder
    import os as frozen

    return {
        "root": sys.prefix,
        "package": behaviour.__file__,
        "path": list(behaviour.__path__),
        "module": __file__,
        "stdlib": json.decoder.__file__,
        "frozen": frozen.__file__,
        "origin": __spec__.origin,
        "loader": type(__loader__).__name__,
        "is_source_loader": isinstance(__loader__, importlib.machinery.SourceFileLoader),
        "main": getattr(sys.modules["__main__"], "__file__", None),
        "package_name": __package__,
        "code": files.__code__.co_filename,
        "sys_path": sys.path,
        "folder_exists": os.path.isdir(os.path.dirname(plugins.deep.__file__))
        if hasattr(plugins, "deep")
        else os.path.isdir(os.path.join(os.path.dirname(plugins.__file__), "deep")),
        "up": os.path.exists(
            os.path.join(os.path.dirname(plugins.__file__), "..", "resources", "text.txt")
        ),
    }


def resources():
    root = importlib.resources.files("behaviour.resources")
    with importlib.resources.as_file(root / "readable.py") as copy:
        copied = (copy.is_file(), copy.read_text())
    with importlib.resources.as_file(root / "text.txt") as real:
        is_real = os.path.samefile(real, str(root / "text.txt"))
    return {
        "is_path": isinstance(root, os.PathLike),
        "text": (root / "text.txt").read_text(encoding="utf-8"),
        "nested": list((root / "nested" / "bytes.bin").read_bytes()),
        "joined": list(root.joinpath("nested", "bytes.bin").open("rb").read()),
        "source": (root / "readable.py").read_text(encoding="utf-8"),
        "source_is_file": (root / "readable.py").is_file(),
        "missing": (root / "missing.py").exists(),
        "names": sorted(item.name for item in root.iterdir() if item.name != "__pycache__"),
        "below": sorted(
            item.name
            for item in importlib.resources.files("behaviour").iterdir()
            if item.name != "__pycache__"
        ),
        "copied": copied,
        "is_real": is_real,
        "folder_of_data": importlib.resources.files("behaviour.templates")
        .joinpath("page.html")
        .read_text(),
        "get_data": pkgutil.get_data("behaviour", "resources/text.txt").decode(),
        "get_source": pkgutil.get_data("behaviour", "resources/readable.py").decode(),
    }


def searched():
    """What glob, rglob and walk find in a package whose sources are not files."""
    root = importlib.resources.files("behaviour.plugins")
    patterns = ["*.py", "*/*.py", "alpha.py", "d*/leaf.py", "**/leaf.py", "[ab]*.py", "gone.py"]
    patterns += ["**", "**/", "*/", "../templates/*.html", "**/../alpha.py", "", "/etc/*"]
    found = {pattern: searched_for(root.glob, pattern) for pattern in patterns}
    found |= {f"r {pattern}": searched_for(root.rglob, pattern) for pattern in ("*.py", "leaf.py")}
    if sys.version_info >= (3, 12):
        found["any case"] = searched_for(root.glob, "A*.PY", case_sensitive=False)
        found["down"] = [shown(root, *step) for step in walked(root)]
        found["up"] = [shown(root, *step) for step in root.walk(top_down=False)]
        found["up"] = [step for step in found["up"] if step]
    found["read"] = next(iter(root.rglob("leaf.py"))).read_text(encoding="utf-8")
    return found


def searched_for(search, pattern, **options):
    try:
        found = [os.path.relpath(path, search.__self__) for path in search(pattern, **options)]
    except Exception as problem:
        return type(problem).__name__
    return sorted(path for path in found if "__pycache__" not in path)


def walked(root):
    for path, folders, files in root.walk():
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        yield path, folders, files


def shown(root, path, folders, files):
    if path.name == "__pycache__":
        return None  # of the ordinary environment
    names = sorted(name for name in folders if name != "__pycache__")
    return [os.path.relpath(path, root), names, sorted(files)]


def metadata():
    distribution = importlib.metadata.distribution("behaviour")
    return {
        "version": importlib.metadata.version("behaviour"),
        "name": distribution.metadata["Name"],
        "scripts": [
            point.value
            for point in importlib.metadata.entry_points(group="console_scripts")
            if point.name == "behaviour"
        ],
        "plugins": {
            point.name: point.load().NAME
            for point in importlib.metadata.entry_points(group="behaviour.plugins")
        },
        "files": sorted(str(file) for file in importlib.metadata.files("behaviour")),
        "packages": sorted(
            name
            for name, owners in importlib.metadata.packages_distributions().items()
            if "behaviour" in owners
        ),
    }


def packages():
    return {
        "iter": [(m.name, m.ispkg) for m in pkgutil.iter_modules(plugins.__path__)],
        "walk": [m.name for m in pkgutil.walk_packages(plugins.__path__, "behaviour.plugins.")],
        "top": sorted(
            m.name for m in pkgutil.iter_modules() if m.name in ("behaviour", "shapes", "json")
        ),
        "loaded": [
            importlib.import_module(f"behaviour.plugins.{m.name}").__name__
            for m in pkgutil.iter_modules(plugins.__path__)
        ],
        "resolved": pkgutil.resolve_name("behaviour.plugins.alpha:NAME"),
    }


def sources():
    import json.decoder

    class Local:
        value = 1

    return {
        "function": inspect.getsource(sources).splitlines()[0],
        "module": inspect.getsource(behaviour),
        "class": inspect.getsource(Local).strip().splitlines()[0],
        "stdlib": inspect.getsource(json.decoder.JSONDecoder).splitlines()[0],
        "file": inspect.getsourcefile(sources),
        "doc": inspect.getdoc(behaviour),
    }


def namespaces():
    import shapes
    import shapes.circle
    import shapes.square

    return {
        "sides": [shapes.circle.SIDES, shapes.square.SIDES],
        "file": getattr(shapes, "__file__", None),
        "path": [str(part) for part in shapes.__path__],
        "names": sorted(m.name for m in pkgutil.iter_modules(shapes.__path__)),
        "origin": shapes.__spec__.origin,
    }


def startup():
    import behaviour_start

    return {"ran": behaviour_start.ran, "folder": behaviour_start.folder}


def reloading():
    import behaviour.plugins.alpha as alpha

    alpha.NAME = "changed"
    importlib.reload(alpha)
    late = os.path.join(os.path.dirname(plugins.__file__), "late.py")
    with open(late, "w") as file:
        file.write("NAME = 'late'\n")
    try:
        importlib.invalidate_caches()
        found = importlib.import_module("behaviour.plugins.late").NAME
    finally:
        os.unlink(late)
    return {"name": alpha.NAME, "late": found, "spec": importlib.util.find_spec("no_such") is None}


def lazily():
    spec = importlib.util.find_spec("behaviour.plugins.beta")
    loader = importlib.util.LazyLoader(spec.loader)
    spec.loader = loader
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return {"lazy": type(module) is not types.ModuleType, "name": module.NAME}


def by_location(folder):
    path = os.path.join(folder, "outside.py")
    spec = importlib.util.spec_from_file_location("outside", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.insert(0, folder)
    import inside_folder

    sys.path.insert(0, os.path.join(folder, "archive.zip"))
    import inside_zip

    return [module.NAME, inside_folder.NAME, inside_zip.NAME, type(inside_zip.__loader__).__name__]


def site():
    import builtins

    return {
        "names": [hasattr(builtins, name) for name in ("exit", "quit", "copyright", "help")],
        "exit": repr(exit),
        "prefixes": [sys.prefix == sys.base_prefix, sys.exec_prefix == sys.prefix],
        "executable": os.path.relpath(sys.executable, sys.prefix),
        "flags": [sys.flags.isolated, sys.flags.utf8_mode, sys.flags.ignore_environment],
    }


def warned():
    warnings.simplefilter("always")
    warnings.warn("look here")  # the line that warns


def lines_of_pages():
    import linecache

    from behaviour.broken import empty, pages

    lines = linecache.getlines(empty.__spec__.origin)
    return [inspect.getsourcelines(pages.fail)[0], "".join(lines).strip()]

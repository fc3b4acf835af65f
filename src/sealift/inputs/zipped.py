"""A zip of Python code without metadata: find what it starts, make a wheel of it."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from sealift import store
from sealift.entry import EntryPoint, is_guarded
from sealift.errors import ProjectError
from sealift.inputs.reading import Reading
from sealift.inputs.script import distribution_name, module_name, script_name
from sealift.strictzip import StrictZip
from sealift.target import current_target
from sealift.wheel import is_native, make_wheel

_FORMAT = "1"  # a new number forgets wheels made before
_SKIPPED = ("__MACOSX/", "__pycache__/", ".git/")


def read_zip(path: Path) -> Reading:
    """The code in zip ``path``; ``entry_points`` are all the ways in that were found.

    Its ``requirements.txt`` is kept beside the wheel that is made, for the lock.
    """
    files = _code(path)
    stem = path.name.partition(".")[0] or path.stem
    main = module_name(stem)
    if "__main__.py" in files:  # python -m cannot start a module of that name
        files[f"{main}.py"] = files.pop("__main__.py")
        points = [EntryPoint(script_name(stem), main)]
    else:
        points = _ways_in(files)
    requirements = files.pop("requirements.txt", b"")
    dependencies = tuple(_requirements(requirements.decode("utf-8", "replace"), path))
    native = [name for name in files if is_native(name)]
    tag = f"py3-none-{_own_platform()}" if native else "py3-none-any"
    parts = [part for name in sorted(files) for part in (name.encode(), files[name])]
    key = store.digest_of(_FORMAT, stem, tag, requirements, *parts)

    def make(folder: Path) -> None:
        make_wheel(
            distribution_name(stem), "0", files, out=folder,
            entry_points=points, requires=dependencies, tag=tag,
        )  # fmt: skip
        (folder / "requirements.txt").write_bytes(requirements)

    (wheel,) = store.make_entry("inputs", key, make).glob("*.whl")
    return Reading(
        name=stem,
        version="0",
        archive=wheel,
        dependencies=dependencies,
        extras=(),
        entry_points=tuple(points),
        source=str(path),
    )


def _code(path: Path) -> dict[str, bytes]:
    """The zip's files by path; a single folder around them all is taken off."""
    with StrictZip(path, prefix_line=True) as archive:
        names = [m.name for m in archive.files if not any(s in f"{m.name}/" for s in _SKIPPED)]
        if not any(name.endswith((".py", ".pyc")) for name in names):
            raise ProjectError(f"cannot read {path}: there is no Python code in it")
        prefix = _wrapper(names)
        return {name.removeprefix(prefix): archive.read(name) for name in names}


def _wrapper(names: list[str]) -> str:
    """The folder around everything, with its slash, unless it is a package itself."""
    tops = {name.split("/")[0] for name in names}
    top = next(iter(tops))
    inside = {name.removeprefix(f"{top}/") for name in names}
    if len(tops) > 1 or top in names or "__init__.py" in inside:
        return ""
    if "__main__.py" in inside and top.isidentifier():
        return ""
    modules = [name for name in names if name.count("/") == 1 and name.endswith(".py")]
    packages = [name for name in names if name.count("/") == 2 and name.endswith("__init__.py")]
    return f"{top}/" if modules or packages else ""


def _ways_in(files: Mapping[str, bytes]) -> list[EntryPoint]:
    """Packages with ``__main__``, else modules that test for it, else the only module."""
    mains = sorted(name.split("/")[0] for name in files if _is_package_main(name))
    if mains:
        return [EntryPoint(name, name) for name in mains]
    modules = {_module_of(name): data for name, data in files.items() if _is_top(name)}
    guarded = [
        name for name, data in modules.items() if is_guarded(data.decode("utf-8", "replace"))
    ]
    found = guarded or (
        list(modules) if len(modules) == 1 and "__init__" not in str(modules) else []
    )
    return [EntryPoint(name.split(".")[0], name) for name in sorted(found)]


def _is_package_main(name: str) -> bool:
    return name.count("/") == 1 and name.endswith("/__main__.py")


def _is_top(name: str) -> bool:
    """Whether a file is a top-level module, or the ``__init__`` of a top-level package."""
    path = PurePosixPath(name)
    if path.suffix != ".py" or not path.parts[0].removesuffix(".py").isidentifier():
        return False
    return len(path.parts) == 1 or (len(path.parts) == 2 and path.name == "__init__.py")


def _module_of(name: str) -> str:
    return name.removesuffix(".py").replace("/", ".")


def _requirements(text: str, path: Path) -> list[str]:
    """Requirements in the text of a ``requirements.txt``, without their hashes."""
    lines = text.replace("\\\n", " ").splitlines()
    found: list[str] = []
    for line in lines:
        plain = line.partition(" #")[0].partition(" --")[0].strip()
        if not plain or plain.startswith("#"):
            continue
        if plain.startswith("-"):
            raise ProjectError(
                f"cannot read requirements.txt in {path}: option {plain.split()[0]!r} is not known",
                hint="list the requirements themselves; indexes are settings of uv or pip",
            )
        found.append(plain)
    return found


def _own_platform() -> str:
    return list(current_target().platforms())[-1]

"""One wheel from sources: by this machine's compiler for this machine, across for all others.

What has no native code is built without any compiler, whatever it is for.
"""

from pathlib import Path

from packaging.utils import parse_wheel_filename

from sealift import backend, console, store
from sealift.errors import BuildError
from sealift.order import Order, announce, apply_patches, made_once
from sealift.wheel import is_native, read_wheel, runs_anywhere

_NATIVE_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".pyx", ".rs", ".f90")
_NATIVE_BACKENDS = ("maturin", "mesonpy", "scikit_build_core", "sipbuild", "setuptools_rust")
_DECLARATIONS = (
    b"ext_modules", b"ext-modules", b"cffi_modules", b"rust_extensions",  # setuptools
    b".hooks.", b"run-setuptools", b"tool.poetry.build",  # hatchling, pdm-backend, poetry-core
)  # fmt: skip


def make_wheel(order: Order) -> Path:
    """The wheel of ``order`` in the content store; found again when nothing changed.

    Raises :class:`BuildError` with the backend's last lines, or with what is wrong with the wheel;
    :class:`~sealift.errors.RefusedError` where no tag fits it, and
    :class:`~sealift.errors.ToolError` where there is no compiler.
    """
    path = _made(order)
    *_, tags = parse_wheel_filename(path.name)
    if tags.isdisjoint(order.target.tags(order.python.version, free_threaded=order.free_threaded)):
        raise BuildError(
            f"cannot build {order.label} for {order.target}: what is built here is {path.name}",
            hint="give a wheel of it that is, ask for a later floor, or leave the target out",
        )
    return path


def _made(order: Order) -> Path:
    if not order.crosses:
        return _built_here(order)
    if not order.is_native and not _seems_native(order):
        path = _built_here(order)
        if runs_anywhere(path.name):
            return path
    from sealift.cross.crossbuild import make_cross_wheel

    return make_cross_wheel(order)


def _built_here(order: Order) -> Path:
    program = order.python.program
    parts = (str(program), order.python.version, store.file_stamp(program))
    return made_once(
        order, (*parts, backend.environment_key()), lambda out, key: _build(order, key, out)
    )


def _build(order: Order, key: str, out: Path) -> None:
    announce(order)
    options = order.options
    with order.sources.opened(key, copied=bool(options.patches)) as folder:
        apply_patches(order, folder)
        backend.build_wheel(
            folder,
            name=order.label,
            python=order.python,
            out=out,
            log=order.log,
            variables=options.environment,
            settings=options.config_settings,
            requires=options.requires,
        )
        wheels = list(out.glob("*.whl"))
        if len(wheels) != 1:
            raise BuildError(
                f"cannot build {order.label}: its backend wrote {len(wheels)} wheels", log=order.log
            )
        if should_be_native(folder) and not any(map(is_native, read_wheel(wheels[0]).files)):
            console.warning(
                f"{order.label} was built without the native code that its sources have: "
                f"{order.log}"
            )


def _seems_native(order: Order) -> bool:
    """Whether the sources declare extension modules; found once for the same archive or commit."""
    if order.sources.folder:
        return should_be_native(order.sources.folder)

    def look(path: Path) -> None:
        with order.sources.opened(key) as folder:
            path.write_text("native" if should_be_native(folder) else "pure", encoding="utf-8")

    key = store.digest_of("1", order.sources.digest() or "")
    return store.make_entry("natures", key, look).read_text(encoding="utf-8") == "native"


def should_be_native(folder: Path) -> bool:
    """Whether sources declare extension modules, as far as their build files tell."""
    if backend.read_build_system(folder).backend.startswith(_NATIVE_BACKENDS):
        return True
    declared = any(
        word in path.read_bytes()
        for path in (folder / "setup.py", folder / "pyproject.toml")
        for word in _DECLARATIONS
        if path.is_file()
    )
    return declared and any(p.suffix in _NATIVE_SOURCES for p in folder.rglob("*.*"))

"""A wheel for another machine: built here by a toolchain for it, checked, repaired and retagged."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sealift import backend, store
from sealift.cross.apple_sdk import find_sdk
from sealift.cross.buildfiles import write_build_files
from sealift.cross.checking import check_built, module_names
from sealift.cross.host import Host, make_host
from sealift.cross.known import fitting, with_known
from sealift.cross.library import external_libraries, libraries_for, parse_libraries
from sealift.cross.rust import needs_rust, rust_variables
from sealift.cross.sysroot import Sysroot, make_sysroot, sysroot_key
from sealift.cross.toolchain import find_toolchain, prepare
from sealift.cross.universal import halves, merge_wheels
from sealift.order import Order, announce, apply_patches, made_once
from sealift.repair.plan import Options
from sealift.repair.wheel import repair_wheel
from sealift.wheel import module_files, read_wheel, runs_anywhere


def make_cross_wheel(order: Order) -> Path:
    """The wheel of ``order`` for its target, whatever this machine is; found again as others are.

    Its tag is the oldest that its native files keep.  Raises as
    :func:`sealift.building.make_wheel` does.
    """
    order = replace(order, options=with_known(order.name, order.options, order.target))
    if order.target.arch == "universal2":
        return _universal_wheel(order)
    toolchain = find_toolchain(order.toolchain, order.target, sdk=find_sdk(order.target))
    host = make_host(order.python.program, toolchain, free_threaded=order.free_threaded)
    # Those that are looked for tell, too: what was made without looking may lack some.
    modules = _common_modules(order.siblings)
    libraries = _libraries(order)
    sysroot = sysroot_key(libraries, order.target) if libraries else ""
    parts = ("cross", host.key, str(order.target.floor), sysroot, *sorted(modules))

    def make(out: Path, key: str) -> None:
        _build(order, host, key, out, modules=modules, libraries=libraries)

    return made_once(order, parts, make)


def _universal_wheel(order: Order) -> Path:
    intel, apple = (make_cross_wheel(replace(order, target=it)) for it in halves(order.target))
    if runs_anywhere(intel.name) and intel.name == apple.name:
        return intel
    parts = ("universal", store.file_sha256(intel), store.file_sha256(apple))
    return made_once(order, parts, lambda out, _: merge_wheels(intel, apple, out))


def _build(
    order: Order, host: Host, key: str, out: Path, *, modules: frozenset[str],
    libraries: Sequence[str],
) -> None:  # fmt: skip
    prepare(host.toolchain)
    announce(order)
    out.mkdir()
    options = order.options
    with (
        # A copy, so that nothing is found there that was built for another target.
        order.sources.opened(key, copied=True) as folder,
        tempfile.TemporaryDirectory(prefix="sealift-cross-") as scratch,
    ):
        order = replace(order, options=fitting(order.options, folder))
        apply_patches(order, folder)
        sysroot = make_sysroot(libraries, host.toolchain) if libraries else None
        roots = [sysroot.path / "usr"] if sysroot else []
        files = write_build_files(Path(scratch), host, roots=roots)
        system = backend.read_build_system(folder)
        rust = rust_variables(host, order.name) if needs_rust(system) else {}
        built = backend.build_wheel(
            folder,
            name=order.label,
            python=order.python,
            out=Path(scratch, "raw"),
            log=order.log,
            variables={
                **host.variables,
                **files.variables(),
                **(_variables(sysroot) if sysroot else {}),
                **rust,
                **_placed(options.environment, sysroot),
            },
            settings=_joined(files.settings(system.backend), options.config_settings),
            requires=options.requires,
        )
        check_built(built.wheel, order, module_names(built.extensions) | modules)
        _finish(_claiming(built.wheel, order), order, sysroot, out)


def _finish(wheel: Path, order: Order, sysroot: Sysroot | None, out: Path) -> None:
    """Take in the libraries that it links to, and give it its tag."""
    folders = sysroot.library_folders if sysroot else ()
    # zig's C++ library brings its debug information along, ten times the code.
    strips = order.target.os == "linux"
    repair_wheel(wheel, Options(search=folders, strips=strips), out)


def _claiming(wheel: Path, order: Order) -> Path:
    """``wheel`` under a name that tells its C library.

    Backends call all of Linux by one name, and files that ask for no C library do not tell either.
    """
    target = order.target
    version = target.floor or target.newest
    stem, _, platform = wheel.name.rpartition("-")
    if target.abi != "musl" or version is None or not platform.startswith("linux"):
        return wheel
    family = "musllinux_{}_{}".format(*version)
    return wheel.rename(wheel.with_name(f"{stem}-{platform.replace('linux', family, 1)}"))


def _libraries(order: Order) -> tuple[str, ...]:
    """What the order's options, the project or the table of packages say that it links to."""
    wanted = (*order.options.libraries, *_external(order)) or libraries_for(order.name)
    return wanted if parse_libraries(wanted) else ()


def _external(order: Order) -> tuple[str, ...]:
    """What the project says; found once for the same archive or commit."""
    if order.sources.folder:
        return external_libraries(order.sources.folder)

    def look() -> list[str]:
        with order.sources.opened(key) as folder:
            return [*external_libraries(folder)]

    key = store.digest_of("externals", order.sources.digest() or "")
    return tuple(store.remember("externals", key, look))


def _placed(environment: Mapping[str, str], sysroot: Sysroot | None) -> dict[str, str]:
    """``environment`` with the folder of libraries in place of ``{sysroot}``."""
    folder = str(sysroot.path / "usr") if sysroot else ""
    return {name: value.replace("{sysroot}", folder) for name, value in environment.items()}


def _variables(sysroot: Sysroot) -> dict[str, str | None]:
    return {**sysroot.variables, "PATH": str(sysroot.programs)}


def _joined(
    one: Mapping[str, tuple[str, ...]], other: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    return {name: (*one.get(name, ()), *other.get(name, ())) for name in (*one, *other)}


def _common_modules(wheels: Sequence[Path]) -> frozenset[str]:
    """The extension modules that all of ``wheels`` have."""
    found = [module_names(module_files(read_wheel(wheel))) for wheel in wheels]
    return frozenset.intersection(*found) if found else frozenset()

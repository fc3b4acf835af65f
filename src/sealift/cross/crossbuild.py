"""A wheel for another machine: built here by a toolchain for it, checked, repaired and retagged."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sealift import backend, store
from sealift.cross.buildfiles import write_build_files
from sealift.cross.checking import check_built, module_names
from sealift.cross.host import Host, make_host
from sealift.cross.rust import needs_rust, rust_variables
from sealift.cross.toolchain import find_toolchain
from sealift.cross.universal import halves, merge_wheels
from sealift.order import Order, announce, apply_patches, made_once
from sealift.repair.plan import Options
from sealift.repair.wheel import repair_wheel
from sealift.wheel import module_files, read_wheel


def make_cross_wheel(order: Order) -> Path:
    """The wheel of ``order`` for its target, whatever this machine is; found again as others are.

    Its tag is the oldest that its native files keep.  Raises as
    :func:`sealift.building.make_wheel` does.
    """
    if order.target.arch == "universal2":
        return _universal_wheel(order)
    host = make_host(order.python.program, find_toolchain(order.toolchain, order.target))
    parts = ("cross", host.key, str(order.target.floor))
    return made_once(order, parts, lambda out, key: _build(order, host, key, out))


def _universal_wheel(order: Order) -> Path:
    intel, apple = (make_cross_wheel(replace(order, target=it)) for it in halves(order.target))
    parts = ("universal", store.file_sha256(intel), store.file_sha256(apple))
    return made_once(order, parts, lambda out, _: merge_wheels(intel, apple, out))


def _build(order: Order, host: Host, key: str, out: Path) -> None:
    announce(order)
    out.mkdir()
    options = order.options
    with (
        order.sources.opened(key, copied=bool(options.patches)) as folder,
        tempfile.TemporaryDirectory(prefix="sealift-cross-") as scratch,
    ):
        apply_patches(order, folder)
        files = write_build_files(Path(scratch), host)
        system = backend.read_build_system(folder)
        rust = rust_variables(host, order.name) if needs_rust(system) else {}
        built = backend.build_wheel(
            folder,
            name=order.label,
            python=order.python,
            out=Path(scratch, "raw"),
            log=order.log,
            variables={**host.variables, **files.variables(), **rust, **options.environment},
            settings=_joined(files.settings(system.backend), options.config_settings),
            requires=options.requires,
        )
        expected = module_names(built.extensions) | _modules_of(order.sibling)
        check_built(built.wheel, order, expected)
        repair_wheel(built.wheel, Options(), out)


def _joined(
    one: Mapping[str, tuple[str, ...]], other: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    return {name: (*one.get(name, ()), *other.get(name, ())) for name in (*one, *other)}


def _modules_of(wheel: Path | None) -> frozenset[str]:
    return module_names(module_files(read_wheel(wheel))) if wheel else frozenset()

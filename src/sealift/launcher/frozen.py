"""Frozen modules of CPython before 3.13; runs inside products as ``_sealift_frozen``."""

import sys

from _sealift_importer import SEPARATOR  # type: ignore[import-not-found]


def place(stdlib: "str") -> None:
    """Tell frozen modules where their files would be, as Python before 3.13 does not.

    Packages among them find their other modules by it.
    """
    sys._stdlib_dir = stdlib  # type: ignore[attr-defined]  # noqa: SLF001
    for module in [*sys.modules.values()]:
        spec = module.__spec__
        name = getattr(getattr(spec, "loader_state", None), "origname", None)
        if spec is None or not name:
            continue
        place = stdlib + SEPARATOR + name.lstrip("<").replace(".", SEPARATOR)
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations[:] = [place]
            place += f"{SEPARATOR}__init__"
        module.__file__ = spec.loader_state.filename = f"{place}.py"

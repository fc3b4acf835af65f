"""What is known of the builds of some packages; ``data/builds.toml``."""

import functools
from typing import Any

from sealift.config import BuildOptions, PackageOptions
from sealift.options import read_options
from sealift.tables import load_table
from sealift.target import Target


def with_known(name: str, options: BuildOptions, target: Target) -> BuildOptions:
    """What is known of building package ``name`` for ``target``, and ``options``, which win.

    >>> from sealift.target import load_targets
    >>> with_known("pillow", BuildOptions(), load_targets()["macos-arm64"]).config_settings
    {'platform-guessing': ('disable',)}
    """
    known = read_options(PackageOptions, _table().get(name, {}), where=name, source="builds.toml")
    return known.for_machine(target.os, target.arch).joined(options)


@functools.cache
def _table() -> dict[str, Any]:
    return load_table("builds")

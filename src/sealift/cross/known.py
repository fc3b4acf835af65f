"""What is known of the builds of some packages; ``data/builds.toml``."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

from sealift.config import BuildOptions, PackageOptions
from sealift.options import read_options
from sealift.patching import fits
from sealift.tables import data_file, load_table
from sealift.target import Target


def with_known(name: str, options: BuildOptions, target: Target) -> BuildOptions:
    """What is known of building package ``name`` for ``target``, and ``options``, which win.

    >>> from sealift.target import load_targets
    >>> with_known("pillow", BuildOptions(), load_targets()["macos-arm64"]).config_settings
    {'platform-guessing': ('disable',)}
    """
    source = str(data_file("builds.toml"))  # patches lie beside it
    known = read_options(PackageOptions, _table().get(name, {}), where=name, source=source)
    return known.for_machine(target.os, target.arch).joined(options)


def fitting(options: BuildOptions, folder: Path) -> BuildOptions:
    """``options`` without known patches that are not for the release whose sources are ``folder``.

    Raises :class:`~sealift.errors.ToolError` where there is no program to tell.
    """
    own = data_file("builds.toml").parent
    kept = [it for it in map(Path, options.patches) if it.parent != own or fits(it, folder)]
    return dataclasses.replace(options, patches=tuple(map(str, kept)))


@functools.cache
def _table() -> dict[str, Any]:
    return load_table("builds")

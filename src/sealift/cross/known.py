"""What is known of the builds of some packages; ``data/builds.toml``."""

import dataclasses
import functools
from typing import Any

from sealift.config import BuildOptions, read_options
from sealift.tables import load_table


def with_known(name: str, options: BuildOptions) -> BuildOptions:
    """``options`` for package ``name``, and what is known of its build besides.

    >>> with_known("pillow", BuildOptions()).config_settings
    {'platform-guessing': ('disable',)}
    """
    known = read_options(BuildOptions, _table().get(name, {}), where=name, source="builds.toml")
    return dataclasses.replace(
        options,
        environment={**known.environment, **options.environment},
        config_settings={**known.config_settings, **options.config_settings},
        optional=(*known.optional, *options.optional),
    )


@functools.cache
def _table() -> dict[str, Any]:
    return load_table("builds")

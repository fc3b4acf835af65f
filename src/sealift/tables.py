"""Knowledge that is data: the TOML files of the folder ``data``."""

import pkgutil
import tomllib
from pathlib import Path
from typing import Any


def load_table(name: str) -> dict[str, Any]:
    """What ``data/name.toml`` says.

    >>> load_table("policies/linux")["gnu"]["search"][0]
    '/lib/{multiarch}'
    """
    # importlib.resources takes as long to import as this takes to read.
    data = pkgutil.get_data("sealift", f"data/{name}.toml")
    assert data is not None, f"Sealift is installed without {name}.toml"
    return tomllib.loads(data.decode())


def data_file(name: str) -> Path:
    """The file ``name`` of the folder, for programs that are given its path."""
    return Path(__file__).with_name("data") / name

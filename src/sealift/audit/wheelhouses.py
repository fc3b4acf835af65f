"""Folders of wheels, told from folders in which packages are unpacked."""

import os
from pathlib import Path

from packaging.utils import InvalidSdistFilename, parse_sdist_filename

# One file of these is enough for a folder to be a subject of its own.
_UNPACKED = (".py", ".so", ".pyd", ".dll", ".dylib", ".exe")
_INFO = (".dist-info", ".egg-info")


def distributions(folder: Path) -> list[Path]:
    """The wheels in ``folder``, and sdists beside them; none where it is no folder of wheels.

    It is one when wheels lie in it.  Folders below count where no package is unpacked in any: a
    virtual environment or a system may have a wheel of pip in it.  Links to folders are not
    followed.
    """
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        if any(name.endswith(_INFO) for name in folders) or any(map(_is_unpacked, names)):
            found = [path for path in folder.iterdir() if _is_distribution(path.name)]
            break
        found += (Path(place, name) for name in names if _is_distribution(name))
    return sorted(found) if any(path.suffix == ".whl" for path in found) else []


def _is_unpacked(name: str) -> bool:
    return name.endswith(_UNPACKED)


def _is_distribution(name: str) -> bool:
    if not name.endswith(".tar.gz"):
        return name.endswith(".whl")
    try:
        parse_sdist_filename(name)
    except InvalidSdistFilename:
        return False
    return True

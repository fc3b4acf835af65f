"""The C headers of CPython for another machine: those of this machine's, configured for that one.

All but ``pyconfig.h`` are the same everywhere.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from sealift import store
from sealift.cross.configuration import host_configuration, macros_of
from sealift.interpreters.installation import Installation
from sealift.target import Target, load_targets


def headers_for(found: Installation, target: Target) -> Path | None:
    """A folder with the headers of ``found`` as they are on ``target``; ``None`` without any."""
    if not (found.headers / "Python.h").is_file():
        return None
    own = (_pyconfig(found)).read_text(encoding="utf-8")
    # Both kinds of Mac are alike in all that a header tells.
    machine = load_targets()["macos-arm64"] if target.arch == "universal2" else target
    free_threaded = found.is_free_threaded
    abi = found.feature.replace(".", "") + ("t" if free_threaded else "")
    macros = macros_of(replace(machine, floor=None), free_threaded=free_threaded)
    configuration = host_configuration(machine, own, macros, abi)

    def make(folder: Path) -> None:
        shutil.copytree(found.headers, folder)
        (folder / "pyconfig.h").write_text(configuration, encoding="utf-8")

    files = sorted(path for path in found.headers.rglob("*.h") if path.name != "pyconfig.h")
    key = store.digest_of("1", configuration, *(path.read_bytes() for path in files))
    return store.make_entry("headers", key, make)


def _pyconfig(found: Installation) -> Path:
    """The real one: Debian's first one only leads to that of the CPU."""
    folder = found.headers
    leads_to = folder.parent / str(found.variables.get("MULTIARCH") or "") / folder.name
    other = leads_to / "pyconfig.h"
    return other if other.is_file() else folder / "pyconfig.h"

"""A library of a few C files, compiled without a build system."""

import os
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sealift import process
from sealift.cross.recipe import Compilation
from sealift.cross.toolchain import Toolchain
from sealift.errors import BuildError

_MODULE = """prefix=/usr
libdir=${{prefix}}/lib
includedir=${{prefix}}/include

Name: {module}
Description: {module}
Version: {version}
Libs: -L${{libdir}} -l{name}
Cflags: -I${{includedir}}
"""


def compile_library(
    wanted: Compilation,
    *,
    version: str,
    toolchain: Toolchain,
    sources: Path,
    usr: Path,
    flags: Sequence[str],
) -> None:
    """Compile ``wanted``, ``version``, of the files in ``sources`` into the tree ``usr``.

    For Linux it is a shared library, a static one for other systems.  Raises :class:`BuildError`.
    """
    options = [*flags, *filled(wanted.flags, version), "-c"]
    action = f"compile {wanted.module} {version} for {toolchain.target}"

    def run(*command: str | Path) -> None:
        process.run(command, cwd=sources, error=BuildError, action=action)

    def compiled(name: str) -> Path:
        made = sources / f"{name.replace('/', '-')}.o"
        run(toolchain.cc, *options, name, "-o", made)
        return made

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compiled, wanted.files))
    for folder in ("include", "lib/pkgconfig"):
        (usr / folder).mkdir(parents=True)
    if toolchain.target.os == "linux":
        library = usr / "lib" / wanted.soname
        run(toolchain.cc, "-shared", f"-Wl,-soname,{wanted.soname}", "-o", library, *objects)
        (usr / f"lib/lib{wanted.name}.so").symlink_to(wanted.soname)
    else:
        run(toolchain.ar, "rcs", usr / f"lib/lib{wanted.name}.a", *objects)
    for header in wanted.headers:
        shutil.copy(sources / header, usr / "include")
    module = _MODULE.format(module=wanted.module, version=version, name=wanted.name)
    (usr / f"lib/pkgconfig/{wanted.module}.pc").write_text(module, encoding="utf-8")


def filled(flags: Sequence[str], version: str) -> list[str]:
    """``flags`` with the parts of ``version`` in place of their names.

    >>> filled(["-DV={version}", "-DMINOR={minor}"], "0.2.5")
    ['-DV=0.2.5', '-DMINOR=2']
    """
    numbers = [*re.findall(r"\d+", version), "0", "0", "0"]
    values = dict(zip(("major", "minor", "patch"), numbers, strict=False), version=version)
    return [flag.format(**values) for flag in flags]

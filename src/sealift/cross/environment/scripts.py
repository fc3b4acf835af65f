"""The commands of a cross environment, as small scripts of ``sh``."""

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sealift.cross.environment.startup import MODE

_ACTIVATE = """\
# Use with ". {bin}/activate"; what it changes, deactivate undoes.
. {activate}
PATH={bin}:"$PATH":{build_bin}
export PATH
hash -r 2>/dev/null
"""
_LAUNCHER = """\
#!/bin/sh
unset {mode}
exec {program} "$@"
"""
_EXPOSE = """\
#!/bin/sh
exec {python} -I {script} {site} "$@"
"""
_MESON = """\
#!/bin/sh
exec {python} {script} "$@"
"""
_MESON_MAIN = """\
import sys

try:
    from mesonbuild.mesonmain import main
except ImportError:
    sys.exit("meson: neither cross-python nor build-python has it: build-pip install meson ninja")
sys.exit(main())
"""
# The next cmake on PATH, told of the machine that is built for.
_CMAKE = """\
#!/bin/sh
if [ "${{{mode}:-}}" != build ]; then
    : "${{CMAKE_TOOLCHAIN_FILE:={toolchain}}}"
    export CMAKE_TOOLCHAIN_FILE
fi
IFS=:
for folder in $PATH; do
    if [ "$folder" != {bin} ] && [ -x "$folder/cmake" ]; then
        exec "$folder/cmake" "$@"
    fi
done
echo "cmake: there is none on PATH: build-pip install cmake ninja" >&2
exit 127
"""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parts of the environment in ``root`` lie; cross-python's packages may lie apart."""

    root: Path
    cross: Path

    @property
    def build(self) -> Path:
        """Build-python's virtual environment."""
        return self.root / "build"

    @property
    def bin(self) -> Path:
        """What is put on PATH."""
        return self.root / "bin"

    @property
    def lib(self) -> Path:
        """What cross-python reads."""
        return self.root / "lib"


def write_scripts(places: Places, site: Path, toolchain_file: Path | None) -> None:
    """Write the commands into ``places.bin``; ``activate``, the sign that all is there, last."""
    for path in [*places.bin.glob("build-*"), *places.bin.glob("cross-*")]:
        path.unlink()
    for prefix, folder in (("build", places.build / "bin"), ("cross", places.cross / "bin")):
        for program in _programs(folder):
            text = _LAUNCHER.format(mode=MODE, program=_quoted(program))
            _write(places.bin / f"{prefix}-{program.name}", text)
    python = _quoted(places.cross / "bin/python")
    expose = {"script": places.lib / "expose.py", "site": site}
    values = {key: _quoted(path) for key, path in expose.items()}
    build_python = _quoted(places.build / "bin/python")
    _write(places.bin / "cross-expose", _EXPOSE.format(python=build_python, **values))
    if toolchain_file:
        script = places.lib / "meson.py"
        script.write_text(_MESON_MAIN, encoding="utf-8")
        _write(places.bin / "meson", _MESON.format(python=python, script=_quoted(script)))
        where = {"toolchain": _quoted(toolchain_file), "bin": _quoted(places.bin)}
        _write(places.bin / "cmake", _CMAKE.format(mode=MODE, **where))
    activate = _ACTIVATE.format(
        bin=_quoted(places.bin),
        activate=_quoted(places.cross / "bin/activate"),
        build_bin=_quoted(places.build / "bin"),
    )
    _write(places.bin / "activate", activate, mode=0o644)


def _programs(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        is_program = path.is_file() and os.access(path, os.X_OK)
        if is_program and not path.name.startswith(("activate", "deactivate")):
            yield path


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _write(path: Path, text: str, *, mode: int = 0o755) -> None:
    scratch = path.with_name(f".{path.name}")
    scratch.write_text(text, encoding="utf-8")
    scratch.chmod(mode)
    scratch.replace(path)

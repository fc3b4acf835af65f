"""pkg-config and ``*-config`` programs that answer for a sysroot, whatever this machine has.

pkg-config is pkgconf, of the wheel that is installed with Sealift.  Programs such as ``pg_config``
are scripts that ask it; what they say to which option is in ``data/libraries.toml``.
"""

import shlex
import sys
from collections.abc import Iterator, Sequence
from importlib import util
from pathlib import Path

from sealift.cross import config_script
from sealift.cross.library import script_table
from sealift.errors import ToolError

_PKG_CONFIG = "pkg-config"
# The system's folders of this machine are those of the target's sysroot to nobody.
_SCRIPT = """#!/bin/sh
unset PKG_CONFIG_SYSROOT_DIR
PKG_CONFIG_LIBDIR={folders} exec {pkgconf} "$@"
"""


def write_programs(entry: Path, *, final: Path, triple: str) -> None:
    """Write into ``entry``/``bin`` the programs for what lies in ``entry``/``usr``.

    ``final`` is where ``entry`` will be.  One more name of pkg-config has ``triple`` in front, as
    Autoconf asks for it.  For Windows the others end with ``.exe``, too, for projects that look for
    a file.
    """
    folder, usr = entry / "bin", entry / "usr"
    folder.mkdir()
    folders = module_folders(usr)
    script = _SCRIPT.format(
        folders=shlex.quote(":".join(str(final / path.relative_to(entry)) for path in folders)),
        pkgconf=shlex.quote(str(find_pkgconf())),
    )
    for name in (_PKG_CONFIG, f"{triple}-{_PKG_CONFIG}", "pkgconf"):
        _write(folder / name, script)
    modules = {path.stem for place in folders for path in place.glob("*.pc")}
    for name, row in script_table().items():
        if row["module"] in modules:
            command: Sequence[str | Path] = [
                sys.executable, "-I", "-m", config_script.__name__,
                final / "bin" / _PKG_CONFIG, final / "usr", name,
            ]  # fmt: skip
            asking = f'#!/bin/sh\nexec {shlex.join(map(str, command))} "$@"\n'
            for called in (name, f"{name}.exe") if "mingw" in triple else (name,):
                _write(folder / called, asking)
    for path in _others(usr / "bin", folder):
        path.rename(folder / path.name)


def module_folders(usr: Path) -> tuple[Path, ...]:
    """Where pkg-config's files lie below ``usr``."""
    own = sorted((usr / "lib").glob("*-linux-*/pkgconfig"))
    return (*own, usr / "lib/pkgconfig", usr / "share/pkgconfig")


def _others(scripts: Path, folder: Path) -> Iterator[Path]:
    """Those of Debian's own ``scripts`` that there is none for in ``folder``."""
    for path in sorted(scripts.iterdir()) if scripts.is_dir() else ():
        if not (folder / path.name).exists():
            yield path


def find_pkgconf() -> Path:
    """The program pkgconf; raises :class:`ToolError`."""
    spec = util.find_spec("pkgconf")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for name in ("pkgconf", "pkgconf.exe"):
            path = Path(place, ".bin", name)
            if path.is_file():
                return path
    raise ToolError("cannot find pkgconf", hint="pip install --force-reinstall pkgconf")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)

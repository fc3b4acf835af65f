"""A Windows of wine, set up once and copied for every use."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from sealift import process, store
from sealift.binary.pe_forwarder import forwarder
from sealift.errors import ToolError
from sealift.tools import WINE

HOME = "/home/user"
"""Where the folders of wine's user lie that it puts outside of the prefix."""

_FORMAT = "2"  # a new number forgets the prefixes that were made
# Without .NET, a browser, crash dialogs, and without WMI, whose part in wine 8 ends programs that
# ask it what Windows this is.
_OVERRIDES = "mscoree,mshtml,winedbg.exe,wbemprox="
# Wine 8 says it is Windows 7, which Python since 3.9 does not run on.
_RANDOM = "bcryptprimitives.dll"
_SET_UP = "wine wineboot --init && wine winecfg -v win10 && wineserver -k; wineserver -w"


def environment(prefix: Path) -> Mapping[str, str]:
    """What wine needs to be told to run in ``prefix``; of messages only what DLLs are missing."""
    return {
        "WINEPREFIX": str(prefix),
        "WINEDEBUG": "-all,err+module",
        "WINEDLLOVERRIDES": _OVERRIDES,
        "DISPLAY": "",
    }


def make_prefix() -> Path:
    """The prefix of this machine's wine in the content store, a Windows 10; not to be changed.

    Raises :class:`ToolError` where wine is missing or does not work.
    """
    version = wine_version()

    def make(path: Path) -> None:
        path.mkdir()
        home = path.with_name("home")  # an empty one, so that nothing of the user's is linked
        home.mkdir()
        path_variable = f"{WINE.require().parent}:{os.environ.get('PATH', os.defpath)}"
        process.run(
            ["/bin/sh", "-c", _SET_UP],
            env={"PATH": path_variable, "HOME": str(home), **environment(path)},
            action="set wine up",
        )
        if not (path / "system.reg").is_file():
            raise ToolError("cannot set wine up: it wrote no registry", hint=WINE.install)
        _unlink_home(path / "drive_c" / "users")
        _add_random(path / "drive_c" / "windows" / "system32")

    return store.make_entry("wine", store.digest_of(_FORMAT, version, _SET_UP), make)


def wine_version() -> str:
    """The version of this machine's wine, such as "wine-8.0 (Debian 8.0~repack-4)"."""
    return process.run([WINE.require(), "--version"]).strip()


def _unlink_home(users: Path) -> None:
    """Make folders of what are links into the home of who set wine up."""
    for path in sorted(users.rglob("*")):
        if path.is_symlink():
            path.unlink()
            path.mkdir()


def _add_random(folder: Path) -> None:
    """Give Windows the DLL that programs in Rust take random numbers from; wine has it from 10."""
    library = folder / _RANDOM
    if not library.exists():
        symbols = {"ProcessPrng": "SystemFunction036"}
        library.write_bytes(forwarder(_RANDOM, "advapi32.dll", symbols, arch="x86_64"))


def copy_prefix(made: Path, to: Path) -> None:
    """A copy of ``made`` at ``to``: what programs change is its own, what they replace as well.

    Wine's own files, which are most of it, are the same on disk.
    """

    def copy(source: str, target: str) -> None:
        if "/drive_c/windows/" in target and not target.endswith(".ini"):
            os.link(source, target)
        else:
            shutil.copy2(source, target)

    shutil.copytree(made, to, symlinks=True, copy_function=copy)

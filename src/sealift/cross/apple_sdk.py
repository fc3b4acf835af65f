"""Apple's SDK for macOS: the headers and frameworks that zig may not bring, where a user has them.

It is the folder that ``xcrun --sdk macosx --show-sdk-path`` tells on a Mac.  ``SDKROOT`` names it,
as it does to Apple's compilers, to CMake and to cargo.  Sources: xcrun(1), SDKSettings.json of
Apple's SDKs.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sealift import store
from sealift.errors import ToolError
from sealift.target import Target

VARIABLE = "SDKROOT"
_SETTINGS = "SDKSettings.json"
_BUILD = "System/Library/CoreServices/SystemVersion.plist"  # which build of macOS it is of
_HINT = (
    f"{VARIABLE} is to name what `xcrun --sdk macosx --show-sdk-path` tells on a Mac, or a copy "
    "of that folder; unset it to build without"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppleSdk:
    """An SDK for macOS in folder ``path``; ``identity`` differs from that of another."""

    path: Path
    identity: str

    def flags(self) -> list[str]:
        """What a compiler finds it by.

        Headers are looked for behind all others: zig's own are of a newer macOS than most SDKs, and
        its C++ library's have to come before those of C.
        """
        return [
            f"-idirafter{self.path}/usr/include",
            f"-F{self.path}/System/Library/Frameworks",
            f"-L{self.path}/usr/lib",
        ]


def find_sdk(target: Target, environment: Mapping[str, str] | None = None) -> AppleSdk | None:
    """The SDK that ``environment``, by default this process's, names for ``target``.

    ``None`` where it names none, or where the target is not macOS.  Raises :class:`ToolError` where
    what it names is no SDK for macOS.
    """
    named = (os.environ if environment is None else environment).get(VARIABLE)
    if target.os != "macos" or not named:
        return None
    path = Path(named).absolute()
    settings = path / _SETTINGS
    if not path.is_dir():
        raise _refusal(target, path, "there is no such folder")
    if not settings.is_file():
        raise _refusal(target, path, f"there is no {_SETTINGS} in it")
    told = settings.read_bytes()
    _check_system(target, path, told)
    build = path / _BUILD
    more = build.read_bytes() if build.is_file() else b""
    return AppleSdk(path=path, identity=store.digest_of(told, more))


def _check_system(target: Target, path: Path, settings: bytes) -> None:
    try:
        table = json.loads(settings)
    except ValueError as problem:
        raise _refusal(target, path, f"its {_SETTINGS} is damaged: {problem}") from problem
    name = table.get("CanonicalName") if isinstance(table, dict) else None
    if not isinstance(name, str):
        raise _refusal(target, path, f"its {_SETTINGS} has no CanonicalName")
    if not name.startswith("macosx"):
        raise _refusal(target, path, f"it is for {name}, not for macOS")


def _refusal(target: Target, path: Path, reason: str) -> ToolError:
    return ToolError(f"cannot compile for {target} with the SDK {path}: {reason}", hint=_HINT)

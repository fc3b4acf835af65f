"""Ask a peer for its verdict on wheels; run by the Python of the peers' own environment.

``python ask.py linux|macos|windows WHEEL…`` prints a line of JSON for each wheel: its ``name``, the
``tag`` the peer gives (``None`` where it gives none), the ``externals`` it lists, and the
``problem`` where it breaks off.
"""

import contextlib
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answer = tuple[str | None, set[str]]


def ask_auditwheel(wheel: Path) -> Answer:
    """What ``auditwheel show --ldpaths ''`` says: with no libraries but those of the wheel."""
    from auditwheel.error import NonPlatformWheelError, WheelToolsError
    from auditwheel.wheel_abi import analyze_wheel_abi
    from auditwheel.wheeltools import get_wheel_architecture, get_wheel_libc

    arch: Any = None
    libc: Any = None
    with contextlib.suppress(WheelToolsError, NonPlatformWheelError):
        arch = get_wheel_architecture(wheel.name)
    with contextlib.suppress(WheelToolsError):
        libc = get_wheel_libc(wheel.name)
    found = analyze_wheel_abi(
        libc,
        arch,
        wheel,
        frozenset(),
        disable_isa_ext_check=False,
        allow_graft=False,
        args_ldpaths="",
    )
    libraries = found.external_refs[found.policies.highest.name].libs
    return found.overall_policy.name, set(libraries)


def ask_delocate(wheel: Path) -> Answer:
    """What ``delocate-listdeps`` lists, and the tag that ``delocate-wheel`` would give.

    delocate is the one in repairwheel, which reads Mach-O files without Apple's tools.
    """
    from repairwheel.macos.repair import _patch_tools

    _patch_tools()
    from repairwheel._vendor.delocate.delocating import _calculate_minimum_wheel_name
    from repairwheel._vendor.delocate.libsana import filter_system_libs, wheel_libs
    from repairwheel._vendor.delocate.tools import zip2dir

    missing = _Missing()
    logging.getLogger("repairwheel._vendor.delocate.libsana").addHandler(missing)
    libraries = wheel_libs(str(wheel), ignore_missing=True)
    outside = {
        name for name in libraries if name.startswith(("/", "@")) and filter_system_libs(name)
    }
    with tempfile.TemporaryDirectory() as folder:
        zip2dir(wheel, folder)
        name, _ = _calculate_minimum_wheel_name(wheel.name, Path(folder), None)
    return name.removesuffix(".whl").rpartition("-")[2], outside | missing.names


class _Missing(logging.Handler):
    """Libraries that delocate says it does not find."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        name, found, _ = record.getMessage().strip().partition(" not found:")
        if found:
            self.names.add(name)


def ask_delvewheel(wheel: Path) -> Answer:
    """The DLLs that ``delvewheel show --analyze-existing`` would copy, on a machine without any."""
    from delvewheel import _dll_utils
    from delvewheel._wheel_repair import WheelRepair

    os.environ["PATH"] = ""
    asked = WheelRepair(str(wheel), None, None, None, True, True, False)
    excluded, known = asked._exclude, asked._wheel_dirs_casemap  # noqa: SLF001
    missing: set[str] = set()
    # `show` itself stops at wheels that delvewheel has repaired.
    for path in Path(asked._extract_dir).rglob("*"):  # noqa: SLF001
        if path.suffix.lower() in {".pyd", ".dll"}:
            *_, not_found = _dll_utils.get_all_needed(
                str(path), excluded, known, "ignore", False, False
            )
            missing |= not_found
    return None, missing


PEERS: dict[str, Callable[[Path], Answer]] = {
    "linux": ask_auditwheel,
    "macos": ask_delocate,
    "windows": ask_delvewheel,
}


def main(system: str, wheels: list[str]) -> None:
    """Print the answer on each of ``wheels``."""
    logging.disable(logging.INFO)
    for wheel in map(Path, wheels):
        answer: dict[str, Any] = {"name": wheel.name, "tag": None, "externals": [], "problem": None}
        try:
            tag, externals = PEERS[system](wheel)
            answer.update(tag=tag, externals=sorted(externals))
        except Exception as problem:  # noqa: BLE001 - what breaks a peer is an answer, too
            answer["problem"] = f"{type(problem).__name__}: {problem}".splitlines()[0]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

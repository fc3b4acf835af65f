"""Compilers for a target: zig, which comes as a wheel, or a GNU toolchain of this machine.

What is known of them is in ``data/toolchains.toml``.  Programs of a zig toolchain are small scripts
in the content store, so that build systems find a ``cc`` as they expect one, and what zig does not
take is put right in one place, :mod:`sealift.cross.zig_driver`.
"""

import functools
import importlib.util
import json
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift import console, process, store
from sealift.cross import strip_command, zig_driver, zig_runtime
from sealift.cross.apple_sdk import AppleSdk
from sealift.cross.header_names import header_overlay
from sealift.errors import ToolError
from sealift.tables import data_file, load_table
from sealift.target import Target, Version
from sealift.tools import UV

ZIG, GNU = "zig", "gcc"
_LOWEST = (2, 17)  # below it there is no system left to run on
_DRIVEN = ("cc", "c++", "ar", "ranlib", "ld")
_GNU_NAMES = {
    "cc": "gcc", "cxx": "g++", "ar": "ar", "ranlib": "ranlib", "strip": "strip", "ld": "ld",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """Programs that compile C and C++ for ``target``.

    ``floor`` is the glibc, or the macOS, that what they make asks for at most, ``None`` where that
    is only known from the result.  ``identity`` tells apart toolchains that make different things.
    ``dlltool`` makes import libraries; only those for Windows have it.  ``sdk`` is the
    folder of Apple's, which compilers for macOS look into where there is one.
    """

    name: str
    target: Target
    identity: str
    floor: Version | None
    cc: Path
    cxx: Path
    ar: Path
    ranlib: Path
    strip: Path
    ld: Path
    dlltool: Path | None = None
    sdk: Path | None = None

    def variables(self) -> dict[str, str]:
        """What build systems take compilers from, as commands of a shell."""
        programs = {
            "CC": self.cc, "CXX": self.cxx, "AR": self.ar, "RANLIB": self.ranlib,
            "STRIP": self.strip, "LD": self.ld,
        }  # fmt: skip
        return {name: shlex.quote(str(path)) for name, path in programs.items()}


def find_toolchain(name: str, target: Target, *, sdk: AppleSdk | None = None) -> Toolchain:
    """The toolchain ``name`` for ``target``: ``zig``, ``gcc``, or how its programs' paths begin.

    An example of the latter is ``/opt/cross/bin/aarch64-none-linux-gnu-``.  The floor is that of
    the target where it has one.  ``sdk`` has what zig lacks for macOS.  Raises :class:`ToolError`
    with what gets the toolchain.
    """
    if name == ZIG:
        return _zig_toolchain(target, sdk)
    return _gnu_toolchain(name, target)


def prepare(toolchain: Toolchain) -> None:
    """Have zig make its own parts of what it links, once for a target, and say that it takes long.

    They are start files, a runtime library and, for Windows, MinGW's C library.  It would make them
    with the first package, too, which would seem to hang.
    """
    if toolchain.name != ZIG:
        return

    def make(folder: Path) -> None:
        target = toolchain.target
        console.note(f"compiling zig's own parts of programs for {target}, once: takes a minute")
        folder.mkdir()
        (folder / "empty.c").write_text("int empty;\n", encoding="utf-8")
        process.run(
            [toolchain.cc, "-shared", "empty.c", "-o", "empty"],
            cwd=folder, action=f"have zig link for {target}",
        )  # fmt: skip

    store.make_entry("zig-parts", store.digest_of(toolchain.identity), make)


def gnu_toolchains() -> tuple[str, ...]:
    """Names of targets that this machine has a GNU toolchain for, as :func:`find_toolchain` asks.

    >>> set(gnu_toolchains()) <= set(_table()["gnu"])
    True
    """
    rows: Mapping[str, Mapping[str, str]] = _table()["gnu"]
    return tuple(
        name
        for name, row in rows.items()
        if all(shutil.which(row["prefix"] + program) for program in _GNU_NAMES.values())
    )


def kept_zig() -> Path | None:
    """Zig's program where it is here, ``None`` where it would be got first."""
    spec = importlib.util.find_spec("ziglang")
    kept = store.store_root() / "tools" / str(_table()["zig"]["requirement"]) / "ziglang"
    folders = [*((spec.submodule_search_locations or ()) if spec else ()), kept]
    return next((path for it in folders for path in Path(it).glob("zig*") if path.is_file()), None)


def default_floor(target: Target) -> Version | None:
    """The system that is compiled for when no floor is asked for: the oldest that is in use.

    It is a version of glibc or of macOS; elsewhere there is none.
    """
    match target.abi:
        case "gnu":
            return max(_LOWEST, _oldest(target))
        case "darwin":
            usual = _table()["zig"]["usual"].get(target.name)
            return (usual[0], usual[1]) if usual else _oldest(target)
        case _:
            return None


def _oldest(target: Target) -> Version:
    own = _table()["zig"]["oldest"].get(target.name, (0, 0))
    return max(target.oldest or (0, 0), (own[0], own[1]))


def _zig_toolchain(target: Target, sdk: AppleSdk | None) -> Toolchain:
    if target.arch == "universal2":
        raise ToolError(
            f"cannot compile for {target} at once: it is two machines",
            hint="build for macos-x86_64 and macos-arm64, and merge what comes of it",
        )
    floor = default_floor(target)
    system = "macOS" if target.os == "macos" else "glibc"
    if floor and target.floor:
        floor = target.floor
        if floor < _oldest(target):
            raise _too_old(target, f"{system} {_dotted(floor)}")
    triple = f"{target.triple}.{_dotted(floor)}" if floor else target.triple
    zig = _zig_program()
    settings = _zig_settings(target, triple)
    told = json.dumps(settings, sort_keys=True) + (sdk.identity if sdk else "")
    if included := settings.pop("included", None):
        header = data_file(included)
        told += store.digest_of(header.read_bytes())
        settings["flags"] += ["-include", str(header)]
    if library := _runtime(target, settings["flags"]):
        told += library.identity
        settings["runtime"] = library.linking(zig, _zig_cache())
    if sdk:
        settings["last"] = sdk.flags()
    settings |= {"zig": str(zig), "cache": str(_zig_cache())}
    folder = _zig_programs(target, settings)
    driver = Path(zig_driver.__file__).read_bytes()
    return Toolchain(
        name=ZIG,
        target=target,
        identity=f"{_table()['zig']['requirement']} {triple} {store.digest_of(driver, told)}",
        floor=floor,
        cxx=folder / "c++",
        dlltool=folder / "dlltool" if target.is_windows else None,
        sdk=sdk.path if sdk else None,
        **{name: folder / name for name in ("cc", "ar", "ranlib", "strip", "ld")},
    )


def _runtime(target: Target, flags: Sequence[str]) -> zig_runtime.Library | None:
    rows: Mapping[str, Mapping[str, list[str]]] = _table()["zig"]["runtime"]
    row = rows.get(target.name) or rows.get(target.os)
    if row is None:
        return None
    # Nothing in it depends on the floor, which the target among the flags tells.
    return zig_runtime.Library(row["files"], [*flags[2:], *row["flags"]], target.triple)


def _zig_programs(target: Target, settings: Mapping[str, Any]) -> Path:
    """The folder of the programs that start zig by ``settings``, of the driver."""
    described = json.dumps(settings, sort_keys=True)
    driver = Path(zig_driver.__file__).read_bytes()
    key = store.digest_of("2", described, driver, sys.executable, strip_command.__file__)

    def make(folder: Path) -> None:
        folder.mkdir()
        (folder / "zig_driver.py").write_bytes(driver)
        (folder / "settings.json").write_text(described, encoding="utf-8")
        for name in (*_DRIVEN, *(["dlltool"] if target.is_windows else [])):
            called = f'-I -S "${{0%/*}}/zig_driver.py" "${{0%/*}}/settings.json" {name}'
            _write_script(folder / name, called)
        if headers := _case_blind_headers(Path(settings["zig"]), settings):
            overlay = header_overlay(headers, settings.get("edits", {}))
            (folder / settings["overlay"]).write_text(overlay, encoding="utf-8")
        _write_script(folder / "strip", f"-I -m {strip_command.__name__}")

    return store.make_entry("toolchains", key, make)


def _too_old(target: Target, floor: str) -> ToolError:
    reason = f"cannot compile for {target} with {floor}: "
    oldest = _oldest(target)
    if target.abi == "gnu" and oldest == target.oldest:
        reason += f"wheels for it are for systems from {_dotted(oldest)} on"
        return ToolError(reason, hint="ask for that floor")
    reason += f"the oldest that zig has is {_dotted(oldest)}"
    other = f", or name a toolchain with --toolchain {GNU}" if target.abi == "gnu" else ""
    return ToolError(reason, hint=f"ask for that floor{other}")


def _write_script(path: Path, arguments: str) -> None:
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {arguments} "$@"\n', "utf-8")
    path.chmod(0o755)


def _zig_settings(target: Target, triple: str) -> dict[str, Any]:
    zig = _table()["zig"]
    more = zig["musl_flags"] if target.abi == "musl" else zig["target_flags"].get(target.name, [])
    own = {**zig.get(target.os, {}), **zig.get(target.name, {})}
    return {
        **own,
        "cpus": zig["cpus"].get(target.arch, {}),
        "flags": ["-target", triple, *zig["flags"], *more, *own.get("flags", ())],
        "rejected": {
            name: [*arguments, *own.get("rejected", {}).get(name, ())]
            for name, arguments in zig["rejected"].items()
        },
        "translated": {
            name: {**spelled, **own.get("translated", {}).get(name, {})}
            for name, spelled in zig["translated"].items()
        },
    }


def _case_blind_headers(zig: Path, settings: Mapping[str, Any]) -> Path | None:
    """The folder of headers whose names may be written in any case; only Windows has one."""
    folder = zig.parent / "lib" / str(settings.get("headers"))
    return folder if "overlay" in settings and folder.is_dir() else None


def _zig_cache() -> Path:
    # C libraries and C++ runtimes that zig compiles for a target take minutes: they are kept.
    return store.store_root() / "zig"


def _zig_program() -> Path:
    """Zig's program: of the wheel installed beside Sealift, or of one in the content store."""
    spec = importlib.util.find_spec("ziglang")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    requirement = str(_table()["zig"]["requirement"])
    folder = Path(folders[0]) if folders else _installed(requirement) / "ziglang"
    program = next((path for path in (folder / "zig", folder / "zig.exe") if path.is_file()), None)
    if program is None:
        raise ToolError(
            f"cannot find zig in {folder}", hint="pip install --force-reinstall ziglang"
        )
    return program


def _installed(requirement: str) -> Path:
    def install(folder: Path) -> None:
        with console.step("Getting zig, a compiler for all targets"):
            process.run(
                [UV.require(), "pip", "install", "--quiet", "--no-deps", "--python",
                 sys.executable, "--target", folder, requirement],
                action=f"get {requirement} from the package index",
            )  # fmt: skip

    return store.make_entry("tools", requirement, install)


def _gnu_toolchain(name: str, target: Target) -> Toolchain:
    row: Mapping[str, str] | None = _table()["gnu"].get(target.name)
    if name == GNU and row is None:
        raise ToolError(
            f"cannot compile for {target} with a GNU toolchain: none is known for it",
            hint=f"--toolchain {ZIG}   |   --toolchain /path/of/programs/PREFIX-",
        )
    if name != GNU and "/" not in name and not name.endswith("-"):
        raise ToolError(
            f"cannot compile for {target}: there is no toolchain {name!r}",
            hint=f"--toolchain {ZIG}   |   --toolchain {GNU}   |   how paths of its programs "
            "begin, such as /opt/x/bin/arm-none-linux-gnueabihf-",
        )
    prefix = str(row["prefix"]) if name == GNU and row else name
    found = {key: shutil.which(prefix + program) for key, program in _GNU_NAMES.items()}
    missing = [prefix + _GNU_NAMES[key] for key, path in found.items() if path is None]
    if missing:
        get = f"apt install {row['package']}" if name == GNU and row else "is the path right?"
        raise ToolError(
            f"cannot compile for {target}: there is no {' nor '.join(missing)}",
            hint=f"{get}   |   --toolchain {ZIG}",
        )
    programs = {key: Path(path) for key, path in found.items() if path}
    version = process.run(
        [programs["cc"], "-v", "--version"], action=f"ask {prefix}gcc for its version"
    )
    return Toolchain(
        name=GNU, target=target, identity=f"{prefix} {version}", floor=None, **programs
    )


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))


@functools.cache
def _table() -> dict[str, Any]:
    return load_table("toolchains")

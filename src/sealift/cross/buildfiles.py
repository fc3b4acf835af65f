"""Files that tell Meson, CMake and configure of the machine that is built for.

Meson reads a cross file (https://mesonbuild.com/Cross-compilation.html), CMake a toolchain file
(cmake-toolchains(7)), configure scripts a site file (Autoconf's manual, "Site Defaults").  None of
them runs anything that is built, then.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift.cross.host import Host
from sealift.cross.recipe import build_triple
from sealift.cross.toolchain import Toolchain
from sealift.tables import load_table
from sealift.target import Target, current_target

_CONFIGURE = "pkg-config"
# FindPython may look for headers and for a program at once only where an emulator can run the
# host's Python, by a policy of CMake 4.1 that projects take when they name that version.  They ask
# the program what it installs and which modules it has: that is this machine's, told of the host.
# An emulator would have try_run() start what cannot run here.
_POLICIES = "if(POLICY CMP0190)\n  cmake_policy(SET CMP0190 OLD)\nendif()\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFiles:
    """The files for one host: a cross file, a toolchain file, and a site file."""

    meson: Path
    cmake: Path
    configure: Path

    def variables(self) -> dict[str, str]:
        """What CMake and configure, whoever starts them, find their files by."""
        return {"CMAKE_TOOLCHAIN_FILE": str(self.cmake), "CONFIG_SITE": str(self.configure)}

    def settings(self, backend: str) -> dict[str, tuple[str, ...]]:
        """Settings by which the PEP 517 ``backend`` takes the file that is for it."""
        if backend.startswith("mesonpy"):
            return {"setup-args": (f"--cross-file={self.meson}",)}
        return {}


def is_known(target: Target) -> bool:
    """Whether it is known how build systems call ``target``."""
    return _arch(target) in _table()["cpus"] and target.os in _table()["systems"]


def write_build_files(folder: Path, host: Host, *, roots: Sequence[Path] = ()) -> BuildFiles:
    """Write the files for ``host`` into ``folder``, which exists.

    ``roots`` are folders with ``include`` and ``lib`` of libraries for the host; nothing of this
    machine's is found.
    """
    files = BuildFiles(
        meson=folder / "meson-cross.ini",
        cmake=folder / "toolchain.cmake",
        configure=folder / "config.site",
    )
    files.meson.write_text(meson_cross_file(host.target, host.toolchain), encoding="utf-8")
    policies = folder / "policies.cmake"
    policies.write_text(_POLICIES, encoding="utf-8")
    files.cmake.write_text(cmake_toolchain_file(host, roots, policies), encoding="utf-8")
    files.configure.write_text(configure_site_file(host.target), encoding="utf-8")
    return files


def meson_cross_file(target: Target, toolchain: Toolchain) -> str:
    """A cross file of Meson's."""
    cpu, system = _table()["cpus"][_arch(target)], _table()["systems"][target.os]
    family, model = cpu["meson"]
    programs = {
        "c": toolchain.cc, "cpp": toolchain.cxx, "ar": toolchain.ar, "ranlib": toolchain.ranlib,
        "strip": toolchain.strip, "pkg-config": _CONFIGURE,
    }  # fmt: skip
    long_double = system.get("long_double", {}).get(_arch(target), cpu["long_double"])
    return _ini({
        "binaries": {name: str(path) for name, path in programs.items()},
        "properties": {"needs_exe_wrapper": True, "longdouble_format": long_double},
        "host_machine": {
            "system": system["meson"], "cpu_family": family, "cpu": model, "endian": cpu["endian"],
        },
    })  # fmt: skip


def cmake_toolchain_file(host: Host, roots: Sequence[Path], policies: Path) -> str:
    """A toolchain file of CMake's; file ``policies`` is read by projects when they begin."""
    tools, target = host.toolchain, host.target
    folders = [*roots, *([tools.sdk] if tools.sdk else [])]
    searched = ";".join(str(path) for path in folders) or str(host.headers.parent)
    values = {
        "CMAKE_SYSTEM_NAME": _table()["systems"][target.os]["cmake"],
        "CMAKE_SYSTEM_PROCESSOR": target.machine,
        "CMAKE_C_COMPILER": tools.cc,
        "CMAKE_CXX_COMPILER": tools.cxx,
        "CMAKE_AR": tools.ar,
        "CMAKE_RANLIB": tools.ranlib,
        "CMAKE_STRIP": tools.strip,
        "CMAKE_FIND_ROOT_PATH": searched,
        # Programs are this machine's; what is linked and included is the host's.
        "CMAKE_FIND_ROOT_PATH_MODE_PROGRAM": "NEVER",
        "CMAKE_FIND_ROOT_PATH_MODE_LIBRARY": "ONLY",
        "CMAKE_FIND_ROOT_PATH_MODE_INCLUDE": "ONLY",
        "CMAKE_FIND_ROOT_PATH_MODE_PACKAGE": "BOTH",  # of what the build requires, too: pybind11's
        "CMAKE_INSTALL_RPATH_USE_LINK_PATH": "OFF",
    }
    lines = [f'set({name} "{_escaped(value)}")' for name, value in values.items()]
    # CMake looks for Python by itself; the headers are the host's, the program this machine's.
    lines += [
        f'set({prefix}_INCLUDE_DIR "{_escaped(host.headers)}" CACHE PATH "" FORCE)'
        for prefix in ("Python", "Python3")
    ]
    lines.append(f'list(APPEND CMAKE_PROJECT_INCLUDE "{_escaped(policies)}")')
    return "".join(f"{line}\n" for line in lines)


def configure_site_file(target: Target) -> str:
    """A site file of Autoconf's, which says what ``--build`` and ``--host`` would.

    Projects that call a ``configure`` of their own seldom pass them on.
    """
    build, host = build_triple(current_target()), build_triple(target)
    return f"build_alias={build}\nhost_alias={host}\ncross_compiling=yes\n"


def _arch(target: Target) -> str:
    return "aarch64" if target.arch == "universal2" else target.arch


def _ini(sections: Mapping[str, Mapping[str, str | bool]]) -> str:
    lines: list[str] = []
    for name, values in sections.items():
        lines.append(f"[{name}]")
        for key, value in values.items():
            shown = str(value).lower() if isinstance(value, bool) else _quoted(value)
            lines.append(f"{key} = {shown}")
        lines.append("")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _escaped(value: object) -> str:
    return str(value).replace("\\", "\\\\").replace('"', '\\"')


@functools.cache
def _table() -> dict[str, Any]:
    return load_table("buildfiles")

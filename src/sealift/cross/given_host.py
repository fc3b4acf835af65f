"""The host that a given Python is: its own headers and variables, with the compilers of here."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sealift import store
from sealift.cross import answering
from sealift.cross.host import Host, write_answers
from sealift.cross.hostpython import HostPython, here
from sealift.cross.toolchain import Toolchain

_RECIPE = "1"
_PROGRAMS = {"CC": "cc", "CXX": "cxx", "AR": "ar"}


def make_given_host(
    given: HostPython,
    toolchain: Toolchain,
    *,
    changed: Mapping[str, str],
    build_type: str,
    sysroot: Path | None = None,
) -> Host:
    """The host ``given``, for builds with ``toolchain``.

    ``changed`` are variables that are to be others, ``build_type`` the GNU name of this machine.
    Pkg-config looks in ``sysroot``, or where the host's libraries are.
    """
    key = _key(given, toolchain, [changed, build_type])
    final = store.store_root() / "hosts" / key
    suffixes = (str(given.variables["EXT_SUFFIX"]), ".abi3.so", ".so")

    def make(folder: Path) -> None:
        folder.mkdir()
        _copy_headers(given, folder / "include")
        variables = _variables(given, toolchain, final)
        told = {"BUILD_GNU_TYPE": build_type, **changed}
        answers = {
            "machine": given.target.machine, "system": "linux", "suffixes": suffixes,
            "include": str(final / "include"), "prefix": str(given.home),
        }  # fmt: skip
        write_answers(folder / "python", given.name, {**variables, **told}, answers)

    store.make_entry("hosts", key, make)
    return Host(
        target=given.target,
        version=given.version,
        toolchain=toolchain,
        headers=final / "include",
        ext_suffix=suffixes[0],
        suffixes=suffixes,
        free_threaded=given.is_free_threaded,
        key=key,
        variables={
            **toolchain.variables(),
            **_of_pkg_config(given, sysroot),
            "PYTHONPATH": str(final / "python"),
            "_PYTHON_HOST_PLATFORM": f"linux-{given.target.machine}",
            "_PYTHON_SYSCONFIGDATA_NAME": given.name,
        },
    )


def _key(given: HostPython, toolchain: Toolchain, told: Sequence[object]) -> str:
    described = [given.variables, given.target.name, given.target.floor, str(given.home), *told]
    stamps = (store.file_stamp(path) for folder in given.headers for path in folder.glob("py*.h"))
    return store.digest_of(
        _RECIPE,
        json.dumps(described, sort_keys=True),
        toolchain.identity,
        str(toolchain.cc),
        Path(answering.__file__).read_bytes(),
        *stamps,
    )


def _copy_headers(given: HostPython, folder: Path) -> None:
    """All folders of headers in one, for there is one include directory to name."""
    for number, source in enumerate(given.headers):
        is_build = number and not (source / "Python.h").is_file()
        names = [source / "pyconfig.h"] if is_build else sorted(source.iterdir())
        folder.mkdir(exist_ok=True)
        for path in names:
            if path.is_dir():
                shutil.copytree(path, folder / path.name, dirs_exist_ok=True)
            else:
                shutil.copyfile(path, folder / path.name)


def _variables(given: HostPython, toolchain: Toolchain, final: Path) -> dict[str, Any]:
    """The host's variables, with what is at another place, or called otherwise, here."""
    programs = toolchain.variables()
    spelled = {
        str(given.variables.get(name) or "").split()[0]: programs[name]
        for name in reversed(_PROGRAMS)
        if str(given.variables.get(name) or "").split()
    }
    word = "|".join(re.escape(old) for old in sorted(spelled, key=len, reverse=True))
    commands = re.compile(rf"(?<!\S)(?:{word})(?!\S)")

    def put(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        parts, last = [], 0
        for found in commands.finditer(value):
            parts += [here(given.home, given.prefix, value[last : found.start()])]
            parts += [spelled[found[0]]]
            last = found.end()
        return "".join([*parts, here(given.home, given.prefix, value[last:])])

    include = str(final / "include")
    placed = {name: put(value) for name, value in given.variables.items()}
    return {**placed, "INCLUDEPY": include, "CONFINCLUDEPY": include}


def _of_pkg_config(given: HostPython, sysroot: Path | None) -> dict[str, str]:
    root = sysroot or given.root
    usr = root / "usr" if root and (root / "usr").is_dir() else root or given.home
    multiarch = str(given.variables.get("MULTIARCH") or "-")
    folders = [usr / "lib" / multiarch, usr / "lib", usr / "share", usr / "lib64"]
    named = {"PKG_CONFIG_LIBDIR": ":".join(str(folder / "pkgconfig") for folder in folders)}
    return {**named, **({"PKG_CONFIG_SYSROOT_DIR": str(root)} if root else {})}

"""The CPython that a wheel is for, as far as a build asks of it: headers and sysconfig's answers.

Nothing of it has to be there.  A CPython of the same version on this machine differs in what
``data/hosts.toml`` lists, sizes of types above all, and in its compilers.  So its headers and its
variables are taken, and those are set right.
"""

import functools
import json
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift import process, store
from sealift.cross import answering
from sealift.cross.configuration import (
    Naming,
    host_configuration,
    host_row,
    macro_variables,
    macros_of,
    naming,
)
from sealift.cross.import_library import write_import_libraries
from sealift.cross.toolchain import Toolchain
from sealift.errors import BuildError
from sealift.target import Target, Version

_ASK = """
import json, sys, sysconfig
module = __import__(sysconfig._get_sysconfigdata_name())
print(json.dumps({
    "variables": module.build_time_vars, "prefix": sys.base_prefix,
    "include": sysconfig.get_path("include"), "pyconfig": sysconfig.get_config_h_filename(),
    "version": "%d.%d.%d" % sys.version_info[:3], "system": sys.platform,
}))
"""
_CFLAGS = "-fno-strict-overflow -Wsign-compare -DNDEBUG -O3 -Wall"
_LINKING = {"linux": "-shared", "darwin": "-bundle -undefined dynamic_lookup", "win32": "-shared"}
_EMPTY = (
    "BLDLIBRARY", "CONFIGURE_CPPFLAGS", "CONFIGURE_LDFLAGS", "CONFIGURE_LDFLAGS_NODIST", "CPPFLAGS",
    "LDFLAGS", "LDFLAGS_NODIST", "LIBPYTHON", "LIBS", "PY_CORE_LDFLAGS", "PY_CPPFLAGS",
    "PY_LDFLAGS", "PY_LDFLAGS_NODIST", "PY_LDFLAGS_NOLTO", "SHLIBS", "SYSLIBS",
)  # fmt: skip
# Variables that are meant for what is built for this machine, by the compiler of this machine.
_OF_THIS_MACHINE = (
    "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "LIBS", "CPATH", "C_INCLUDE_PATH",
    "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "LD_RUN_PATH", "PKG_CONFIG_PATH",
    "PKG_CONFIG_SYSROOT_DIR", "CMAKE_PREFIX_PATH", "ARCHFLAGS",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A CPython ``version`` on ``target``, for builds with ``toolchain``.

    ``variables`` make a Python of this machine answer as it would; those that are ``None`` are to
    be absent.  ``headers`` is the folder of its ``Python.h``, ``libraries``, on Windows alone, that
    of the import libraries of its DLLs.  ``suffixes`` are those of extension modules,
    ``ext_suffix`` the most particular one.
    """

    target: Target
    version: str
    toolchain: Toolchain
    headers: Path
    libraries: Path | None = None
    ext_suffix: str
    suffixes: tuple[str, ...] = ()
    free_threaded: bool = False
    key: str
    variables: Mapping[str, str | None]

    @property
    def floor(self) -> Version | None:
        """The glibc, or the macOS, that its extension modules may ask for."""
        return self.target.floor or self.toolchain.floor


def make_host(program: Path, toolchain: Toolchain, *, free_threaded: bool = False) -> Host:
    """The host for the toolchain's target, of the version that ``program`` is.

    ``program`` is a CPython of this machine with headers.  ``free_threaded`` asks for a host
    without a global interpreter lock (PEP 703, from 3.13 on), be ``program`` such a one or not.
    Raises :class:`BuildError` where it cannot stand for the host, or where nothing is known of the
    target.
    """
    target = toolchain.target
    macros = macros_of(target, free_threaded=free_threaded)
    own = _ask(program)
    _refuse_impossible(own["version"], toolchain, free_threaded=free_threaded)
    names = naming(
        target,
        version=own["version"],
        floor=target.floor or toolchain.floor,
        free_threaded=free_threaded,
    )
    configuration = host_configuration(
        target, _pyconfig(own).read_text(encoding="utf-8"), macros, names.abi
    )
    key = store.digest_of(
        "2", json.dumps([own, names.suffixes, names.platform], sort_keys=True), configuration,
        toolchain.identity, str(toolchain.cc), Path(answering.__file__).read_bytes(),
    )  # fmt: skip
    final = store.store_root() / "hosts" / key
    making = _Making(own, names, configuration, toolchain, final)
    store.make_entry("hosts", key, lambda folder: _make(making, folder))
    return Host(
        target=target,
        version=own["version"],
        toolchain=toolchain,
        headers=final / "include",
        libraries=final / "libs" if target.is_windows else None,
        ext_suffix=names.suffixes[0],
        suffixes=names.suffixes,
        free_threaded=free_threaded,
        key=key,
        variables=_environment(making),
    )


@dataclass(frozen=True, slots=True)
class _Making:
    """What a host is made from.

    That is what this machine's CPython says of itself, its names there, the text of its
    ``pyconfig.h``, and the folder it will be found in.
    """

    own: Mapping[str, Any]
    names: Naming
    configuration: str
    toolchain: Toolchain
    final: Path


def _refuse_impossible(version: str, toolchain: Toolchain, *, free_threaded: bool) -> None:
    if free_threaded and tuple(map(int, version.split(".")[:2])) < (3, 13):
        raise BuildError(
            f"cannot build for a free-threaded CPython {version}: they begin with 3.13",
            hint="name a newer one with --python",
        )
    if toolchain.target.is_windows and toolchain.dlltool is None:
        raise BuildError(
            f"cannot build wheels for {toolchain.target} with {toolchain.name}: "
            "it cannot make import libraries",
            hint="--toolchain zig",
        )


def _make(making: _Making, folder: Path) -> None:
    target, own, names = making.toolchain.target, making.own, making.names
    shutil.copytree(own["include"], folder / "include")
    configuration = making.configuration.replace("@LIBRARIES@", str(making.final / "libs"))
    (folder / "include" / "pyconfig.h").write_text(configuration, "utf-8")
    if target.is_windows:
        write_import_libraries(
            folder / "libs",
            headers=folder / "include",
            version=own["version"],
            abi=names.abi,
            machine=host_row(target)["dlltool"],
            toolchain=making.toolchain,
        )
    answers = {
        "machine": target.machine,
        "system": names.system,
        "suffixes": names.suffixes,
        "include": str(making.final / "include"),
        "prefix": str(making.final),
    }
    write_answers(folder / "python", names.answers, _variables(making), answers)
    (folder / "pkgconfig").mkdir()


def _environment(making: _Making) -> dict[str, str | None]:
    names, final = making.names, making.final
    is_mac = names.system == "darwin"
    return {
        **dict.fromkeys(_OF_THIS_MACHINE),
        **making.toolchain.variables(),
        **_linkers(making),
        **({"MACOSX_DEPLOYMENT_TARGET": names.platform.split("-")[1]} if is_mac else {}),
        "PKG_CONFIG_LIBDIR": str(final / "pkgconfig"),
        "PYTHONPATH": str(final / "python"),
        "_PYTHON_HOST_PLATFORM": names.platform,
        "_PYTHON_SYSCONFIGDATA_NAME": names.answers,
    }


def write_answers(
    folder: Path, name: str, variables: Mapping[str, Any], answers: Mapping[str, Any]
) -> None:
    """Write what :mod:`sealift.cross.answering`, and :mod:`sysconfig`, read their answers from.

    ``variables`` are those of the build, in the module ``name``.
    """
    folder.mkdir()
    data = json.dumps(variables, indent=1, sort_keys=True)
    text = f"import json\nbuild_time_vars = json.loads({data!r})\n"
    (folder / f"{name}.py").write_text(text, "utf-8")
    (folder / "answers.json").write_text(json.dumps(answers), "utf-8")
    shutil.copyfile(answering.__file__, folder / "sitecustomize.py")


@functools.cache
def _ask(program: Path) -> Mapping[str, Any]:
    said = process.run(
        [program, "-I", "-S", "-c", _ASK],
        env=process.clean_environment(),
        error=BuildError,
        action=f"ask {program} how it was built",
    )
    own: dict[str, Any] = json.loads(said)
    if own["system"] != "linux" or own["variables"].get("Py_DEBUG"):
        kind = "a debug build" if own["variables"].get("Py_DEBUG") else f"for {own['system']}"
        raise BuildError(
            f"cannot cross-build with {program}: it is {kind}",
            hint="name another with --python, on Linux",
        )
    if not Path(own["include"], "Python.h").is_file():
        raise BuildError(
            f"cannot cross-build with {program}: there is no Python.h in {own['include']}",
            hint="install its development files, or name another with --python",
        )
    return own


def _pyconfig(own: Mapping[str, Any]) -> Path:
    """The real ``pyconfig.h``: Debian's first one only leads to that of the CPU."""
    path = Path(own["pyconfig"])
    include = Path(own["include"])
    leads_to = include.parent / str(own["variables"].get("MULTIARCH") or "") / include.name
    other = leads_to / "pyconfig.h"
    return other if other.is_file() else path


def _variables(making: _Making) -> dict[str, Any]:
    """The build's variables of this machine's CPython as they would be on the host."""
    own, names, prefix = making.own, making.names, making.final
    # Its prefix is on this machine: what lies below it, is not for the host.
    old = re.compile(rf"(?<![\w./-]){re.escape(own['prefix'])}(?=[/\s:']|$)")
    of_pyconfig = macro_variables(_pyconfig(own).read_text(encoding="utf-8"))
    variables = {
        name: old.sub(lambda _: str(prefix), value) if isinstance(value, str) else value
        for name, value in own["variables"].items()
        if name not in of_pyconfig
    }
    programs = making.toolchain.variables()
    return {
        **variables,
        **macro_variables(making.configuration),
        **dict.fromkeys(_EMPTY, ""),
        **programs,
        **_linkers(making),
        **_names(making),
        "ARFLAGS": "rcs",
        "BASECFLAGS": "-fno-strict-overflow -Wsign-compare",
        "BLDSHARED": _linkers(making)["LDSHARED"],
        "CCSHARED": "-fPIC" if names.system == "linux" else "",
        "CFLAGS": _CFLAGS,
        "CONFINCLUDEPY": str(prefix / "include"),
        "HOST_GNU_TYPE": making.toolchain.target.triple,
        "INCLUDEPY": str(prefix / "include"),
        "LINKCC": programs["CC"],
        "OPT": "-DNDEBUG -O3 -Wall",
        "PY_CFLAGS": _CFLAGS,
        # Else build systems would link with a library of Python that is not there, or need not be.
        "Py_ENABLE_SHARED": 0,
    }


def _names(making: _Making) -> dict[str, Any]:
    names, target = making.names, making.toolchain.target
    flag = "t" if names.abi.endswith("t") else ""
    feature = ".".join(making.own["version"].split(".")[:2])
    told: dict[str, Any] = {
        "ABIFLAGS": flag,
        "EXT_SUFFIX": names.suffixes[0],
        "LDVERSION": feature + flag,
        "MACHDEP": names.system,
        "MULTIARCH": host_row(target)["triplet"],
        "Py_GIL_DISABLED": 1 if flag else 0,
        "SOABI": names.soabi,
    }
    if target.is_windows:
        library, libraries = f"python{names.abi}.lib", str(making.final / "libs")
        more = {"EXE": ".exe", "LDLIBRARY": library, "LIBRARY": library, "LIBDIR": libraries}
        return {**told, **more, "MULTIARCH": "", "SHLIB_SUFFIX": ".dll"}
    if names.system == "darwin":
        return {**told, "MACOSX_DEPLOYMENT_TARGET": names.platform.split("-")[1]}
    return told


def _linkers(making: _Making) -> dict[str, str]:
    programs, how = making.toolchain.variables(), _LINKING[making.names.system]
    if making.names.system == "win32":
        # Which import library is needed, the headers say.
        how += f" {shlex.quote(f'-L{making.final}/libs')}"
    return {
        "LDSHARED": f"{programs['CC']} {how}",
        "LDCXXSHARED": f"{programs['CXX']} {how}",
    }

"""The CPython that a wheel is for, as far as a build asks of it: headers and sysconfig's answers.

Nothing of it has to be there.  A CPython of the same version on this machine differs in what
``data/hosts.toml`` lists, sizes of types above all, and in its compilers.  So its headers and its
variables are taken, and those are set right.
"""

import functools
import json
import re
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from sealift import process, store
from sealift.cross import answering
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
    be absent.  ``headers`` is the folder of its ``Python.h``.
    """

    target: Target
    version: str
    toolchain: Toolchain
    headers: Path
    ext_suffix: str
    key: str
    variables: Mapping[str, str | None]

    @property
    def floor(self) -> Version | None:
        """The glibc that its extension modules may ask for."""
        return self.target.floor or self.toolchain.floor


def make_host(program: Path, toolchain: Toolchain) -> Host:
    """The host for the toolchain's target, of the version that ``program`` is.

    ``program`` is a CPython of this machine with headers.  Raises :class:`BuildError` where it
    cannot stand for the host, or where nothing is known of the target.
    """
    target = toolchain.target
    row = _row(target)
    own = _ask(program)
    soabi = f"cpython-{own['variables']['SOABI'].split('-')[1]}-{row['triplet']}"
    key = store.digest_of(
        "1", json.dumps([own, row, _macros(row)], sort_keys=True), toolchain.identity,
        str(toolchain.cc), Path(answering.__file__).read_bytes(), store.file_stamp(_pyconfig(own)),
    )  # fmt: skip
    final = store.store_root() / "hosts" / key

    def make(folder: Path) -> None:
        variables = _variables(own, _macros(row), toolchain, prefix=final)
        names = {"SOABI": soabi, "EXT_SUFFIX": f".{soabi}.so", "MULTIARCH": row["triplet"]}
        answers = {"machine": target.machine, "include": str(final / "include")}
        _write_headers(folder / "include", own, _macros(row))
        _write_answers(folder / "python", _module_name(row), {**variables, **names}, answers)
        (folder / "pkgconfig").mkdir()

    store.make_entry("hosts", key, make)
    return Host(
        target=target,
        version=own["version"],
        toolchain=toolchain,
        headers=final / "include",
        ext_suffix=f".{soabi}.so",
        key=key,
        variables={
            **dict.fromkeys(_OF_THIS_MACHINE),
            **toolchain.variables(),
            **_linkers(toolchain),
            "PKG_CONFIG_LIBDIR": str(final / "pkgconfig"),
            "PYTHONPATH": str(final / "python"),
            "_PYTHON_HOST_PLATFORM": f"linux-{target.wheel}",
            "_PYTHON_SYSCONFIGDATA_NAME": _module_name(row),
        },
    )


def _row(target: Target) -> Mapping[str, Any]:
    rows: Mapping[str, Mapping[str, Any]] = _table()["hosts"]
    if target.name not in rows:
        raise BuildError(
            f"cannot build wheels for {target} here: only for Linux",
            hint=f"there are {', '.join(rows)}",
        )
    return rows[target.name]


def _macros(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**_table()["models"][row["model"]], **row["macros"]}


def _write_headers(folder: Path, own: Mapping[str, Any], macros: Mapping[str, Any]) -> None:
    shutil.copytree(own["include"], folder)
    pyconfig = _pyconfig(own).read_text(encoding="utf-8")
    (folder / "pyconfig.h").write_text(configured(pyconfig, macros), "utf-8")


def _write_answers(
    folder: Path, name: str, variables: Mapping[str, Any], answers: Mapping[str, str]
) -> None:
    folder.mkdir()
    data = json.dumps(variables, indent=1, sort_keys=True)
    text = f"import json\nbuild_time_vars = json.loads({data!r})\n"
    (folder / f"{name}.py").write_text(text, "utf-8")
    (folder / "answers.json").write_text(json.dumps(answers), "utf-8")
    shutil.copyfile(answering.__file__, folder / "sitecustomize.py")


def configured(pyconfig: str, macros: Mapping[str, int | bool]) -> str:
    """``pyconfig.h`` with ``macros`` as they are on the host; those it does not know stay out.

    >>> configured("#define SIZEOF_LONG 8", {"SIZEOF_LONG": 4, "ALIGNOF_LONG": 4})
    '#define SIZEOF_LONG 4'
    >>> configured("/* #  undef WORDS_BIGENDIAN */", {"WORDS_BIGENDIAN": 1})
    '#define WORDS_BIGENDIAN 1'
    """
    for name, value in macros.items():
        line = f"/* #undef {name} */" if value is False else f"#define {name} {value}"
        # An indented definition is one that holds under a condition of its own.
        known = rf"^(?:#define {name}\b.*|/\*\s*#\s*undef {name}\s*\*/|#\s*undef {name}\b.*)$"
        pyconfig = re.sub(known, line, pyconfig, flags=re.MULTILINE)
    return pyconfig


def _ask(program: Path) -> dict[str, Any]:
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


def _variables(
    own: Mapping[str, Any], macros: Mapping[str, Any], toolchain: Toolchain, *, prefix: Path
) -> dict[str, Any]:
    """The build's variables of this machine's CPython as they would be on the host."""
    # Its prefix is on this machine: what lies below it, is not for the host.
    old = re.compile(rf"(?<![\w./-]){re.escape(own['prefix'])}(?=[/\s:']|$)")
    variables = {
        name: old.sub(lambda _: str(prefix), value) if isinstance(value, str) else value
        for name, value in own["variables"].items()
    }
    programs = toolchain.variables()
    return {
        **variables,
        **{name: value or 0 for name, value in macros.items() if name in variables},
        **dict.fromkeys(_EMPTY, ""),
        **programs,
        **_linkers(toolchain),
        "ARFLAGS": "rcs",
        "BASECFLAGS": "-fno-strict-overflow -Wsign-compare",
        "BLDSHARED": f"{programs['CC']} -shared",
        "CCSHARED": "-fPIC",
        "CFLAGS": _CFLAGS,
        "CONFINCLUDEPY": str(prefix / "include"),
        "HOST_GNU_TYPE": toolchain.target.triple,
        "INCLUDEPY": str(prefix / "include"),
        "LINKCC": programs["CC"],
        "OPT": "-DNDEBUG -O3 -Wall",
        "PY_CFLAGS": _CFLAGS,
        "Py_ENABLE_SHARED": 0,
    }


def _linkers(toolchain: Toolchain) -> dict[str, str]:
    programs = toolchain.variables()
    return {
        "LDSHARED": f"{programs['CC']} -shared",
        "LDCXXSHARED": f"{programs['CXX']} -shared",
    }


def _module_name(row: Mapping[str, Any]) -> str:
    return f"_sysconfigdata__linux_{row['triplet']}"


@functools.cache
def _table() -> dict[str, Any]:
    text = resources.files("sealift").joinpath("data/hosts.toml").read_text("utf-8")
    return tomllib.loads(text)

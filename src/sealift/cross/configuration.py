"""What is known of the hosts that wheels are built for: ``data/hosts.toml`` and names of CPython's.

Sources: CPython's configure, PEP 3149 for names of extension modules, PEP 703 for free-threaded
builds.
"""

import functools
import io
import re
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from sealift.errors import BuildError
from sealift.tables import load_table
from sealift.target import Target, Version

# Lines of ``pyconfig.h`` that define a macro or do not. An indented definition is one that holds
# under a condition of its own.
_MACRO = re.compile(
    r"^(?:#define (\w+)\b.*|/\*\s*#\s*undef (\w+)\s*\*/|#\s*undef (\w+)\b.*)$", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How CPython is called, and calls its modules, on a host.

    ``abi`` is as in "313t".  ``suffixes`` are those of extension modules, the most particular
    first.  ``platform`` is what :func:`sysconfig.get_platform` says there, ``answers`` the module
    that :mod:`sysconfig` reads its variables from, ``system`` what ``sys.platform`` is.
    """

    abi: str
    soabi: str
    suffixes: tuple[str, ...]
    platform: str
    answers: str
    system: str


def naming(target: Target, *, version: str, floor: Version | None, free_threaded: bool) -> Naming:
    """The names of CPython ``version`` on ``target``."""
    row = host_row(target)
    flag = "t" if free_threaded else ""
    major, minor, *_ = version.split(".")
    abi = f"{major}{minor}{flag}"
    soabi = f"cpython-{abi}-{row['triplet']}"
    suffixes: Sequence[str] = (f".{soabi}.so", ".abi3.so", ".so")
    system, platform = "linux", f"linux-{target.wheel}"
    if target.is_windows:
        soabi = f"cp{abi}-{row['triplet']}"
        suffixes = (f".{soabi}.pyd", ".pyd")
        system, platform = "win32", row["platform"]
    elif target.os == "macos":
        oldest = ".".join(map(str, floor or (11, 0)))
        system, platform = "darwin", f"macosx-{oldest}-{target.wheel}"
    answers = f"_sysconfigdata_{flag}_{system}_{row['triplet']}"
    return Naming(
        abi=abi,
        soabi=soabi,
        suffixes=tuple(suffixes),
        platform=platform,
        answers=answers,
        system=system,
    )


def is_host(target: Target) -> bool:
    """Whether wheels with native code can be built for ``target``."""
    return target.arch == "universal2" or target.name in _table()["hosts"]


def host_row(target: Target) -> Mapping[str, Any]:
    """What is known of ``target`` as a host; :class:`BuildError` where nothing is."""
    rows: Mapping[str, Mapping[str, Any]] = _table()["hosts"]
    if target.name not in rows:
        both = target.arch == "universal2"
        raise BuildError(
            f"cannot build wheels for {target}"
            + (" at once: it is two machines" if both else " here"),
            hint="build for macos-x86_64 and macos-arm64, and merge the wheels"
            if both
            else f"there are {', '.join(rows)}",
        )
    return rows[target.name]


def macros_of(target: Target, *, free_threaded: bool) -> dict[str, int | bool]:
    """The macros of ``pyconfig.h`` that are told of ``target``."""
    row, models = host_row(target), _table()["models"]
    found = {"Py_GIL_DISABLED": 1 if free_threaded else False}
    for name in row["models"]:
        found.update(models[name])
    return {**found, **row["macros"]}


def host_configuration(target: Target, own: str, macros: Mapping[str, int | bool], abi: str) -> str:
    """The text of ``pyconfig.h`` on ``target``, from ``own``, that of this machine's CPython."""
    if target.is_windows:
        own = resources.files("sealift").joinpath("data/pyconfig-windows.h").read_text("utf-8")
        own = own.replace("@IMPORTS@", f"python{abi}.lib")
    return configured(own, macros)


def configured(pyconfig: str, macros: Mapping[str, int | bool]) -> str:
    """``pyconfig.h`` with ``macros`` as they are on the host; those it does not know stay out.

    >>> configured("#define SIZEOF_LONG 8", {"SIZEOF_LONG": 4, "ALIGNOF_LONG": 4})
    '#define SIZEOF_LONG 4'
    >>> configured("/* #  undef WORDS_BIGENDIAN */", {"WORDS_BIGENDIAN": 1})
    '#define WORDS_BIGENDIAN 1'
    """

    def told(line: re.Match[str]) -> str:
        name = next(filter(None, line.groups()))
        if name not in macros:
            return line[0]
        value = macros[name]
        return f"/* #undef {name} */" if value is False else f"#define {name} {value}"

    return _MACRO.sub(told, pyconfig)


def macro_variables(pyconfig: str) -> dict[str, Any]:
    r"""The variables that :mod:`sysconfig` has from ``pyconfig.h``.

    >>> macro_variables("#define HAVE_A 1\n/* #undef HAVE_B */\n")
    {'HAVE_A': 1, 'HAVE_B': 0}
    """
    return dict(sysconfig.parse_config_h(io.StringIO(pyconfig)))


@functools.cache
def _table() -> dict[str, Any]:
    return load_table("hosts")

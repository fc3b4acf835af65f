"""Run by an interpreter that is looked at: prints as JSON what it is and where its parts are.

Kept to modules every CPython has; it is passed as text, so that the interpreter needs no access to
Sealift.
"""

import json
import sys
import sysconfig

_VARIABLES = (
    "INSTSONAME", "LDLIBRARY", "LIBRARY", "LIBDIR", "LIBPL", "EXT_SUFFIX", "MULTIARCH", "INCLUDEPY",
    "DESTSHARED", "Py_ENABLE_SHARED", "Py_GIL_DISABLED", "Py_DEBUG", "abs_builddir", "abs_srcdir",
)  # fmt: skip
_LEVELS = {"alpha": "a", "beta": "b", "candidate": "rc"}


def _version() -> str:
    info = sys.version_info
    suffix = f"{_LEVELS[info.releaselevel]}{info.serial}" if info.releaselevel in _LEVELS else ""
    return "{}.{}.{}".format(*info[:3]) + suffix


def _answers() -> dict[str, object]:
    values = sysconfig.get_config_vars()
    return {
        "program": getattr(sys, "_base_executable", "") or sys.executable,
        "version": _version(),
        "implementation": sys.implementation.name,
        "prefix": sys.base_prefix,
        "exec_prefix": sys.base_exec_prefix,
        "stdlib": sysconfig.get_path("stdlib"),
        "builtins": sys.builtin_module_names,
        "variables": {name: values.get(name) for name in _VARIABLES},
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_answers()))

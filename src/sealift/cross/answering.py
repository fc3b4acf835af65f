"""Has a Python of this machine answer as the one that a wheel is built for.

A copy of it is ``sitecustomize`` to the process that runs a build backend and to the Pythons that
process starts; nothing else sees it.  ``answers.json`` lies beside it.  Standard library only.
"""

import json
import os
import sysconfig
from pathlib import Path


def answer_for_host() -> None:
    """Let ``os.uname``, and :mod:`platform` after it, tell the host's CPU; headers are its own.

    The other answers come from variables that CPython's own build uses for the same purpose:
    ``_PYTHON_HOST_PLATFORM`` and ``_PYTHON_SYSCONFIGDATA_NAME``.
    """
    answers = json.loads(Path(__file__).with_name("answers.json").read_text(encoding="utf-8"))
    here = os.uname()
    told = os.uname_result((here.sysname, here.nodename, here.release, here.version,
                            answers["machine"]))  # fmt: skip

    def uname() -> os.uname_result:
        return told

    os.uname = uname
    include = answers["include"].replace("{", "{{").replace("}", "}}")
    schemes = sysconfig._INSTALL_SCHEMES  # type: ignore[attr-defined]  # noqa: SLF001
    for scheme in schemes.values():
        for name in ("include", "platinclude"):
            if name in scheme:
                scheme[name] = include


if __name__ == "sitecustomize":
    answer_for_host()

"""Stands for programs such as ``pg_config`` and ``curl-config`` of a sysroot.

``python -m sealift.cross.config_script PKG_CONFIG USR NAME OPTIONS…`` answers as program ``NAME``
would on the target.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from sealift import process
from sealift.cross.library import script_table
from sealift.errors import SealiftError

_ASKED = re.compile(r"\{(--[^}|]+)(\|?)\}")


def main(pkg_config: Path, usr: str, name: str, options: Sequence[str]) -> None:
    """Print what program ``name`` says to ``options``, one line for each.

    It ends with status 1 where an option is not known.
    """
    row = script_table()[name]
    known = [option for option in row if option != "module"]
    unknown = [option for option in options if option not in known]
    if unknown or not options:
        sys.exit(f"{name}: {' '.join(unknown) or 'no option'}: it takes {' '.join(known)}")
    try:
        answers = [answer(pkg_config, row["module"], row[option], usr) for option in options]
    except SealiftError as problem:
        sys.exit(f"{name}: {problem}")
    lines = filter(None, answers) if len(options) > 1 else answers
    sys.stdout.writelines(f"{line}\n" for line in lines)


def answer(pkg_config: Path, module: str, text: str, usr: str) -> str:
    """``text`` with what ``pkg_config`` says of ``module`` put in."""

    def asked(match: re.Match[str]) -> str:
        said = process.run([pkg_config, *match[1].split(), module]).strip()
        return "\n".join(said.split()) if match[2] else said

    return _ASKED.sub(asked, text).replace("{prefix}", usr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])

"""Stands for ``strip`` of a zig toolchain, which has none."""

import sys
from collections.abc import Sequence
from pathlib import Path

from sealift import store
from sealift.binary.elf_strip import stripped
from sealift.errors import SealiftError

_ELF = b"\x7fELF"
_WITH_VALUE = {"-K", "-N", "-R", "-F", "-I", "-O"}


def main(arguments: Sequence[str]) -> None:
    """Strip files in place, or the one to what follows ``-o``, of all that no loader reads.

    Options that ask for less are taken for this.  Ends with a message where a file cannot be read.
    """
    out: Path | None = None
    files: list[Path] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "-o":
            out = Path(next(rest, ""))
        elif argument in _WITH_VALUE:
            next(rest, None)
        elif not argument.startswith("-"):
            files.append(Path(argument))
    try:
        for file in files:
            data = file.read_bytes()
            # What is linked for Windows is stripped then; of macOS's files the linker keeps little.
            data = stripped(data, str(file)) if data.startswith(_ELF) else data
            mode = file.stat().st_mode
            store.replace_file(out or file, data)
            (out or file).chmod(mode)
    except (OSError, SealiftError) as problem:
        sys.exit(f"strip: {problem}")


if __name__ == "__main__":
    main(sys.argv[1:])

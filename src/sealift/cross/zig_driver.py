"""Stands for ``cc``, ``c++``, ``ar``, … of a zig toolchain; standard library only.

``zig_driver.py SETTINGS NAME ARGUMENTS…`` becomes zig with arguments that it takes.  It is started
for every file that is compiled, so it imports little.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_COMPILERS = {"cc": "cc", "c++": "c++"}
_OTHERS = {"ar": "ar", "ranlib": "ranlib", "ld": "ld.lld"}
_WITH_VALUE = {"-z", "-h", "-u", "--undefined", "-soname"}  # whose value may be the next argument


def main(settings_path: str, name: str, arguments: Sequence[str]) -> None:
    """Become zig as ``name``."""
    with open(settings_path, encoding="utf-8") as file:  # noqa: PTH123  (pathlib is slow to load)
        settings = json.load(file)
    if name in _COMPILERS:
        translated = [*settings["flags"], *translate(arguments, settings)]
        command = [settings["zig"], _COMPILERS[name], *translated]
    else:
        command = [settings["zig"], _OTHERS[name], *arguments]
    os.environ["ZIG_GLOBAL_CACHE_DIR"] = settings["cache"]
    os.execv(command[0], command)  # noqa: S606


def translate(arguments: Sequence[str], settings: Mapping[str, Any]) -> list[str]:
    """``arguments`` of a compiler as zig takes them."""
    rejected, spelled = settings["rejected"], settings["translated"]
    kept: list[str] = []
    linking: list[
        str
    ] = []  # a value may come with a -Wl of its own, so they are looked at together
    rest = iter(arguments)
    for argument in rest:
        if argument.startswith("-Wl,"):
            linking += argument.split(",")[1:]
        elif argument == "-Xlinker":
            linking.append(next(rest, ""))
        else:
            kept += _linked(linking, settings)
            linking = []
            if argument not in rejected["compiler"]:
                kept.append(spelled["compiler"].get(argument, argument))
    return [*kept, *_linked(linking, settings)]


def _linked(arguments: Sequence[str], settings: Mapping[str, Any]) -> Iterator[str]:
    """The linker's ``arguments``, as they are given to zig's compiler."""
    rejected, spelled = settings["rejected"], settings["translated"]["linker"]
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name in rejected["linker"]:
            continue
        if name in rejected["linker_with_value"]:
            if not equals:
                next(rest, None)
            continue
        if name in spelled or argument in _WITH_VALUE:
            value = value if equals else next(rest, "")
            if name == "-z" and value in rejected["linker_z"]:
                continue
            yield f"-Wl,{spelled.get(name, name)},{value}"
        else:
            yield f"-Wl,{argument}"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])

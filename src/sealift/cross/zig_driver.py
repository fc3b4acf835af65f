"""Stands for ``cc``, ``c++``, ``ar``, … of a zig toolchain; standard library only.

``zig_driver.py SETTINGS NAME ARGUMENTS…`` becomes zig with arguments that it takes.  It is started
for every file that is compiled, so it imports little.
"""

import itertools
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_COMPILERS = {"cc": "cc", "c++": "c++"}
_OTHERS = {"ar": "ar", "ranlib": "ranlib", "ld": "ld.lld", "dlltool": "dlltool"}
_WITH_VALUE = {"-z", "-h", "-u", "--undefined", "-soname"}  # whose value may be the next argument
# What follows these is a name or a path, whatever it looks like.
_NAMED = {
    "-o",
    "-I",
    "-L",
    "-D",
    "-U",
    "-isystem",
    "-iquote",
    "-include",
    "-MF",
    "-MT",
    "-MQ",
    "-x",
}
_SEARCHED = {"-I", "-L", "-isystem", "-iquote"}
# Where headers and libraries of this machine lie, which some add without being asked.
_OF_THIS_MACHINE = re.compile(
    r"/(?:usr/(?:local/)?)?(?:include|lib(?:32|64)?)(?:/\w+-linux-\w+)?/?"
)
_OF_CPUS = ("-march=", "-mcpu=", "-mtune=")
_SHARED = {"-shared", "-dynamiclib"}
# With these nothing is linked, or only put together, to be linked again.
_PARTLY = {
    "-c",
    "-r",
    "-S",
    "-E",
    "-M",
    "-MM",
    "-fsyntax-only",
    "--version",
    "-v",
    "-dumpmachine",
    "-###",
}
_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".c++", ".C", ".m", ".mm", ".s", ".S")
_LINKED = (".o", ".obj", ".a", ".so", ".lib", ".dll", ".dylib", ".def")
# Zig makes its own parts of a program (start files, compiler-rt, MinGW's C library) by these, too:
# once for each kind of them, for minutes, and with instructions that only one file asked for.
_OF_RUNTIME = re.compile(
    r"-m(?!windows|console|dll|unicode|threads|32|64).*|-f(no-)?omit-frame-pointer"
)
_LIBRARY_NAMES = ("lib{}.a", "lib{}.dll.a", "{}.lib", "lib{}.lib", "{}.dll", "lib{}.tbd")


def main(settings_path: str, name: str, arguments: Sequence[str]) -> None:
    """Become zig as ``name``."""
    with open(settings_path, encoding="utf-8") as file:  # noqa: PTH123  (pathlib is slow to load)
        settings = json.load(file)
    os.environ["ZIG_GLOBAL_CACHE_DIR"] = settings["cache"]
    if name not in _COMPILERS:
        command = [settings["zig"], _OTHERS[name], *arguments]
        os.execv(command[0], command)  # noqa: S606
    last = settings.get("last", [])
    lacking = missing_framework([*arguments, *last], settings)
    if lacking:
        sys.exit(
            f"error: there is no framework {lacking} to link with: Apple's SDK, which has it, is "
            "not free to be passed on\n"
            "hint: where you have that SDK, name its folder by the variable SDKROOT"
        )
    command = [settings["zig"], _COMPILERS[name], *settings["flags"]]
    overlay = os.path.join(os.path.dirname(settings_path), settings.get("overlay", ""))  # noqa: PTH118, PTH120
    if os.path.isfile(overlay):  # noqa: PTH113
        command += ["-ivfsoverlay", overlay]
    given = [*translate(arguments, settings), *last]
    if links(arguments):
        sys.exit(_link(command, given, settings))
    os.execv(command[0], [*command, *given])  # noqa: S606


def _link(command: Sequence[str], given: Sequence[str], settings: Mapping[str, Any]) -> int:
    """Link ``given``, its sources compiled before where they ask for a CPU; the status."""
    if "-x" in given or not any(map(_OF_RUNTIME.fullmatch, given)):
        return _link_objects(command, given, settings)
    import tempfile

    with tempfile.TemporaryDirectory(prefix="sealift-cc-") as scratch:
        compilations, rest = apart(given, scratch)
        failed = next(filter(None, (_run([*command, *each]) for each in compilations)), 0)
        return failed or _link_objects(command, rest, settings)


def _link_objects(command: Sequence[str], given: Sequence[str], settings: Mapping[str, Any]) -> int:
    """Link, and remove the import library that is written although none was asked for."""
    asked = any("--out-implib" in argument for argument in given)
    unwanted = None
    more = [*settings.get("link", ())]
    if more and not asked and _SHARED.intersection(given):
        unwanted = f"{output_of(given)}.implib"
        more.append(settings["import_library"] + unwanted)
    # Zig links, or puts it into an object, whatever it is given, so it is named here alone.
    status = _run([*command, *settings.get("runtime", ()), *given, *more])
    if unwanted and os.path.exists(unwanted):  # noqa: PTH110
        os.remove(unwanted)  # noqa: PTH107
    return status


def _run(command: list[str]) -> int:
    status = os.spawnv(os.P_WAIT, command[0], command)  # noqa: S606
    return status if status >= 0 else 128 - status


def apart(given: Sequence[str], scratch: str) -> tuple[list[list[str]], list[str]]:
    """Arguments that compile each source of ``given`` below ``scratch``, and those that link."""
    options: list[str] = []
    rest: list[str] = []
    sources: list[str] = []
    for before, argument in itertools.pairwise(["", *given]):
        is_file = not argument.startswith("-") and before not in _NAMED
        if is_file and argument.endswith(_SOURCES):
            rest.append(f"{scratch}/{len(sources)}.o")
            sources.append(argument)
            continue
        if not _OF_RUNTIME.fullmatch(argument):
            rest.append(argument)
        if argument != "-o" and before != "-o" and not (is_file and argument.endswith(_LINKED)):
            options.append(argument)
    quiet = [*options, "-Wno-unused-command-line-argument", "-c"]
    return [[*quiet, source, "-o", f"{scratch}/{at}.o"] for at, source in enumerate(sources)], rest


def links(arguments: Sequence[str]) -> bool:
    """Whether a compiler with ``arguments`` makes a program or a library.

    >>> links(["a.o", "-o", "a"]), links(["-c", "a.c"]), links(["--version"])
    (True, False, False)
    """
    return bool(arguments) and not _PARTLY.intersection(arguments)


def output_of(arguments: Sequence[str]) -> str:
    """The file that a compiler writes."""
    for at, argument in enumerate(arguments):
        if argument == "-o" and at + 1 < len(arguments):
            return arguments[at + 1]
        if argument.startswith("-o") and len(argument) > 2:
            return argument[2:]
    return "a.out"


def missing_framework(arguments: Sequence[str], settings: Mapping[str, Any]) -> str | None:
    """The first framework that is linked and in no folder that ``arguments`` name."""
    folders = [argument[2:] for argument in arguments if argument.startswith("-F")]
    spread = [part for argument in arguments for part in argument.removeprefix("-Wl,").split(",")]
    for option, name in itertools.pairwise(spread):
        if option in settings.get("frameworks", ()) and not any(
            os.path.isdir(f"{folder}/{name}.framework")  # noqa: PTH112
            for folder in folders
        ):
            return name
    return None


def translate(arguments: Sequence[str], settings: Mapping[str, Any]) -> list[str]:
    """``arguments`` of a compiler as zig takes them."""
    kept: list[str] = []
    # A value may come with a -Wl of its own, so they are looked at together.
    linking: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument.startswith("-Wl,"):
            linking += argument.split(",")[1:]
        elif argument == "-Xlinker":
            linking.append(next(rest, ""))
        else:
            kept += _linked(linking, settings)
            linking = []
            if argument in settings["rejected"]["compiler_with_value"]:
                next(rest, None)
            elif argument in _NAMED:
                value = next(rest, None)
                if not (argument in _SEARCHED and _OF_THIS_MACHINE.fullmatch(value or "")):
                    kept += [argument, *([value] if value is not None else [])]
            elif not (argument[:2] in _SEARCHED and _OF_THIS_MACHINE.fullmatch(argument[2:])):
                kept += _compiled(argument, arguments, settings)
    return [*kept, *_linked(linking, settings)]


def _compiled(
    argument: str, arguments: Sequence[str], settings: Mapping[str, Any]
) -> Iterator[str]:
    """The compiler's ``argument``, one of ``arguments``."""
    searched = [*arguments, *settings.get("last", ())]
    if argument in settings["rejected"]["compiler"] and not _is_there(argument, searched):
        return
    if argument.startswith(_OF_CPUS):
        yield from cpu_option(argument, settings["cpus"])
        return
    if argument == "-bundle" and "-bundle" in settings["translated"]["compiler"]:
        # Its name would be the path here.
        yield f"-Wl,-install_name,@rpath/{os.path.basename(output_of(arguments))}"  # noqa: PTH119
    if not argument.startswith("-l") and not os.path.exists(argument):  # noqa: PTH110  (a path may look like /Option)
        if re.fullmatch(settings.get("dropped", "(?!)"), argument):
            return
        for pattern, spelled in settings.get("spelled", {}).items():
            argument = re.sub(f"^{pattern}$", spelled, argument)
    if argument.startswith("-l") and "called" in settings:
        argument = _library(argument, arguments, settings["called"])
    yield settings["translated"]["compiler"].get(argument, argument)


def cpu_option(argument: str, cpus: Mapping[str, Any]) -> Iterator[str]:
    """``argument``, which names a CPU, in zig's words; what is asked of this machine's, not at all.

    GCC has an architecture with its extensions where zig has a CPU with its features.  ``cpus`` are
    those of the target: ``bases`` the features of architectures, ``names`` and ``extensions`` what
    is not spelled alike but for dashes.
    """
    option, _, value = argument.partition("=")
    if option == "-mtune" or value == "native":
        return
    base, *extensions = re.split(r"[+_]" if value.startswith("rv") else r"\+", value)
    riscv = re.fullmatch(r"rv(?:32|64)[imafdgc]+([a-z]*)", base)
    if riscv:
        features, head = [*riscv[1]], "baseline"
    elif base in cpus.get("bases", {}):
        features, head = [*cpus["bases"][base]], "baseline"
    else:
        features, head = [], cpus.get("names", {}).get(base, base.replace("-", "_"))
    known = cpus.get("extensions", {})
    signed = [("-", it[2:]) if it.startswith("no") else ("+", it) for it in extensions]
    told = [f"+{it}" for it in features]
    told += [f"{sign}{known.get(it, it.replace('-', '_'))}" for sign, it in signed]
    yield f"-mcpu={head}{''.join(told)}"


def _library(argument: str, arguments: Sequence[str], called: Mapping[str, str]) -> str:
    """``-lNAME`` of a project that sees Windows, as the library is called here.

    Microsoft's linker is given names of files, which begin with ``lib`` or not, in any case.
    """
    name = argument[2:]
    for each in (name, name.removeprefix("lib"), called.get(name.lower(), name)):
        if _is_there(f"-l{each}", arguments):
            return f"-l{each}"
    return argument.lower()  # as Windows' own are


def _is_there(argument: str, arguments: Sequence[str]) -> bool:
    """Whether ``argument`` is ``-lNAME``, and a folder that ``arguments`` name has that library."""
    return argument.startswith("-l") and any(
        os.path.exists(f"{folder[2:]}/{pattern.format(argument[2:])}")  # noqa: PTH110
        for folder in arguments
        if folder.startswith("-L")
        for pattern in _LIBRARY_NAMES
    )


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
        elif argument.endswith(".def") and os.path.isfile(argument):  # noqa: PTH113
            yield argument  # a file of names to export (rustc), which zig takes as an input
        else:
            yield f"-Wl,{argument}"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])

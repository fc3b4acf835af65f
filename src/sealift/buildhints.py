"""What a failed build lacked, guessed from its log, and the system package that has it."""

import functools
import re
from pathlib import Path

from sealift.tables import load_table

_PROGRAMS = (
    r"(pg_config|curl-config|mysql_config|krb5-config|llvm-config|cargo|rustc|cmake|gfortran)"
)
# No packages of Debian's are for these.
_ELSEWHERE = {
    "win": ("Windows", "build there"),
    "macos": ("macOS", "name the folder of Apple's SDK by the variable SDKROOT, build there"),
}
_FRAMEWORK = re.compile(r"there is no (framework [\w.]+) to link with")
_RUNS_FOREIGN = re.compile(r"Exec format error|cannot execute binary file")
_PATTERNS = tuple(
    re.compile(text)
    for text in (
        r"fatal error: '?([\w./+-]+\.h(?:pp)?)'?(?:: No such file| file not found)",
        r"cannot find -l([\w.+-]+)",
        r"library '?([\w.+-]+)'? not found",
        r"(?:No such file or directory|FileNotFoundError)[^\n]*?'([\w.+-]+)'",
        r"error: command '([\w./+-]+)' failed: No such file",
        r"([\w+-]+): (?:command )?not found",
        r"Package '?([\w.+-]+)'?,? (?:was not found|required by|not found)",
        r"Dependency \"?([\w.+-]+)\"? not found",
        rf"\b{_PROGRAMS}\b[^\n]*(?:not found|executable|could not|couldn't|is required)",
        rf"(?:not found|could not|couldn't|unable to)[^\n]*\b{_PROGRAMS}\b",
    )
)


def hint_for(log: Path, *, platform: str = "") -> str | None:
    """What to install, from the log of a failed build; ``None`` where nothing is recognised.

    In a build for another machine, of which ``platform`` is what :func:`sysconfig.get_platform`
    says there, or the target's name, libraries are not this machine's.
    """
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    if _RUNS_FOREIGN.search(text):
        return (
            "its build runs a program that it built for the target, which this machine cannot: "
            "give the answer by an option of its build, or leave that out by a patch, in "
            "[tool.sealift.build.PACKAGE]"
        )
    for key, (system, remedy) in _ELSEWHERE.items():
        if platform.startswith(key):
            return _elsewhere(text, system, remedy)
    packages = _packages()
    for pattern in _PATTERNS:
        for found in pattern.findall(text):
            for name in (found, found.rpartition("/")[2]):
                if name in packages:
                    return _remedy(found, packages[name], crossing=bool(platform))
            if found.endswith((".h", ".hpp")):
                return _remedy(f"the header {found}", None, crossing=bool(platform))
    return None


def _elsewhere(text: str, system: str, remedy: str) -> str | None:
    header, framework = _PATTERNS[0].search(text), _FRAMEWORK.search(text)
    what = f"header {header[1]}" if header else framework and framework[1]
    return what and (
        f"the {what} is not among those that zig has for {system}: {remedy}, or patch its sources "
        "(patches of [tool.sealift.build.PACKAGE])"
    )


def _remedy(what: str, package: str | None, *, crossing: bool) -> str:
    if crossing and (package is None or package.endswith("-dev")):
        named = package or "PACKAGE (Debian's name of what has it)"
        return (
            f"{what} is missing: --library {named}, or name it in libraries of "
            "[tool.sealift.build.PACKAGE]"
        )
    if package is None:
        return f"{what} is missing; install the development package that has it"
    return f"{what} is missing; on Debian and Ubuntu: apt install {package}"


@functools.cache
def _packages() -> dict[str, str]:
    """Debian packages by header, library and program."""
    return {
        name: package for package, names in load_table("system-packages").items() for name in names
    }

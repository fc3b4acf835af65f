"""Why a program failed on a system, in words: what it asks for against what is there."""

import re
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sealift.audit.natives import Native
from sealift.binary.elf import ElfFacts
from sealift.floor import FALLBACKS, Version, glibc_versions
from sealift.machine import Ending, System

# As wine writes them, the second in spite of WINEDEBUG.
_NO_DLL = re.compile(r'Library (.+?) \(which is needed by L"(.+?)"\) not found')
_NO_FUNCTION = re.compile(r"Call from \S+ to unimplemented function (\S+?\.\w+)\.(\S+),")
_SIGNALS = 128
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """Something asked for that a system does not have: ``token`` is how a loader would call it."""

    token: str
    text: str


def reasons(natives: Sequence[Native], system: System, ending: Ending) -> tuple[str, ...]:
    """Why the program that ``natives`` make up ended so on ``system``.

    Of all that the system lacks, what the program named; all of it where it named nothing.
    """
    if in_wine := tuple(_told_by_wine(ending.output)):
        return (*in_wine, *_ended(ending))
    found = list(_lacks(natives, system))
    named = [lack for lack in found if lack.token in ending.output]
    texts = [lack.text for lack in named or found]
    return (*texts, *_ended(ending))


def _told_by_wine(output: str) -> Iterator[str]:
    """What wine says that it does not have, each thing once."""
    asked: dict[str, dict[str, None]] = {}
    for library, program in _NO_DLL.findall(output):
        asked.setdefault(library, {})[program.rpartition("\\")[2]] = None
    for library, programs in asked.items():
        yield f"needs {library}, which this system does not have; {_some(list(programs))} for it"
    for library, function in dict.fromkeys(_NO_FUNCTION.findall(output)):
        yield f"calls {function} of {library}, which this wine does not have"


def _ended(ending: Ending) -> Iterator[str]:
    if ending.status is None:
        yield f"did not end within {ending.seconds:.0f} seconds"
    elif ending.status > _SIGNALS:
        number = ending.status - _SIGNALS
        known = {it.value: it.name for it in signal.Signals}
        yield f"was stopped by {known.get(number, f'signal {number}')}"
    else:
        yield f"ended with status {ending.status}"


def _lacks(natives: Sequence[Native], system: System) -> Iterator[Lack]:
    elves = {
        native.path: native.facts
        for native in natives
        # What is loaded only where it is missed makes no system too old.
        if isinstance(native.facts, ElfFacts) and not native.path.startswith(f"{FALLBACKS}/")
    }
    yield from _old_libc(elves, system)
    yield from _missing(elves, system)


def _old_libc(elves: dict[str, ElfFacts], system: System) -> Iterator[Lack]:
    """One sentence for each version of the C library that is too new, the newest first."""
    if system.glibc is None:
        return
    asked: dict[tuple[Version, str], list[str]] = {}
    for path, facts in elves.items():
        for version, name in glibc_versions(facts):
            if version > system.glibc:
                asked.setdefault((version, name), []).append(path)
    has = "{}.{}".format(*system.glibc)
    for _, name in sorted(asked, reverse=True):
        files = next(paths for (_, other), paths in asked.items() if other == name)
        yield Lack(token=name, text=f"needs {name}; this system has {has}; {_some(files)} for it")


def _missing(elves: dict[str, ElfFacts], system: System) -> Iterator[Lack]:
    own = {path.rpartition("/")[2] for path in elves}
    own |= {facts.soname for facts in elves.values() if facts.soname}
    asked: dict[str, list[str]] = {}
    for path, facts in elves.items():
        loader = facts.interpreter
        for name in (*facts.needed, *([loader.rpartition("/")[2]] if loader else [])):
            if name not in own | system.libraries:
                asked.setdefault(name, []).append(path)
    for name, files in asked.items():
        yield Lack(
            token=name, text=f"needs {name}, which this system does not have; {_some(files)} for it"
        )


def _some(files: Sequence[str]) -> str:
    """Some of ``files``, as those who ask.

    >>> _some(["a"]), _some(["a", "b"])
    ('a asks', 'a and b ask')
    """
    if len(files) == 1:
        return f"{files[0]} asks"
    more = len(files) - _NAMED
    if more > 0:
        return f"{', '.join(files[:_NAMED])} and {more} more ask"
    return f"{', '.join(files[:-1])} and {files[-1]} ask"

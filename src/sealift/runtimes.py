"""Libraries of compilers that stand beside an interpreter for whoever asks for them."""

from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from sealift import store
from sealift.binary.pe import read_pe

_FORMAT = "1"


def unasked(
    libraries: Mapping[str, Path], parts: Iterable[tuple[str, Mapping[str, Path]]]
) -> frozenset[str]:
    """Which of ``libraries`` (by product path) nothing of ``parts`` asks for, nor what it asks for.

    Each part is a key of its content and its native files.  What a part asks for and brings itself
    counts as brought by it.  Names are compared as Windows does, without regard to case.
    """
    if not libraries:
        return frozenset()
    by_name = {PurePosixPath(path).name.lower(): path for path in libraries}
    waiting = deque(name for key, natives in parts for name in _asked(key, natives))
    found: set[str] = set()
    while waiting:
        name = waiting.popleft()
        if name in by_name and name not in found:
            found.add(name)
            waiting.extend(_needed(libraries[by_name[name]]))
    return frozenset(path for name, path in by_name.items() if name not in found)


def _asked(key: str, natives: Mapping[str, Path]) -> list[str]:
    def read() -> list[str]:
        brought = {PurePosixPath(path).name.lower() for path in natives}
        return sorted({n for path in natives.values() for n in _needed(path)} - brought)

    asked: list[str] = store.remember("asked-libraries", store.digest_of(_FORMAT, key), read)
    return asked


def _needed(path: Path) -> list[str]:
    facts = read_pe(path)
    return [name.lower() for name in facts.needed] if facts else []

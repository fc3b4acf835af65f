"""DLLs looked for in folders of this machine, by the rules of names that Windows has."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sealift import store
from sealift.binary.pe import PeFacts, read_pe
from sealift.binary.pe_tables import with_suffix
from sealift.errors import ConfigError
from sealift.policy.windows import TAGS
from sealift.repair.names import hashed


@dataclass(slots=True, eq=False)
class Dll:
    """A DLL of this machine, found by its name ``called``, for files with platform ``tag``.

    ``needs`` are those it asks for and that come along, by its words; ``own`` has what it asks for
    and the wheel has, with the paths there.
    """

    called: str
    source: Path
    facts: PeFacts
    tag: str
    sha256: str
    needs: dict[str, "Dll"] = field(default_factory=dict)
    own: dict[str, Sequence[str]] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """What to call it where it is told of."""
        return str(self.source)

    @property
    def name(self) -> str:
        """What its copy in a wheel is called.

        Windows has one DLL of a name in a process.  So the digest is also over what it asks for: a
        copy that is the same, and asks for others, is another.
        """
        others = sorted(f"{it.called.lower()} {it.sha256}" for it in reached([self]) - {self})
        if not others:
            return hashed(self.called, self.sha256)
        text = "\n".join((self.sha256, *others))
        return hashed(self.called, hashlib.sha256(text.encode()).hexdigest())


def reached(dlls: Iterable[Dll]) -> set[Dll]:
    """``dlls`` and all that comes with them."""
    found: set[Dll] = set()
    queue = [*dlls]
    while queue:
        dll = queue.pop()
        if dll not in found:
            found.add(dll)
            queue += dll.needs.values()
    return found


class Shelf:
    """Folders with DLLs; the first that has one for the machine counts.

    Raises :class:`ConfigError` for a folder that cannot be read.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._files: dict[str, list[Path]] = defaultdict(list)
        for folder in folders:
            for path in _listed(folder):
                self._files[path.name.lower()].append(path)
        self._facts: dict[Path, PeFacts | None] = {}
        self._known: dict[tuple[str, str], Dll | None] = {}

    def find(self, name: str, tag: str) -> Dll | None:
        """The DLL that ``name`` means to files for platform ``tag``.

        Raises :class:`~sealift.errors.BinaryFormatError` for a damaged one.
        """
        key = (with_suffix(name).lower(), tag)
        if key not in self._known:
            self._known[key] = self._first(*key)
        return self._known[key]

    def strangers(self, name: str, tag: str) -> Iterator[tuple[Path, str]]:
        """Files of that name for other machines than ``tag`` has, and their machines."""
        for path in self._files.get(with_suffix(name).lower(), ()):
            facts = self._read(path)
            if facts and TAGS.get(facts.machine) != tag:
                yield path, facts.machine

    def _first(self, name: str, tag: str) -> Dll | None:
        for path in self._files.get(name, ()):
            facts = self._read(path)
            if facts and facts.is_dll and TAGS.get(facts.machine) == tag:
                return Dll(path.name, path.resolve(), facts, tag, store.file_sha256(path))
        return None

    def _read(self, path: Path) -> PeFacts | None:
        if path not in self._facts:
            self._facts[path] = read_pe(path) if path.is_file() else None
        return self._facts[path]


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as problem:
        raise ConfigError(f"cannot look for DLLs in {folder}: {problem.strerror}") from problem

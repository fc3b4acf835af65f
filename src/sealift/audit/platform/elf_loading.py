"""How Linux and Android loaders find libraries in a subject.

The rules are those of ld.so(8): a file's DT_RUNPATH counts for its own needs alone; without one its
DT_RPATH counts, and those of the files that load it.  musl takes either for both, and Android's
loader knows DT_RUNPATH alone.
"""

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from sealift.audit.inventory import Inventory
from sealift.audit.natives import Native
from sealift.audit.platform.loading import Way, installed
from sealift.audit.platform.roots import is_rooted
from sealift.audit.subject import Kind
from sealift.binary.elf import ElfFacts


class ElfLoader:
    """The loader of C library ``libc``, over ELF files of one machine.

    In packages and images paths are those of a system's root, so that absolute search paths and
    ``defaults``, the folders where the loader looks last, lie in the subject.  In all but wheels
    files may have other names by symbolic links, which are no members: the soname is one.  Files of
    wheels are where they will be installed.
    """

    def __init__(
        self, natives: Sequence[Native], inventory: Inventory, *, libc: str, defaults: Sequence[str]
    ) -> None:
        self._libc = libc
        self._is_rooted = is_rooted(inventory)
        self._is_wheel = inventory.kind is Kind.WHEEL
        self._defaults = tuple(folder.strip("/") for folder in defaults) if self._is_rooted else ()
        self._places: dict[str, dict[str, Native]] = defaultdict(dict)
        for native in natives:
            for name in {native.name} if self._is_wheel else self.names(native):
                self._places[name].setdefault(self._folder_of(native), native)

    def place_of(self, name: str) -> str | None:
        """The path of a file called ``name``, wherever it lies."""
        return next((native.path for native in self._places.get(name, {}).values()), None)

    def names(self, native: Native) -> set[str]:
        return {native.name, elf_facts(native).soname or native.name}

    def asks(self, native: Native) -> Sequence[str]:
        return elf_facts(native).needed

    def find(self, way: Way, name: str) -> Native | None:
        return way.first_of(self._places.get(name, {}))

    def passed_on(self, way: Way) -> tuple[str, ...]:
        facts = elf_facts(way.native)
        match self._libc:
            case "bionic":
                return ()
            case "musl":
                entries = (*facts.rpath, *facts.runpath)
            case _:
                entries = () if facts.runpath else facts.rpath
        return tuple(dict.fromkeys((*self._folders(way.native, entries), *way.inherited)))

    def searched(self, way: Way) -> Iterator[str]:
        facts = elf_facts(way.native)
        takes_rpath = self._libc == "musl" or (self._libc == "gnu" and not facts.runpath)
        if takes_rpath:
            yield from self._folders(way.native, facts.rpath)
        yield from self._folders(way.native, facts.runpath)
        if takes_rpath:
            yield from way.inherited
        yield from self._defaults

    def _folders(self, native: Native, entries: Iterable[str]) -> tuple[str, ...]:
        """The folders of the subject that search path ``entries`` of a file mean."""
        own = self._folder_of(native)
        folders = (_folder(entry, own, is_rooted=self._is_rooted) for entry in entries)
        return tuple(folder for folder in folders if folder is not None)

    def _folder_of(self, native: Native) -> str:
        return posixpath.dirname(installed(native.path) if self._is_wheel else native.path)


def elf_facts(native: Native) -> ElfFacts:
    """The facts of an ELF file."""
    assert isinstance(native.facts, ElfFacts)
    return native.facts


def elf_natives(inventory: Inventory, system: str) -> list[Native]:
    """The ELF files that are for ``system``, or do not tell for which."""
    return [
        native
        for native in inventory.natives
        if isinstance(native.facts, ElfFacts) and native.facts.system in {system, None}
    ]


def _folder(entry: str, own: str, *, is_rooted: bool) -> str | None:
    """The folder of the subject that ``entry`` of a search path means to a file in ``own``.

    >>> _folder("$ORIGIN/../x.libs", "x", is_rooted=False)
    'x.libs'
    >>> _folder("/usr/lib/x/", "bin", is_rooted=True)
    'usr/lib/x'
    >>> _folder("/usr/lib/x", "bin", is_rooted=False) is None
    True
    """
    entry = entry.replace("${ORIGIN}", "$ORIGIN")
    if entry.startswith("$ORIGIN"):
        entry = posixpath.join(own, entry.removeprefix("$ORIGIN").lstrip("/"))
    elif not (is_rooted and entry.startswith("/")):
        return None
    folder = posixpath.normpath(entry.lstrip("/") or ".")
    if "$" in folder or folder.startswith(".."):
        return None
    return "" if folder == "." else folder

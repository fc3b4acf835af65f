"""Symbols of a Mach-O file: what it leaves undefined and who is to define it, what it gives.

Formats: ``mach-o/nlist.h`` of Apple's xnu.  In a two-level namespace each undefined symbol names
its library by an ordinal, which counts the commands that load libraries.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from sealift.binary.macho import Dependency, read_dependencies
from sealift.binary.macho_layout import LC_SYMTAB, Commands, Header, Part, Slice, read_slices
from sealift.binary.view import View

_N_STAB, _N_PRIVATE, _N_TYPE, _N_EXTERNAL = 0xE0, 0x10, 0x0E, 0x01
_N_UNDEFINED, _N_PREBOUND = 0x0, 0xC
_N_WEAK_REFERENCE = 0x40
_DYNAMIC_LOOKUP = 0xFE
_MH_TWOLEVEL = 0x80
# Names may share their ends, but not so that reading them costs many times the table.
_MOST_SHARING = 8


@dataclass(frozen=True, slots=True)
class Undefined:
    """A symbol asked for, as the file spells it (C's ``puts`` is ``_puts``).

    ``library`` is the install name of the one that has to define it, ``"@executable"`` for the
    program that loads this file, ``"@self"`` for the file itself, and ``None`` where whatever has
    been loaded may define it: a flat namespace or dynamic lookup.  A weak one may stay undefined.
    """

    name: str
    library: str | None
    is_weak: bool = False

    @property
    def asked(self) -> str | None:
        """The name in C of what the file cannot do without, ``None`` for a weak one."""
        return None if self.is_weak else self.name.removeprefix("_")


@dataclass(frozen=True, slots=True)
class Symbols:
    """The external symbols of a slice, in the order of its symbol table.

    ``defined`` are those that the symbol table names: a linker may leave symbols out there and name
    them in the export trie only.
    """

    undefined: tuple[Undefined, ...] = ()
    defined: tuple[str, ...] = ()


def symbols_of(view: View) -> tuple[Symbols, ...]:
    """The symbols of each slice of the Mach-O file in ``view``, as ``macho.facts_of`` counts them.

    Raises :class:`~sealift.errors.BinaryFormatError` when the file is damaged.
    """
    return tuple(_symbols(piece) for piece in read_slices(view))


def _symbols(piece: Slice) -> Symbols:
    commands = Commands(piece.part)
    dependencies = read_dependencies(commands)
    for command in commands.of(LC_SYMTAB):
        offset, count, text, size = commands.fields(command, 8, "IIII")
        table = _Table(piece.part, commands.header, text, size)
        return _sorted_out(table, table.entries(offset, count), commands.header, dependencies)
    return Symbols()


def _sorted_out(
    table: "_Table",
    entries: Iterator[tuple[int, int, int, int, int]],
    header: Header,
    dependencies: tuple[Dependency, ...],
) -> Symbols:
    undefined, defined = [], []
    for name, kind, _, description, value in entries:
        if kind & _N_STAB or not kind & _N_EXTERNAL:
            continue
        if kind & _N_TYPE not in {_N_UNDEFINED, _N_PREBOUND}:
            if not kind & _N_PRIVATE:
                defined.append(table.name(name))
        elif not value or header.kind != 1:  # in an object file a value makes it a common block
            two_level = header.flags & _MH_TWOLEVEL
            ordinal = description >> 8 & 0xFF if two_level else _DYNAMIC_LOOKUP
            library = _library(table.part, ordinal, dependencies)
            weak = bool(description & _N_WEAK_REFERENCE)
            undefined.append(Undefined(table.name(name), library, weak))
    return Symbols(tuple(undefined), tuple(defined))


def _library(part: Part, ordinal: int, dependencies: tuple[Dependency, ...]) -> str | None:
    match ordinal:
        case 0xFE:  # dynamic lookup
            return None
        case 0xFF:
            return "@executable"
        case 0:
            return "@self"
        case number if number <= len(dependencies):
            return dependencies[number - 1].name
    raise part.broken(f"a symbol comes from library {ordinal} of {len(dependencies)}")


class _Table:
    """A symbol table: its entries and the names they point to."""

    def __init__(self, part: Part, header: Header, text: int, size: int) -> None:
        self.part = part
        self._layout = header.order + ("IBBHQ" if header.bits == 64 else "IBBHI")
        self._text, self._end = text, text + size
        self._names: dict[int, str] = {}
        self._left = _MOST_SHARING * (min(size, part.size) + 1024)

    def entries(self, offset: int, count: int) -> Iterator[tuple[int, int, int, int, int]]:
        """Name, type, section, description and value of each symbol."""
        content = self.part.content(offset, count * struct.calcsize(self._layout))
        return struct.iter_unpack(self._layout, content)

    def name(self, offset: int) -> str:
        name = self._names.get(offset)
        if name is None:
            name = self.part.text(self._text + offset, self._end)
            self._left -= len(name)
            if self._left < 0:
                raise self.part.broken("the names of its symbols overlap")
            self._names[offset] = name
        return name

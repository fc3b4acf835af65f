"""What a PE file asks other files for and what it gives: imports, delay imports, exports.

Format: "The .idata Section", "Delay-Load Import Tables" and "The .edata Section" of Microsoft's
"PE Format" specification.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sealift.binary.pe_layout import DELAY_IMPORTS, EXPORTS, IMPORTS, Image

_DESCRIPTOR_SIZE, _DELAY_SIZE, EXPORT_SIZE = 20, 32, 40
# No real file comes near these; a hostile one must not keep us busy.
_MOST_LIBRARIES = 4096
_MOST_SYMBOLS = 1 << 20  # of all libraries together: their lists may overlap
_MOST_EXPORTS = 0x10000  # ordinals have 16 bits
_MOST_TEXT = 64 << 20


@dataclass(frozen=True, slots=True)
class Library:
    """A row of an import table: the DLL's name, where its address is told, who it is asked for.

    ``pointer`` is the offset of the field that tells where the name lies, relative to ``base``;
    ``lookup`` is the address of the list of symbols, 0 where that was overwritten.
    """

    name: str
    is_delayed: bool
    pointer: int
    base: int
    address: int
    lookup: int


@dataclass(frozen=True, slots=True)
class Exports:
    """The head of the export table.

    ``forwarded`` has the offsets in the file of those entries that name a symbol of another DLL,
    with the text that does.
    """

    address: int
    size: int
    at: int
    name: str | None
    forwarded: tuple[tuple[int, str], ...]


class Texts:
    """Strings of an image, each read once, and neither they nor what names them without end."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._known: dict[int, str] = {}
        self._left = _MOST_TEXT
        self._uses = 0

    def at(self, address: int) -> str:
        """The string at ``address``."""
        if (known := self._known.get(address)) is None:
            known = self._known[address] = self._image.text(address)
            self._left -= len(known)
            if self._left < 0:
                raise self._image.view.broken("its names overlap")
        return known

    def count(self) -> None:
        """Count a symbol asked for."""
        self._uses += 1
        if self._uses > _MOST_SYMBOLS:
            raise self._image.view.broken(f"it asks for more than {_MOST_SYMBOLS} symbols")


def read_libraries(image: Image) -> tuple[Library, ...]:
    """The rows of the import table, then those of the delay import table."""
    texts = Texts(image)
    return (*_imported(image, texts), *_delayed(image, texts))


def _imported(image: Image, texts: Texts) -> Iterator[Library]:
    table, _ = image.directory(IMPORTS)
    # The loader reads up to a row without a name or without addresses, whatever size is told.
    for row in _rows(image, table, _DESCRIPTOR_SIZE):
        lookup, _, _, name, addresses = image.view.unpack("<5I", row)
        if not name or not addresses:
            return
        yield Library(texts.at(name), False, row + 12, 0, name, lookup or addresses)


def _delayed(image: Image, texts: Texts) -> Iterator[Library]:
    table, _ = image.directory(DELAY_IMPORTS)
    for row in _rows(image, table, _DELAY_SIZE):
        attributes, name, _, _, lookup = image.view.unpack("<5I", row)
        if not name:
            return
        # Visual C++ 6 wrote whole addresses, which 64-bit ones would not fit.
        base = 0 if attributes & 1 else image.header.base
        yield Library(texts.at(name - base), True, row + 4, base, name - base, lookup - base)


def _rows(image: Image, table: int, size: int) -> Iterator[int]:
    if not table:
        return
    for index in range(_MOST_LIBRARIES):
        yield image.offset(table + index * size, size)
    raise image.view.broken(f"it asks for more than {_MOST_LIBRARIES} libraries")


def read_symbols(image: Image, library: Library, texts: Texts) -> Iterator[str | int]:
    """The names of the symbols that ``library`` is asked for, numbers for those asked by number."""
    layout, by_number = ("<Q", 1 << 63) if image.header.bits == 64 else ("<I", 1 << 31)
    step = image.header.bits // 8
    start, end = image.place(library.lookup)
    for at in range(start, end - step + 1, step):
        (entry,) = image.view.unpack(layout, at)
        if not entry:
            return
        texts.count()
        if entry & by_number:
            yield entry & 0xFFFF
        else:
            yield texts.at((entry & 0x7FFFFFFF) - library.base + 2)
    raise image.view.broken(f"the list of what it asks {library.name} for has no end")


def read_exports(image: Image) -> Exports | None:
    """The head of the export table, ``None`` where there is none."""
    table, size = image.directory(EXPORTS)
    if not table:
        return None
    at = image.offset(table, EXPORT_SIZE)
    name, _, count, _, functions = image.view.unpack("<5I", at + 12)
    forwarded: list[tuple[int, str]] = []
    if count:
        texts = Texts(image)
        start = image.offset(functions, _checked(image, count) * 4)
        for index, address in enumerate(image.view.unpack(f"<{count}I", start)):
            # An address within the table itself is that of a text.
            if table <= address < table + size:
                forwarded.append((start + index * 4, texts.at(address)))
    return Exports(table, size, at, image.text(name) if name else None, tuple(forwarded))


def exported_names(image: Image) -> Iterator[str]:
    """The names under which symbols are given, in the order of the table, which is sorted."""
    table, _ = image.directory(EXPORTS)
    if not table:
        return
    count, _, names = image.unpack("<3I", table + 24)
    if count:
        texts = Texts(image)
        start = image.offset(names, _checked(image, count) * 4)
        for address in image.view.unpack(f"<{count}I", start):
            yield texts.at(address)


def _checked(image: Image, count: int) -> int:
    if count > _MOST_EXPORTS:
        raise image.view.broken(f"it gives {count} symbols, more than there are numbers")
    return count


def forwarded_library(text: str) -> str:
    """The DLL that a forwarding ``text`` names, as the loader completes it.

    >>> forwarded_library("NTDLL.RtlAllocateHeap"), forwarded_library("api.v2.dll.#12")
    ('NTDLL.dll', 'api.v2.dll')
    """
    return with_suffix(text.rpartition(".")[0])


def with_suffix(name: str) -> str:
    """The name of a DLL with what the loader adds to one that has no suffix."""
    return name if "." in name else f"{name}.dll"

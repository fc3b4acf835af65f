"""Dynamic symbols of an ELF file: what it asks of other files and what it offers them.

Formats: gABI chapter 4 (symbol table) and 5 (hash table), the GNU hash table, the LSB's symbol
versions.  All is found through the dynamic section, as the loader does; section headers are not
looked at.  Reading costs about a microsecond a symbol, so it is done only for those who ask.
"""

import itertools
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from sealift.binary.elf_layout import DT_SYMTAB, Dynamic, read_dynamic
from sealift.binary.elf_versions import defined_versions, needed_versions
from sealift.binary.view import View

_DT_HASH, _DT_GNU_HASH, _DT_VERSYM, _DT_MIPS_SYMTABNO = 4, 0x6FFFFEF5, 0x6FFFFFF0, 0x70000011
# Tables of relocations: where, how many bytes, bytes of one record.
_RELOCATIONS = ((7, 8, 9), (17, 18, 19), (23, 2, None))
_DT_PLTREL, _DT_RELA = 20, 7
_SHN_UNDEF, _SHN_ABS = 0, 0xFFF1
_VERSION_HIDDEN, _VERSION_LOCAL, _VERSION_GLOBAL = 0x8000, 0, 1
_WIDE_HASH = {(22, 64), (0x9026, 64)}  # EM_S390, EM_ALPHA: their DT_HASH has 64-bit words
_LONGEST_NAME = _LONGEST_CHAIN = 1 << 16


class SymbolKind(StrEnum):
    """What a symbol stands for; ``IFUNC`` is a function that picks its code when it is bound."""

    NOTYPE = "notype"
    OBJECT = "object"
    FUNC = "func"
    TLS = "tls"
    IFUNC = "ifunc"
    OTHER = "other"


_KINDS = tuple(
    {
        0: SymbolKind.NOTYPE, 1: SymbolKind.OBJECT, 2: SymbolKind.FUNC, 5: SymbolKind.OBJECT,
        6: SymbolKind.TLS, 10: SymbolKind.IFUNC,
    }.get(kind, SymbolKind.OTHER)
    for kind in range(16)
)  # fmt: skip
_LOCAL, _WEAK = 0, 2


class Symbol(NamedTuple):
    """A dynamic symbol.

    ``library`` is who is asked for its ``version``; both are ``None`` where it has none, and
    ``library`` always is for a symbol that the file defines.  ``address`` is 0 for one asked for.
    ``is_hidden``: it is found only by those who name its version (one ``@``, not two).
    """

    name: str
    version: str | None
    library: str | None
    kind: SymbolKind
    is_weak: bool
    is_hidden: bool
    address: int

    @property
    def asked(self) -> str | None:
        """The name of what the file cannot do without, ``None`` for a weak one."""
        return None if self.is_weak else self.name

    def __str__(self) -> str:
        at = "@" if self.library or self.is_hidden else "@@"
        return f"{self.name}{at}{self.version}" if self.version else self.name


class SymbolTable:
    """The dynamic symbols of the file in ``view``; ``dynamic`` is its section, where it was read.

    Raises :class:`~sealift.errors.BinaryFormatError` here or later where the file is damaged.
    """

    def __init__(self, view: View, dynamic: Dynamic | None = None) -> None:
        dynamic = dynamic or read_dynamic(view)
        header = dynamic.header
        self._view = view
        self._layout = header.order + ("II4xBxH" if header.bits == 32 else "IBxHQ8x")
        self._is_wide = header.bits == 64
        address = dynamic.value(DT_SYMTAB)
        self._at = dynamic.offset(address) if address is not None else 0
        self._count = _count(dynamic) if address is not None else 0
        if self._at + self._count * struct.calcsize(self._layout) > len(view.data):
            raise view.broken("its symbol table reaches past its end")
        start, end = dynamic.strings_start, min(dynamic.strings_end, len(view.data))
        self._text = bytes(view.data[start:end]).decode("latin-1")  # a character for each byte
        self._versions = _versions(dynamic, self._count)
        self._names: dict[int, tuple[str, str | None]] = {
            version.index & ~_VERSION_HIDDEN: (version.name, version.library)
            for version in (*defined_versions(dynamic), *needed_versions(dynamic))
            if version.index & ~_VERSION_HIDDEN > _VERSION_GLOBAL
        }

    def undefined(self) -> Iterator[Symbol]:
        """The symbols it asks others for."""
        return self._symbols(is_defined=False)

    def defined(self) -> Iterator[Symbol]:
        """The symbols it offers."""
        return self._symbols(is_defined=True)

    def _symbols(self, *, is_defined: bool) -> Iterator[Symbol]:
        size = struct.calcsize(self._layout)
        table = bytes(self._view.data[self._at : self._at + self._count * size])
        # Names may share bytes, but not so that a small file makes gigabytes of them.
        left = 4 * len(self._text) + _LONGEST_NAME
        strings, find, kinds, new = self._text, self._text.find, _KINDS, tuple.__new__
        is_wide, names, unnamed = self._is_wide, self._names, (None, None)
        versions = self._versions or itertools.repeat(_VERSION_GLOBAL)
        for row, version in zip(struct.iter_unpack(self._layout, table), versions, strict=False):
            if is_wide:
                name, info, section, address = row
            else:
                name, address, info, section = row
            if (section != _SHN_UNDEF) is not is_defined or not name or info >> 4 == _LOCAL:
                continue
            stop = find("\0", name, name + _LONGEST_NAME)
            if stop < 0:
                raise self._view.broken(
                    f"the name of a symbol, at {name} of its strings, has no end"
                )
            text = strings[name:stop]
            if not text.isascii():
                text = text.encode("latin-1").decode("utf-8", "surrogateescape")
            left -= stop - name
            if left < 0:
                raise self._view.broken("its symbols have more names than its string table")
            label, library = names.get(version & ~_VERSION_HIDDEN, unnamed)
            if section == _SHN_ABS and text == label:
                continue  # stands for the version itself
            is_weak, is_hidden = info >> 4 == _WEAK, version >= _VERSION_HIDDEN
            kind, address = kinds[info & 15], address if is_defined else 0
            # What Symbol does, in half the time.
            yield new(Symbol, (text, label, library, kind, is_weak, is_hidden, address))


def undefined(view: View, dynamic: Dynamic | None = None) -> tuple[Symbol, ...]:
    """The symbols that the file in ``view`` asks others for."""
    return tuple(SymbolTable(view, dynamic).undefined())


def defined(view: View) -> tuple[Symbol, ...]:
    """The symbols that the file in ``view`` offers others."""
    return tuple(SymbolTable(view).defined())


def askers(
    symbols: Iterable[Symbol], versions: Collection[str]
) -> Mapping[tuple[str, str], tuple[Symbol, ...]]:
    """Those of ``symbols`` that ask for one of ``versions``, by library and version.

    >>> memcpy = Symbol("memcpy", "GLIBC_2.14", "libc.so.6", SymbolKind.FUNC, False, False, 0)
    >>> found = askers([memcpy], {"GLIBC_2.14"})
    >>> {key: [str(symbol) for symbol in found[key]] for key in found}
    {('libc.so.6', 'GLIBC_2.14'): ['memcpy@GLIBC_2.14']}
    """
    found: dict[tuple[str, str], list[Symbol]] = {}
    for symbol in symbols:
        if symbol.library is not None and symbol.version in versions:
            found.setdefault((symbol.library, str(symbol.version)), []).append(symbol)
    return {key: tuple(sorted(found[key])) for key in sorted(found)}


def _versions(dynamic: Dynamic, count: int) -> tuple[int, ...]:
    """The index of each symbol's version; none at all where the file has no versions."""
    address = dynamic.value(_DT_VERSYM)
    if address is None:
        return ()
    return dynamic.view.unpack(f"{dynamic.header.order}{count}H", dynamic.offset(address))


def _count(dynamic: Dynamic) -> int:
    """How many symbols there are; no entry tells it, but every way to reach one does."""
    if (count := dynamic.value(_DT_MIPS_SYMTABNO)) is not None and dynamic.header.machine == 8:
        return count
    if (address := dynamic.value(_DT_HASH)) is not None:
        return _count_chained(dynamic, dynamic.offset(address))
    hashed = _count_hashed(dynamic)
    # With nothing to be found by name the table is empty, and only relocations lead to symbols.
    return hashed or _count_relocated(dynamic)


def _count_chained(dynamic: Dynamic, at: int) -> int:
    """The number of chains of the hash table at offset ``at``, one for each symbol.

    lld writes words of 32 bits for all machines; two of them are no number of buckets that fits.
    """
    header, view = dynamic.header, dynamic.view
    if (header.machine, header.bits) in _WIDE_HASH:
        buckets, count = view.unpack(f"{header.order}QQ", at)
        if buckets >> 32 == 0:
            return count
    _, count = view.unpack(f"{header.order}II", at)
    return count


def _count_hashed(dynamic: Dynamic) -> int:
    """The end of the last chain of the GNU hash table, 0 where it has none."""
    address = dynamic.value(_DT_GNU_HASH)
    if address is None:
        return 0
    view, order = dynamic.view, dynamic.header.order
    at = dynamic.offset(address)
    buckets, first, blooms, _ = view.unpack(order + "IIII", at)
    at += 16 + blooms * dynamic.header.bits // 8
    last = max(view.unpack(f"{order}{buckets}I", at), default=0)
    if not last:
        return 0
    at += 4 * buckets + 4 * (last - first)
    for step in range(_LONGEST_CHAIN if last >= first else 0):
        if view.unpack(order + "I", at + 4 * step)[0] & 1:
            return last + step + 1
    raise view.broken("its hash table is damaged")


def _count_relocated(dynamic: Dynamic) -> int:
    """One more than the highest symbol that a relocation names."""
    order, wide = dynamic.header.order, dynamic.header.bits == 64
    highest = 0
    for table, size, entry in _RELOCATIONS:
        address, length = dynamic.value(table), dynamic.value(size)
        if not address or not length:
            continue
        has_addend = table == _DT_RELA or (entry is None and dynamic.value(_DT_PLTREL) == _DT_RELA)
        layout = order + ("QQ" if wide else "II") + (("q" if wide else "i") if has_addend else "")
        length -= length % struct.calcsize(layout)
        content = dynamic.view.span(dynamic.offset(address), length)
        shift = 32 if wide else 8
        infos = (row[1] >> shift for row in struct.iter_unpack(layout, content))
        highest = max(highest, max(infos, default=0))
    return highest + 1 if highest else 0

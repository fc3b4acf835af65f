"""Symbol versions that an ELF file asks for and defines.

Format: the GNU symbol versioning sections of the Linux Standard Base.  They are found through the
dynamic section; their chains are followed for a bounded number of steps.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sealift.binary.elf_layout import MOST_RECORDS, Dynamic

_DT_VERDEF, _DT_VERNEED = 0x6FFFFFFC, 0x6FFFFFFE
_VER_FLG_BASE, _VER_FLG_WEAK = 1, 2


@dataclass(frozen=True, slots=True)
class Version:
    """A symbol version; ``index`` is what the file's symbols call it.

    ``library`` is who is asked for it, ``None`` for one that the file defines.
    """

    name: str
    index: int
    library: str | None = None
    is_weak: bool = False
    is_base: bool = False


def needed_versions(dynamic: Dynamic) -> Iterator[Version]:
    """Versions asked for (Elfxx_Verneed and Elfxx_Vernaux), in the order of the file."""
    budget = iter(range(MOST_RECORDS))
    for at in _chain(dynamic, _DT_VERNEED, "HHIII", budget):
        _, _, library, first, _ = _unpack(dynamic, "HHIII", at)
        name = dynamic.string_at(library)
        for aux in _links(dynamic, at + first, "IHHII", budget):
            _, flags, index, text, _ = _unpack(dynamic, "IHHII", aux)
            yield Version(dynamic.string_at(text), index, name, bool(flags & _VER_FLG_WEAK))


def defined_versions(dynamic: Dynamic) -> Iterator[Version]:
    """Versions defined (Elfxx_Verdef and Elfxx_Verdaux); the base one is the file's own name."""
    for at in _chain(dynamic, _DT_VERDEF, "HHHHIII", iter(range(MOST_RECORDS))):
        _, flags, index, count, _, first, _ = _unpack(dynamic, "HHHHIII", at)
        if count:
            (name, _) = _unpack(dynamic, "II", at + first)
            is_base = bool(flags & _VER_FLG_BASE)
            yield Version(dynamic.string_at(name), index, is_base=is_base)


def _unpack(dynamic: Dynamic, layout: str, offset: int) -> tuple[int, ...]:
    return dynamic.view.unpack(dynamic.header.order + layout, offset)


def _chain(dynamic: Dynamic, tag: int, layout: str, budget: Iterator[int]) -> Iterator[int]:
    address = dynamic.value(tag)
    if address is not None:
        yield from _links(dynamic, dynamic.offset(address), layout, budget)


def _links(dynamic: Dynamic, at: int, layout: str, budget: Iterator[int]) -> Iterator[int]:
    """Offsets of records of ``layout`` whose last field is the distance to the next."""
    for _ in budget:
        yield at
        (*_, distance) = _unpack(dynamic, layout, at)
        if not distance:
            return
        at += distance
    raise dynamic.view.broken("its version records have no end")

"""What the debug directory of a PE file tells: where its symbols were written, how it was linked.

Format: "The .debug Section" of Microsoft's "PE Format" specification.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sealift.binary.pe_layout import DEBUG, Image

ENTRY_SIZE = 28
_CODEVIEW, _REPRODUCIBLE, _EXTENDED_FLAGS = 2, 16, 20
_CET = 1
# The head of a CodeView record, by its signature: how far in the path of the PDB begins.
_PDB_PATHS = {b"RSDS": 24, b"NB10": 16}
_MOST_ENTRIES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugEntry:
    """An entry of the debug directory; ``at`` is its own offset."""

    at: int
    kind: int
    size: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugFacts:
    """``pdb`` is the path of the file of symbols, on the machine that linked it."""

    pdb: str | None = None
    has_cet: bool = False
    is_reproducible: bool = False


def debug_entries(image: Image) -> Iterator[DebugEntry]:
    """The entries of the debug directory."""
    table, size = image.directory(DEBUG)
    for index in range(min(size // ENTRY_SIZE, _MOST_ENTRIES) if table else 0):
        at = image.offset(table + index * ENTRY_SIZE, ENTRY_SIZE)
        kind, length, _, offset = image.view.unpack("<4I", at + 12)
        yield DebugEntry(at=at, kind=kind, size=length, offset=offset)


def pdb_span(image: Image, entry: DebugEntry) -> tuple[int, int] | None:
    """Where the path of the PDB begins and where its record ends."""
    if entry.kind != _CODEVIEW or not entry.offset or entry.size < 4:
        return None
    start = _PDB_PATHS.get(image.view.span(entry.offset, 4))
    if start is None or start >= entry.size:
        return None
    return entry.offset + start, entry.offset + entry.size


def read_debug(image: Image) -> DebugFacts:
    """What the debug directory tells."""
    pdb, has_cet, is_reproducible = None, False, False
    for entry in debug_entries(image):
        if span := pdb_span(image, entry):
            pdb = image.view.text(*span)
        elif entry.kind == _EXTENDED_FLAGS and entry.size >= 4:
            has_cet = bool(image.view.unpack("<I", entry.offset)[0] & _CET)
        is_reproducible |= entry.kind == _REPRODUCIBLE
    return DebugFacts(pdb=pdb or None, has_cet=has_cet, is_reproducible=is_reproducible)

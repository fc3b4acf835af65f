"""Notes of an ELF file: small records by which it tells how it was made and what it is for.

Formats: gABI chapter 5 (note section), LSB (``NT_GNU_ABI_TAG``), the Android NDK's
``.note.android.ident``, the UAPI group's "ELF dlopen() metadata".  A loader ignores notes it cannot
read, and so does this module: tools that edit files leave such.
"""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sealift.binary.elf_layout import PT_GNU_PROPERTY, PT_NOTE, Header, Segment
from sealift.binary.gnu_property import GnuProperty, parse_property
from sealift.binary.view import View

_NT_GNU_ABI_TAG, _NT_GNU_BUILD_ID, _NT_GNU_PROPERTY = 1, 3, 5
_NT_VERSION = 1
_NT_FDO_DLOPEN = 0x407C0C0A
_BSDS = {b"FreeBSD": "freebsd", b"NetBSD": "netbsd", b"OpenBSD": "openbsd"}
_LARGEST = 1 << 16  # bytes of all notes together


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfNotes:
    """What the notes say.

    ``kernel`` is the oldest Linux it runs on, ``android_api`` the API level it was built for,
    ``system`` the one that a note names: ``linux``, ``android`` or a BSD.  ``opens`` are sonames it
    says that it opens at run time.
    """

    build_id: str | None = None
    kernel: tuple[int, int, int] | None = None
    android_api: int | None = None
    system: str | None = None
    opens: tuple[str, ...] = ()
    gnu_property: GnuProperty = field(default_factory=GnuProperty)


def read_notes(view: View, header: Header, segments: tuple[Segment, ...]) -> ElfNotes:
    """The notes in ``segments`` of ``view``."""
    notes = ElfNotes()
    for owner, kind, content in _notes(view, header, segments):
        try:
            notes = replace(notes, **_meaning(owner, kind, content, header))
        except (struct.error, ValueError, RecursionError):
            continue
    return notes


def _meaning(owner: bytes, kind: int, content: bytes, header: Header) -> dict[str, Any]:
    """The fields of :class:`ElfNotes` that one note fills."""
    order = header.order
    if owner == b"GNU" and kind == _NT_GNU_BUILD_ID:
        return {"build_id": content.hex()}
    if owner == b"GNU" and kind == _NT_GNU_PROPERTY:
        machine, bits = header.machine, header.bits
        return {"gnu_property": parse_property(content, machine=machine, order=order, bits=bits)}
    if owner == b"GNU" and kind == _NT_GNU_ABI_TAG:
        system, *kernel = struct.unpack_from(order + "IIII", content)
        return {} if system else {"system": "linux", "kernel": tuple(kernel)}
    if owner == b"Android" and kind == _NT_VERSION:
        (api,) = struct.unpack_from(order + "I", content)
        return {"system": "android", "android_api": api}
    if owner == b"FDO" and kind == _NT_FDO_DLOPEN:
        return {"opens": _opened(content)}
    return {"system": _BSDS[owner]} if owner in _BSDS else {}


def _opened(content: bytes) -> tuple[str, ...]:
    """Sonames in a dlopen note: JSON, a list of features with the sonames each may open.

    >>> _opened(b'[{"feature": "lz4", "soname": ["liblz4.so.1"]}]')
    ('liblz4.so.1',)
    """
    features = json.loads(content.rstrip(b"\0"))
    rows = features if isinstance(features, list) else []
    lists = [row.get("soname") for row in rows if isinstance(row, dict)]
    names = [name for names in lists if isinstance(names, list) for name in names]
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))


def _notes(
    view: View, header: Header, segments: tuple[Segment, ...]
) -> Iterator[tuple[bytes, int, bytes]]:
    """Owner, type and descriptor of each note, none twice."""
    seen: set[int] = set()
    left = _LARGEST
    for segment in segments:
        if segment.kind not in {PT_NOTE, PT_GNU_PROPERTY} or segment.offset in seen:
            continue
        seen.add(segment.offset)
        content = bytes(view.data[segment.offset : segment.offset + min(segment.size, left)])
        left -= len(content)
        yield from _split(content, header.order, 8 if segment.align == 8 else 4)


def _split(content: bytes, order: str, align: int) -> Iterator[tuple[bytes, int, bytes]]:
    at = 0
    while at + 12 <= len(content):
        name_size, size, kind = struct.unpack_from(order + "III", content, at)
        start = at + 12 + name_size
        start += -start % align
        if start + size > len(content):
            return
        yield (
            content[at + 12 : at + 12 + name_size].rstrip(b"\0"),
            kind,
            content[start : start + size],
        )
        at = start + size + -size % align

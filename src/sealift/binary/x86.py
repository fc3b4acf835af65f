"""The CPU an x86-64 file needs: the level, v1 to v4, of the code it runs whatever the CPU.

The levels are those of the x86-64 psABI.  Where the file has a GNU property note of the level it
needs, that is the answer.  Most have none; then the answer is an estimate from its code:

1. Up to 200 functions are taken, evenly spread over all (the table that unwinders search, behind
   PT_GNU_EH_FRAME, has where each begins), and the first 256 bytes of each are decoded.
2. A compiler that may use AVX writes every vector instruction in AVX's encoding.  So a file made
   for v3 throughout has next to no function with vector code in the old encoding, while one that
   picks its code by the CPU (by an ifunc, a table of pointers or a test) has such code for
   everything else.  With less than 15 % in the old encoding the file needs v3, and v4 if AVX-512
   is all over it, too.
3. Instructions of v2 are few even in code made for it.  They count if they turn up in all parts
   of the file, or often in one that has nothing for newer CPUs: code chosen at run time lies
   together, and comes with some for AVX.

Tried on 1100 files of wheels and of a distribution whose baseline is v1, it told v3 of the one
made for it (polars), v2 of numpy and pyarrow, and nothing of those that choose at run time
(OpenBLAS, OpenCV, libaom, libvpx, OpenSSL, the C library).  It was wrong on libyuv, hand-written
for v2 nearly throughout and chosen at run time, and missed v2 in a few that have little code made
for it (polars-lts-cpu, libparquet).  It cannot see a single source compiled for more than the rest,
nor who else looks at the CPU before the file is loaded.  So it is grounds for a warning, not for a
refusal.
"""

import itertools
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import stringzilla  # type: ignore[import-not-found]

from sealift.binary.elf_layout import (
    PF_X,
    PT_GNU_EH_FRAME,
    PT_LOAD,
    Dynamic,
    Segment,
    read_dynamic,
)
from sealift.binary.elf_notes import ElfNotes, read_notes
from sealift.binary.view import View
from sealift.binary.x86_decode import AVX, SSE, V2, V3_SCALAR, V4, used

_EM_X86_64 = 62
_FUNCTIONS, _BYTES = 200, 256
_PARTS = 16
_MOST_SEGMENTS = 64  # of code; files have one
# Bytes that code for v1 has next to never: beginnings of AVX (C5 F8…FB would be an instruction for
# operating systems), of SSSE3 and SSE4, of POPCNT.
_SUSPICIOUS = re.compile(
    rb"\xc5[\xf8-\xfb]|\x62[\xf1-\xf3]|\x66[\x40-\x4f]?\x0f[\x38\x3a]|\xf3[\x40-\x4f]?\x0f\xb8"
)
# Pairs of which each of these has one: to count them takes a tenth of the time.
_SIGNS = (
    *(b"\xc5\xf8", b"\xc5\xf9", b"\xc5\xfa", b"\xc5\xfb", b"\x62\xf1", b"\x62\xf2", b"\x62\xf3"),
    *(b"\x0f\x38", b"\x0f\x3a", b"\x0f\xb8"),
)
_FEW = 3
_VECTOR, _OLD = SSE | V2 | AVX | V4, SSE | V2
# DWARF exception header encodings of the LSB: 4-byte counts, offsets from the header.
_UDATA4, _DATAREL_SDATA4 = 0x03, 0x3B
_ROW, _ROWS = struct.Struct("<i"), struct.Struct("<i4xi")


@dataclass(frozen=True, slots=True, kw_only=True)
class X86Baseline:
    """The level ``level``, 1 to 4, that the code needs.

    ``is_declared``: a note says so; otherwise it is an estimate from ``functions`` functions, of
    which ``beyond`` use something beyond ``level``, up to ``highest``: code that is chosen at run
    time.
    """

    level: int
    is_declared: bool = False
    functions: int = 0
    beyond: int = 0
    highest: int = 1


def x86_baseline(
    view: View, dynamic: Dynamic | None = None, notes: ElfNotes | None = None
) -> X86Baseline | None:
    """What the file in ``view`` needs; ``None`` if it is not for x86-64 or nothing tells.

    ``dynamic`` is its dynamic section and ``notes`` are its notes, where they were read already.

    Costs half a millisecond for a file with nothing beyond v1, else up to ten.
    """
    dynamic = dynamic or read_dynamic(view)
    header, segments = dynamic.header, dynamic.segments
    if header.machine != _EM_X86_64 or header.bits != 64 or header.order != "<":
        return None
    notes = notes or read_notes(view, header, segments)
    declared = notes.gnu_property.isa_needed
    if declared:
        return X86Baseline(level=min(declared, 4), is_declared=True, highest=min(declared, 4))
    functions = tuple(_functions(view, segments))
    return estimate(functions) if functions else None


def estimate(functions: Sequence[bytes | bytearray]) -> X86Baseline:
    """The level of ``functions``, the code of some in the order of the file."""
    count = len(functions)
    code = b"\x90".join(functions)
    signs = sum(stringzilla.count(code, sign) for sign in _SIGNS)
    if signs <= _FEW or len(_SUSPICIOUS.findall(code)) <= _FEW:
        return X86Baseline(level=1, functions=count)
    telling = [kinds for kinds in map(used, functions) if kinds]
    level = _level(telling)
    own = [_highest(kinds) for kinds in telling]
    return X86Baseline(
        level=level,
        functions=count,
        beyond=sum(highest > level for highest in own),
        highest=max(own, default=1),
    )


def _highest(kinds: int) -> int:
    if kinds & V4:
        return 4
    if kinds & (AVX | V3_SCALAR):
        return 3
    return 2 if kinds & V2 else 1


def _level(telling: Sequence[int]) -> int:
    vector = [kinds for kinds in telling if kinds & _VECTOR]
    if vector and sum(not kinds & _OLD for kinds in vector) > 0.85 * len(vector):
        is_v4 = _share(telling, V4) >= 0.1 and _spread(telling, V4) >= 0.5
        return 4 if is_v4 else 3
    share = _share(telling, V2)
    if share >= 0.1 and _spread(telling, V2) >= 0.5:
        return 2
    return 2 if share >= 0.2 and not _share(telling, AVX | V4) else 1


def _share(telling: Sequence[int], kind: int) -> float:
    return sum(bool(kinds & kind) for kinds in telling) / max(len(telling), 1)


def _spread(telling: Sequence[int], kind: int) -> float:
    """In how many of the file's parts ``kind`` is, of 1."""
    parts = min(_PARTS, len(telling))
    bounds = [len(telling) * part // parts for part in range(parts + 1)]
    hits = [
        any(kinds & kind for kinds in telling[start:stop])
        for start, stop in itertools.pairwise(bounds)
    ]
    return sum(hits) / parts


def _functions(view: View, segments: tuple[Segment, ...]) -> Iterator[bytes | bytearray]:
    """The beginnings of some functions, evenly chosen, in the order of the file."""
    table = next((s for s in segments if s.kind == PT_GNU_EH_FRAME and s.size), None)
    if table is None:
        return
    version, _, count_encoding, encoding = view.unpack("BBBB", table.offset)
    if (version, count_encoding, encoding) != (1, _UDATA4, _DATAREL_SDATA4):
        return
    (count,) = view.unpack("<I", table.offset + 8)
    taken = min(count, _FUNCTIONS)
    code = [
        (s.address, s.address + s.size, s.offset - s.address)
        for s in segments
        if s.kind == PT_LOAD and s.flags & PF_X
    ][:_MOST_SEGMENTS]
    rows = table.offset + 12
    view.check(rows, 8 * count)
    data, address, unpack = view.data, table.address, _ROWS.unpack_from
    for number in range(taken):
        index = number * count // taken
        if index + 1 < count:  # where it begins, and where the next does
            distance, following = unpack(data, rows + 8 * index)
        else:
            (distance,) = _ROW.unpack_from(data, rows + 8 * index)
            following = distance + _BYTES
        start = address + distance
        stop = start + min(max(following - distance, 0), _BYTES)
        for first, end, shift in code:
            if first <= start < end:
                yield data[start + shift : stop + shift]
                break

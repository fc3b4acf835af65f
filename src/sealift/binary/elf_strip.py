"""Stripping of ELF files: what a loader never reads is left out.

It needs no external tool.  Every byte that a segment maps keeps its address, so that code,
relocations and symbol versions are untouched; only file offsets may shrink, by multiples of the
segments' alignment as the loader demands.  That also removes the holes other editors leave.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sealift.binary.elf_layout import PT_LOAD, Header, Segment, read_header, read_segments
from sealift.binary.view import View

_SHT_NULL, _SHT_STRTAB, _SHT_NOBITS, _SHT_PROCESSOR = 0, 3, 8, 0x70000000
_SHF_ALLOC = 2
_LOADABLE = {2, 3}  # EXEC, DYN
# Linkers once aligned segments by 2 MB on x86, which costs as much in the file wherever something
# is moved; a memory page is all that a loader needs, and this is the largest one.
_LARGEST_PAGE = 0x10000
_PAGES = {3: 0x1000, 62: 0x1000}  # EM_386, EM_X86_64


@dataclass(frozen=True, slots=True)
class _Section:
    """A section header, fields in the order of the file."""

    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry: int

    @property
    def is_kept(self) -> bool:
        # Attributes of some processors are not mapped but read by loaders.
        return bool(self.flags & _SHF_ALLOC) or self.kind >= _SHT_PROCESSOR

    @property
    def has_bytes(self) -> bool:
        return self.kind not in {_SHT_NULL, _SHT_NOBITS} and self.size > 0


@dataclass(frozen=True, slots=True)
class _Run:
    """Bytes ``start`` to ``stop`` of the old file, which lie at ``start - shift`` in the new."""

    start: int
    stop: int
    align: int
    shift: int = 0


def stripped(data: bytes, name: str = "the file") -> bytes:
    """``data``, an ELF file, without what no loader reads; an object or a dump as it is.

    Raises :class:`~sealift.errors.BinaryFormatError` when it is damaged.
    """
    view = View(data, name)
    header = read_header(view)
    if header.kind not in _LOADABLE or not header.program_count:
        return data
    sections = _read_sections(view, header)
    segments = _aligned(read_segments(view, header), header, sections)
    runs = _place(_kept_runs(view, header, segments, sections))
    out = bytearray()
    for run in runs:
        out += bytes(run.start - run.shift - len(out)) + data[run.start : run.stop]
    _write_segments(out, header, segments, runs)
    names = _section_names(view, header, sections)
    _append_sections(out, header, [_moved(section, runs) for section in sections], names)
    # Nothing to drop, and no hole large enough to close: then the file stays as it is.
    is_lean = all(
        section.is_kept or not section.has_bytes or index == header.section_names
        for index, section in enumerate(sections)
    )
    return data if is_lean and len(out) >= len(data) else bytes(out)


def with_usual_pages(data: bytes, name: str = "the file") -> bytes:
    """``data`` with segments aligned by no more than a memory page, at the places they have.

    What is added to a file that is aligned by megabytes lies megabytes further.
    """
    view = View(data, name)
    header = read_header(view)
    segments = tuple(read_segments(view, header))
    aligned = _aligned(segments, header, _read_sections(view, header))
    if header.kind not in _LOADABLE or aligned == segments:
        return data
    out = bytearray(data)
    _write_segments(out, header, aligned, [_Run(0, len(data), 1)])
    return bytes(out)


def _read_sections(view: View, header: Header) -> list[_Section]:
    if not header.section_offset or not header.section_count:
        return []
    layout = _section_layout(header)
    if header.section_entry != struct.calcsize(layout) or header.section_count > 65535:
        raise view.broken("its section headers are damaged")
    step = header.section_entry
    return [
        _Section(*view.unpack(layout, header.section_offset + index * step))
        for index in range(header.section_count)
    ]


def _aligned(
    segments: Iterable[Segment], header: Header, sections: Sequence[_Section]
) -> tuple[Segment, ...]:
    """``segments``; those aligned by more than any page by one page, if no section asks for more.

    An alignment of 16 or 64 kB stays: the file is meant to run with such pages, as on Android.
    """
    page = _PAGES.get(header.machine, _LARGEST_PAGE)
    most = max(page, *(section.align for section in sections), 0)
    return tuple(
        segment._replace(align=min(segment.align, most))
        if segment.kind == PT_LOAD and segment.align > _LARGEST_PAGE
        else segment
        for segment in segments
    )


def _section_layout(header: Header) -> str:
    return header.order + ("IIIIIIIIII" if header.bits == 32 else "IIQQQQIIQQ")


def _kept_runs(
    view: View, header: Header, segments: Sequence[Segment], sections: Sequence[_Section]
) -> list[_Run]:
    """Spans of the file that have to stay, in order and apart from each other."""
    table = header.program_count * header.program_entry
    spans = [
        _Run(0, 52 if header.bits == 32 else 64, 1),
        _Run(header.program_offset, header.program_offset + table, 8),
        *(_Run(s.offset, s.offset + s.size, _alignment(s)) for s in segments if s.size),
        *(
            _Run(s.offset, s.offset + s.size, max(s.align, 1))
            for s in sections
            if s.is_kept and s.has_bytes
        ),
    ]
    if any(not 0 <= span.start <= span.stop <= len(view.data) for span in spans):
        raise view.broken("a part of it lies past its end")
    merged = [_Run(0, 0, 1)]
    for span in sorted(spans, key=lambda span: (span.start, -span.stop)):
        last = merged[-1]
        if span.start <= last.stop:
            both = max(last.align, span.align)
            merged[-1] = _Run(last.start, max(last.stop, span.stop), both)
        else:
            merged.append(span)
    return merged


def _alignment(segment: Segment) -> int:
    """By what a segment's offset may move: offset and address agree modulo this (gABI)."""
    return max(segment.align, 1)


def _place(runs: Sequence[_Run]) -> list[_Run]:
    placed: list[_Run] = []
    end = 0
    for run in runs:
        shift = (run.start - end) // run.align * run.align
        placed.append(replace(run, shift=shift))
        end = run.stop - shift
    return placed


def _shift(offset: int, runs: Sequence[_Run]) -> int:
    """``offset`` in the new file; one in a gap goes to the end of the run before it."""
    before = runs[0]
    for run in runs:
        if run.start > offset:
            break
        before = run
    return min(offset, before.stop) - before.shift


def _moved(section: _Section, runs: Sequence[_Run]) -> _Section:
    if not section.is_kept:
        return _Section(0, _SHT_NULL, 0, 0, 0, 0, 0, 0, 0, 0)
    return replace(section, offset=_shift(section.offset, runs))


def _write_segments(
    out: bytearray, header: Header, segments: Sequence[Segment], runs: Sequence[_Run]
) -> None:
    word, place, align = ("I", 4, 28) if header.bits == 32 else ("Q", 8, 48)
    table = _shift(header.program_offset, runs)
    struct.pack_into(header.order + word, out, 28 if header.bits == 32 else 32, table)
    for index, segment in enumerate(segments):
        moved = _shift(segment.offset, runs)
        if not segment.size and segment.kind == PT_LOAD and segment.align > 1:
            # Nothing of it is in the file, but offset and address must still agree.
            moved += (segment.address - moved) % segment.align
        start = table + index * header.program_entry
        struct.pack_into(header.order + word, out, start + place, moved)
        struct.pack_into(header.order + word, out, start + align, segment.align)


def _section_names(view: View, header: Header, sections: Sequence[_Section]) -> list[bytes]:
    if not 0 < header.section_names < len(sections):
        return [b""] * len(sections)
    table = sections[header.section_names]
    return [
        view.text(table.offset + section.name, table.offset + table.size).encode(
            "utf-8", "surrogateescape"
        )
        if section.is_kept
        else b""
        for section in sections
    ]


def _append_sections(
    out: bytearray, header: Header, sections: Sequence[_Section], names: Sequence[bytes]
) -> None:
    """Write names and headers of ``sections`` at the end.

    Indices stay as they were, since symbols name sections by index: one that is gone before one
    that is kept leaves an empty header.
    """
    last = max((index for index, s in enumerate(sections) if s.is_kept), default=0)
    text = bytearray(b"\0")
    rows = [sections[0]] if sections else [_Section(0, _SHT_NULL, 0, 0, 0, 0, 0, 0, 0, 0)]
    for section, name in zip(sections[1 : last + 1], names[1 : last + 1], strict=True):
        rows.append(replace(section, name=len(text) if name else 0))
        text += name + b"\0" if name else b""
    own_name = len(text)
    text += b".shstrtab\0"
    rows.append(_Section(own_name, _SHT_STRTAB, 0, 0, len(out), len(text), 0, 0, 1, 0))
    out += text
    out += bytes(-len(out) % 8)
    wide = header.bits == 64
    layout = _section_layout(header)
    struct.pack_into(header.order + ("Q" if wide else "I"), out, 40 if wide else 32, len(out))
    struct.pack_into(
        header.order + "HHH", out, 58 if wide else 46,
        struct.calcsize(layout), len(rows), len(rows) - 1,
    )  # fmt: skip
    kept = {index for index, row in enumerate(rows) if row.kind != _SHT_NULL}
    for row in rows:
        link = row.link if row.link in kept else 0
        out += struct.pack(layout, *_values(replace(row, link=link)))


def _values(section: _Section) -> tuple[int, ...]:
    return tuple(getattr(section, name) for name in _Section.__slots__)

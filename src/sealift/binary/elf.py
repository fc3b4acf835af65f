"""Facts of an ELF file, read in place: what it is, what it asks for, what it gives.

Formats: System V ABI (gABI) chapters 4 and 5, the GNU symbol versioning sections of the LSB.
Only headers and the dynamic section are touched, as the loader does, so a file of any size costs
about the same; section headers are never trusted for facts.  A damaged file raises
:class:`~sealift.errors.BinaryFormatError` and nothing else, in bounded time.
"""

import mmap
import stat
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sealift.binary.view import View

MAGIC = b"\x7fELF"

_MACHINES = {
    3: "i686", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64",
    183: "aarch64", 243: "riscv64", 258: "loongarch64",
}  # fmt: skip
_KINDS = {1: "REL", 2: "EXEC", 3: "DYN", 4: "CORE"}

PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_STRSZ, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = (
    0, 1, 5, 10, 14, 15, 29,
)  # fmt: skip
_DT_FLAGS_1, _DT_VERDEF, _DT_VERNEED = 0x6FFFFFFB, 0x6FFFFFFC, 0x6FFFFFFE
_DF_1_PIE = 0x08000000
_VER_FLG_BASE, _VER_FLG_WEAK = 1, 2

# No real file comes near these; a hostile one must not make us read gigabytes of the same string.
_MOST_RECORDS = 16384


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfFacts:
    """What an ELF file says of itself.

    ``machine`` is the GNU CPU name ("arm" for every 32-bit ARM, "machine-N" for one not known
    here); ``kind`` is REL, EXEC, DYN or CORE.  ``verneed`` maps a library to the symbol versions
    asked of it, each with whether the need is weak; ``verdef`` are the versions the file defines,
    its own name left out.  ``sections_end`` is the offset after the section header table, ``None``
    where there is no such table in the file.  ``is_truncated``: a loadable segment reaches past
    the end of the file.
    """

    bits: int
    endian: str
    machine: str
    kind: str
    flags: int
    interpreter: str | None = None
    soname: str | None = None
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    verneed: Mapping[str, tuple[tuple[str, bool], ...]] = field(default_factory=dict)
    verdef: tuple[str, ...] = ()
    is_pie: bool = False
    is_truncated: bool = False
    sections_end: int | None = None

    @property
    def is_program(self) -> bool:
        """Whether it is meant to be started, not loaded by another."""
        return self.kind == "EXEC" or self.is_pie or self.interpreter is not None

    @property
    def is_static(self) -> bool:
        """Whether it is a program that no loader has to complete."""
        return self.is_program and self.interpreter is None and not self.needed

    def runs_on(self, arch: str) -> bool:
        """Whether it is for CPU ``arch`` as targets name it.

        >>> ElfFacts(bits=32, endian="little", machine="arm", kind="DYN", flags=0).runs_on("armv7l")
        True
        """
        if self.machine == "arm":
            return arch.startswith("armv")
        machine = "ppc64le" if (self.machine, self.endian) == ("ppc64", "little") else self.machine
        return machine == arch


@dataclass(frozen=True, slots=True)
class Segment:
    """A program header: ``offset`` and ``size`` are in the file, ``address`` in memory."""

    kind: int
    offset: int
    address: int
    size: int
    align: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The file header's fields that locate the rest; ``order`` is a :mod:`struct` prefix."""

    bits: int
    order: str
    kind: int
    machine: int
    flags: int
    program_offset: int
    program_entry: int
    program_count: int
    section_offset: int
    section_entry: int
    section_count: int
    section_names: int


def read_elf(path: Path) -> ElfFacts | None:
    """Facts of the file at ``path``, or ``None`` when it is no ELF file.

    Raises :class:`BinaryFormatError` when it begins as one and is damaged, :class:`OSError` when
    it cannot be read.
    """
    # Asked before opening: opening a pipe would wait for its other end.
    if not stat.S_ISREG(path.stat().st_mode):
        return None
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return facts_of(View(data, str(path)))


def facts_of(view: View) -> ElfFacts:
    """Facts of the ELF file in ``view``."""
    header = read_header(view)
    segments = tuple(read_segments(view, header))
    dynamic = _Dynamic(view, header, segments)
    flags_1 = dynamic.value(_DT_FLAGS_1) or 0
    return ElfFacts(
        bits=header.bits,
        endian="little" if header.order == "<" else "big",
        machine=_MACHINES.get(header.machine, f"machine-{header.machine}"),
        kind=_KINDS.get(header.kind, f"kind-{header.kind}"),
        flags=header.flags,
        interpreter=_interpreter(view, segments),
        soname=dynamic.string(_DT_SONAME),
        needed=dynamic.strings(_DT_NEEDED),
        rpath=_search_path(dynamic.string(_DT_RPATH)),
        runpath=_search_path(dynamic.string(_DT_RUNPATH)),
        verneed=dynamic.verneed(),
        verdef=dynamic.verdef(),
        is_pie=bool(flags_1 & _DF_1_PIE),
        is_truncated=any(
            s.kind == PT_LOAD and s.offset + s.size > len(view.data) for s in segments
        ),
        sections_end=_sections_end(view, header),
    )


def read_header(view: View) -> Header:
    """The file header of ``view``."""
    bits, encoding = view.unpack("BB", 4)
    if view.data[:4] != MAGIC or bits not in {1, 2} or encoding not in {1, 2}:
        raise view.broken("its ELF header is damaged")
    order, word = "<>"[encoding - 1], "IQ"[bits - 1]
    kind, machine, _, _, program, section, flags, _, *sizes = view.unpack(
        f"{order}HHI{word}{word}{word}IHHHHHH", 16
    )
    header = Header(
        bits=32 * bits,
        order=order,
        kind=kind,
        machine=machine,
        flags=flags,
        program_offset=program,
        program_entry=sizes[0],
        program_count=sizes[1],
        section_offset=section,
        section_entry=sizes[2],
        section_count=sizes[3],
        section_names=sizes[4],
    )
    if section and not header.section_count:
        # More sections than 16 bits count: the first, unused header tells how many.
        (*_, count) = view.unpack(f"{order}II{word}{word}{word}{word}", section)
        header = replace(header, section_count=count)
    return header


def read_segments(view: View, header: Header) -> Iterator[Segment]:
    """The program headers of ``view``; none for a core dump with too many to count."""
    if header.program_count == 0xFFFF:
        return
    layout = header.order + ("IIIIIIII" if header.bits == 32 else "IIQQQQQQ")
    if header.program_count and header.program_entry != struct.calcsize(layout):
        raise view.broken(f"its program headers have {header.program_entry} bytes each")
    for index in range(header.program_count):
        values = view.unpack(layout, header.program_offset + index * header.program_entry)
        if header.bits == 32:
            kind, offset, address, _, size, _, _, align = values
        else:
            kind, _, offset, address, _, size, _, align = values
        yield Segment(kind, offset, address, size, align)


def _interpreter(view: View, segments: tuple[Segment, ...]) -> str | None:
    for segment in segments:
        if segment.kind == PT_INTERP and segment.size:
            return view.text(segment.offset, segment.offset + segment.size)
    return None


def _sections_end(view: View, header: Header) -> int | None:
    end = header.section_offset + header.section_entry * header.section_count
    return end if header.section_count and end <= len(view.data) else None


def _search_path(text: str | None) -> tuple[str, ...]:
    return tuple(part for part in (text or "").split(":") if part)


class _Dynamic:
    """The dynamic section: its entries by tag, in order, and what they point to."""

    def __init__(self, view: View, header: Header, segments: tuple[Segment, ...]) -> None:
        self._view = view
        self._order = header.order
        self._segments = segments
        self._entries: dict[int, list[int]] = defaultdict(list)
        for segment in segments:
            if segment.kind == PT_DYNAMIC and segment.size:
                self._read(segment, header)
                break
        self._text, self._text_end = self._string_table() if self._entries else (0, 0)

    def _read(self, segment: Segment, header: Header) -> None:
        layout = header.order + ("II" if header.bits == 32 else "QQ")
        step = struct.calcsize(layout)
        for index in range(min(segment.size // step, _MOST_RECORDS)):
            tag, value = self._view.unpack(layout, segment.offset + index * step)
            if tag == _DT_NULL:
                return
            self._entries[tag].append(value)

    def _string_table(self) -> tuple[int, int]:
        address, size = self.value(_DT_STRTAB), self.value(_DT_STRSZ)
        if address is None or size is None:
            return 0, 0
        start = self._offset(address)
        return start, start + size

    def _offset(self, address: int) -> int:
        for segment in self._segments:
            if segment.kind == PT_LOAD and 0 <= address - segment.address < segment.size:
                return segment.offset + address - segment.address
        raise self._view.broken(f"address {address:#x} lies in no segment")

    def value(self, tag: int) -> int | None:
        """The value of the last entry with ``tag``; the loader also takes the last."""
        values = self._entries.get(tag)
        return values[-1] if values else None

    def _string_at(self, offset: int) -> str:
        return self._view.text(self._text + offset, self._text_end)

    def string(self, tag: int) -> str | None:
        value = self.value(tag)
        return None if value is None else self._string_at(value)

    def strings(self, tag: int) -> tuple[str, ...]:
        return tuple(self._string_at(value) for value in self._entries.get(tag, ()))

    def verneed(self) -> dict[str, tuple[tuple[str, bool], ...]]:
        """Symbol versions asked for, by library (LSB, Elfxx_Verneed and Elfxx_Vernaux)."""
        asked: dict[str, list[tuple[str, bool]]] = defaultdict(list)
        budget = iter(range(_MOST_RECORDS))
        for at in self._chain(_DT_VERNEED, "HHIII", budget):
            _, _, library, first, _ = self._unpack("HHIII", at)
            versions = asked[self._string_at(library)]
            for aux in self._links(at + first, "IHHII", budget):
                _, flags, _, name, _ = self._unpack("IHHII", aux)
                versions.append((self._string_at(name), bool(flags & _VER_FLG_WEAK)))
        return {library: tuple(versions) for library, versions in asked.items()}

    def verdef(self) -> tuple[str, ...]:
        """Symbol versions that are defined (LSB, Elfxx_Verdef and Elfxx_Verdaux)."""
        names = []
        for at in self._chain(_DT_VERDEF, "HHHHIII", iter(range(_MOST_RECORDS))):
            _, flags, _, count, _, first, _ = self._unpack("HHHHIII", at)
            if count and not flags & _VER_FLG_BASE:
                names.append(self._string_at(self._unpack("II", at + first)[0]))
        return tuple(names)

    def _unpack(self, layout: str, offset: int) -> tuple[int, ...]:
        return self._view.unpack(self._order + layout, offset)

    def _chain(self, tag: int, layout: str, budget: Iterator[int]) -> Iterator[int]:
        address = self.value(tag)
        if address is not None:
            yield from self._links(self._offset(address), layout, budget)

    def _links(self, at: int, layout: str, budget: Iterator[int]) -> Iterator[int]:
        """Offsets of records of ``layout`` whose last field is the distance to the next."""
        for _ in budget:
            yield at
            (*_, distance) = self._unpack(layout, at)
            if not distance:
                return
            at += distance
        raise self._view.broken("its version records have no end")

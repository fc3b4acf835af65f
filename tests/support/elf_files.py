"""Small ELF files made byte by byte, of any class and byte order, as the gABI describes them."""

import itertools
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Versions = Mapping[str, Sequence[tuple[str, bool]]]

MACHINES = {"x86_64": 62, "aarch64": 183, "i686": 3, "arm": 40, "s390x": 22, "ppc64": 21}
_ADDRESS = 0x10000


class SymbolSpec(NamedTuple):
    """A dynamic symbol; ``version`` is an index as :func:`make_elf` gives them."""

    name: str
    is_defined: bool = False
    version: int = 1
    info: int = 0x12


@dataclass(frozen=True, kw_only=True)
class ElfSpec:
    """What a file is to say of itself.

    Versions asked of each library have the indices 2, 3…; ``segments`` are program headers beyond
    the usual, each with its type, flags, alignment and content; ``entries`` more of the dynamic
    section.
    """

    bits: int = 64
    order: str = "<"
    machine: str = "x86_64"
    hash_word: str = "I"
    kind: int = 3
    soname: str | None = None
    needed: Sequence[str] = ()
    rpath: str | None = None
    runpath: str | None = None
    interpreter: str | None = None
    verneed: Versions = field(default_factory=dict)
    verdef: Sequence[str] = ()
    flags_1: int = 0
    load_flags: int = 4
    load_align: int = 0x1000
    symbols: Sequence[SymbolSpec] = ()
    segments: Sequence[tuple[int, int, int, bytes]] = ()
    entries: Sequence[tuple[int, int]] = ()
    debug: bytes = b""
    tail: bytes = b""


class _Strings:
    def __init__(self) -> None:
        self.data = bytearray(b"\0")

    def add(self, text: str) -> int:
        at = len(self.data)
        self.data += text.encode() + b"\0"
        return at


def make_elf(spec: ElfSpec) -> bytes:
    """The file: header, program headers, one loaded segment, then what no loader reads."""
    strings = _Strings()
    wide = spec.bits == 64
    header_size, entry = (64, 56) if wide else (52, 32)
    interpreter = spec.interpreter.encode() + b"\0" if spec.interpreter else b""
    extra = [*spec.segments, *([(3, 4, 1, interpreter)] if interpreter else [])]
    start = header_size + entry * (2 + len(extra))
    body = _Body(start)
    tables = _tables(spec, strings, body)
    entries = [(1, strings.add(name)) for name in spec.needed]
    for tag, text in ((14, spec.soname), (15, spec.rpath), (29, spec.runpath)):
        if text is not None:
            entries.append((tag, strings.add(text)))
    segments = [(kind, body.add(data), len(data), a, f) for kind, f, a, data in extra]
    at_strings = body.add(bytes(strings.data))
    entries += [*tables, (5, _ADDRESS + at_strings), (10, len(strings.data))]
    entries += [*spec.entries, (0x6FFFFFFB, spec.flags_1), (0, 0)]
    dynamic = b"".join(struct.pack(spec.order + ("QQ" if wide else "II"), *e) for e in entries)
    at_dynamic = body.add(dynamic)
    end = len(body.data)
    segments = [
        (1, 0, end, spec.load_align, spec.load_flags), (2, at_dynamic, len(dynamic), 8, 6),
        *segments,
    ]  # fmt: skip
    for index, segment in enumerate(segments):
        at = header_size + index * entry
        body.data[at : at + entry] = _program_header(spec, segment)
    sections = _sections(spec, end, (at_strings, len(strings.data)), (at_dynamic, len(dynamic)))
    names, table = sections
    out = bytes(body.data) + spec.debug + names
    section_offset = len(out)
    out += table + spec.tail
    return _header(spec, len(segments), section_offset) + out[header_size:]


class _Body:
    """What is loaded: parts one after the other, each aligned."""

    def __init__(self, start: int) -> None:
        self.data = bytearray(start)

    def add(self, part: bytes) -> int:
        self.data += bytes(-len(self.data) % 8)
        at = len(self.data)
        self.data += part
        return at


def _tables(spec: ElfSpec, strings: _Strings, body: _Body) -> list[tuple[int, int]]:
    """Write versions and symbols; the entries of the dynamic section that lead to them."""
    entries = []
    if spec.verneed:
        at = body.add(_verneed(spec, strings))
        entries += [(0x6FFFFFFE, _ADDRESS + at), (0x6FFFFFFF, len(spec.verneed))]
    if spec.verdef:
        at = body.add(_verdef(spec, strings))
        entries += [(0x6FFFFFFC, _ADDRESS + at), (0x6FFFFFFD, len(spec.verdef) + 1)]
    if spec.symbols:
        count = len(spec.symbols) + 1
        versions = (0, *(symbol.version for symbol in spec.symbols))
        entries += [
            (6, _ADDRESS + body.add(_symbols(spec, strings))),
            (0x6FFFFFF0, _ADDRESS + body.add(struct.pack(f"{spec.order}{count}H", *versions))),
            (4, _ADDRESS + body.add(struct.pack(f"{spec.order}3{spec.hash_word}", 1, count, 0))),
        ]
    return entries


def _symbols(spec: ElfSpec, strings: _Strings) -> bytes:
    wide = spec.bits == 64
    out = bytes(24 if wide else 16)
    for symbol in spec.symbols:
        name, section = strings.add(symbol.name), int(symbol.is_defined)
        address = _ADDRESS if symbol.is_defined else 0
        if wide:
            out += struct.pack(spec.order + "IBBHQQ", name, symbol.info, 0, section, address, 0)
        else:
            out += struct.pack(spec.order + "IIIBBH", name, address, 0, symbol.info, 0, section)
    return out


def _header(spec: ElfSpec, count: int, sections: int) -> bytes:
    wide = spec.bits == 64
    size, entry = (64, 56) if wide else (52, 32)
    ident = bytes([0x7F, 0x45, 0x4C, 0x46, 2 if wide else 1, 1 if spec.order == "<" else 2, 1])
    word = "Q" if wide else "I"
    return ident.ljust(16, b"\0") + struct.pack(
        f"{spec.order}HHI{word}{word}{word}IHHHHHH", spec.kind, MACHINES[spec.machine], 1, 0, size,
        sections, 0, size, entry, count, 64 if wide else 40, 5, 4,
    )  # fmt: skip


def _program_header(spec: ElfSpec, segment: tuple[int, int, int, int, int]) -> bytes:
    kind, offset, size, align, flags = segment
    address = _ADDRESS + offset
    if spec.bits == 64:
        values = (kind, flags, offset, address, address, size, size, align)
        return struct.pack(spec.order + "IIQQQQQQ", *values)
    values = (kind, offset, address, address, size, size, flags, align)
    return struct.pack(spec.order + "IIIIIIII", *values)


def _sections(
    spec: ElfSpec, end: int, strings: tuple[int, int], dynamic: tuple[int, int]
) -> tuple[bytes, bytes]:
    names = b"\0.dynstr\0.dynamic\0.debug_info\0.shstrtab\0"
    layout = spec.order + ("IIQQQQIIQQ" if spec.bits == 64 else "IIIIIIIIII")
    rows = [
        (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (1, 3, 2, _ADDRESS + strings[0], *strings, 0, 0, 1, 0),
        (9, 6, 3, _ADDRESS + dynamic[0], *dynamic, 1, 0, 8, 16),
        (18, 1, 0, 0, end, len(spec.debug), 0, 0, 1, 0),
        (30, 3, 0, 0, end + len(spec.debug), len(names), 0, 0, 1, 0),
    ]
    return names, b"".join(struct.pack(layout, *row) for row in rows)


def _verneed(spec: ElfSpec, strings: _Strings) -> bytes:
    out = b""
    indices = itertools.count(2)
    for index, (library, versions) in enumerate(spec.verneed.items()):
        size = 16 + 16 * len(versions)
        following = size if index < len(spec.verneed) - 1 else 0
        out += struct.pack(
            spec.order + "HHIII", 1, len(versions), strings.add(library), 16, following
        )
        for number, (name, weak) in enumerate(versions):
            last = number == len(versions) - 1
            values = (0, 2 if weak else 0, next(indices), strings.add(name), 0 if last else 16)
            out += struct.pack(spec.order + "IHHII", *values)
    return out


def _verdef(spec: ElfSpec, strings: _Strings) -> bytes:
    if not spec.verdef:
        return b""
    out = b""
    names = [spec.soname or "base", *spec.verdef]
    for index, name in enumerate(names):
        following = 28 if index < len(names) - 1 else 0
        flags = 1 if index == 0 else 0
        out += struct.pack(spec.order + "HHHHIII", 1, flags, index + 1, 1, 0, 20, following)
        out += struct.pack(spec.order + "II", strings.add(name), 0)
    return out

"""Small PE files made byte by byte, PE32 and PE32+ ("PE Format" of Microsoft)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

MACHINES = {"x86": 0x14C, "armnt": 0x1C4, "amd64": 0x8664, "arm64": 0xAA64}
FIRST = 0x1000  # address of .rdata
_SECTOR = 0x200
_RDATA, _DATA = 0x40000040, 0xC0000040


@dataclass(frozen=True, kw_only=True)
class Dll:
    """A DLL asked for; a ``whole`` delay import has addresses where new ones have RVAs."""

    name: str
    symbols: Sequence[str | int] = ("f",)
    is_delayed: bool = False
    is_whole: bool = False


@dataclass(frozen=True, kw_only=True)
class PeSpec:
    """What a file is to say of itself.

    ``exports`` maps names to code (``None``) or to what they are forwarded to.  ``config`` has
    (offset, layout, value) of fields of the load configuration.  ``room`` is how many bytes are
    free behind the section headers at least, ``slack`` how many behind what .rdata has,
    ``header_data`` what stands in the room.  ``symbols`` are as :func:`symbol_table` makes them.
    """

    bits: int = 64
    machine: str = "amd64"
    is_dll: bool = True
    flags: int = 0
    dll_flags: int = 0x160  # high entropy, dynamic base, NX
    subsystem: int = 3
    base: int = 0x10000000
    timestamp: int = 0x60000000
    dlls: Sequence[Dll] = ()
    name: str | None = None
    exports: dict[str, str | None] | None = None
    pdb: str | None = None
    debug: Sequence[tuple[int, bytes]] = ()
    config: Sequence[tuple[int, str, int]] = ()
    clr: int | None = None
    version: bytes = b""
    relocations: bytes = b"\0\x10\0\0\x0c\0\0\0\0\0\0\0"
    section_flags: int = _RDATA
    room: int = 400
    slack: int = 0
    header_data: bytes = b""
    bound: bytes = b""
    symbols: bytes = b""
    overlay: bytes = b""
    signature: bytes = b""


class _Blob:
    """Bytes with the addresses they will have."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.data = bytearray()

    def add(self, piece: bytes, align: int = 1) -> int:
        self.data += bytes(-len(self.data) % align)
        self.data += piece
        return self.start + len(self.data) - len(piece)

    def text(self, text: str) -> int:
        return self.add(text.encode() + b"\0")


def make_pe(spec: PeSpec) -> bytes:
    """The file; its sections are .rdata with all tables, and .data behind it."""
    blob = _Blob(FIRST)
    directories = {
        0: _exports(blob, spec),
        1: _imports(blob, spec),
        2: _resources(blob, spec),
        5: _table(blob, spec.relocations),
        6: _debug(blob, spec),
        10: _table(blob, _config(spec)),
        13: _delay_imports(blob, spec),
        14: _table(blob, _clr(spec)),
    }
    head_size = 0x40 + 24 + (240 if spec.bits == 64 else 224) + 80
    size_of_headers = _up(head_size + spec.room, _SECTOR)
    content = bytes(blob.data)
    raw = _up(len(content) + spec.slack, _SECTOR)
    sections = _section(".rdata", (len(content), FIRST), (raw, size_of_headers), spec.section_flags)
    data_at = _up(FIRST + raw, 0x1000)
    sections += _section(".data", (64, data_at), (_SECTOR, size_of_headers + raw), _DATA)
    body = content.ljust(raw, b"\0") + b"D" * 64 + bytes(_SECTOR - 64)
    if spec.debug or spec.pdb:
        body = _place_debug(body, directories[6], size_of_headers)
    at_symbols = size_of_headers + len(body)
    tail = spec.symbols + spec.overlay
    if spec.signature:
        tail += bytes(-(at_symbols + len(tail)) % 8)
        directories[4] = (at_symbols + len(tail), len(spec.signature))
    if spec.bound:
        directories[11] = (head_size, len(spec.bound))
    count = 1 if spec.symbols else 0
    head = _headers(spec, size_of_headers, data_at + 0x1000, (at_symbols if count else 0, count))
    head += _directories(directories) + sections + spec.header_data + spec.bound
    head = head[: head_size + spec.room].ljust(size_of_headers, b"\0")
    return head + body + tail + spec.signature


def symbol_table(strings: bytes = b"") -> bytes:
    """One symbol as GNU tools leave them behind the last section, with ``strings``."""
    return b"S" * 18 + struct.pack("<I", 4 + len(strings)) + strings


def version_block(texts: dict[str, str], file: tuple[int, int, int, int]) -> bytes:
    """A VS_VERSIONINFO with ``texts`` in one language."""
    a, b, c, d = file
    fixed = struct.pack("<II8H5I", 0xFEEF04BD, 0x10000, b, a, d, c, 2, 1, 4, 3, 0, 0, 0, 0, 0)
    fixed += bytes(52 - len(fixed))
    strings = b"".join(_block(k, v.encode("utf-16-le") + b"\0\0", 1) for k, v in texts.items())
    table = _block("040904b0", b"", 1, strings)
    return _block("VS_VERSION_INFO", fixed, 0, _block("StringFileInfo", b"", 1, table))


def _block(key: str, value: bytes, kind: int, inside: bytes = b"") -> bytes:
    head = key.encode("utf-16-le") + b"\0\0"
    head += bytes(-(6 + len(head)) % 4)
    body = head + value + bytes(-len(value) % 4) + inside
    size = len(value) // 2 if kind else len(value)
    whole = struct.pack("<HHH", 6 + len(body), size, kind) + body
    return whole + bytes(-len(whole) % 4)


def _up(number: int, unit: int) -> int:
    return -(-number // unit) * unit


def _table(blob: _Blob, content: bytes) -> tuple[int, int]:
    return (blob.add(content, 8), len(content)) if content else (0, 0)


def _lookup(blob: _Blob, spec: PeSpec, dll: Dll) -> int:
    layout, by_number = ("<Q", 1 << 63) if spec.bits == 64 else ("<I", 1 << 31)
    base = spec.base if dll.is_whole else 0
    entries = [
        by_number | symbol
        if isinstance(symbol, int)
        else base + blob.add(b"\0\0" + symbol.encode() + b"\0", 2)
        for symbol in dll.symbols
    ]
    return blob.add(b"".join(struct.pack(layout, entry) for entry in (*entries, 0)), 8)


def _imports(blob: _Blob, spec: PeSpec) -> tuple[int, int]:
    rows = [
        struct.pack("<5I", _lookup(blob, spec, d), 0, 0, blob.text(d.name), _lookup(blob, spec, d))
        for d in spec.dlls
        if not d.is_delayed
    ]
    return _table(blob, b"".join((*rows, bytes(20)))) if rows else (0, 0)


def _delay_imports(blob: _Blob, spec: PeSpec) -> tuple[int, int]:
    rows = []
    for dll in spec.dlls:
        if dll.is_delayed:
            base = spec.base if dll.is_whole else 0
            fields = (
                blob.text(dll.name), blob.add(bytes(8), 8),
                _lookup(blob, spec, dll), _lookup(blob, spec, dll),
            )  # fmt: skip
            rows.append(
                struct.pack("<8I", not dll.is_whole, *(base + field for field in fields), 0, 0, 0)
            )
    return _table(blob, b"".join((*rows, bytes(32)))) if rows else (0, 0)


def _exports(blob: _Blob, spec: PeSpec) -> tuple[int, int]:
    if spec.exports is None:
        return 0, 0
    names = sorted(spec.exports)
    start = blob.add(bytes(40), 8)
    own = blob.text(spec.name or "")
    functions = blob.add(bytes(4 * len(names)), 4)
    pointers = blob.add(bytes(4 * len(names)), 4)
    ordinals = blob.add(struct.pack(f"<{len(names)}H", *range(len(names))), 2)
    for index, name in enumerate(names):
        target = spec.exports[name]
        values = (blob.text(target) if target else 0x5000 + index, blob.text(name))
        for table, value in zip((functions, pointers), values, strict=True):
            struct.pack_into("<I", blob.data, table - blob.start + 4 * index, value)
    struct.pack_into(
        "<IIHHIIIIIII", blob.data, start - blob.start, 0, spec.timestamp, 0, 0,
        own if spec.name else 0, 1, len(names), len(names), functions, pointers, ordinals,
    )  # fmt: skip
    return start, blob.start + len(blob.data) - start


def _resources(blob: _Blob, spec: PeSpec) -> tuple[int, int]:
    if not spec.version:
        return 0, 0
    blob.add(b"", 8)
    start = blob.start + len(blob.data)
    tree = b""
    for level, number in enumerate((16, 1, 0x409)):
        inner = 24 * (level + 1) | ((level < 2) << 31)
        tree += struct.pack("<IIHHHHII", 0, spec.timestamp, 0, 0, 0, 1, number, inner)
    tree += struct.pack("<IIII", start + len(tree) + 16, len(spec.version), 0, 0) + spec.version
    return blob.add(tree), len(tree)


def _debug(blob: _Blob, spec: PeSpec) -> tuple[int, int]:
    records = list(spec.debug)
    if spec.pdb is not None:
        records.append((2, b"RSDS" + bytes(range(16)) + b"\1\0\0\0" + spec.pdb.encode() + b"\0"))
    entries = b""
    for kind, content in records:
        at = blob.add(content, 4)
        entries += struct.pack("<IIHHIIII", 0, spec.timestamp, 0, 0, kind, len(content), at, at)
    return _table(blob, entries)


def _place_debug(body: bytes, table: tuple[int, int], headers: int) -> bytes:
    """The offsets of what the debug directory tells of, known now."""
    out, start = bytearray(body), table[0] - FIRST
    for at in range(start, start + table[1], 28):
        (address,) = struct.unpack_from("<I", out, at + 20)
        struct.pack_into("<I", out, at + 24, address - FIRST + headers)
    return bytes(out)


def _config(spec: PeSpec) -> bytes:
    if not spec.config:
        return b""
    out = bytearray(0x100)
    for offset, layout, value in ((0, "<I", len(out)), *spec.config):
        struct.pack_into(layout, out, offset, value)
    return bytes(out)


def _clr(spec: PeSpec) -> bytes:
    return b"" if spec.clr is None else struct.pack("<IHHIII", 72, 2, 5, 0, 0, spec.clr) + bytes(52)


def _section(name: str, memory: tuple[int, int], file: tuple[int, int], flags: int) -> bytes:
    """Its header, with address and size in memory, size and offset in the file."""
    return struct.pack("<8sIIIIIIHHI", name.encode(), *memory, *file, 0, 0, 0, 0, flags)


def _headers(spec: PeSpec, size: int, image_size: int, symbols: tuple[int, int]) -> bytes:
    out = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40) + b"PE\0\0"
    flags = spec.flags | 2 | (spec.is_dll << 13)
    optional = 240 if spec.bits == 64 else 224
    out += struct.pack(
        "<HHIIIHH",
        MACHINES[spec.machine],
        2,
        spec.timestamp,
        *symbols,
        optional,
        flags,
    )
    out += struct.pack("<HBBIIIII", 0x20B if spec.bits == 64 else 0x10B, 14, 29, 0, 0x200, 0, 0, 0)
    out += struct.pack("<Q", spec.base) if spec.bits == 64 else struct.pack("<II", 0, spec.base)
    out += struct.pack("<IIHHHHHHI", 0x1000, _SECTOR, 6, 1, 0, 0, 6, 2, 0)
    out += struct.pack("<III", image_size, size, 0)
    out += struct.pack("<HH", spec.subsystem, spec.dll_flags)
    out += bytes(32 if spec.bits == 64 else 16) + struct.pack("<II", 0, 16)
    return out


def _directories(known: dict[int, tuple[int, int]]) -> bytes:
    return b"".join(struct.pack("<II", *known.get(index, (0, 0))) for index in range(16))

"""A DLL that has no code: all its symbols are another's.

``python3.dll`` is one, to which extension modules for the stable ABI (PEP 384) are linked; it hands
every name on to the DLL of the version that is there.  Format: Microsoft's "PE Format"
specification, with an export table whose addresses lead to names ("Export Address Table").
"""

import struct
from collections.abc import Iterable, Mapping

from sealift.binary.pe_checksum import checksum, checksum_offset
from sealift.binary.pe_layout import EXPORTS, HAS_DATA, READABLE, RELOCATIONS, read_header
from sealift.binary.view import View

MACHINES = {"x86_64": 0x8664, "aarch64": 0xAA64}
"""CPUs, as targets name them, that DLLs can be written for: those whose addresses have 64 bits."""

_PAGE, _SECTOR = 0x1000, 0x200
_PE, _OPTIONAL, _DIRECTORIES = 0x80, 240, 16
_BASE = 0x180000000  # where linkers put DLLs of 64 bits
_EXECUTABLE, _LARGE_ADDRESSES, _IS_DLL = 0x2, 0x20, 0x2000
_HIGH_ENTROPY, _DYNAMIC_BASE, _NX, _NO_SEH = 0x20, 0x40, 0x100, 0x400
_DISCARDABLE_DATA = HAS_DATA | READABLE | 0x02000000
_CONSOLE = 3
_VISTA = (6, 0)  # the oldest Windows that linkers for 64 bits name
_EXPORT_TABLE = 40
# Without a table of relocations no loader would move it: a block of a page where nothing is moved.
_NOTHING_MOVED = struct.pack("<IIHH", _PAGE, 12, 0, 0)


def forwarder(
    name: str, to: str, symbols: Iterable[str] | Mapping[str, str], *, arch: str
) -> bytes:
    """The DLL ``name`` for CPU ``arch`` whose ``symbols`` are those of ``to``, both with ".dll".

    A mapping tells what symbols are called there.  The same names, in any order, give the same
    bytes.  Names are ASCII.
    """
    led = symbols if isinstance(symbols, Mapping) else {symbol: symbol for symbol in symbols}
    exports = _exports(name, to.removesuffix(".dll"), dict(sorted(led.items())))
    relocations = _PAGE + _aligned(len(exports), _PAGE)
    sections = [
        (b".rdata", _PAGE, exports, HAS_DATA | READABLE),
        (b".reloc", relocations, _NOTHING_MOVED, _DISCARDABLE_DATA),
    ]
    directories = {
        EXPORTS: (_PAGE, len(exports)),
        RELOCATIONS: (relocations, len(_NOTHING_MOVED)),
    }
    data = bytearray(_headers(arch, sections, directories))
    for _, _, content, _ in sections:
        data += content.ljust(_aligned(len(content), _SECTOR), b"\0")
    header = read_header(View(bytes(data), name))
    struct.pack_into("<I", data, checksum_offset(header), checksum(data, header))
    return bytes(data)


def _exports(name: str, library: str, symbols: Mapping[str, str]) -> bytes:
    """The section of the export table, as it lies in memory from the second page on."""
    count = len(symbols)
    addresses = _PAGE + _EXPORT_TABLE
    names, ordinals = addresses + 4 * count, addresses + 8 * count
    texts = bytearray()
    start = ordinals + 2 * count

    def place(text: str) -> int:
        at = start + len(texts)
        texts.extend(text.encode("ascii") + b"\0")
        return at

    own = place(name)
    # An address inside the table is a text that tells where the symbol is.
    led = [place(f"{library}.{symbol}") for symbol in symbols.values()]
    named = [place(symbol) for symbol in symbols]
    table = struct.pack(
        "<IIHHIIIIIII", 0, 0, 0, 0, own, 1, count, count, addresses, names, ordinals
    )
    return b"".join(
        (
            table,
            struct.pack(f"<{count}I", *led),
            struct.pack(f"<{count}I", *named),
            struct.pack(f"<{count}H", *range(count)),
            bytes(texts),
        )
    )


def _headers(
    arch: str,
    sections: list[tuple[bytes, int, bytes, int]],
    directories: dict[int, tuple[int, int]],
) -> bytes:
    """Everything before the first section; the checksum is zero yet."""
    size = _aligned(_PE + 24 + _OPTIONAL + 40 * len(sections), _SECTOR)
    flags = _EXECUTABLE | _LARGE_ADDRESSES | _IS_DLL
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", MACHINES[arch], len(sections), 0, 0, 0, _OPTIONAL,
                       flags)  # fmt: skip
    stored = sum(_aligned(len(content), _SECTOR) for _, _, content, _ in sections)
    _, last, content, _ = sections[-1]
    optional = struct.pack(
        "<HBBIIIIIQIIHHHHHHIIIIHHQQQQII",
        0x20B, 14, 0, 0, stored, 0, 0, 0, _BASE, _PAGE, _SECTOR, *_VISTA, 0, 0, *_VISTA, 0,
        last + _aligned(len(content), _PAGE), size, 0, _CONSOLE,
        _HIGH_ENTROPY | _DYNAMIC_BASE | _NX | _NO_SEH, 1 << 20, _PAGE, 1 << 20, _PAGE, 0,
        _DIRECTORIES,
    )  # fmt: skip
    tables = b"".join(
        struct.pack("<II", *directories.get(number, (0, 0))) for number in range(_DIRECTORIES)
    )
    rows, offset = b"", size
    for name, address, content, kind in sections:
        stored = _aligned(len(content), _SECTOR)
        rows += struct.pack("<8sIIIIIIHHI", name, len(content), address, stored, offset, 0, 0, 0, 0,
                            kind)  # fmt: skip
        offset += stored
    dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", _PE)
    return (dos.ljust(_PE, b"\0") + coff + optional + tables + rows).ljust(size, b"\0")


def _aligned(size: int, unit: int) -> int:
    return -(-size // unit) * unit

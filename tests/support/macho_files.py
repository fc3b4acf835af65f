"""Small Mach-O files made byte by byte, of any class and byte order (``mach-o/loader.h``)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

CPUS = {
    "x86_64": (0x01000007, 3), "x86_64h": (0x01000007, 8), "i386": (7, 3), "ppc": (18, 0),
    "arm64": (0x0100000C, 0), "arm64e": (0x0100000C, 0x80000002), "armv7k": (12, 12),
}  # fmt: skip
LOAD, WEAK, REEXPORT, UPWARD, LAZY = 0xC, 0x80000018, 0x8000001F, 0x80000023, 0x20
OBJECT, EXECUTE, DYLIB, BUNDLE = 1, 2, 6, 8
DEFAULT_FLAGS = 0x100085  # no undefined, dyld, two-level, no reexported dylibs
_PAGE = 0x4000


def packed(version: tuple[int, int, int]) -> int:
    return version[0] << 16 | version[1] << 8 | version[2]


@dataclass(frozen=True, kw_only=True)
class Library:
    """A library asked for; ``uses`` writes the newer command with flags behind it."""

    name: str
    command: int = LOAD
    current: tuple[int, int, int] = (1, 2, 3)
    compatible: tuple[int, int, int] = (1, 0, 0)
    uses: int | None = None


@dataclass(frozen=True, kw_only=True)
class MachoSpec:
    """What a file is to say of itself.

    ``builds`` has (platform number, minimum, SDK); ``minimum`` (command, minimum, SDK) as older
    linkers wrote it.  ``undefined`` has (name, library ordinal, whether weak).  ``room`` is how
    many bytes are free behind the load commands.
    """

    bits: int = 64
    order: str = "<"
    cpu: str = "arm64"
    kind: int = DYLIB
    flags: int = DEFAULT_FLAGS
    install_name: str | None = None
    libraries: Sequence[Library] = ()
    rpaths: Sequence[str] = ()
    builds: Sequence[tuple[int, tuple[int, int, int], tuple[int, int, int]]] = ()
    minimum: tuple[int, tuple[int, int, int], tuple[int, int, int]] | None = None
    uuid: bytes | None = None
    encrypted: int | None = None
    undefined: Sequence[tuple[str, int, bool]] = ()
    defined: Sequence[str] = ()
    room: int = 256
    text: bytes = b"\x1f\x20\x03\xd5" * 64
    linkedit: bytes = b""


def make_fat(slices: Sequence[tuple[str, bytes]], *, wide: bool = False, align: int = 14) -> bytes:
    """A fat file of ``slices``, each with the name of its CPU; ``wide`` has 64-bit offsets."""
    layout = ">IIQQII" if wide else ">IIIII"
    out = bytearray(struct.pack(">II", 0xCAFEBABF if wide else 0xCAFEBABE, len(slices)))
    at = len(out) + len(slices) * struct.calcsize(layout)
    body = b""
    for cpu, content in slices:
        start = at + len(body)
        body += bytes(-start % (1 << align))
        entry = [*CPUS[cpu], at + len(body), len(content), align, *([0] if wide else [])]
        out += struct.pack(layout, *entry)
        body += content
    return bytes(out) + body


@dataclass(frozen=True)
class _Places:
    """Where code, __LINKEDIT, symbols and strings lie, and how long the last three are."""

    code: int = 0
    linkedit: int = 0
    size: int = 0
    strings: int = 0
    strings_size: int = 0


def make_macho(spec: MachoSpec) -> bytes:
    """The file: header, commands, room, code in __TEXT, then __LINKEDIT with the symbols."""
    wide = spec.bits == 64
    header = 32 if wide else 28
    symbols, strings = _symbols(spec)
    # Sizes do not depend on where things lie: made twice, the second time with the offsets.
    size = len(b"".join(_commands(spec, _Places())))
    code = header + size + spec.room
    end = code + len(spec.text)
    text_size = end + -end % _PAGE
    linkedit = symbols + strings + spec.linkedit
    places = _Places(code, text_size, len(linkedit), text_size + len(symbols), len(strings))
    commands = _commands(spec, places)
    out = struct.pack(
        f"{spec.order}IIIIIII", 0xFEEDFACF if wide else 0xFEEDFACE, *CPUS[spec.cpu], spec.kind,
        len(commands), size, spec.flags,
    )  # fmt: skip
    out += bytes(header - len(out)) + b"".join(commands) + bytes(spec.room) + spec.text
    return out.ljust(text_size, b"\0") + linkedit


def _commands(spec: MachoSpec, places: _Places) -> list[bytes]:
    start, size = places.linkedit, places.size
    commands = [
        _segment(spec, "__TEXT", (0, start, 0, start), (places.code, len(spec.text))),
        _segment(spec, "__LINKEDIT", (start, size + -size % _PAGE, start, size), None),
    ]
    if spec.install_name is not None:
        commands.append(_library(spec, Library(name=spec.install_name, command=0xD)))
    for platform, minimum, sdk in spec.builds:
        versions = (packed(minimum), packed(sdk))
        commands.append(_numbers(spec, 0x32, platform, *versions, 1, 3, packed((1000, 0, 0))))
    if spec.minimum:
        command, minimum, sdk = spec.minimum
        commands.append(_numbers(spec, command, packed(minimum), packed(sdk)))
    if spec.uuid:
        commands.append(_command(spec, 0x1B, spec.uuid))
    if spec.encrypted is not None:
        commands.append(_numbers(spec, 0x2C, 0, 0, spec.encrypted, 0))
    count = len(spec.undefined) + len(spec.defined)
    commands.append(_numbers(spec, 0x2, start, count, places.strings, places.strings_size))
    commands += [_library(spec, library) for library in spec.libraries]
    commands += [
        _command(spec, 0x8000001C, struct.pack(f"{spec.order}I", 12) + path.encode() + b"\0")
        for path in spec.rpaths
    ]
    return commands


def _numbers(spec: MachoSpec, kind: int, *numbers: int) -> bytes:
    return _command(spec, kind, struct.pack(f"{spec.order}{len(numbers)}I", *numbers))


def _command(spec: MachoSpec, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % (spec.bits // 8))
    return struct.pack(f"{spec.order}II", kind, 8 + len(body)) + body


def _segment(
    spec: MachoSpec, name: str, place: tuple[int, int, int, int], section: tuple[int, int] | None
) -> bytes:
    word = "Q" if spec.bits == 64 else "I"
    body = name.encode().ljust(16, b"\0")
    rights = (5, 5) if section else (1, 1)
    body += struct.pack(f"{spec.order}{4 * word}IIII", *place, *rights, 1 if section else 0, 0)
    if section:
        offset, size = section
        body += b"__text".ljust(16, b"\0") + name.encode().ljust(16, b"\0")
        layout = f"{spec.order}{2 * word}IIIIIII"
        body += struct.pack(layout, offset, size, offset, 2, 0, 0, 0x80000400, 0, 0)
        body += bytes(4 if spec.bits == 64 else 0)
    return _command(spec, 0x19 if spec.bits == 64 else 0x1, body)


def _library(spec: MachoSpec, library: Library) -> bytes:
    versions = packed(library.current), packed(library.compatible)
    if library.uses is None:
        head = struct.pack(f"{spec.order}IIII", 24, 2, *versions)
    else:
        head = struct.pack(f"{spec.order}IIIII", 28, 0x1A741800, *versions, library.uses)
    return _command(spec, library.command, head + library.name.encode() + b"\0")


def _symbols(spec: MachoSpec) -> tuple[bytes, bytes]:
    strings, table = bytearray(b" \0"), b""
    layout = spec.order + ("IBBHQ" if spec.bits == 64 else "IBBHI")
    for name in spec.defined:
        table += struct.pack(layout, len(strings), 0xF, 1, 0, 0x1000)
        strings += name.encode() + b"\0"
    for name, ordinal, weak in spec.undefined:
        table += struct.pack(layout, len(strings), 0x1, 0, ordinal << 8 | (0x40 if weak else 0), 0)
        strings += name.encode() + b"\0"
    return table, bytes(strings) + bytes(-len(strings) % 8)

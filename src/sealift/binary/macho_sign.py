"""Ad hoc code signatures of Mach-O files, written anywhere: as ``codesign -s - -f`` does on a Mac.

An ad hoc signature has hashes and no certificate: enough for the CPUs of Apple, whose kernel runs
nothing unsigned, and not for Gatekeeper.  Format: see :mod:`.macho_signature`; which blobs there
are, which hashes and which identifier follow what Apple's ``codesign`` and ``ld`` write.  Blobs are
put together by slot, so that entitlements and a certificate's message may join them.
"""

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sealift.binary.macho import read_builds, read_uuid
from sealift.binary.macho_layout import (
    LC_CODE_SIGNATURE,
    LC_SEGMENT_64,
    Commands,
    Segment,
    Slice,
    read_slices,
)
from sealift.binary.macho_rewrite import with_commands, with_slices
from sealift.binary.macho_signature import (
    ADHOC,
    CMS_SLOT,
    CMS_WRAPPER,
    CODE_DIRECTORY,
    DIRECTORY_SLOT,
    HASHES,
    LINKER_SIGNED,
    PLIST_SLOT,
    REQUIREMENTS,
    REQUIREMENTS_SLOT,
    SUPER_BLOB,
    SUPPORTS_EXEC_SEGMENT,
    embedded_plist,
    read_signature,
)
from sealift.binary.view import View
from sealift.binary.writing import write_whole
from sealift.errors import BinaryFormatError

_SIGNABLE = {2, 6, 7, 8}  # execute, dylib, dylinker, bundle
_EXECUTE = 2
_STRICT_CPUS = {0x0100000C, 0x0200000C}  # arm64, arm64_32: nothing unsigned runs there
_SHA1, _SHA256 = 1, 2
_FIRST_WITH_SHA256 = (10, 11, 4)
_ALTERNATE_SLOT = 0x1000
_ALIGN = 16
_PAGE_EXPONENT = 12  # codesign has 14 for newer systems; 12 serves them all
_LARGEST = (1 << 32) - 0x10000  # offsets have 32 bits, and sizes are rounded up
_MAIN_BINARY = 1
_DIRECTORY_HEAD = ">9I4B4I4Q"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Style:
    """What a signature is to say: who it is of, and whether as a linker would say it."""

    identifier: str
    is_linker_signed: bool

    @property
    def flags(self) -> int:
        return ADHOC | LINKER_SIGNED if self.is_linker_signed else ADHOC

    @property
    def align(self) -> int:
        """Of what the size of the whole signature is a multiple."""
        return 8 if self.is_linker_signed else 16


def sign(source: Path, out: Path, *, identifier: str | None = None) -> None:
    """Write ``source``, signed ad hoc in every slice, to ``out``; the mode is kept.

    Raises :class:`BinaryFormatError` as :func:`signed` does.
    """
    data = signed(source.read_bytes(), source.name, identifier=identifier)
    write_whole(out, data, source.stat().st_mode & 0o7777)


def signed(
    data: bytes, name: str, *, identifier: str | None = None, is_linker_signed: bool = False
) -> bytes:
    """``data``, the Mach-O file called ``name``, signed ad hoc in every slice.

    Signatures that are there are replaced, entitlements go with them.  ``identifier`` is by
    default what ``codesign`` makes of ``name``.  ``is_linker_signed`` writes what linkers do, which
    signing tools replace unasked.  Raises :class:`BinaryFormatError` when the file is damaged, is
    of a kind that is not signed, has data behind its last segment, or has no room for the command.
    """
    view = View(data, name)
    slices = read_slices(view)
    for piece in slices:
        if Commands(piece.part).header.kind not in _SIGNABLE:
            raise view.broken("files of its kind are not signed")
    identifier = identifier or default_identifier(name, _uuid(slices))
    style = _Style(identifier=identifier, is_linker_signed=is_linker_signed)
    return with_slices(view, [_signed(piece, style) for piece in slices])


def resigned(data: bytes, name: str) -> bytes:
    """``data``, the Mach-O file called ``name``, signed ad hoc where it has or needs a signature.

    A slice that has one keeps its identifier, and says again that a linker signed it.  Raises
    :class:`BinaryFormatError` as :func:`signed` does.
    """
    view = View(data, name)
    slices = read_slices(view)
    default = default_identifier(name, _uuid(slices))
    return with_slices(view, [_resigned(piece, default) for piece in slices])


def default_identifier(name: str, uuid: str | None) -> str:
    """The identifier that ``codesign`` gives a file without a bundle.

    It is the file's name without its suffix and all but the first number behind it; to one without
    a dot the ``uuid`` of the file is added, to tell it from others.

    >>> default_identifier("libavif.16.3.0.dylib", None), default_identifier("libpng16.16.so", None)
    ('libavif.16', 'libpng16')
    >>> default_identifier("ruff", "0011-22")
    'ruff-55554944001122'
    """
    stem = PurePosixPath(name).stem
    letters = len(stem.rstrip("0123456789."))
    dot = stem.find(".", letters + 1) if letters else -1
    stem = stem[:dot] if dot >= 0 else stem
    if "." in stem or not uuid:
        return stem
    return f"{stem}-55554944{uuid.replace('-', '').lower()}"


def _uuid(slices: tuple[Slice, ...]) -> str | None:
    return read_uuid(Commands(slices[0].part)) if slices else None


def _resigned(piece: Slice, default: str) -> bytes:
    commands = Commands(piece.part)
    header = commands.header
    for command in commands.of(LC_CODE_SIGNATURE):
        try:
            old = read_signature(piece.part, *commands.fields(command, 8, "II"))
        except BinaryFormatError:
            break
        style = _Style(identifier=old.identifier, is_linker_signed=old.is_linker_signed)
        return _signed(piece, style)
    is_needed = header.cpu in _STRICT_CPUS and header.kind in _SIGNABLE
    if commands.of(LC_CODE_SIGNATURE) or is_needed:
        return _signed(piece, _Style(identifier=default, is_linker_signed=False))
    return piece.part.content(0, piece.part.size)


def _signed(piece: Slice, style: _Style) -> bytes:
    """The slice ``piece`` with a signature in place of the one it may have."""
    if piece.is_cut:
        raise piece.part.broken("it has been cut off")
    commands = Commands(piece.part)
    linkedit = _linkedit(commands)
    end = _end(commands, linkedit)
    signer = _Signer(commands, style, end + -end % _ALIGN)
    wanted = _wanted(commands, linkedit, signer.limit, signer.size)
    content = with_commands(commands, wanted)[:end].ljust(signer.limit, b"\0")
    return content + signer.signature(content).ljust(signer.size, b"\0")


def _linkedit(commands: Commands) -> Segment:
    """The segment __LINKEDIT, behind which nothing lies in the file."""
    segments = commands.segments()
    for segment in segments:
        if segment.name == "__LINKEDIT":
            if all(s.offset + s.size <= segment.offset for s in segments if s is not segment):
                return segment
            break
    raise commands.part.broken("it has no __LINKEDIT segment behind all others")


def _end(commands: Commands, linkedit: Segment) -> int:
    """Where what is to be signed ends: at the signature that is there, or with the file."""
    part = commands.part
    end = tail = linkedit.offset + linkedit.size
    for command in commands.of(LC_CODE_SIGNATURE):
        end, size = commands.fields(command, 8, "II")
        tail = end + size
    if end < linkedit.offset or part.content(tail, part.size - tail).strip(b"\0"):
        raise part.broken("data lies behind its __LINKEDIT segment or its signature")
    return end


def _wanted(commands: Commands, linkedit: Segment, start: int, size: int) -> list[bytes]:
    """The load commands, with those that say where the signature is."""
    order = commands.header.order
    if start + size > _LARGEST:
        raise commands.part.broken("it is too large for a signature")
    signature = struct.pack(f"{order}IIII", LC_CODE_SIGNATURE, 16, start, size)
    wanted = []
    for command in commands.all:
        raw = commands.part.content(command.offset, command.size)
        if command == linkedit.command:
            raw = _grown(commands, linkedit, raw, start + size - linkedit.offset)
        elif command.kind == LC_CODE_SIGNATURE:
            raw, signature = signature, b""
        wanted += [raw] if raw else []
    return [*wanted, signature] if signature else wanted


def _grown(commands: Commands, linkedit: Segment, raw: bytes, size: int) -> bytes:
    """The command of __LINKEDIT for ``size`` bytes in the file, and enough in memory."""
    page = 0x4000 if commands.header.cpu in _STRICT_CPUS else 0x1000
    memory = max(linkedit.memory, size + -size % page)
    for segment in commands.segments():
        if linkedit.address < segment.address < linkedit.address + memory:
            raise commands.part.broken(f"__LINKEDIT cannot grow: {segment.name} lies behind it")
    word, at = ("Q", 32) if linkedit.command.kind == LC_SEGMENT_64 else ("I", 28)
    out = bytearray(raw)
    values = (memory, linkedit.offset, size)
    struct.pack_into(f"{commands.header.order}{3 * word}", out, at, *values)
    return bytes(out)


class _Signer:
    """The signature of a slice whose bytes up to ``limit`` are to be hashed."""

    def __init__(self, commands: Commands, style: _Style, limit: int) -> None:
        self.limit = limit
        self._commands = commands
        self._style = style
        self._kinds = _hash_kinds(commands)
        self._pages = -(-limit >> _PAGE_EXPONENT)
        self._blobs: dict[int, bytes] = {}
        # What is hashed beside the pages: blobs, and what lies elsewhere in the file.
        self._bound: dict[int, bytes] = {}
        if not style.is_linker_signed:
            empty = _blob(REQUIREMENTS, struct.pack(">I", 0))
            self._blobs = {REQUIREMENTS_SLOT: empty, CMS_SLOT: _blob(CMS_WRAPPER, b"")}
            self._bound = {REQUIREMENTS_SLOT: empty}
            if plist := embedded_plist(commands):
                self._bound[PLIST_SLOT] = plist

    @property
    def size(self) -> int:
        """Bytes to keep for the signature."""
        count = max(self._bound, default=0) + self._pages
        head = struct.calcsize(_DIRECTORY_HEAD) + len(self._identifier)
        size = sum(map(len, self._blobs.values())) + 12
        size += 8 * (len(self._blobs) + len(self._kinds))
        size += sum(head + count * HASHES[kind][1] for kind in self._kinds)
        return size + -size % self._style.align

    @property
    def _identifier(self) -> bytes:
        return self._style.identifier.encode("utf-8", "surrogateescape") + b"\0"

    def signature(self, content: bytes) -> bytes:
        """The signature of ``content``, the slice up to its limit."""
        slots = (DIRECTORY_SLOT, _ALTERNATE_SLOT)
        directories = zip(slots, self._kinds, strict=False)
        blobs = {slot: self._directory(kind, content) for slot, kind in directories}
        return _super_blob(blobs | self._blobs)

    def _directory(self, kind: int, content: bytes) -> bytes:
        name, size = HASHES[kind]
        specials = max(self._bound, default=0)
        hashes = [
            hashlib.new(name, self._bound[slot]).digest() if slot in self._bound else bytes(size)
            for slot in range(specials, 0, -1)
        ]
        for start in range(0, self.limit, 1 << _PAGE_EXPONENT):
            page = content[start : start + (1 << _PAGE_EXPONENT)]
            hashes.append(hashlib.new(name, page).digest())
        head = struct.calcsize(_DIRECTORY_HEAD)
        body = self._identifier + b"".join(hashes)
        numbers = (
            *(CODE_DIRECTORY, head + len(body), SUPPORTS_EXEC_SEGMENT, self._style.flags),
            *(head + len(self._identifier) + specials * size, head, specials, self._pages),
            *(self.limit, size, kind, 0, _PAGE_EXPONENT),
            *(0, 0, 0, 0, 0),  # spare, scatter, team, spare, limit in 64 bits
            *self._executable(),
        )
        return struct.pack(_DIRECTORY_HEAD, *numbers) + body

    def _executable(self) -> tuple[int, int, int]:
        """Offset and size of the code, and whether it is a program's."""
        flags = _MAIN_BINARY if self._commands.header.kind == _EXECUTE else 0
        for segment in self._commands.segments():
            if segment.name == "__TEXT":
                return segment.offset, segment.size, flags
        return 0, 0, flags


def _hash_kinds(commands: Commands) -> tuple[int, ...]:
    """SHA-256; behind SHA-1 in files that also run where only that is known."""
    macs = [build for build in read_builds(commands) if build.platform == "macos"]
    old = any(build.minimum < _FIRST_WITH_SHA256 for build in macs)
    return (_SHA1, _SHA256) if old else (_SHA256,)


def _blob(magic: int, content: bytes) -> bytes:
    return struct.pack(">II", magic, 8 + len(content)) + content


def _super_blob(blobs: Mapping[int, bytes]) -> bytes:
    index, body = b"", b""
    start = 12 + 8 * len(blobs)
    for slot, blob in sorted(blobs.items()):
        index += struct.pack(">II", slot, start + len(body))
        body += blob
    return struct.pack(">III", SUPER_BLOB, start + len(body), len(blobs)) + index + body

"""Code signatures of Mach-O files, written anywhere: as ``codesign -s - -f`` does on a Mac.

An ad hoc signature has hashes and no certificate: enough for the CPUs of Apple, whose kernel runs
nothing unsigned, and not for Gatekeeper.  What else a signature may say, a :class:`.Seal` has.
Format: see :mod:`.macho_signature`; which blobs there are, which hashes and which identifier follow
what Apple's ``codesign`` and ``ld`` write.
"""

import hashlib
import mmap
import struct
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from sealift.binary.macho import read_builds, read_uuid
from sealift.binary.macho_layout import (
    LC_CODE_SIGNATURE,
    LC_SEGMENT_64,
    Commands,
    Part,
    Segment,
    Slice,
    read_slices,
)
from sealift.binary.macho_rewrite import head_with, with_commands, with_slices
from sealift.binary.macho_seal import (
    DirectoryLayout,
    HashedDirectory,
    Seal,
    signature,
    signature_size,
)
from sealift.binary.macho_signature import (
    ADHOC,
    HARDENED_RUNTIME,
    HASHES,
    LINKER_SIGNED,
    PLIST_SLOT,
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
_ALIGN = 16
_PAGE_EXPONENT = 12  # codesign has 14 for newer systems; 12 serves them all
_LARGEST = (1 << 32) - 0x10000  # offsets have 32 bits, and sizes are rounded up
_MAIN_BINARY = 1
_FIRST_RUNTIME = 0x0A0E00  # 10.14


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
    if identifier is None:
        identifier = default_identifier(name, _uuid(read_slices(View(data, name))))
    return sealed(data, name, adhoc(identifier, is_linker_signed=is_linker_signed))


def sealed(data: bytes, name: str, seal: Seal) -> bytes:
    """``data``, the Mach-O file called ``name``, signed in every slice as ``seal`` says.

    Entitlements are for programs alone: other files go without.  Raises as :func:`signed` does.
    """
    view = View(data, name)
    slices = read_slices(view)
    kinds = {Commands(piece.part).header.kind for piece in slices}
    if not kinds <= _SIGNABLE:
        raise view.broken("files of its kind are not signed")
    if _EXECUTE not in kinds:
        seal = replace(seal, entitlements=None, der_entitlements=None)
    return with_slices(view, [_signed(piece, seal) for piece in slices])


def seal_at_end(file: BinaryIO, offset: int, name: str, seal: Seal) -> None:
    """Sign the slice that begins at ``offset`` of ``file`` and ends with it, in its place.

    As :func:`sealed`, for files that are too large to be held in memory.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        commands = Commands(Part(View(data, name), offset, len(data) - offset))
        signer, wanted, end = _planned(commands, seal)
        head = head_with(commands, wanted)
    file.seek(offset)
    file.write(head)
    file.truncate(offset + end)
    file.truncate(offset + signer.limit)
    file.flush()
    with (
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        memoryview(data) as whole,
        whole[offset:] as content,
    ):
        made = signer.signature(content)
    file.seek(offset + signer.limit)
    file.write(made.ljust(signer.size, b"\0"))


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
        seal = adhoc(old.identifier, is_linker_signed=old.is_linker_signed)
        return _signed(piece, seal)
    is_needed = header.cpu in _STRICT_CPUS and header.kind in _SIGNABLE
    if commands.of(LC_CODE_SIGNATURE) or is_needed:
        return _signed(piece, adhoc(default))
    return piece.part.content(0, piece.part.size)


def adhoc(identifier: str, *, is_linker_signed: bool = False) -> Seal:
    """What an ad hoc signature says."""
    flags = ADHOC | LINKER_SIGNED if is_linker_signed else ADHOC
    return Seal(identifier=identifier, flags=flags)


def _signed(piece: Slice, seal: Seal) -> bytes:
    """The slice ``piece`` with a signature in place of the one it may have."""
    if piece.is_cut:
        raise piece.part.broken("it has been cut off")
    commands = Commands(piece.part)
    signer, wanted, end = _planned(commands, seal)
    content = with_commands(commands, wanted)[:end].ljust(signer.limit, b"\0")
    return content + signer.signature(content).ljust(signer.size, b"\0")


def _planned(commands: Commands, seal: Seal) -> tuple["_Signer", list[bytes], int]:
    """Who signs a slice, its load commands then, and where what is there for it ends."""
    linkedit = _linkedit(commands)
    end = _end(commands, linkedit)
    signer = _Signer(commands, seal, end + -end % _ALIGN)
    return signer, _wanted(commands, linkedit, signer.limit, signer.size), end


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

    def __init__(self, commands: Commands, seal: Seal, limit: int) -> None:
        self.limit = limit
        self._seal = seal
        self._kinds = _hash_kinds(commands)
        bound = seal.bound()
        if not seal.is_linker_signed and (plist := embedded_plist(commands)):
            bound.setdefault(PLIST_SLOT, plist)
        self._layout = DirectoryLayout(
            seal=seal,
            limit=limit,
            page_exponent=_PAGE_EXPONENT,
            executable=_executable(commands),
            runtime=_runtime(commands) if seal.flags & HARDENED_RUNTIME else 0,
            bound=bound,
        )

    @property
    def size(self) -> int:
        """Bytes to keep for the signature."""
        pages = -(-self.limit >> _PAGE_EXPONENT)
        sizes = [self._layout.size(kind, pages) for kind in self._kinds]
        return signature_size(self._seal, sizes)

    def signature(self, content: bytes | memoryview) -> bytes:
        """The signature of ``content``, the slice up to its limit."""
        return signature(self._seal, [self._directory(kind, content) for kind in self._kinds])

    def _directory(self, kind: int, content: bytes | memoryview) -> HashedDirectory:
        name = HASHES[kind][0]
        pages = [
            hashlib.new(name, content[start : start + (1 << _PAGE_EXPONENT)]).digest()
            for start in range(0, self.limit, 1 << _PAGE_EXPONENT)
        ]
        return self._layout.directory(kind, pages)


def _executable(commands: Commands) -> tuple[int, int, int]:
    """Offset and size of the code, and whether it is a program's."""
    flags = _MAIN_BINARY if commands.header.kind == _EXECUTE else 0
    for segment in commands.segments():
        if segment.name == "__TEXT":
            return segment.offset, segment.size, flags
    return 0, 0, flags


def _runtime(commands: Commands) -> int:
    """The hardened runtime's version: that of the SDK, as ``codesign`` has it."""
    for build in read_builds(commands):
        major, minor, patch = build.sdk or build.minimum
        return max(major << 16 | minor << 8 | patch, _FIRST_RUNTIME)
    return _FIRST_RUNTIME


def _hash_kinds(commands: Commands) -> tuple[int, ...]:
    """SHA-256; behind SHA-1 in files that also run where only that is known."""
    macs = [build for build in read_builds(commands) if build.platform == "macos"]
    old = any(build.minimum < _FIRST_WITH_SHA256 for build in macs)
    return (_SHA1, _SHA256) if old else (_SHA256,)

"""The code signature of a Mach-O file, read: its blobs and what its code directories say.

Formats: ``kern/cs_blobs.h`` of Apple's xnu, whose numbers are big-endian in files of every byte
order.  A signature is a *super blob*: an index of blobs by slot.  A *code directory* has a hash of
each page of the file before the signature and of each of the other blobs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sealift.binary.macho_layout import Commands, Part

SUPER_BLOB, CODE_DIRECTORY, REQUIREMENTS, CMS_WRAPPER = (
    0xFADE0CC0, 0xFADE0C02, 0xFADE0C01, 0xFADE0B01,
)  # fmt: skip
ENTITLEMENTS, DER_ENTITLEMENTS = 0xFADE7171, 0xFADE7172
DIRECTORY_SLOT, PLIST_SLOT, REQUIREMENTS_SLOT, RESOURCES_SLOT = 0, 1, 2, 3
ENTITLEMENTS_SLOT, REP_SPECIFIC_SLOT, DER_ENTITLEMENTS_SLOT = 5, 6, 7
CMS_SLOT, TICKET_SLOT = 0x10000, 0x10002
_ALTERNATE_SLOTS = range(0x1000, 0x1005)
ADHOC, HARDENED_RUNTIME, LINKER_SIGNED = 0x2, 0x10000, 0x20000
# Names of :mod:`hashlib` and how many bytes of each are kept.
HASHES = {1: ("sha1", 20), 2: ("sha256", 32), 3: ("sha256", 20), 4: ("sha384", 48)}
SUPPORTS_SCATTER, SUPPORTS_TEAM = 0x20100, 0x20200
SUPPORTS_LONG_LIMIT, SUPPORTS_EXEC_SEGMENT, SUPPORTS_RUNTIME = 0x20300, 0x20400, 0x20500
_MOST_BLOBS = 64
_PAGE_EXPONENTS = range(10, 21)


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob: its magic number and where it lies in the slice, header and all."""

    magic: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeDirectory:
    """What a code directory says.

    ``page`` is the bytes of a page, 0 where all is hashed at once.  ``hashes`` is where the hash of
    the first page stands in the slice; those of other blobs stand before it, last slot first.
    ``limit`` is the end of what is hashed.
    """

    slot: int
    blob: Blob
    version: int
    flags: int
    identifier: str
    team: str | None
    hash_kind: int
    hash_size: int
    page: int
    hashes: int
    specials: int
    pages: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """How a slice is signed.

    ``hashes`` are the kinds of hashes it has, ``page`` the bytes each is of.  ``is_linker_signed``
    tells an ad hoc signature that a linker made, which signing tools replace unasked;
    ``has_certificate`` that somebody's certificate stands behind it.
    """

    identifier: str
    team: str | None
    flags: int
    hashes: tuple[str, ...]
    page: int
    has_certificate: bool

    @property
    def is_adhoc(self) -> bool:
        return bool(self.flags & ADHOC)

    @property
    def is_linker_signed(self) -> bool:
        return bool(self.flags & LINKER_SIGNED)


def read_signature(part: Part, offset: int, size: int) -> Signature:
    """What the signature of ``size`` bytes at ``offset`` of the slice ``part`` says.

    Raises :class:`~sealift.errors.BinaryFormatError` when it is damaged.
    """
    blobs = read_blobs(part, offset, size)
    directories = read_directories(part, blobs)
    first = directories[0]
    wrapper = blobs.get(CMS_SLOT)
    return Signature(
        identifier=first.identifier,
        team=first.team,
        flags=first.flags,
        hashes=tuple(HASHES.get(d.hash_kind, (f"hash-{d.hash_kind}", 0))[0] for d in directories),
        page=first.page,
        has_certificate=wrapper is not None and wrapper.length > 8,
    )


def read_blobs(part: Part, offset: int, size: int) -> Mapping[int, Blob]:
    """The blobs of the signature of ``size`` bytes at ``offset``, by slot, in its order."""
    magic, length, count = part.unpack(">III", offset)
    if magic != SUPER_BLOB or length > size or count > _MOST_BLOBS:
        raise part.broken("its code signature is damaged")
    blobs: dict[int, Blob] = {}
    for index in range(count):
        slot, at = part.unpack(">II", offset + 12 + 8 * index)
        kind, blob_length = part.unpack(">II", offset + at)
        if blob_length < 8 or at + blob_length > length or slot in blobs:
            raise part.broken(f"blob {slot:#x} of its code signature is damaged")
        blobs[slot] = Blob(kind, offset + at, blob_length)
    return blobs


def read_directories(part: Part, blobs: Mapping[int, Blob]) -> tuple[CodeDirectory, ...]:
    """The code directories among ``blobs``, the main one first; at least one."""
    slots = [slot for slot in (DIRECTORY_SLOT, *_ALTERNATE_SLOTS) if slot in blobs]
    if not slots or slots[0] != DIRECTORY_SLOT:
        raise part.broken("its code signature has no code directory")
    return tuple(_directory(part, slot, blobs[slot]) for slot in slots)


def embedded_plist(commands: Commands) -> bytes | None:
    """The property list that a slice has in itself, which its signature also covers."""
    found = commands.section("__TEXT", "__info_plist")
    return commands.part.content(*found) if found else None


def _directory(part: Part, slot: int, blob: Blob) -> CodeDirectory:
    version, flags, hashes, identifier, specials, pages, limit = part.unpack(
        ">IIIIIII", blob.offset + 8
    )
    hash_size, hash_kind, _, page_exponent = part.unpack(">BBBB", blob.offset + 36)
    team = None
    if version >= SUPPORTS_TEAM:
        (at,) = part.unpack(">I", blob.offset + 48)
        team = part.text(blob.offset + at, blob.offset + blob.length) if at else None
    if version >= SUPPORTS_LONG_LIMIT:
        (long_limit,) = part.unpack(">Q", blob.offset + 56)
        limit = long_limit or limit
    if (
        blob.magic != CODE_DIRECTORY
        or (page_exponent and page_exponent not in _PAGE_EXPONENTS)
        or hashes < specials * hash_size
        or hashes + pages * hash_size > blob.length
    ):
        raise part.broken("a code directory of its signature is damaged")
    return CodeDirectory(
        slot=slot,
        blob=blob,
        version=version,
        flags=flags,
        identifier=part.text(blob.offset + identifier, blob.offset + blob.length),
        team=team,
        hash_kind=hash_kind,
        hash_size=hash_size,
        page=1 << page_exponent if page_exponent else 0,
        hashes=blob.offset + hashes,
        specials=specials,
        pages=pages,
        limit=limit,
    )

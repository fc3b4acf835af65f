"""What a code signature says, as bytes: code directories, blobs, and the super blob of them.

Formats: ``kern/cs_blobs.h`` of Apple's xnu, as :mod:`.macho_signature` reads them.  What a
signature is about (pages of a Mach-O file, a whole disk image) is hashed by those who sign.
"""

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sealift.binary.macho_signature import (
    ADHOC,
    CMS_SLOT,
    CMS_WRAPPER,
    CODE_DIRECTORY,
    DER_ENTITLEMENTS,
    DER_ENTITLEMENTS_SLOT,
    DIRECTORY_SLOT,
    ENTITLEMENTS,
    ENTITLEMENTS_SLOT,
    HASHES,
    LINKER_SIGNED,
    PLIST_SLOT,
    REQUIREMENTS,
    REQUIREMENTS_SLOT,
    RESOURCES_SLOT,
    SUPER_BLOB,
    SUPPORTS_EXEC_SEGMENT,
    SUPPORTS_LONG_LIMIT,
    SUPPORTS_RUNTIME,
    SUPPORTS_SCATTER,
    SUPPORTS_TEAM,
)
from sealift.errors import SealiftError

CDHASH_SIZE = 20  # what is kept of a code directory's hash, of whatever kind
_ALTERNATE_SLOT = 0x1000
_HEAD = ">9I4BI"
# What each version of the format put behind the head, with the version.
_TAILS = (
    (SUPPORTS_SCATTER, ">I"),
    (SUPPORTS_TEAM, ">I"),
    (SUPPORTS_LONG_LIMIT, ">IQ"),
    (SUPPORTS_EXEC_SEGMENT, ">QQQ"),
    (SUPPORTS_RUNTIME, ">II"),
)


@dataclass(frozen=True, slots=True)
class HashedDirectory:
    """A code directory, with the kind of its hashes as :data:`HASHES` numbers them."""

    kind: int
    content: bytes

    @property
    def digest(self) -> bytes:
        """Its hash of its own kind, uncut."""
        return hashlib.new(HASHES[self.kind][0], self.content).digest()

    @property
    def cdhash(self) -> bytes:
        """What the code is known by: to a system, in tickets, in other signatures."""
        return self.digest[:CDHASH_SIZE]


class Author(Protocol):
    """Whoever vouches for a signature by a message (RFC 5652) of code directories."""

    @property
    def room(self) -> int:
        """The most bytes that a message has."""

    def message(self, directories: Sequence[HashedDirectory]) -> bytes:
        """The message about ``directories``, of which the first is what is signed."""


def blob(magic: int, content: bytes) -> bytes:
    """``content`` with its header."""
    return struct.pack(">II", magic, 8 + len(content)) + content


NO_REQUIREMENTS = blob(REQUIREMENTS, struct.pack(">I", 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What a signature is to say beside the hashes of the code.

    ``requirements`` is a blob; ``entitlements`` and ``der_entitlements`` are the same property list
    in two forms; ``plist`` and ``resources`` are the files of a bundle that its program's signature
    covers.  ``author`` is ``None`` for an ad hoc signature.
    """

    identifier: str
    flags: int = ADHOC
    team: str | None = None
    requirements: bytes = NO_REQUIREMENTS
    entitlements: bytes | None = None
    der_entitlements: bytes | None = None
    plist: bytes | None = None
    resources: bytes | None = None
    author: Author | None = None

    @property
    def is_linker_signed(self) -> bool:
        return bool(self.flags & LINKER_SIGNED)

    @property
    def align(self) -> int:
        """Of what the size of the whole signature is a multiple."""
        return 8 if self.is_linker_signed else 16

    def blobs(self) -> dict[int, bytes]:
        """The blobs that directories have hashes of, by slot."""
        if self.is_linker_signed:
            return {}
        found = {REQUIREMENTS_SLOT: self.requirements}
        if self.entitlements is not None:
            found[ENTITLEMENTS_SLOT] = blob(ENTITLEMENTS, self.entitlements)
        if self.der_entitlements is not None:
            found[DER_ENTITLEMENTS_SLOT] = blob(DER_ENTITLEMENTS, self.der_entitlements)
        return found

    def bound(self) -> dict[int, bytes]:
        """All that directories have hashes of beside code, by slot."""
        files = {PLIST_SLOT: self.plist, RESOURCES_SLOT: self.resources}
        return self.blobs() | {slot: text for slot, text in files.items() if text is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryLayout:
    """A code directory but for its hashes.

    ``limit`` is the end of what is hashed, ``page_exponent`` 0 where that is hashed at once.
    ``executable`` are offset, size and flags of the code; ``runtime`` the version of the hardened
    runtime, packed.
    """

    seal: Seal
    limit: int
    page_exponent: int = 0
    executable: tuple[int, int, int] | None = None
    runtime: int = 0
    bound: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def _version(self) -> int:
        if self.runtime:
            return SUPPORTS_RUNTIME
        if self.executable is not None:
            return SUPPORTS_EXEC_SEGMENT
        return SUPPORTS_TEAM

    @property
    def _tails(self) -> list[str]:
        return [layout for version, layout in _TAILS if version <= self._version]

    @property
    def _head_size(self) -> int:
        return struct.calcsize(_HEAD) + sum(map(struct.calcsize, self._tails))

    @property
    def _names(self) -> bytes:
        names = self.seal.identifier.encode("utf-8", "surrogateescape") + b"\0"
        return names + (self.seal.team.encode() + b"\0" if self.seal.team else b"")

    def size(self, kind: int, pages: int) -> int:
        """Bytes of the directory with hashes of ``kind`` of so many ``pages``."""
        count = max(self.bound, default=0) + pages
        return self._head_size + len(self._names) + count * HASHES[kind][1]

    def directory(self, kind: int, pages: Sequence[bytes]) -> HashedDirectory:
        """The directory with ``pages``, hashes of ``kind``."""
        name, size = HASHES[kind]
        specials = max(self.bound, default=0)
        hashes = [
            hashlib.new(name, self.bound[slot]).digest() if slot in self.bound else bytes(size)
            for slot in range(specials, 0, -1)
        ]
        head, names = self._head_size, self._names
        numbers = (
            *(CODE_DIRECTORY, self.size(kind, len(pages)), self._version, self.seal.flags),
            *(head + len(names) + specials * size, head, specials, len(pages), self.limit),
            *(size, kind, 0, self.page_exponent, 0),
        )
        team = head + len(names) - len(self.seal.team) - 1 if self.seal.team else 0
        values = ((0,), (team,), (0, 0), self.executable or (0, 0, 0), (self.runtime, 0))
        tail = b"".join(
            struct.pack(layout, *told) for layout, told in zip(self._tails, values, strict=False)
        )
        body = names + b"".join([*hashes, *pages])
        return HashedDirectory(kind, struct.pack(_HEAD, *numbers) + tail + body)


def signature_size(seal: Seal, directories: Sequence[int]) -> int:
    """Bytes to keep for a signature whose directories have the sizes given."""
    size = 12 + 8 * len(directories) + sum(directories)
    size += sum(8 + len(content) for content in seal.blobs().values())
    if not seal.is_linker_signed:
        size += 16 + (seal.author.room if seal.author else 0)
    return size + -size % seal.align


def signature(seal: Seal, directories: Sequence[HashedDirectory]) -> bytes:
    """The signature of ``directories``, the main one first.

    Raises :class:`SealiftError` when the author says more than there is room for.
    """
    slots = (DIRECTORY_SLOT, *range(_ALTERNATE_SLOT, _ALTERNATE_SLOT + len(directories)))
    blobs = {slot: one.content for slot, one in zip(slots, directories, strict=False)}
    blobs |= seal.blobs()
    if not seal.is_linker_signed:
        message = seal.author.message(directories) if seal.author else b""
        if seal.author and len(message) > seal.author.room:
            raise SealiftError(
                f"cannot sign {seal.identifier}: the signature has {len(message)} bytes, "
                f"{seal.author.room} were kept for it",
                hint="does the timestamp authority send more certificates than usual?",
            )
        blobs[CMS_SLOT] = blob(CMS_WRAPPER, message)
    return super_blob(blobs)


def super_blob(blobs: Mapping[int, bytes]) -> bytes:
    """A blob of ``blobs``, by slot."""
    index, body = b"", b""
    start = 12 + 8 * len(blobs)
    for slot, content in sorted(blobs.items()):
        index += struct.pack(">II", slot, start + len(body))
        body += content
    return struct.pack(">III", SUPER_BLOB, start + len(body), len(blobs)) + index + body

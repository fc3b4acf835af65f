"""The code signature of a disk image: of all its bytes at once, and of its trailer."""

import hashlib
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sealift.apple.codesign import CodeSigner
from sealift.apple.message_check import Voucher, check_message
from sealift.apple.udif import TRAILER_SIZE, Trailer, read_trailer
from sealift.binary.macho_layout import Part
from sealift.binary.macho_seal import (
    DirectoryLayout,
    HashedDirectory,
    blob,
    signature,
    super_blob,
)
from sealift.binary.macho_signature import (
    CMS_WRAPPER,
    HARDENED_RUNTIME,
    REP_SPECIFIC_SLOT,
    TICKET_SLOT,
    read_blobs,
    read_directories,
)
from sealift.binary.macho_verify import read_hashed
from sealift.binary.view import View
from sealift.errors import BinaryFormatError

_SHA256 = 2


def sign_image(path: Path, identifier: str, signer: CodeSigner) -> None:
    """Sign the disk image at ``path`` in its place; an older signature goes.

    Raises :class:`BinaryFormatError` when it is no image, :class:`~sealift.errors.FetchError` when
    there is no timestamp to be had.
    """
    with path.open("rb") as file:
        trailer = read_trailer(file)
    seal = signer.seal(identifier)
    # The hardened runtime and entitlements are for what runs.
    seal = replace(
        seal, flags=seal.flags & ~HARDENED_RUNTIME, entitlements=None, der_entitlements=None
    )
    layout = DirectoryLayout(
        seal=seal,
        limit=trailer.plist_end,
        bound={**seal.bound(), REP_SPECIFIC_SLOT: trailer.signed(0).raw},
    )
    directory = layout.directory(_SHA256, [_digest(path, trailer.plist_end)])
    _write(path, trailer, signature(seal, [directory]))


def staple_image(path: Path, ticket: bytes) -> None:
    """Put the ticket of a notarization into the signature of the image at ``path``."""
    with _signature_part(path) as (trailer, part):
        blobs = {
            slot: part.content(one.offset, one.length)
            for slot, one in read_blobs(part, 0, part.size).items()
        }
    blobs[TICKET_SLOT] = blob(CMS_WRAPPER, ticket)
    _write(path, trailer, super_blob(blobs))


def image_directory(path: Path) -> HashedDirectory:
    """The code directory of the signed image at ``path``.

    Raises :class:`BinaryFormatError` when it is no image or not signed.
    """
    with _signature_part(path) as (_, part):
        return read_hashed(part, 0, part.size)[0][0]


def verify_image(path: Path) -> tuple[Voucher | None, list[str]]:
    """Who vouches for the signed image at ``path``, and what does not fit in its signature.

    Raises :class:`BinaryFormatError` when it is no image, not signed, or with other hashes than
    disk images have.
    """
    with _signature_part(path) as (trailer, part):
        blobs = read_blobs(part, 0, part.size)
        told = read_directories(part, blobs)[0]
        directories, message = read_hashed(part, 0, part.size)
        if [one.kind for one in directories] != [_SHA256]:
            raise part.broken("its signature has other hashes than one of SHA-256")
        problems = []
        expected = _digest(path, trailer.plist_end)
        if told.limit != trailer.plist_end or part.content(told.hashes, 32) != expected:
            problems.append("its bytes are not those signed")
        bound = {slot: part.content(one.offset, one.length) for slot, one in blobs.items()}
        bound[REP_SPECIFIC_SLOT] = trailer.signed(0).raw
        for slot in range(1, told.specials + 1):
            stored = part.content(told.hashes - 32 * slot, 32)
            content = bound.get(slot)
            if stored != (bytes(32) if content is None else hashlib.sha256(content).digest()):
                problems.append(f"blob {slot} is not the one signed")
    voucher = check_message(message, directories) if message else None
    return voucher, problems + list(voucher.problems if voucher else ())


@contextmanager
def _signature_part(path: Path) -> Iterator[tuple[Trailer, Part]]:
    with path.open("rb") as file:
        trailer = read_trailer(file)
        if not trailer.signature_length:
            raise BinaryFormatError(
                f"cannot use {path.name}: it is not signed",
                hint="`certificate` in [tool.sealift.signing.macos] names what signs",
            )
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            view = View(data, path.name)
            yield trailer, Part(view, trailer.plist_end, trailer.signature_length)


def _digest(path: Path, end: int) -> bytes:
    total, left = hashlib.sha256(), end
    with path.open("rb") as file:
        while left and (block := file.read(min(left, 1 << 20))):
            total.update(block)
            left -= len(block)
    return total.digest()


def _write(path: Path, trailer: Trailer, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(trailer.plist_end)
        file.write(content + trailer.signed(len(content)).raw)
        file.truncate(trailer.plist_end + len(content) + TRAILER_SIZE)

"""Whether the code signature of a Mach-O file fits it: every hash made again.

Where a certificate vouches for it, that message is held against it, too; whose word it is worth is
for the reader of :class:`~sealift.apple.message_check.Voucher`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from sealift.binary.macho import cpu_name
from sealift.binary.macho_layout import LC_CODE_SIGNATURE, Commands, Part, Slice, read_slices
from sealift.binary.macho_seal import HashedDirectory
from sealift.binary.macho_signature import (
    CMS_SLOT,
    HASHES,
    PLIST_SLOT,
    SUPPORTS_EXEC_SEGMENT,
    SUPPORTS_SCATTER,
    Blob,
    CodeDirectory,
    Signature,
    embedded_plist,
    read_blobs,
    read_directories,
    read_signature,
)
from sealift.binary.view import View
from sealift.errors import BinaryFormatError

if TYPE_CHECKING:
    from sealift.apple.message_check import Voucher

NOTHING: Mapping[int, bytes] = MappingProxyType({})
_MOST_PAGES_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureCheck:
    """What does not fit in the signature of a slice; ``signature`` is ``None`` without one.

    ``voucher`` says who signed, ``None`` for ad hoc signatures.
    """

    cpu: str
    signature: Signature | None
    voucher: "Voucher | None" = None
    problems: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether it is signed, and nothing is wrong with that."""
        return self.signature is not None and not self.problems


def verify_signature(
    data: bytes, name: str = "the file", *, outside: Mapping[int, bytes] = NOTHING
) -> tuple[SignatureCheck, ...]:
    """The signature of each slice of ``data``, a Mach-O file, held against its bytes.

    ``outside`` are files of a bundle that the signature covers, by their slots.  Raises
    :class:`BinaryFormatError` when the file is damaged; damage of a signature is a problem that the
    check names.
    """
    return tuple(_check(piece, outside) for piece in read_slices(View(data, name)))


def read_hashed(part: Part, offset: int, size: int) -> tuple[list[HashedDirectory], bytes]:
    """The code directories of the signature at ``offset`` of ``part``, and the message on them.

    Raises :class:`BinaryFormatError` when it is damaged, or has hashes that are not known.
    """
    blobs = read_blobs(part, offset, size)
    directories = [
        HashedDirectory(one.hash_kind, part.content(one.blob.offset, one.blob.length))
        for one in read_directories(part, blobs)
    ]
    if any(one.kind not in HASHES for one in directories):
        raise part.broken("its signature has hashes that are not known")
    wrapper = blobs.get(CMS_SLOT)
    message = part.content(wrapper.offset + 8, wrapper.length - 8) if wrapper else b""
    return directories, message


def _check(piece: Slice, outside: Mapping[int, bytes]) -> SignatureCheck:
    commands = Commands(piece.part)
    cpu = cpu_name(commands.header)
    places = [commands.fields(command, 8, "II") for command in commands.of(LC_CODE_SIGNATURE)]
    if not places:
        return SignatureCheck(cpu=cpu, signature=None)
    if len(places) > 1:
        return SignatureCheck(cpu=cpu, signature=None, problems=("it has two signatures",))
    try:
        signature = read_signature(piece.part, *places[0])
        problems = tuple(_problems(commands, places[0], outside))
        voucher = _voucher(piece.part, *places[0]) if signature.has_certificate else None
    except BinaryFormatError as error:
        return SignatureCheck(cpu=cpu, signature=None, problems=(error.message,))
    problems += voucher.problems if voucher else ()
    return SignatureCheck(cpu=cpu, signature=signature, voucher=voucher, problems=problems)


def _voucher(part: Part, offset: int, size: int) -> "Voucher":
    from sealift.apple.message_check import check_message

    directories, message = read_hashed(part, offset, size)
    return check_message(message, directories)


def _problems(
    commands: Commands, place: tuple[int, ...], outside: Mapping[int, bytes]
) -> Iterator[str]:
    offset, size = place
    yield from _place_problems(commands, offset, size)
    blobs = read_blobs(commands.part, offset, size)
    for directory in read_directories(commands.part, blobs):
        if HASHES.get(directory.hash_kind, ("", None))[1] != directory.hash_size:
            yield f"it has hashes of kind {directory.hash_kind}, which is not known"
            continue
        if directory.limit != offset:
            yield f"it covers {directory.limit} bytes of {offset}"
        yield from _page_problems(commands, directory, offset)
        yield from _special_problems(commands, directory, blobs, outside)
        yield from _executable_problems(commands, directory)


def _place_problems(commands: Commands, offset: int, size: int) -> Iterator[str]:
    """A signature is the end of __LINKEDIT, and that is the end of the file."""
    for segment in commands.segments():
        if segment.name == "__LINKEDIT" and segment.offset + segment.size != offset + size:
            yield "it is not at the end of the segment __LINKEDIT"
    if offset + size != commands.part.size:
        yield f"{commands.part.size - offset - size} bytes lie behind it"


def _page_problems(commands: Commands, directory: CodeDirectory, end: int) -> Iterator[str]:
    part = commands.part
    page = directory.page or max(1, directory.limit)
    if directory.limit > end or directory.pages != -(-directory.limit // page):
        yield f"{directory.pages} hashes do not cover {directory.limit} bytes"
        return
    if directory.version >= SUPPORTS_SCATTER and part.unpack(">I", directory.blob.offset + 44)[0]:
        yield "its pages are scattered, which is not known"
        return
    wrong = []
    for index in range(directory.pages):
        start = index * page
        content = part.content(start, min(page, directory.limit - start))
        if _digest(directory, content) != _stored(commands, directory, index):
            wrong.append(start)
    for start in wrong[:_MOST_PAGES_NAMED]:
        yield f"the {min(page, directory.limit - start)} bytes at {start:#x} are not those signed"
    if len(wrong) > _MOST_PAGES_NAMED:
        yield f"nor are those of {len(wrong) - _MOST_PAGES_NAMED} more pages"


def _special_problems(
    commands: Commands,
    directory: CodeDirectory,
    blobs: Mapping[int, Blob],
    outside: Mapping[int, bytes],
) -> Iterator[str]:
    """Hashes of other blobs, and of files outside."""
    for slot in outside:
        if slot > directory.specials:
            yield f"file {slot} of its bundle is not signed"
    for slot in range(1, directory.specials + 1):
        content = outside.get(slot)
        if content is None and slot == PLIST_SLOT:
            content = embedded_plist(commands)
        elif slot in blobs:
            content = commands.part.content(blobs[slot].offset, blobs[slot].length)
        if content is None:
            continue
        if _stored(commands, directory, -slot) != _digest(directory, content):
            yield f"blob {slot} is not the one signed"
    for slot in blobs:
        if directory.specials < slot < 0x1000:
            yield f"blob {slot} is not signed"


def _executable_problems(commands: Commands, directory: CodeDirectory) -> Iterator[str]:
    """What is told to be code lies in __TEXT; Apple's newer linkers leave the padding out."""
    if directory.version < SUPPORTS_EXEC_SEGMENT:
        return
    offset, size = commands.part.unpack(">QQ", directory.blob.offset + 64)
    for segment in commands.segments():
        end = segment.offset + segment.size
        if segment.name == "__TEXT" and not segment.offset <= offset <= offset + size <= end:
            yield f"it takes {size} bytes at {offset} for code, beyond the segment __TEXT"


def _digest(directory: CodeDirectory, content: bytes) -> bytes:
    name, size = HASHES[directory.hash_kind]
    return hashlib.new(name, content).digest()[:size]


def _stored(commands: Commands, directory: CodeDirectory, index: int) -> bytes:
    at = directory.hashes + index * directory.hash_size
    return commands.part.content(at, directory.hash_size)

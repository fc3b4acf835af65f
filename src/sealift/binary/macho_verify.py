"""Whether the code signature of a Mach-O file fits it: every hash made again.

What a certificate vouches for is not verified: of a CMS message only the presence is told.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sealift.binary.macho import cpu_name
from sealift.binary.macho_layout import LC_CODE_SIGNATURE, Commands, Slice, read_slices
from sealift.binary.macho_signature import (
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

_MOST_PAGES_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureCheck:
    """What does not fit in the signature of a slice; ``signature`` is ``None`` without one."""

    cpu: str
    signature: Signature | None
    problems: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether it is signed, and nothing is wrong with that."""
        return self.signature is not None and not self.problems


def verify_signature(data: bytes, name: str = "the file") -> tuple[SignatureCheck, ...]:
    """The signature of each slice of ``data``, a Mach-O file, held against its bytes.

    Raises :class:`BinaryFormatError` when the file is damaged; damage of a signature is a problem
    that the check names.
    """
    return tuple(_check(piece) for piece in read_slices(View(data, name)))


def _check(piece: Slice) -> SignatureCheck:
    commands = Commands(piece.part)
    cpu = cpu_name(commands.header)
    places = [commands.fields(command, 8, "II") for command in commands.of(LC_CODE_SIGNATURE)]
    if not places:
        return SignatureCheck(cpu=cpu, signature=None)
    if len(places) > 1:
        return SignatureCheck(cpu=cpu, signature=None, problems=("it has two signatures",))
    try:
        signature = read_signature(piece.part, *places[0])
        problems = tuple(_problems(commands, *places[0]))
    except BinaryFormatError as error:
        return SignatureCheck(cpu=cpu, signature=None, problems=(error.message,))
    return SignatureCheck(cpu=cpu, signature=signature, problems=problems)


def _problems(commands: Commands, offset: int, size: int) -> Iterator[str]:
    yield from _place_problems(commands, offset, size)
    blobs = read_blobs(commands.part, offset, size)
    for directory in read_directories(commands.part, blobs):
        if HASHES.get(directory.hash_kind, ("", None))[1] != directory.hash_size:
            yield f"it has hashes of kind {directory.hash_kind}, which is not known"
            continue
        if directory.limit != offset:
            yield f"it covers {directory.limit} bytes of {offset}"
        yield from _page_problems(commands, directory, offset)
        yield from _special_problems(commands, directory, blobs)
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
    commands: Commands, directory: CodeDirectory, blobs: Mapping[int, Blob]
) -> Iterator[str]:
    """Hashes of other blobs.  What lies in other files, as a bundle's resources, is not seen."""
    for slot in range(1, directory.specials + 1):
        content = None
        if slot == PLIST_SLOT:
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

"""Room in a PE file for what has to be added: behind what sections have, or in a new section.

A section fills whole sectors of the file, and whole pages of memory; what it leaves of them is
free.  So most additions change no size and move nothing, whatever is appended to the file.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sealift.binary.pe_layout import (
    DISCARDABLE,
    EXECUTABLE,
    HAS_DATA,
    READABLE,
    RESOURCES,
    SECTION_SIZE,
    WRITABLE,
    Image,
    Section,
)
from sealift.errors import BinaryFormatError

_CODE, _NO_DATA, _SHARED = 0x20, 0x80, 0x10000000
_UNSUITED = _CODE | _NO_DATA | _SHARED | DISCARDABLE | EXECUTABLE
_WANTED = HAS_DATA | READABLE
_NAME = b".sealift"
_ALIGN = 4
_PAGE, _SECTOR, _MOST_ALIGN = 0x1000, 0x200, 0x10000
_MOST_SECTIONS, _MOST_MEMORY = 96, 1 << 31


@dataclass(frozen=True, slots=True)
class _Slack:
    """Free bytes of a section: its first one and how many."""

    section: Section
    start: int
    size: int


def add(image: Image, out: bytearray, pieces: Sequence[bytes]) -> tuple[int, ...]:
    """Add ``pieces`` to ``out``, the bytes of ``image`` without signature; their addresses.

    Raises :class:`BinaryFormatError` when there is no room.
    """
    return _in_slack(image, out, pieces) or _in_section(image, out, pieces)


def _in_slack(image: Image, out: bytearray, pieces: Sequence[bytes]) -> tuple[int, ...]:
    """Their addresses behind what sections have; none when not all fit."""
    slacks = [*_slacks(image)]
    places: list[int] = []
    for piece in pieces:
        index = next((i for i, one in enumerate(slacks) if one.size >= len(piece)), None)
        if index is None:
            return ()
        slack = slacks[index]
        used = _up(slack.start + len(piece), _ALIGN) - slack.start
        slacks[index] = replace(slack, start=slack.start + used, size=slack.size - used)
        places.append(slack.start)
    ends: dict[Section, int] = {}
    addresses = []
    for start, piece in zip(places, pieces, strict=True):
        section = next(s for s in image.sections if s.offset <= start < s.end)
        out[start : start + len(piece)] = piece
        addresses.append(start - section.offset + section.address)
        ends[section] = max(ends.get(section, 0), addresses[-1] + len(piece))
    for section, end in ends.items():
        struct.pack_into("<I", out, section.header + 8, end - section.address)
        _grow_image(image, out, end)
    return tuple(addresses)


def _slacks(image: Image) -> Iterator[_Slack]:
    """Those of sections that are only read, then those of others."""
    resources, _ = image.directory(RESOURCES)
    for section in sorted(image.sections, key=lambda s: bool(s.flags & WRITABLE)):
        # Tools that replace resources write their whole section anew.
        has_resources = section.address <= resources < section.memory_end
        is_suited = section.flags & (_UNSUITED | _WANTED) == _WANTED
        if is_suited and section.memory and not has_resources:
            start = section.offset + _up(section.memory, _ALIGN)
            end = section.offset + min(section.size, _reach(image, section))
            if start < end and _is_free(image, section, end):
                yield _Slack(section, start, end - start)


def _reach(image: Image, section: Section) -> int:
    """Bytes of memory from where ``section`` begins to where the next one does."""
    behind = (s.address for s in image.sections if s.address > section.address)
    return min(behind, default=_MOST_MEMORY) - section.address


def _is_free(image: Image, section: Section, end: int) -> bool:
    """Whether nothing is between what ``section`` has and ``end``."""
    start, data = section.offset + section.memory, image.view.data
    others = (other for other in image.sections if other is not section)
    if end > len(data) or any(other.offset < end and other.end > start for other in others):
        return False
    return not any(data[start:end])


def _in_section(image: Image, out: bytearray, pieces: Sequence[bytes]) -> tuple[int, ...]:
    """Their addresses in a new section at the end of the file."""
    content = bytearray()
    places = []
    for piece in pieces:
        content += bytes(-len(content) % _ALIGN)
        places.append(len(content))
        content += piece
    address = append_section(image, out, bytes(content), _NAME)
    return tuple(address + place for place in places)


def free_address(image: Image) -> int:
    """The address behind all that ``image`` has in memory, where a section may begin."""
    ends = (image.header.size, *(s.memory_end for s in image.sections))
    return _up(max(ends), max(image.header.section_alignment, 1))


def append_section(image: Image, out: bytearray, content: bytes, name: bytes) -> int:
    """Append ``content`` as section ``name`` to ``out``, the bytes of ``image`` without signature.

    Its address, which is :func:`free_address`.  Raises :class:`BinaryFormatError` where there is no
    room.
    """
    header = image.header
    _refuse_section(image, out)
    address = free_address(image)
    if address + len(content) > _MOST_MEMORY:
        raise _impossible(image, "there is no address free behind its sections")
    out += bytes(-len(out) % header.file_alignment)
    offset, size = len(out), _up(len(content), header.file_alignment)
    out += content.ljust(size, b"\0")
    struct.pack_into(
        "<8s6I2HI", out, header.sections_end,
        name, len(content), address, size, offset, 0, 0, 0, 0, _WANTED,
    )  # fmt: skip
    struct.pack_into("<H", out, header.offset + 6, header.section_count + 1)
    at = header.optional + 8  # the size of all data
    struct.pack_into("<I", out, at, (image.view.unpack("<I", at)[0] + size) & 0xFFFFFFFF)
    _grow_image(image, out, address + len(content))
    return address


def _refuse_section(image: Image, out: bytearray) -> None:
    header = image.header
    if image.overlay != (0, 0):
        # Some look for theirs from the beginning of the file, others from its end.
        raise _impossible(
            image,
            "data that it may look for at its place is appended to it",
            "if these are symbols, remove them: strip --strip-all",
        )
    if header.section_alignment < _PAGE or not (
        _is_unit(header.section_alignment)
        and _is_unit(header.file_alignment)
        and _SECTOR <= header.file_alignment <= _MOST_ALIGN
    ):
        raise _impossible(image, "its sections are not aligned to pages")
    end = header.sections_end + SECTION_SIZE
    limit = min([header.size, *(s.offset for s in image.sections if s.size)])
    if header.section_count >= _MOST_SECTIONS or end > limit or any(out[header.sections_end : end]):
        raise _impossible(
            image,
            "its headers have no room for one more section",
            "link it with fewer sections; names no longer than the old ones need none",
        )


def _impossible(image: Image, reason: str, hint: str | None = None) -> BinaryFormatError:
    return BinaryFormatError(
        f"cannot edit {image.view.name}: what is added needs a new section, and {reason}", hint=hint
    )


def _grow_image(image: Image, out: bytearray, end: int) -> None:
    """Let the image reach to ``end`` in memory."""
    at = image.header.optional + 56
    (size,) = struct.unpack_from("<I", out, at)
    wanted = _up(end, max(image.header.section_alignment, 1))
    struct.pack_into("<I", out, at, max(size, wanted))


def _is_unit(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0


def _up(number: int, unit: int) -> int:
    return -(-number // unit) * unit

"""Resources of a PE file: read, replaced, written into it in a section of their own.

Formats: "The .rsrc Section" of Microsoft's "PE Format" specification; icons as GRPICONDIR of the
Windows API.  Same input, same bytes.
"""

import itertools
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from sealift.binary.pe_checksum import checksum, checksum_offset
from sealift.binary.pe_layout import (
    DIRECTORY_SIZE,
    RESOURCES,
    SECTION_SIZE,
    Image,
    Section,
    read_header,
)
from sealift.binary.pe_room import append_section, free_address
from sealift.binary.view import View
from sealift.errors import BinaryFormatError

Key: TypeAlias = int | str
Resources: TypeAlias = Mapping[tuple[Key, Key, int], bytes]
"""Content by type, name and language."""

ICON, ICON_GROUP, VERSION, MANIFEST = 3, 14, 16, 24
ENGLISH = 0x409

_SUBTREE = 1 << 31
_NAME = b".rsrc"
_ALIGN = 8
_MOST_ENTRIES = 4096


def icon_resources(icons: Iterable[bytes]) -> Resources:
    """ICO files as resources: the groups are numbered from 1, and Windows shows the first."""
    found: dict[tuple[Key, Key, int], bytes] = {}
    number = itertools.count(1)
    for group, ico in enumerate(icons, 1):
        (count,) = struct.unpack_from("<H", ico, 4)
        table = bytearray(ico[:6])
        for index in range(count):
            entry = ico[6 + 16 * index : 22 + 16 * index]
            size, at = struct.unpack_from("<II", entry, 8)
            name = next(number)
            found[ICON, name, ENGLISH] = ico[at : at + size]
            table += entry[:12] + struct.pack("<H", name)
        found[ICON_GROUP, group, ENGLISH] = bytes(table)
    return found


def read_resources(data: bytes, name: str = "the file") -> Resources:
    """All resources of the PE file ``data``; raises :class:`BinaryFormatError` where damaged."""
    return dict(_leaves(Image(View(data, name))))


def replace_resources(data: bytes, changes: Resources, name: str = "the file") -> bytes:
    """``data``, a PE file, with ``changes`` in place of all resources of their types.

    Resources of other types stay.  The checksum is right afterwards.  Raises
    :class:`BinaryFormatError` where the file is damaged, signed, or has no room.
    """
    image = Image(View(data, name))
    if image.certificates != (0, 0):
        raise BinaryFormatError(f"cannot edit {name}: it is signed, and would not be any more")
    replaced = {kind for kind, _, _ in changes}
    kept = {key: content for key, content in _leaves(image) if key[0] not in replaced}
    out = bytearray(data)
    if last := _removable(image):
        _remove(image, last, out)
        image = Image(View(bytes(out), name))
    address = free_address(image)
    content = _packed({**kept, **changes}, address)
    append_section(image, out, content, _NAME)
    at = image.header.directories + RESOURCES * DIRECTORY_SIZE
    struct.pack_into("<II", out, at, address, len(content))
    header = read_header(View(out, name))
    struct.pack_into("<I", out, checksum_offset(header), checksum(out, header))
    return bytes(out)


def _removable(image: Image) -> Section | None:
    """The section that has resources and nothing else, where nothing lies behind it."""
    address, _ = image.directory(RESOURCES)
    if not address or image.image_end != image.sections_end or image.overlay != (0, 0):
        return None
    last = max(image.sections, key=lambda section: section.address)
    is_last = last.end == image.image_end and last.header == image.sections[-1].header
    return last if last.address == address and is_last else None


def _remove(image: Image, last: Section, out: bytearray) -> None:
    del out[last.offset :]
    out[last.header : last.header + SECTION_SIZE] = bytes(SECTION_SIZE)
    struct.pack_into("<H", out, image.header.offset + 6, image.header.section_count - 1)
    at = image.header.optional + 8  # the size of all data
    (size,) = image.view.unpack("<I", at)
    struct.pack_into("<I", out, at, max(size - last.size, 0))
    struct.pack_into("<I", out, image.header.optional + 56, last.address)  # that of the image


def _leaves(image: Image) -> Iterator[tuple[tuple[Key, Key, int], bytes]]:
    table, _ = image.directory(RESOURCES)
    if not table:
        return
    for kind, types in _entries(image, table, _SUBTREE):
        for name, names in _entries(image, table, types):
            for language, leaf in _entries(image, table, names):
                if leaf & _SUBTREE or isinstance(language, str):
                    raise image.view.broken("its resources lie deeper than languages")
                address, size = image.unpack("<II", table + leaf)
                yield (kind, name, language), image.view.span(image.offset(address, size), size)


def _entries(image: Image, table: int, into: int) -> Iterator[tuple[Key, int]]:
    """Names and places in the directory that ``into`` tells of."""
    if not into & _SUBTREE:
        raise image.view.broken("its resources have no languages")
    into &= ~_SUBTREE
    named, numbered = image.unpack("<HH", table + into + 12)
    if named + numbered > _MOST_ENTRIES:
        raise image.view.broken(f"it has {named + numbered} resources of one type")
    for index in range(named + numbered):
        name, where = image.unpack("<II", table + into + 16 + index * 8)
        yield (_text(image, table + (name & ~_SUBTREE)) if name & _SUBTREE else name), where


def _text(image: Image, address: int) -> str:
    (length,) = image.unpack("<H", address)
    span = image.view.span(image.offset(address + 2, 2 * length), 2 * length)
    return span.decode("utf-16-le", "surrogatepass")


def _packed(resources: Resources, address: int) -> bytes:
    """The section with ``resources`` that will be at ``address``: directories, names, content."""
    tree: dict[Key, dict[Key, dict[int, bytes]]] = {}
    for kind, name, language in sorted(resources, key=lambda key: tuple(map(_order, key))):
        content = resources[kind, name, language]
        tree.setdefault(kind, {}).setdefault(name, {})[language] = content
    names = [languages for kind in tree.values() for languages in kind.values()]
    directories: list[Mapping[Key, object]] = [tree, *tree.values(), *names]  # type: ignore[list-item]
    leaves = [content for languages in names for content in languages.values()]
    # Breadth first: what directories point to lies in the order in which they do.
    starts = list(itertools.accumulate((16 + 8 * len(one) for one in directories), initial=0))
    leaf = starts.pop()
    places = itertools.chain((start | _SUBTREE for start in starts[1:]), itertools.count(leaf, 16))
    texts = _Blob(leaf + 16 * len(leaves), 2)
    head = b"".join(_directory(one, places, texts) for one in directories)
    contents = _Blob(_up(texts.end, _ALIGN), _ALIGN)
    entries = b"".join(
        struct.pack("<IIII", address + contents.add(content), len(content), 0, 0)
        for content in leaves
    )
    head += entries + texts.data
    return head.ljust(contents.start, b"\0") + contents.data


def _order(key: Key) -> tuple[bool, Key]:
    return isinstance(key, int), key


def _directory(directory: Mapping[Key, object], places: Iterator[int], texts: "_Blob") -> bytes:
    named = sum(isinstance(key, str) for key in directory)
    out = struct.pack("<IIHHHH", 0, 0, 0, 0, named, len(directory) - named)
    for key in directory:
        if isinstance(key, str):
            text = key.encode("utf-16-le", "surrogatepass")
            key = texts.add(struct.pack("<H", len(text) // 2) + text) | _SUBTREE  # noqa: PLW2901
        out += struct.pack("<II", key, next(places))
    return out


class _Blob:
    """Bytes that will lie at ``start``, each piece aligned."""

    def __init__(self, start: int, align: int) -> None:
        self.start, self._align = start, align
        self.data = bytearray()

    @property
    def end(self) -> int:
        return self.start + len(self.data)

    def add(self, piece: bytes) -> int:
        """Where ``piece`` lies."""
        self.data += bytes(-len(self.data) % self._align)
        self.data += piece
        return self.end - len(piece)


def _up(number: int, unit: int) -> int:
    return -(-number // unit) * unit

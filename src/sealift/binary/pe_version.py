"""The version that a PE file tells of itself in its resources: read and written.

Formats: "The .rsrc Section" of Microsoft's "PE Format" specification, VS_VERSIONINFO of the Windows
API.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sealift.binary.pe_layout import RESOURCES, Image

_VERSION = 16  # RT_VERSION
_SUBTREE = 1 << 31
_ENGLISH = 0x409
_FIXED_SIGNATURE = 0xFEEF04BD
_UTF16 = 1200
_ALL_FLAGS, _FOR_NT, _PROGRAM = 0x3F, 0x40004, 1
_MOST_BYTES = 1 << 16
_MOST_ENTRIES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVersion:
    """Versions as numbers, and texts such as ``CompanyName``, in American English or the first."""

    file: tuple[int, int, int, int]
    product: tuple[int, int, int, int]
    texts: Mapping[str, str] = field(default_factory=dict)


def read_version(image: Image) -> FileVersion | None:
    """The version resource, ``None`` where there is none."""
    table, _ = image.directory(RESOURCES)
    if not table:
        return None
    names = dict(_entries(image, table, _SUBTREE)).get(_VERSION, 0)
    languages = next((where for _, where in _entries(image, table, names)), 0)
    entries = dict(_entries(image, table, languages))
    entry = entries.get(_ENGLISH, next(iter(entries.values()), 0))
    if not entry or entry & _SUBTREE:
        return None
    address, size = image.unpack("<II", table + entry)
    size = min(size, _MOST_BYTES)
    return _parse(image.view.span(image.offset(address, size), size))


def _entries(image: Image, table: int, into: int) -> Iterator[tuple[int, int]]:
    """Names and places in the directory that ``into`` tells of; none where that is no directory."""
    if not into & _SUBTREE:
        return
    into &= ~_SUBTREE
    named, numbered = image.unpack("<HH", table + into + 12)
    for index in range(min(named + numbered, _MOST_ENTRIES)):
        name, where = image.unpack("<II", table + into + 16 + index * 8)
        yield name, where


def _parse(data: bytes) -> FileVersion | None:
    for key, value, inside in _blocks(data):
        if key != "VS_VERSION_INFO" or len(value) < 24:
            return None
        signature, _, *numbers = struct.unpack_from("<II8H", value)
        if signature != _FIXED_SIGNATURE:
            return None
        b, a, d, c, f, e, h, g = numbers
        return FileVersion(file=(a, b, c, d), product=(e, f, g, h), texts=dict(_texts(inside)))
    return None


def _texts(data: bytes) -> Iterator[tuple[str, str]]:
    for key, _, tables in _blocks(data):
        if key == "StringFileInfo":
            for _, _, strings in _blocks(tables):
                for name, value, _ in _blocks(strings):
                    text = value.decode("utf-16-le", "replace").partition("\0")[0].strip()
                    if text:
                        yield name, text
                return


def _blocks(data: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """Key, value and inner blocks of each block in ``data``; what is cut off is left out."""
    at = 0
    while at + 6 <= len(data):
        length, value_size, is_text = struct.unpack_from("<HHH", data, at)
        block = data[at : at + length]
        stop = next((i for i in range(6, len(block) - 1, 2) if block[i : i + 2] == b"\0\0"), None)
        if stop is None:
            return
        start = _aligned(stop + 2)
        # Some tools count texts in letters, some in bytes; nothing stands behind a text.
        end = len(block) if is_text and value_size else start + value_size
        key = block[6:stop].decode("utf-16-le", "replace")
        yield key, block[start:end], block[_aligned(end) :]
        at += _aligned(length)


def _aligned(number: int) -> int:
    return -(-number // 4) * 4


def make_version(version: FileVersion) -> bytes:
    """``version`` as a resource, its texts as American English in Unicode.

    >>> told = FileVersion(file=(1, 2, 3, 4), product=(1, 2, 0, 0), texts={"ProductName": "App"})
    >>> _parse(make_version(told)) == told
    True
    """
    words = [word for four in (version.file, version.product) for word in _swapped(four)]
    fixed = struct.pack(
        "<II8H7I", _FIXED_SIGNATURE, 1 << 16, *words, _ALL_FLAGS, 0, _FOR_NT, _PROGRAM, 0, 0, 0
    )
    strings = _joined(
        _block(name, f"{text}\0".encode("utf-16-le", "replace"), is_text=True)
        for name, text in version.texts.items()
    )
    table = _block(f"{_ENGLISH:04x}{_UTF16:04x}", inside=strings, is_text=True)
    language = _block("Translation", struct.pack("<HH", _ENGLISH, _UTF16))
    inside = (
        _block("StringFileInfo", inside=table, is_text=True),
        _block("VarFileInfo", inside=language, is_text=True),
    )
    return _block("VS_VERSION_INFO", fixed, _joined(inside))


def _swapped(four: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Numbers as pairs of 16 bits, the lower one first."""
    a, b, c, d = four
    return b, a, d, c


def _block(key: str, value: bytes = b"", inside: bytes = b"", *, is_text: bool = False) -> bytes:
    """One block; its length counts bytes, that of a text counts letters."""
    block = f"{key}\0".encode("utf-16-le")
    block += bytes(-(len(block) + 6) % 4) + value
    if inside:
        block += bytes(-(len(block) + 6) % 4) + inside
    size = len(value) // 2 if is_text else len(value)
    return struct.pack("<HHH", len(block) + 6, size, is_text) + block


def _joined(blocks: Iterable[bytes]) -> bytes:
    out = bytearray()
    for block in blocks:
        out += bytes(-len(out) % 4) + block
    return bytes(out)

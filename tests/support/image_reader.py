"""Readers of ``image.sealift`` and of payloads, written from the formats alone."""

import marshal
import struct
from dataclasses import dataclass
from typing import Any

import xxhash

from sealift.compression import decompress

MODULE, PACKAGE, EXTENSION, DIRECTORY, SOURCE, REAL = 1, 2, 4, 8, 16, 32


def _fnv1a(text: str) -> int:
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) % 2**32
    return value


@dataclass(frozen=True)
class ImageFile:
    """An ``image.sealift``, asked as the launcher asks it."""

    data: bytes

    def _u32(self, offset: int) -> int:
        (value,) = struct.unpack_from("<I", self.data, offset)
        return int(value)

    def _u64(self, offset: int) -> int:
        (value,) = struct.unpack_from("<Q", self.data, offset)
        return int(value)

    @property
    def counts(self) -> dict[str, int]:
        names = ("slots", "entries", "children", "groups", "frozen", "reserved")
        return {name: self._u32(8 + 4 * i) for i, name in enumerate(names)}

    @property
    def offsets(self) -> dict[str, int]:
        names = ("slots", "entries", "children", "strings", "groups", "frozen", "settings")
        return {name: self._u64(40 + 8 * i) for i, name in enumerate(names)}

    @property
    def size(self) -> int:
        return self._u64(32)

    @property
    def key(self) -> bytes:
        return self.data[104:136]

    @property
    def settings(self) -> Any:
        start = self.offsets["settings"]
        return marshal.loads(self.data[start : start + self._u64(96)])  # noqa: S302  (made by the test)

    def _string(self, offset: int, size: int) -> str:
        start = self.offsets["strings"] + offset
        assert self.data[start + size] == 0
        return self.data[start : start + size].decode()

    def entry(self, index: int) -> dict[str, Any]:
        assert index < self.counts["entries"]
        at = self.offsets["entries"] + 64 * index
        code_offset, code_size, flags = struct.unpack_from("<QII", self.data, at)
        key, key_size, file, file_size = struct.unpack_from("<4I", self.data, at + 16)
        group, source, source_size, child, children = struct.unpack_from("<5I", self.data, at + 32)
        assert self.data[at + 52 : at + 64] == bytes(12)
        return {
            "flags": flags,
            "code": self.data[code_offset : code_offset + code_size],
            "key": self._string(key, key_size),
            "file": self._string(file, file_size) if file_size else "",
            "source": (group, source, source_size),
            "children": (child, children),
        }

    def find(self, key: str) -> int | None:
        """The index of an entry, by the hash table."""
        slots = self.counts["slots"]
        assert slots & (slots - 1) == 0
        at = _fnv1a(key) % slots
        while found := self._u32(self.offsets["slots"] + 4 * at):
            if self.entry(found - 1)["key"] == key:
                return found - 1
            at = (at + 1) % slots
        return None

    def __getitem__(self, key: str) -> dict[str, Any]:
        index = self.find(key)
        assert index is not None, key
        return self.entry(index)

    def source(self, key: str) -> bytes | None:
        """A module's source out of its group."""
        entry = self[key]
        if not entry["flags"] & SOURCE:
            return None
        group, offset, size = entry["source"]
        start, packed, raw_size = struct.unpack_from(
            "<QII", self.data, self.offsets["groups"] + 16 * group
        )
        raw = decompress(self.data[start : start + packed])
        assert len(raw) == raw_size
        return raw[offset : offset + size]

    def children(self, key: str) -> list[str]:
        """Names directly in a folder."""
        first, count = self[key]["children"]
        table = self.offsets["children"]
        keys = [self.entry(self._u32(table + 4 * (first + i)))["key"] for i in range(count)]
        assert all(child.rpartition("/")[0] == key for child in keys)
        return [child.rpartition("/")[2] for child in keys]

    def frozen(self) -> dict[str, tuple[str, bool]]:
        """Modules that Python starts with, by name: their keys and whether they are packages."""
        found = {}
        for number in range(self.counts["frozen"]):
            at = self.offsets["frozen"] + 16 * number
            entry, name, package, zero = struct.unpack_from("<4I", self.data, at)
            start = self.offsets["strings"] + name
            text = self.data[start : self.data.index(0, start)].decode()
            assert zero == 0
            found[text] = (self.entry(entry)["key"], bool(package))
        return found


@dataclass(frozen=True)
class PayloadFile:
    """A file of a payload's tree."""

    path: str
    mode: int
    content: bytes


@dataclass(frozen=True)
class Payload:
    """What a payload says, every offset, size and hash checked."""

    names: tuple[str, ...]
    key: bytes
    files: tuple[PayloadFile, ...]
    frames: tuple[tuple[int, int], ...]  # raw offset and size

    def __getitem__(self, path: str) -> PayloadFile:
        return next(file for file in self.files if file.path == path)


def read_payload(data: bytes) -> Payload:
    """The payload ``data`` consists of."""
    assert data[:8] == b"SEALIFT\x01"
    _, file_count, frame_count, names_size = struct.unpack_from("<4I", data, 8)
    size, names_at, strings, strings_size, files_at, frames_at, tree = struct.unpack_from(
        "<7Q", data, 24
    )
    assert size == len(data)
    assert files_at % 8 == 0
    assert frames_at % 8 == 0
    assert data[112:256] == bytes(144)
    names = data[names_at : names_at + names_size].split(b"\0")
    assert names.pop() == b""
    raw, frames = b"", []
    for number in range(frame_count):
        offset, raw_offset, packed, raw_size = struct.unpack_from(
            "<QQII", data, frames_at + 24 * number
        )
        assert raw_offset == len(raw)
        assert 0 < raw_size <= 4 << 20
        frame = decompress(data[offset : offset + packed])
        assert len(frame) == raw_size
        frames.append((raw_offset, raw_size))
        raw += frame
    assert len(raw) == tree
    files, end = [], 0
    for number in range(file_count):
        offset, length, digest, path, path_size, mode = struct.unpack_from(
            "<QQQIHH", data, files_at + 32 * number
        )
        assert offset == end
        end += length
        content = raw[offset:end]
        assert xxhash.xxh64(content).intdigest() == digest
        assert path + path_size < strings_size
        assert data[strings + path + path_size] == 0
        text = data[strings + path : strings + path + path_size].decode()
        files.append(PayloadFile(text, mode, content))
    assert end == tree
    assert len({file.path for file in files}) == len(files)
    return Payload(
        tuple(name.decode() for name in names), data[80:112], tuple(files), tuple(frames)
    )


def payload_of(program: bytes) -> bytes:
    """What follows the ELF file in ``program``, at the next page."""
    (table,) = struct.unpack_from("<Q", program, 0x28)
    entry, count = struct.unpack_from("<HH", program, 0x3A)
    return program[-(-(table + entry * count) // 4096) * 4096 :]

"""Zip files read strictly: what two readers could understand differently is refused.

The central directory and every local header must say the same, members must lie one after the
other without gaps, and names must be plain relative paths.  So there is one reading of the file,
whichever end a reader starts from.  Format: APPNOTE.TXT 6.3.10 (PKWARE).
"""

import itertools
import struct
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from deflate import crc32

from sealift.errors import ArchiveError
from sealift.gzipframe import inflated, mapped
from sealift.zipmember import (
    DEFLATED,
    FLAG_DESCRIPTOR,
    Flaw,
    FlawKind,
    Limits,
    Member,
    check_name,
    special_kind,
    unreadable,
)

__all__ = ["Limits", "Member", "StrictZip", "check_name"]

_CHUNK = 1 << 18
_AT_ONCE = 64 << 20  # what is larger is read piece by piece
_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_UNIX = 3  # "version made by": file modes are in the upper half of the external attributes
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 0x0001, 0x7075


class StrictZip:
    """An open zip file that passed every structural check; use as a context manager.

    ``prefix_line`` admits one line ``#!…`` before the first member, as applications have (PEP 441).
    Raises :class:`ArchiveError` that names the archive, the member and the reason.  With a list of
    ``flaws``, what does not keep the file from being read is appended there instead; ``entries``
    then has every member whose content can be found, also of names that are there twice.
    """

    def __init__(
        self,
        path: Path,
        *,
        limits: Limits | None = None,
        prefix_line: bool = False,
        flaws: list[Flaw] | None = None,
    ) -> None:
        self.path = path
        self._flaws = flaws
        self._limits = limits or Limits()
        try:
            with path.open("rb") as file:
                self._bytes = mapped(file)
        except OSError as problem:
            raise ArchiveError(f"cannot read {path}: {problem.strerror}") from problem
        try:
            self.entries = self._read(prefix_line=prefix_line)
            self.members: Mapping[str, Member] = {member.name: member for member in self.entries}
        except BaseException:
            self._bytes.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bytes.close()

    @property
    def files(self) -> Iterator[Member]:
        """Members that are files, in the order of the archive."""
        return (member for member in self.members.values() if not member.is_folder)

    def read(self, name: str) -> bytes:
        """The bytes of file ``name``, checked."""
        if name not in self.members:
            raise ArchiveError(f"cannot read {name!r} in {self.path.name}: there is no such member")
        return b"".join(self.chunks(self.members[name]))

    def chunks(self, member: Member) -> Iterator[bytes]:
        """The content of ``member`` piece by piece; size and CRC are checked by its end."""
        unpack = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == DEFLATED else None
        crc = size = 0
        try:
            for piece in _pieces(self._packed(member), unpack):
                size += len(piece)
                if size > member.size:
                    break
                crc = zlib.crc32(piece, crc)
                yield piece
        except zlib.error as problem:
            raise self._refuse(member.name, f"is damaged: {problem}") from problem
        if size != member.size:
            raise self._refuse(member.name, "does not have the size its header tells")
        if unpack and (not unpack.eof or unpack.unused_data):
            raise self._refuse(member.name, "has data that ends before or after its stream")
        if crc != member.crc:
            raise self._refuse(member.name, "is damaged: its CRC differs")

    def whole(self, member: Member) -> bytes | bytearray:
        """The content of ``member``, checked as by :meth:`chunks`, in a third of its time.

        The checks are the same; only of streams that nobody writes, such as with codes that are
        never used, libdeflate may read some that zlib refuses.
        """
        data = self._at_once(member) if max(member.packed, member.size) <= _AT_ONCE else None
        return b"".join(self.chunks(member)) if data is None else data

    def _packed(self, member: Member, step: int = _CHUNK) -> Iterator[bytes]:
        """What ``member`` is packed to, ``step`` bytes at a time."""
        end = min(member.start + member.packed, len(self._bytes))
        return (self._bytes[at : min(at + step, end)] for at in range(member.start, end, step))

    def _at_once(self, member: Member) -> bytes | bytearray | None:
        """The content of ``member``, or ``None`` for what has to be looked at more closely."""
        end = member.start + member.packed
        if member.method == DEFLATED:
            return inflated(self._bytes, member.start, end, size=member.size, crc=member.crc)
        packed = self._bytes[member.start : end]
        return packed if (len(packed), crc32(packed)) == (member.size, member.crc) else None

    def head(self, member: Member, size: int) -> bytes:
        """The first bytes of ``member``, up to ``size``; not checked but for being there."""
        if member.method != DEFLATED:
            return self._bytes[member.start : member.start + min(member.packed, size)]
        unpack, found = zlib.decompressobj(-zlib.MAX_WBITS), b""
        try:
            for piece in self._packed(member, size):
                found += unpack.decompress(piece, size - len(found))
                if len(found) >= size:
                    break
        except zlib.error as problem:
            raise self._refuse(member.name, f"is damaged: {problem}") from problem
        return found

    def _refuse(self, name: str, reason: str) -> ArchiveError:
        return ArchiveError(f"cannot read {self.path.name}: member {name!r} {reason}")

    def _broken(self, reason: str) -> ArchiveError:
        return ArchiveError(f"cannot read {self.path.name}: {reason}")

    def _object(self, kind: FlawKind, reason: str, name: str | None = None) -> None:
        """Refuse the file, or note why where the reader was asked to go on."""
        if self._flaws is None:
            raise self._broken(reason) if name is None else self._refuse(name, reason)
        self._flaws.append(Flaw(kind, reason, name))

    def _read(self, *, prefix_line: bool) -> tuple[Member, ...]:
        count, start, end = self._end_record()
        if count > self._limits.members:
            raise self._broken(f"it has {count} members; {self._limits.members} are allowed")
        directory = self._bytes[start:end]
        members = list(self._central(directory, count))
        self._check_names(members)
        self._check_sizes(members)
        located = sorted(members, key=lambda member: member.header)
        position = self._prefix(located[0].header if located else start, allowed=prefix_line)
        found = []
        for member in located:
            if member.header != position:
                reason = "is not where the one before it ends"
                self._object(FlawKind.HIDDEN, reason, member.name)
            placed = self._local(member)
            if placed is None:
                position = member.header
                continue
            position = self._after(placed)
            found.append(placed)
        if position != start:
            reason = "there is data between its last member and its directory"
            self._object(FlawKind.HIDDEN, reason)
        return tuple(found)

    def _end_record(self) -> tuple[int, int, int]:
        """The number of members and where the central directory starts and ends."""
        length = len(self._bytes)
        tail = self._bytes[max(0, length - _END.size - 0xFFFF) :]
        at = tail.rfind(b"PK\5\6")
        if at < 0 or len(tail) - at < _END.size:
            raise self._broken("it is not a zip file, or its end is missing")
        _, disk, first, here, count, size, start, comment = _END.unpack_from(tail, at)
        if len(tail) - at - _END.size != comment:
            self._object(FlawKind.HIDDEN, "there is data after its end record")
        position = length - len(tail) + at
        if 0xFFFF in (disk, first, here, count) or 0xFFFFFFFF in (size, start):
            disk, first, here, count, size, start, position = self._end64(position)
        if disk or first or here != count:
            raise self._broken("it is one part of several")
        if start + size != position:
            raise self._broken("its directory is not right before its end record")
        return count, start, position

    def _end64(self, end: int) -> tuple[int, int, int, int, int, int, int]:
        locator = self._bytes[max(0, end - _END64_LOCATOR.size) : end]
        if len(locator) != _END64_LOCATOR.size or locator[:4] != b"PK\6\7":
            raise self._broken("its zip64 locator is missing")
        _, _, position, disks = _END64_LOCATOR.unpack(locator)
        if disks != 1 or position + _END64.size != end - _END64_LOCATOR.size:
            raise self._broken("its zip64 end record is not where it has to be")
        found = _END64.unpack_from(self._bytes, position)
        magic, size, _, _, disk, first, here, count, length, start = found
        if magic != b"PK\6\6" or size != _END64.size - 12:
            raise self._broken("its zip64 end record is damaged")
        return disk, first, here, count, length, start, position

    def _central(self, directory: bytes, count: int) -> Iterator[Member]:
        position = 0
        for _ in range(count):
            if directory[position : position + 4] != b"PK\1\2":
                raise self._broken("its directory is damaged")
            try:
                fields = _CENTRAL.unpack_from(directory, position)
            except struct.error as problem:
                raise self._broken("its directory is truncated") from problem
            _, made, _, flags, method, _, _, crc, packed, size, *rest = fields
            name_len, extra_len, comment_len, disk, _, attributes, header = rest
            name_at = position + _CENTRAL.size
            extra_at = name_at + name_len
            position = extra_at + extra_len
            name = self._name(directory[name_at:extra_at])
            extra = self._extra(name, directory[extra_at:position]) if extra_len else {}
            size, packed, header = self._zip64(name, extra, (size, packed, header))
            if disk:
                raise self._refuse(name, "is in another part")
            position += comment_len
            mode = attributes >> 16 if made >> 8 == _UNIX else 0
            yield Member(name, size, packed, method, crc, mode, flags, header)
        if position != len(directory):
            raise self._broken("its directory has more in it than it tells")

    def _name(self, raw: bytes) -> str:
        try:
            return raw.decode()  # as all do, flagged as UTF-8 or not
        except UnicodeDecodeError as problem:
            if self._flaws is None:
                raise self._broken(f"a member's name is not UTF-8: {raw!r}") from problem
            name = raw.decode("utf-8", "backslashreplace")
            self._object(FlawKind.PATH, "has a name that is not UTF-8", name)
            return name

    def _extra(self, name: str, data: bytes) -> dict[int, bytes]:
        fields: dict[int, bytes] = {}
        while len(data) >= 4:
            kind, length = struct.unpack_from("<2H", data)
            if kind in fields and kind in {_ZIP64_EXTRA, _UNICODE_PATH_EXTRA}:
                self._object(FlawKind.TWO_READINGS, "has the same extra field twice", name)
            fields[kind], data = data[4 : 4 + length], data[4 + length :]
        other = fields.get(_UNICODE_PATH_EXTRA)
        if other and other[5:] != name.encode():
            self._object(FlawKind.TWO_READINGS, "has another name in an extra field", name)
        return fields

    def _zip64(
        self, name: str, extra: Mapping[int, bytes], values: tuple[int, ...]
    ) -> tuple[int, ...]:
        """``values`` with those that do not fit 32 bits taken from the zip64 field, in order."""
        if 0xFFFFFFFF not in values:
            return values
        data = extra.get(_ZIP64_EXTRA, b"")
        wide = [value == 0xFFFFFFFF for value in values]
        if len(data) < 8 * sum(wide):
            raise self._refuse(name, "has a damaged zip64 field")
        found = iter(struct.unpack_from(f"<{sum(wide)}Q", data))
        return tuple(
            next(found) if is_wide else value for is_wide, value in zip(wide, values, strict=True)
        )

    def _check_names(self, members: list[Member]) -> None:
        seen: dict[str, None] = {}
        for member in members:
            name = member.name.removesuffix("/")
            for kind, reason in (
                (FlawKind.PATH, check_name(member.name)),
                (FlawKind.SPECIAL, special_kind(member)),
                (FlawKind.UNREADABLE, unreadable(member)),
                (FlawKind.DUPLICATE, "is there twice" if name in seen else None),
            ):
                if reason:
                    self._object(kind, reason, member.name)
            seen[name] = None
        files = {member.name for member in members if not member.is_folder}
        folders = {name: name.rpartition("/")[0] for name in seen}
        clashes = {folder: _file_in(folder, files) for folder in set(folders.values())}
        for name, folder in folders.items():
            if clash := clashes[folder]:
                reason = f"lies below {clash!r}, which is a file"
                self._object(FlawKind.TWO_READINGS, reason, name)

    def _check_sizes(self, members: list[Member]) -> None:
        limits = self._limits
        if sum(member.size for member in members) > limits.size:
            raise self._broken(f"it unpacks to more than {limits.size:,} bytes")
        for member in members:
            if member.size > limits.free_size and member.size > member.packed * limits.ratio:
                raise self._refuse(
                    member.name, f"unpacks to more than {limits.ratio} times its size"
                )

    def _prefix(self, length: int, *, allowed: bool) -> int:
        """Where the first member must begin: at 0, or behind a line ``#!…``."""
        if not length or not allowed:
            return 0
        line = self._bytes[: min(length, 4096)]
        return length if line.startswith(b"#!") and line.find(b"\n") == length - 1 else 0

    def _local(self, member: Member) -> Member | None:
        """``member`` with the place of its data; its local header says what the directory says."""
        name_at = member.header + _LOCAL.size
        data = self._bytes[member.header : name_at]
        if len(data) != _LOCAL.size or data[:4] != b"PK\3\4":
            self._object(FlawKind.TWO_READINGS, "has no local header", member.name)
            return None
        _, _, flags, method, _, _, crc, packed, size, name_len, extra_len = _LOCAL.unpack(data)
        extra_at = name_at + name_len
        start = extra_at + extra_len
        name = self._name(self._bytes[name_at:extra_at])
        extra = self._extra(name, self._bytes[extra_at:start]) if extra_len else {}
        size, packed = self._zip64(name, extra, (size, packed))
        told = (crc, packed, size)
        if (name, method, flags) != (member.name, member.method, member.flags):
            reason = "differs between its local header and the directory"
            self._object(FlawKind.TWO_READINGS, reason, member.name)
        unsaid = ((0, 0, 0), (crc, 0, 0)) if flags & FLAG_DESCRIPTOR else ()
        if told != (member.crc, member.packed, member.size) and told not in unsaid:
            reason = "has another size or CRC in its local header"
            self._object(FlawKind.TWO_READINGS, reason, member.name)
        return Member(*member[:-1], start)

    def _after(self, member: Member) -> int:
        """Where ``member`` ends, a data descriptor included."""
        end = member.start + member.packed
        if not member.flags & FLAG_DESCRIPTOR:
            return end
        data = self._bytes[end : end + 24]
        for layout, signature in itertools.product(("<3L", "<L2Q"), (b"PK\7\x08", b"")):
            try:
                told = signature + struct.pack(layout, member.crc, member.packed, member.size)
            except struct.error:  # a size that needs the wide layout
                continue
            if data.startswith(told):
                return end + len(told)
        reason = "has a data descriptor that differs from the directory"
        self._object(FlawKind.TWO_READINGS, reason, member.name)
        return end


def _file_in(path: str, files: Collection[str]) -> str | None:
    """The first part of ``path``, or all of it, that is one of ``files``."""
    parts = itertools.accumulate(path.split("/"), lambda a, b: f"{a}/{b}")
    return next((part for part in parts if part in files), None)


def _pieces(packed: Iterator[bytes], unpack: "zlib._Decompress | None") -> Iterator[bytes]:
    for data in packed:
        left = data
        while left:
            yield left if unpack is None else unpack.decompress(left, _CHUNK * 4)
            left = b"" if unpack is None else unpack.unconsumed_tail
    if unpack is not None:
        yield unpack.flush()

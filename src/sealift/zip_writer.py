"""Zip files written with all CPUs at work: members are deflated side by side, and lie in order.

:mod:`zipfile` compresses one member after the other with zlib, which is most of what writing a
wheel takes; libdeflate takes a third of it for fewer bytes.  The same members give the same bytes.
Format: APPNOTE.TXT 6.3.10 (PKWARE), without zip64.
"""

import struct
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from deflate import crc32, deflate_compress

from sealift.epoch import EARLIEST, source_epoch
from sealift.errors import OutputError
from sealift.target import cpu_count
from sealift.zipmember import DEFLATED, FLAG_UTF8, STORED

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION, _UNIX = 20, 3 << 8  # 2.0 is what deflate needs
_LARGEST, _MOST, _LONGEST = 0xFFFFFFFE, 0xFFFE, 0xFFFF

When = tuple[int, int, int, int, int, int]
_LATEST = 4354819198  # 2107-12-31, 23:59:58


@dataclass(frozen=True, slots=True)
class NewMember:
    """A file to write: its bytes are read when its turn comes."""

    name: str
    mode: int
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Written:
    """A member as it was written: ``size`` bytes that CRC-32 ``crc`` belongs to."""

    member: NewMember
    method: int
    crc: int
    size: int
    packed: bytes | bytearray


def source_time() -> When:
    """The time that members are given; a zip file knows none before 1980 or after 2107."""
    moment = time.gmtime(min(max(source_epoch(), EARLIEST), _LATEST))
    return moment[:6]


def write_zip(
    path: Path,
    members: Iterable[NewMember],
    *,
    last: Callable[[], NewMember] | None = None,
    when: When,
    level: int,
) -> None:
    """Write ``members`` to the new file ``path``, all with time ``when``.

    ``last`` gives one more when all others have been read, such as a list of them.  Raises
    :class:`OutputError` for what a zip file without extensions cannot hold, and for two members of
    one name.  No file is left where it fails.
    """
    with path.open("xb") as out:
        try:
            with ThreadPoolExecutor(cpu_count()) as pool:
                _write(out, _packed(members, last, level, pool), when)
        except BaseException:
            path.unlink()
            raise


def _write(out: BinaryIO, members: Iterable[Written], when: When) -> None:
    directory = bytearray()
    names: set[bytes] = set()
    for written in members:
        name = written.member.name.encode()
        start = out.tell()
        _check(out, name, names, written.size)
        names.add(name)
        common = _common(written, name, when)
        out.write(_LOCAL.pack(b"PK\3\4", *common))
        out.write(name)
        out.write(written.packed)
        attributes = (0o100000 | written.member.mode) << 16
        directory += _CENTRAL.pack(b"PK\1\2", _UNIX | _VERSION, *common, 0, 0, 0, attributes, start)
        directory += name
    start, count = out.tell(), len(names)
    if start + len(directory) > _LARGEST:
        raise _too_much(out)
    out.write(directory)
    out.write(_END.pack(b"PK\5\6", 0, 0, count, count, len(directory), start, 0))


def _check(out: BinaryIO, name: bytes, names: AbstractSet[bytes], size: int) -> None:
    """Raise for a member that cannot be written where ``out`` is."""
    if name in names:
        raise OutputError(f"cannot write {_name(out)}: {name.decode()!r} is there twice")
    if max(out.tell(), size) > _LARGEST or len(names) >= _MOST or len(name) > _LONGEST:
        raise _too_much(out)


def _too_much(out: BinaryIO) -> OutputError:
    return OutputError(
        f"cannot write {_name(out)}: it has more than a zip file without extensions can hold "
        f"({_LARGEST:,} bytes, {_MOST:,} files, names of {_LONGEST:,} bytes)",
        hint="split what is in it into several",
    )


def _name(out: BinaryIO) -> str:
    return Path(out.name).name


def _common(written: Written, name: bytes, when: When) -> tuple[int, ...]:
    """The fields that local header and directory share, in their order."""
    year, month, day, hour, minute, second = when
    return (
        _VERSION,
        0 if name.isascii() else FLAG_UTF8,
        written.method,
        hour << 11 | minute << 5 | second // 2,
        (year - 1980) << 9 | month << 5 | day,
        written.crc,
        len(written.packed),
        written.size,
        len(name),
        0,
    )


def _packed(
    members: Iterable[NewMember],
    last: Callable[[], NewMember] | None,
    level: int,
    pool: ThreadPoolExecutor,
) -> Iterator[Written]:
    """Members in order, a few of them at work ahead: not all content at once in memory."""
    waiting: deque[Future[Written]] = deque()
    for member in members:
        waiting.append(pool.submit(_pack, member, level))
        if len(waiting) > 2 * cpu_count():
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
    if last:
        yield _pack(last(), level)


def _pack(member: NewMember, level: int) -> Written:
    data = member.read()
    packed = deflate_compress(data, level)
    if len(packed) >= len(data):
        return Written(member, STORED, crc32(data), len(data), data)
    return Written(member, DEFLATED, crc32(data), len(data), packed)

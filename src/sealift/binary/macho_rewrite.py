"""Writing Mach-O files anew: other load commands in the same place, slices of other sizes.

Code cannot be moved, as it is linked to where it lies; so load commands have what room the linker
left behind them, plus that of commands which no loader reads.
"""

import struct
from collections.abc import Iterator, Sequence

from sealift.binary.macho_layout import MOST_ALIGN, Commands, fat_layout, is_fat, read_fat
from sealift.binary.view import View
from sealift.errors import BinaryFormatError

_LC_SOURCE_VERSION = 0x2A
# Tables that tools read; without one and with an empty one is the same.
_TABLES = {0x29, 0x2B, 0x2E}  # data in code, signing requirements, optimisation hints


def command_limit(commands: Commands) -> int:
    """Bytes that load commands may take in place."""
    return commands.header.commands_size + commands.room()


def lacking(commands: Commands, wanted: Sequence[bytes]) -> int:
    """Bytes by which the load commands ``wanted`` are too long for a slice; 0 when they fit."""
    needed = sum(map(len, _needed(commands, wanted)))
    return max(0, needed - command_limit(commands))


def with_commands(commands: Commands, wanted: Sequence[bytes]) -> bytes:
    """The slice of ``commands`` with the load commands ``wanted`` instead.

    Raises as :func:`head_with` does.
    """
    head = head_with(commands, wanted)
    return head + commands.part.content(len(head), commands.part.size - len(head))


def head_with(commands: Commands, wanted: Sequence[bytes]) -> bytes:
    """The beginning of that slice: all in which it differs.

    Commands without which loaders do as well are left out when there is no room otherwise.  Raises
    :class:`BinaryFormatError` with the bytes that lack.
    """
    part, header = commands.part, commands.header
    if (lack := lacking(commands, wanted)) > 0:
        raise BinaryFormatError(
            f"cannot edit {part.name}: {lack} bytes lack for its load commands",
            hint="use shorter names, such as @loader_path/x.dylib, or link it with "
            "-Wl,-headerpad_max_install_names",
        )
    if sum(map(len, wanted)) > command_limit(commands):
        wanted = _needed(commands, wanted)
    body = b"".join(wanted)
    head = bytearray(part.content(0, header.size))
    struct.pack_into(f"{header.order}II", head, 16, len(wanted), len(body))
    out = bytes(head) + body
    return out + bytes(max(0, header.size + header.commands_size - len(out)))


def _needed(commands: Commands, wanted: Sequence[bytes]) -> list[bytes]:
    return [raw for raw in wanted if not _is_idle(commands.header.order, raw)]


def _is_idle(order: str, raw: bytes) -> bool:
    """Whether the command ``raw`` can be left out and nothing will go another way."""
    (kind,) = struct.unpack_from(f"{order}I", raw)
    if kind in _TABLES and len(raw) == 16:
        return struct.unpack_from(f"{order}I", raw, 12) == (0,)
    return bool(kind == _LC_SOURCE_VERSION)


def with_slices(view: View, contents: Sequence[bytes]) -> bytes:
    """The file in ``view`` with ``contents`` for its slices, static libraries not counted."""
    if not is_fat(view):
        (content,) = contents
        return content
    magic, count = view.unpack(">II", 0)
    layout = fat_layout(magic)
    entry = struct.calcsize(layout)
    head = bytearray(view.data[: 8 + count * entry])
    pieces, at = [], len(head)
    for index, (align, content) in enumerate(_all_slices(view, contents)):
        if align > MOST_ALIGN:
            raise view.broken(f"a slice is aligned to 2 to the power of {align}")
        gap = -at % (1 << align)
        values = list(struct.unpack_from(layout, head, 8 + index * entry))
        values[2:4] = at + gap, len(content)
        if at + gap + len(content) >= 1 << 32 and entry == struct.calcsize(fat_layout(0)):
            raise view.broken("it would be too large for its header")
        struct.pack_into(layout, head, 8 + index * entry, *values)
        pieces += [bytes(gap), content]
        at += gap + len(content)
    return b"".join([bytes(head), *pieces])


def _all_slices(view: View, contents: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    changed = iter(contents)
    for piece in read_fat(view):
        archive = piece.part.content(0, piece.part.size) if piece.is_archive else None
        yield piece.align, next(changed) if archive is None else archive

"""Edits of Mach-O files, recorded first and applied once: install names and run paths.

What changes are load commands, in every slice, in the room the linker left behind them; all other
bytes stay as they are.  As that breaks signatures, what was signed is signed again, ad hoc: see
:mod:`.macho_sign`.  Same input, same bytes.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sealift.binary.macho_layout import (
    DEPENDENCY_COMMANDS,
    LC_ID_DYLIB,
    LC_RPATH,
    Command,
    Commands,
    read_slices,
)
from sealift.binary.macho_rewrite import lacking as lacking_in_slice
from sealift.binary.macho_rewrite import with_commands, with_slices
from sealift.binary.macho_sign import resigned
from sealift.binary.view import View
from sealift.binary.writing import write_whole
from sealift.errors import BinaryFormatError


@dataclass(frozen=True, slots=True, kw_only=True)
class MachoEdit:
    """What is to change in a file; one that says nothing changes nothing.

    ``renamed`` maps install names of libraries that the file asks for to their new ones.
    ``rpaths`` maps run paths to their new ones, ``None`` removes one; ``added_rpaths`` come after
    all others.  A run path that is there twice, or also with a slash behind it, stays once: new
    loaders refuse such files.
    """

    install_name: str | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    rpaths: Mapping[str, str | None] = field(default_factory=dict)
    added_rpaths: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        return self == MachoEdit()


def edit(source: Path, out: Path, change: MachoEdit) -> None:
    """Write ``source`` with ``change`` to ``out``, which may be the same; the mode is kept.

    Slices that are signed, or are for a CPU that runs nothing unsigned, are signed ad hoc; the
    certificate and the entitlements of an older signature are lost.  Raises
    :class:`BinaryFormatError` when the file is damaged, when no slice has what is to be changed,
    or when the load commands have no room, with the bytes that lack.
    """
    data = source.read_bytes()
    changed = edited(data, change, source.name)
    if changed != data:
        changed = resigned(changed, source.name)
    write_whole(out, changed, source.stat().st_mode & 0o7777)


def edited(data: bytes, change: MachoEdit, name: str = "the file") -> bytes:
    """``data``, a Mach-O file, with ``change``; signatures are left as they are, and do not fit."""
    if change.is_empty:
        return data
    view = View(data, name)
    slices = [_Editor(Commands(piece.part), change) for piece in read_slices(view)]
    _refuse_impossible(name, slices, change)
    if any(piece.is_cut for piece in read_slices(view)):
        raise view.broken("it has been cut off")
    return with_slices(view, [with_commands(one.commands, one.wanted) for one in slices])


def lacking(data: bytes, change: MachoEdit, name: str = "the file") -> int:
    """Bytes that lack in the slice of ``data`` with the least room for ``change``; 0 if it fits."""
    slices = [_Editor(Commands(piece.part), change) for piece in read_slices(View(data, name))]
    return max((lacking_in_slice(one.commands, one.wanted) for one in slices), default=0)


class _Editor:
    """The load commands that a slice is to have, and what of the edit it had use for."""

    def __init__(self, commands: Commands, change: MachoEdit) -> None:
        self.commands = commands
        self.renamed: set[str] = set()
        self.searched: set[str] = set()
        self.is_library = False
        self._change = change
        self._rpaths: set[str] = set()
        self.wanted = [raw for command in commands.all if (raw := self._changed(command))]
        self.wanted += [raw for path in change.added_rpaths if (raw := self._rpath(path))]

    def _changed(self, command: Command) -> bytes:
        """``command`` as it is to be, empty when it is to go."""
        raw = self.commands.part.content(command.offset, command.size)
        if command.kind == LC_ID_DYLIB:
            self.is_library = True
            if self._change.install_name is not None:
                return self._with_text(raw, self._change.install_name)
        elif command.kind in DEPENDENCY_COMMANDS:
            old = self.commands.text(command)
            if old in self._change.renamed:
                self.renamed.add(old)
                return self._with_text(raw, self._change.renamed[old])
        elif command.kind == LC_RPATH:
            old = self.commands.text(command)
            path = self._change.rpaths.get(old, old)
            self.searched.add(old)
            if path is None or self._is_there(path):
                return b""
            return self._with_text(raw, path) if path != old else raw
        return raw

    def _rpath(self, path: str) -> bytes:
        """A command for the run path ``path``, empty when the slice has it."""
        if self._is_there(path):
            return b""
        return self._with_text(
            struct.pack(f"{self.commands.header.order}III", LC_RPATH, 0, 12), path
        )

    def _is_there(self, path: str) -> bool:
        seen = path.rstrip("/") in self._rpaths
        self._rpaths.add(path.rstrip("/"))
        return seen

    def _with_text(self, raw: bytes, text: str) -> bytes:
        """The command ``raw`` with ``text`` for its string, padded as its class wants it."""
        header = self.commands.header
        (offset,) = struct.unpack_from(f"{header.order}I", raw, 8)
        if offset < 12:
            raise self.commands.part.broken("a name lies within the head of its load command")
        body = raw[:offset] + text.encode("utf-8", "surrogateescape") + b"\0"
        body += bytes(-len(body) % (header.bits // 8))
        return body[:4] + struct.pack(f"{header.order}I", len(body)) + body[8:]


def _refuse_impossible(name: str, slices: Sequence[_Editor], change: MachoEdit) -> None:
    for problem in _problems(slices, change):
        raise BinaryFormatError(f"cannot edit {name}: {problem}")


def _problems(slices: Sequence[_Editor], change: MachoEdit) -> Iterator[str]:
    texts = (change.install_name, *change.renamed.values(), *change.rpaths.values())
    if any(
        text is not None and (not text or "\0" in text) for text in (*texts, *change.added_rpaths)
    ):
        yield "a name is empty or holds a NUL"
    for old in change.renamed:
        if not any(old in one.renamed for one in slices):
            yield f"it does not ask for {old}"
    for old in change.rpaths:
        if not any(old in one.searched for one in slices):
            yield f"it has no run path {old}"
    if change.install_name is not None and not any(one.is_library for one in slices):
        yield "it is no library that could have an install name"

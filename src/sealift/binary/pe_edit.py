"""Edits of PE files, recorded first and applied once: the DLLs it asks for, load flags, traces.

A name is overwritten where the new one is no longer, and otherwise lies elsewhere: see
:mod:`.pe_room`.  All else keeps its place, but for the signature, which no longer fits and is
dropped.  The result is read again, and one that does not say what was asked is an error.  Same
input, same bytes.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sealift.binary.pe import PeFacts, facts_of
from sealift.binary.pe_checksum import checksum, checksum_offset
from sealift.binary.pe_config import LoadConfig
from sealift.binary.pe_debug import debug_entries, pdb_span
from sealift.binary.pe_forwards import Forwards
from sealift.binary.pe_layout import BOUND_IMPORTS, CERTIFICATES, DIRECTORY_SIZE, EXPORTS, Image
from sealift.binary.pe_room import add
from sealift.binary.pe_tables import Library, read_exports, read_libraries, with_suffix
from sealift.binary.view import View
from sealift.binary.writing import write_whole
from sealift.errors import BinaryFormatError

_SIGNATURE_ALIGN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PeEdit:
    """What is to change in a file; one that says nothing changes nothing.

    ``renamed`` maps DLLs the file asks for to their new names, wherever it names them: in imports,
    delay imports and forwarded exports.  Case and a missing ``.dll`` do not matter.

    ``clears_load_flags``: imports are searched where the loading program says, not only where the
    file does (/DEPENDENTLOADFLAG).  ``clears_traces``: no time stamps, and of the path of the PDB
    only the last part, as far as the building machine's show.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    clears_load_flags: bool = False
    clears_traces: bool = False

    @property
    def is_empty(self) -> bool:
        return self == PeEdit()


def edit(source: Path, out: Path, change: PeEdit) -> None:
    """Write ``source`` with ``change`` to ``out``, which may be the same; the mode is kept.

    An edit that would change nothing leaves all bytes, and with them the signature.  Raises
    :class:`BinaryFormatError` when the file is damaged, when it does not ask for a DLL that is to
    be renamed, when it has no room, when Windows would load it only signed, or when data is
    appended to it that could not stay at its place.
    """
    write_whole(
        out, edited(source.read_bytes(), change, source.name), source.stat().st_mode & 0o7777
    )


def edited(data: bytes, change: PeEdit, name: str = "the file") -> bytes:
    """``data``, a PE file, with ``change``.

    Of a file for two machines (arm64x) that what programs for its own machine see is changed.
    """
    if change.is_empty:
        return data
    view = View(data, name)
    before = facts_of(view)
    names = {with_suffix(old).lower(): new for old, new in change.renamed.items()}
    for problem in _problems(before, change, names):
        raise BinaryFormatError(f"cannot edit {name}: {problem}")
    editor = _Editor(Image(view))
    if change.clears_load_flags:
        editor.clear_load_flags()
    if change.clears_traces:
        editor.clear_traces(keeps_times=before.is_reproducible)
    if names:
        editor.rename(names)
    result = editor.result()
    if result != data:
        _check(name, facts_of(View(result, name)), before, names)
    return result


def _problems(facts: PeFacts, change: PeEdit, names: Mapping[str, str]) -> Iterator[str]:
    if facts.is_truncated:
        yield "it has been cut off"
    if facts.forces_integrity and facts.signature:
        yield "Windows loads it only with its signature, which would not fit (/INTEGRITYCHECK)"
    asked = {with_suffix(one).lower() for one in facts.needed}
    for old, new in change.renamed.items():
        if with_suffix(old).lower() not in asked:
            yield f"it does not ask for {old}"
        if names[with_suffix(old).lower()] != new:
            yield f"{old} is to have two new names"
        # Windows takes other letters to be of the code page of the machine it runs on.
        if not new or not new.isascii() or not new.isprintable():
            yield f"the name {new!r} is empty, or not of printable ASCII"


class _Editor:
    """A file that is being edited: as it was, and as it will be."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._end = _unsigned_end(image)
        self._out = bytearray(image.view.data[: self._end])

    def clear_load_flags(self) -> None:
        """Let imports be searched as usual."""
        if at := LoadConfig(self._image).load_flags_at:
            self._put(at, bytes(2))

    def clear_traces(self, *, keeps_times: bool) -> None:
        """Clear time stamps, unless they are hashes, and the folder of the PDB."""
        stamps = [self._image.header.offset + 8]
        if exports := read_exports(self._image):
            stamps.append(exports.at + 4)
        for entry in debug_entries(self._image):
            stamps.append(entry.at + 4)
            if span := pdb_span(self._image, entry):
                path = _raw(self._image.view.text(*span))
                last = path.replace(b"/", b"\\").rpartition(b"\\")[2]
                self._put(span[0], last.ljust(len(path), b"\0"))
        for at in stamps if not keeps_times else ():
            self._put(at, bytes(4))

    def rename(self, names: Mapping[str, str]) -> None:
        """Rename what is asked for, by names as the loader completes them, in lower case."""
        image = self._image
        rows: dict[bytes, list[Library]] = {}
        for library in read_libraries(image):
            self._unbind(library)
            new = names.get(with_suffix(library.name).lower())
            if new is not None and not self._overwrite(library, new.encode()):
                rows.setdefault(new.encode() + b"\0", []).append(library)
        self._drop_bound_imports()
        forwards = Forwards(image, names)
        for at, text in forwards.in_place():
            self._put(at, text)
        moved = forwards.moved(self._out)
        pieces = [*rows, *([moved.content] if moved else [])]
        addresses = add(image, self._out, pieces) if pieces else ()
        for address, libraries in zip(addresses, rows.values(), strict=False):
            for library in libraries:
                self._put_number(library.pointer, library.base + address)
        if moved:
            self._move_exports(addresses[-1], len(moved.content))
            for at, into in moved.entries:
                self._put_number(at, addresses[-1] + into)

    def result(self) -> bytes:
        """The whole file, without its signature unless nothing has changed."""
        data, header = bytes(self._image.view.data), self._image.header
        if self._out == data[: self._end]:
            return data
        if self._image.certificates != (0, 0):
            self._put(self._directory(CERTIFICATES), bytes(DIRECTORY_SIZE))
        if header.checksum:
            self._put_number(checksum_offset(header), checksum(self._out, header))
        return bytes(self._out)

    def _overwrite(self, library: Library, new: bytes) -> bool:
        """Put ``new`` where the name of ``library`` is, if it is no longer."""
        size = len(_raw(library.name))
        if len(new) > size:
            return False
        self._put(self._image.offset(library.address), new.ljust(size, b"\0"))
        return True

    def _unbind(self, library: Library) -> None:
        """Make nothing of what a linker knew of one certain build of the DLL."""
        if library.is_delayed:
            self._put(library.pointer + 24, bytes(4))  # its time stamp
        else:
            self._put(library.pointer - 8, bytes(8))  # the same, and the first forwarder

    def _drop_bound_imports(self) -> None:
        table, size = self._image.directory(BOUND_IMPORTS)
        if not table:
            return
        self._put(self._directory(BOUND_IMPORTS), bytes(DIRECTORY_SIZE))
        # They lie where the header of a new section has to go.
        if self._image.header.sections_end <= table <= table + size <= self._image.header.size:
            self._put(table, bytes(size))

    def _move_exports(self, address: int, size: int) -> None:
        self._put(self._directory(EXPORTS), struct.pack("<II", address, size))

    def _directory(self, index: int) -> int:
        return self._image.header.directories + index * DIRECTORY_SIZE

    def _put_number(self, at: int, number: int) -> None:
        self._put(at, struct.pack("<I", number))

    def _put(self, at: int, content: bytes) -> None:
        if at + len(content) > len(self._out):
            raise self._image.view.broken("its tables leave its sections")
        self._out[at : at + len(content)] = content


def _unsigned_end(image: Image) -> int:
    """Offset behind what is not signature, nor padding in front of it."""
    data, (offset, size) = image.view.data, image.certificates
    if not size:
        return len(data)
    if offset < image.image_end:
        raise image.view.broken("its signature lies within its sections")
    rest = data[offset + size : offset + size + _SIGNATURE_ALIGN]
    if any(rest) or len(rest) == _SIGNATURE_ALIGN:
        msg = f"cannot edit {image.view.name}: data that would move is appended to its signature"
        raise BinaryFormatError(msg, hint="edit it first, then sign it and append to it")
    start = image.image_end
    if offset - start < _SIGNATURE_ALIGN and not any(data[start:offset]):
        return start
    return offset


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _check(name: str, found: PeFacts, before: PeFacts, names: Mapping[str, str]) -> None:
    """Read what was written as a loader will."""

    def renamed(libraries: tuple[str, ...]) -> list[str]:
        return [names.get(with_suffix(one).lower(), one) for one in libraries]

    def size(overlay: tuple[int, int] | None) -> int:
        return overlay[1] if overlay else 0

    pairs = {
        "imports": (renamed(before.imports), [*found.imports]),
        "delay imports": (renamed(before.delay_imports), [*found.delay_imports]),
        "forwards": (_folded(renamed(before.forwards)), _folded(found.forwards)),
        "name": (before.name, found.name),
        "appended data": (size(before.overlay), size(found.overlay)),
        "signature": (None, found.signature),
    }
    for what, (wanted, got) in pairs.items():
        if wanted != got:
            raise BinaryFormatError(f"cannot edit {name}: its {what} would be {got}, not {wanted}")


def _folded(libraries: Iterable[str]) -> set[str]:
    return {with_suffix(library).lower() for library in libraries}

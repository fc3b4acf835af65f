"""Exports that are forwarded to other DLLs, pointed to these by their new names.

An export is a forward because its address lies within the export table ("Export Address Table" of
Microsoft's "PE Format" specification).  So longer texts need a new table; what its head points to,
names, numbers and addresses, stays where it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sealift.binary.pe_layout import Image
from sealift.binary.pe_tables import EXPORT_SIZE, forwarded_library, read_exports


@dataclass(frozen=True, slots=True)
class MovedExports:
    """A new export table; ``entries`` are (offset of an address, what it lies into the table)."""

    content: bytes
    entries: tuple[tuple[int, int], ...]


class Forwards:
    """The forwards of an image, and what they are to be by the new ``names`` of DLLs."""

    def __init__(self, image: Image, names: Mapping[str, str]) -> None:
        self._image = image
        self._exports = read_exports(image)
        forwarded = self._exports.forwarded if self._exports else ()
        self._texts = [(at, _raw(text), _raw(_renamed(text, names))) for at, text in forwarded]
        self._fit = all(len(new) <= len(old) for _, old, new in self._texts)

    def in_place(self) -> Iterator[tuple[int, bytes]]:
        """Offsets and new bytes of texts that change, if none is too long for its place."""
        for at, old, new in self._texts if self._fit else ():
            if new != old:
                (address,) = self._image.view.unpack("<I", at)
                yield self._image.offset(address), new.ljust(len(old), b"\0")

    def moved(self, data: bytearray) -> MovedExports | None:
        """The table with the head it has in ``data`` and all texts, if one is too long."""
        if self._fit or not self._exports:
            return None
        content = data[self._exports.at : self._exports.at + EXPORT_SIZE]
        places: dict[bytes, int] = {}
        for _, _, text in self._texts:
            if text not in places:
                places[text] = len(content)
                content += text + b"\0"
        return MovedExports(bytes(content), tuple((at, places[new]) for at, _, new in self._texts))


def _renamed(text: str, names: Mapping[str, str]) -> str:
    new = names.get(forwarded_library(text).lower())
    if new is None:
        return text
    stem = new[:-4] if new.lower().endswith(".dll") else new
    # Loaders complete a name that has no dot; they split off the symbol at the last one.
    library = new if "." in stem else stem
    return f"{library}.{text.rpartition('.')[2]}"


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

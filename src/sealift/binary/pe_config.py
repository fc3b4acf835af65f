"""The load configuration of a PE file: what it asks of the loader beyond its headers.

Format: "The Load Configuration Structure" of Microsoft's "PE Format" specification, and
IMAGE_LOAD_CONFIG_DIRECTORY of the Windows SDK.
"""

import struct

from sealift.binary.pe_layout import LOAD_CONFIG, Image


class LoadConfig:
    """The fields that are told: it has grown with each Windows, and begins with its size."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._table, _ = image.directory(LOAD_CONFIG)
        self._size = image.unpack("<I", self._table)[0] if self._table else 0

    @property
    def load_flags(self) -> int:
        """Where imports are searched (LOAD_LIBRARY_SEARCH_*), 0 for as usual."""
        return self._image.view.unpack("<H", at)[0] if (at := self.load_flags_at) else 0

    @property
    def load_flags_at(self) -> int | None:
        """Offset of the load flags."""
        return self._offset("<H", 54, 78)

    @property
    def has_handlers(self) -> bool:
        """Whether it lists its exception handlers, as only x86 asks for; the list may be empty."""
        at = self._offset("<I", 64, None)
        return at is not None and self._image.view.unpack("<I", at) != (0,)

    @property
    def is_hybrid(self) -> bool:
        """Whether it has code for two machines (CHPE metadata)."""
        at = self._offset("<Q", None, 200)
        return at is not None and self._image.view.unpack("<Q", at) != (0,)

    def _offset(self, layout: str, plain: int | None, plus: int | None) -> int | None:
        """Where a field lies, that is at ``plain`` in PE32 and at ``plus`` in PE32+."""
        into = plus if self._image.header.bits == 64 else plain
        size = struct.calcsize(layout)
        if into is None or into + size > self._size:
            return None
        return self._image.offset(self._table + into, size)

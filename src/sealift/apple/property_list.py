"""Property lists that others wrote, which may be damaged in any way."""

import plistlib
from typing import Any
from xml.parsers.expat import ExpatError

from sealift.errors import BinaryFormatError

# What plistlib lets through for bytes that are no property list.
_DAMAGED = (ValueError, TypeError, AttributeError, LookupError, RecursionError, ExpatError)


def read_table(data: bytes, name: str) -> dict[str, Any]:
    """The table that the property list ``name`` is.

    Raises :class:`BinaryFormatError` where it is damaged, or something else.
    """
    try:
        told = plistlib.loads(data)
    except _DAMAGED as problem:
        raise BinaryFormatError(f"cannot read {name}: it is no property list") from problem
    if not isinstance(told, dict):
        raise BinaryFormatError(f"cannot read {name}: it is no table")
    return told

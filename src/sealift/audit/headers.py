"""Header fields of METADATA and WHEEL."""

import re
from collections.abc import Mapping

_NOTHING = re.compile(r"(?:From .*\n)?(?:[ \t].*\n?)*")  # an envelope, the rest of no field
_FIELD = re.compile(r"([!-9;-~]*):(.*(?:\n[ \t].*)*)\n?")


def read_headers(text: str) -> Mapping[str, tuple[str, ...]]:
    r"""The values of each field, by its name in small letters, as ``email.parser`` reads them.

    To import that would take a good part of the time of an audit.

    >>> read_headers("Tag: py3-none-any\ntag: py2-none-any\n\nTag: of the body")
    {'tag': ('py3-none-any', 'py2-none-any')}
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found: dict[str, tuple[str, ...]] = {}
    match = _NOTHING.match(text)
    while match and (match := _FIELD.match(text, match.end())):
        key = match[1].lower()
        found[key] = (*found.get(key, ()), match[2].strip())
    return found

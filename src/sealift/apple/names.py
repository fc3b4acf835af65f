"""Names of files as a Mac tells them apart."""

import unicodedata
from collections.abc import Iterable

from sealift.errors import OutputError


def check_names(paths: Iterable[str]) -> None:
    """Raise :class:`OutputError` where two of ``paths``, or folders of theirs, are one on a Mac.

    It ignores case, and how accents are written.
    """
    seen: dict[str, str] = {}
    for path in paths:
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            name = "/".join(parts[:end])
            key = unicodedata.normalize("NFD", name).casefold()
            other = seen.setdefault(key, name)
            if other != name:
                raise OutputError(
                    f"cannot write {name} beside {other}: a Mac takes both for the same file",
                    hint="rename one of them in its distribution",
                )

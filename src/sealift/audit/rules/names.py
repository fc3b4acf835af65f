"""Members whose names some systems cannot tell apart."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator

from sealift.audit.finding import Finding
from sealift.audit.inventory import Inventory
from sealift.audit.subject import Kind
from sealift.audit.verdict import Verdict

# What is unpacked on machines of any system.
_ANYWHERE = {Kind.WHEEL, Kind.SDIST}


def alike_names(inventory: Inventory, _: Verdict) -> Iterator[Finding]:
    """Names that differ in case, or in how an accent is written, only."""
    if inventory.kind not in _ANYWHERE:
        return
    alike: dict[str, dict[str, None]] = defaultdict(dict)
    for path in inventory.members:
        alike[unicodedata.normalize("NFC", path).casefold()][path] = None
    for first, *others in alike.values():
        for other in others:
            message = f"Windows and macOS take it for {first!r}"
            yield Finding(rule="alike-members", message=message, file=other)


def nothing(inventory: Inventory, _: Verdict) -> Iterator[Finding]:
    """A subject without any file, and without a reason for that."""
    if not inventory.members and not inventory.problems:
        message = f"there is no file in this {inventory.kind}"
        yield Finding(rule="nothing-in-it", message=message)

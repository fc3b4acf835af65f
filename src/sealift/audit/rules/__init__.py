"""The rules: each a function that yields what it finds in an inventory; one family a module."""

from collections.abc import Callable, Iterator

from sealift.audit.finding import Finding
from sealift.audit.inventory import Inventory
from sealift.audit.verdict import Verdict

Check = Callable[[Inventory, Verdict], Iterator[Finding]]

RULES: tuple[Check, ...] = ()

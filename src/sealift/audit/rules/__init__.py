"""The rules: each a function that yields what it finds in an inventory; one family a module."""

from collections.abc import Callable, Iterator

from sealift.audit.finding import Finding
from sealift.audit.inventory import Inventory
from sealift.audit.rules.abi3 import libpython, stable_abi
from sealift.audit.rules.cpu import cpu_levels
from sealift.audit.rules.externals import externals
from sealift.audit.rules.grafts import grafts
from sealift.audit.rules.hardening import hardening
from sealift.audit.rules.loads import loads
from sealift.audit.rules.machine import machines, page_sizes, suffixes
from sealift.audit.rules.metadata import claims, wheel_metadata
from sealift.audit.rules.names import alike_names, nothing
from sealift.audit.rules.search import search_paths
from sealift.audit.rules.startup import code_at_start
from sealift.audit.verdict import Verdict

Check = Callable[[Inventory, Verdict], Iterator[Finding]]

RULES: tuple[Check, ...] = (
    claims,
    externals,
    wheel_metadata,
    machines,
    suffixes,
    page_sizes,
    cpu_levels,
    stable_abi,
    libpython,
    search_paths,
    hardening,
    loads,
    grafts,
    code_at_start,
    alike_names,
    nothing,
)

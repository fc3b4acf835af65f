"""Code for newer CPUs than a platform tag promises, run whatever the CPU is."""

from collections.abc import Iterator

from sealift.audit.finding import Finding
from sealift.audit.inventory import Inventory
from sealift.audit.verdict import Verdict

_BROUGHT = {2: "SSE4.2 and POPCNT (2008)", 3: "AVX2 (2013)", 4: "AVX-512 (2017)"}


def cpu_levels(inventory: Inventory, _: Verdict) -> Iterator[Finding]:
    """Files that need more than x86-64-v1, which is all that tags for x86_64 promise."""
    for native in inventory.natives:
        baseline = native.x86
        if baseline is None or baseline.level < 2:
            continue
        grounds = "its note says" if baseline.is_declared else "its code looks like"
        brought = _BROUGHT[baseline.level]
        yield Finding(
            rule="needs-x86-64-v2" if baseline.level == 2 else "needs-newer-cpu",
            message=f"{grounds} x86-64-v{baseline.level}, which is {brought} and more",
            file=native.path,
            details={
                "level": baseline.level,
                "declared": baseline.is_declared,
                "functions": baseline.functions,
            },
        )

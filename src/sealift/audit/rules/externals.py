"""Libraries from outside that nobody is known to bring."""

from collections.abc import Iterator

from sealift.audit.finding import Finding
from sealift.audit.inventory import Inventory
from sealift.audit.subject import Kind
from sealift.audit.verdict import Verdict


def externals(inventory: Inventory, verdict: Verdict) -> Iterator[Finding]:
    """What a wheel or product needs and neither brings nor may expect."""
    if inventory.kind not in {Kind.WHEEL, Kind.PRODUCT, Kind.VENV}:
        return
    told = {
        reason.library: reason.text
        for reasons in verdict.obstacles.values()
        for reason in reasons
        if reason.is_absence
    }
    for external in verdict.externals:
        if external.is_missing:
            name = external.library
            what = told.get(name) or f"needs {name}, which no platform tag promises"
            others = external.needed_by[1:]
            users = ", ".join(others[:2])
            more = f" and {len(others) - 2} more" if others[2:] else ""
            so = f"; so do {users}{more}" if others[1:] else f"; so does {users}" if others else ""
            yield Finding(
                rule="external-library",
                message=f"it {what}{so}",
                file=external.needed_by[0] if external.needed_by else None,
                details={"library": name, "needed_by": list(external.needed_by)},
            )

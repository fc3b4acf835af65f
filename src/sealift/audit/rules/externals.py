"""Libraries from outside that no policy promises."""

from collections.abc import Iterator

from sealift.audit.finding import Finding
from sealift.audit.inventory import Inventory
from sealift.audit.subject import Kind
from sealift.audit.verdict import Verdict


def externals(inventory: Inventory, verdict: Verdict) -> Iterator[Finding]:
    """What a wheel or product needs and neither brings nor may expect."""
    if inventory.kind not in {Kind.WHEEL, Kind.PRODUCT, Kind.VENV}:
        return
    for external in verdict.externals:
        if not external.promised_by:
            others = external.needed_by[1:]
            users = ", ".join(others[:2])
            more = f" and {len(others) - 2} more" if others[2:] else ""
            so = f"; so do {users}{more}" if others[1:] else f"; so does {users}" if others else ""
            yield Finding(
                rule="external-library",
                message=f"it needs {external.library}, which no platform tag promises{so}",
                file=external.needed_by[0] if external.needed_by else None,
                details={"library": external.library, "needed_by": list(external.needed_by)},
            )

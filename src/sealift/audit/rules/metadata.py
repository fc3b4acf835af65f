"""What a wheel says of itself in two places."""

from collections.abc import Iterator

from packaging.tags import parse_tag

from sealift.audit.allowance import parse_tag as parse_asked
from sealift.audit.finding import Finding
from sealift.audit.inventory import Inventory
from sealift.audit.subject import Kind
from sealift.audit.tags import Platform, parse_platform
from sealift.audit.verdict import Reason, Verdict
from sealift.binary.elf import ElfFacts


def wheel_metadata(inventory: Inventory, _: Verdict) -> Iterator[Finding]:
    """WHEEL and METADATA are there, and WHEEL has the tags of the file name."""
    wheel = inventory.wheel
    if inventory.kind is not Kind.WHEEL or wheel is None:
        return
    if not inventory.members:  # it could not be read at all, which was said
        return
    for name in ("WHEEL", "METADATA"):
        if f"{wheel.dist_info}/{name}" not in inventory.texts:
            message = f"it has no {name} in a .dist-info folder"
            yield Finding(rule="wheel-metadata", message=message)
    told = {tag for text in wheel.inner_tags if text.count("-") == 2 for tag in parse_tag(text)}
    if wheel.inner_tags and told != wheel.tags:
        inner = ", ".join(sorted(str(tag) for tag in told - wheel.tags)) or "fewer tags"
        message = f"its WHEEL file tells {inner}, unlike its file name"
        yield Finding(
            rule="wheel-tags-differ", message=message, file=f"{wheel.dist_info}/WHEEL",
            details={"inner": sorted(map(str, told)), "outer": sorted(map(str, wheel.tags))},
        )  # fmt: skip


def claims(inventory: Inventory, verdict: Verdict) -> Iterator[Finding]:
    """Tags of the file name that the native files do not keep, and why."""
    if inventory.wheel is None or verdict.best is None or not inventory.natives:
        return
    missing = {external.library for external in verdict.externals if external.is_missing}
    told: set[Reason] = set()
    for claimed in verdict.claimed:
        platform = parse_platform(claimed)
        if platform is None:
            continue
        if platform.family == "linux":
            message = f"{claimed} says nothing of the systems it runs on"
            if verdict.best != claimed:
                message += f"; {verdict.best} would"
            yield Finding(rule="plain-linux-tag", message=message)
        elif not parse_asked(claimed).covers(verdict.best) and not _needs_no_libc(
            inventory, platform
        ):
            reasons = list(_reasons(platform, verdict))
            # Of a library that is nowhere a finding of its own tells.
            told.update(it for it in reasons if it.is_absence and it.library in missing)
            yield from _broken(claimed, [it for it in reasons if it not in told])
            told.update(reasons)
            if not reasons:
                message = f"it claims {claimed} and runs on {verdict.best}"
                yield Finding(rule="tag-not-kept", message=message, details={"tag": claimed})


def _needs_no_libc(inventory: Inventory, platform: Platform) -> bool:
    """Whether files for Linux are all complete in themselves: they serve every C library."""
    facts = [native.facts for native in inventory.natives if isinstance(native.facts, ElfFacts)]
    return platform.system == "linux" and all(it.libc is None and not it.needed for it in facts)


def _reasons(platform: Platform, verdict: Verdict) -> Iterator[Reason]:
    """What stands against ``platform``; for fat files, against a tag of one of its CPUs."""
    for tag, reasons in verdict.obstacles.items():
        other = parse_platform(tag)
        if (
            other is not None
            and (other.family, other.version) == (platform.family, platform.version)
            and set(other.cpus) & set(platform.cpus)
        ):
            yield from reasons


def _broken(claimed: str, reasons: list[Reason]) -> Iterator[Finding]:
    for reason in reasons:
        yield Finding(
            rule="tag-not-kept",
            message=f"{claimed} is out of reach: it {reason.text}",
            file=reason.file,
            chain=reason.chain,
            details=reason.details(claimed),
        )

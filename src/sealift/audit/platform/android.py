"""Verdicts for Android: the oldest API level that has all that the files ask for (PEP 738).

A file says for which level it was built; one without that note says nothing.
"""

from collections import Counter
from collections.abc import Sequence

from sealift.audit.inventory import Inventory
from sealift.audit.natives import Native
from sealift.audit.platform.elf_loading import ElfLoader, elf_facts, elf_natives
from sealift.audit.platform.loading import Loaded, load
from sealift.audit.verdict import External, Reason, Verdict
from sealift.policy.android import AndroidPolicy, android_tag, load_android

_Demand = tuple[int, Reason]


def judge(inventory: Inventory) -> Verdict:
    """The verdict on the Android files of ``inventory``: those of the ABI it claims, or most have.

    A library that no level has does not change the tag, which PEP 738 lets its builder choose: it
    is an external one that nothing promises.
    """
    claimed = inventory.wheel.platforms if inventory.wheel else ()
    policy = load_android()
    natives = [
        native
        for native in elf_natives(inventory, "android")
        if elf_facts(native).machine in policy.abis
    ]
    machine = _machine(natives, claimed, policy)
    if machine is None:
        return Verdict(best=None, claimed=claimed)
    natives = [native for native in natives if elf_facts(native).machine == machine]
    loader = ElfLoader(natives, inventory, libc="bionic", defaults=())
    loaded = load(natives, loader)
    demands = [demand for it in loaded for demand in _demands(it, policy)]
    best = max((level for level, _ in demands), default=policy.oldest)
    abi = policy.abis[machine]
    levels = {policy.oldest, *policy.levels.values(), *(level for level, _ in demands)}
    return Verdict(
        best=android_tag(best, abi),
        claimed=claimed,
        obstacles={
            android_tag(level, abi): tuple(reason for asked, reason in demands if asked > level)
            for level in sorted(levels, reverse=True)
            if level < best
        },
        externals=_externals(loaded, policy, abi, levels),
    )


def _machine(
    natives: Sequence[Native], claimed: Sequence[str], policy: AndroidPolicy
) -> str | None:
    machines = Counter(elf_facts(native).machine for native in natives)
    for tag in claimed:
        for machine in machines:
            if tag.startswith("android_") and tag.endswith(f"_{policy.abis[machine]}"):
                return machine
    return min(machines, key=lambda machine: (-machines[machine], machine), default=None)


def _demands(loaded: Loaded, policy: AndroidPolicy) -> list[_Demand]:
    file, chain = loaded.native.path, loaded.chain
    demands: list[_Demand] = []
    built = elf_facts(loaded.native).notes.android_api
    if built is not None and built > policy.oldest:
        text = f"was built for API level {built}"
        demands.append((built, Reason(text=text, file=file, chain=chain)))
    for name in loaded.missing:
        level = policy.level_of(name)
        if level is not None and level > policy.oldest:
            text = f"needs {name}, which came with API level {level}"
            demands.append((level, Reason(text=text, file=file, library=name, chain=chain)))
    return demands


def _externals(
    loaded: Sequence[Loaded], policy: AndroidPolicy, abi: str, levels: set[int]
) -> tuple[External, ...]:
    askers: dict[str, list[str]] = {}
    for it in loaded:
        for name in it.missing:
            askers.setdefault(name, []).append(it.native.path)
    externals = []
    for name in sorted(askers):
        first = policy.level_of(name)
        having = sorted((it for it in levels if first and it >= first), reverse=True)
        promised = tuple(android_tag(level, abi) for level in having)
        externals.append(
            External(library=name, needed_by=tuple(askers[name]), promised_by=promised)
        )
    return tuple(externals)

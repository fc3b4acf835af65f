"""The verdict on an inventory, given by the module of the system its native files are for."""

import importlib
from collections import Counter

from sealift.audit.inventory import Inventory
from sealift.audit.natives import Native
from sealift.audit.verdict import Verdict

_SYSTEMS = {
    "manylinux": "linux", "musllinux": "linux", "linux": "linux", "android": "android",
    "macosx": "macos", "ios": "ios", "win": "windows",
}  # fmt: skip
_UNREAD = {"damaged-archive", "damaged-member", "unreadable-member"}
_MODULES = {"ios": "macos"}  # where it is not the system's own name


def judge(inventory: Inventory) -> Verdict:
    """Where ``inventory`` runs.

    Each module of this package has a ``judge`` of the same form, for one system.  The claimed tags
    decide which is asked, and where there are none the system that most of the files are for:
    Python packages carry small programs for Windows everywhere.
    """
    claimed = inventory.wheel.platforms if inventory.wheel else ()
    counts = Counter(
        system
        for native in inventory.natives
        if native.is_loadable and (system := system_of(native)) in _SYSTEMS.values()
    )
    if not counts:
        is_known = inventory.members and not inventory.natives and not _is_cut_short(inventory)
        return Verdict(best="any" if is_known else None, claimed=claimed)
    system = next((s for s in map(system_of_tag, claimed) if s in counts), None)
    if system is None:
        system = min(counts, key=lambda name: (-counts[name], str(name)))
        assert system is not None
    name = _MODULES.get(system, system)
    module = importlib.import_module(f"sealift.audit.platform.{name}")
    verdict: Verdict = module.judge(inventory)
    return verdict


def _is_cut_short(inventory: Inventory) -> bool:
    """Whether files may be in it that could not be read: nothing can be said of those."""
    return any(problem.rule in _UNREAD for problem in inventory.problems)


def system_of_tag(tag: str) -> str | None:
    """The system of a platform tag.

    >>> system_of_tag("manylinux_2_17_x86_64")
    'linux'
    """
    return next((system for start, system in _SYSTEMS.items() if tag.startswith(start)), None)


def system_of(native: Native) -> str | None:
    """The system a native file is for: linux, android, macos, windows or one without tags here."""
    facts = native.facts
    if facts.format == "elf":
        # A library that asks for nothing tells no system; only Linux has such in numbers.
        return facts.system or "linux"
    if facts.format == "macho":
        return (facts.platform or "macos").removesuffix("-simulator")
    return "windows"

"""The verdict on an inventory, given by the module of the system its native files are for."""

import importlib

from sealift.audit.inventory import Inventory
from sealift.audit.verdict import Verdict
from sealift.binary.elf import ElfFacts

_ANDROID_LOADERS = ("/system/bin/linker", "/system/bin/linker64")


def judge(inventory: Inventory) -> Verdict:
    """Where ``inventory`` runs.

    Each module of this package has a ``judge`` of the same form, for one system.  The claimed tags
    decide which is asked, and where there are none the kinds of the files.
    """
    claimed = inventory.wheel.platforms if inventory.wheel else ()
    systems = _systems(inventory)
    if not systems:
        return Verdict(best="any", claimed=claimed)
    system = next((s for s in map(_system_of_tag, claimed) if s in systems), None)
    if system is None:
        if len(systems) > 1:
            return Verdict(best=None, claimed=claimed)
        (system,) = systems
    module = importlib.import_module(f"sealift.audit.platform.{system}")
    verdict: Verdict = module.judge(inventory)
    return verdict


def _system_of_tag(tag: str) -> str | None:
    for start, system in (
        ("manylinux", "linux"),
        ("musllinux", "linux"),
        ("linux", "linux"),
        ("android", "android"),
        ("macosx", "macos"),
        ("win", "windows"),
    ):
        if tag.startswith(start):
            return system
    return None


def _systems(inventory: Inventory) -> frozenset[str]:
    """The systems its native files are for; Linux and Android files differ in the loader only."""
    found = set()
    for native in inventory.natives:
        facts = native.facts
        if isinstance(facts, ElfFacts):
            found.add("android" if _is_android(facts) else "linux")
    return frozenset(found)


def _is_android(facts: ElfFacts) -> bool:
    if facts.interpreter:
        return facts.interpreter in _ANDROID_LOADERS
    # Bionic's names carry no version, and every library asks for it.
    return "libc.so" in facts.needed and "libdl.so" in facts.needed

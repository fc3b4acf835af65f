"""Libraries that are left to the users' machines or to another distribution: ``--exclude``."""

import fnmatch
import posixpath
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING

from sealift.audit.inventory import Inventory
from sealift.audit.platform import judge
from sealift.audit.verdict import External, Verdict

if TYPE_CHECKING:
    from sealift.audit.natives import Facts


def judge_but(inventory: Inventory, patterns: Sequence[str]) -> Verdict:
    """The verdict on ``inventory`` where libraries of ``patterns`` are others' to bring.

    As in a repair, a library that the platform promises anyway is not meant by any pattern.
    """
    verdict = judge(inventory)
    if not patterns:
        return verdict
    meant = [it for it in verdict.externals if _is_meant(it.library, verdict, patterns)]
    excluded = {it.library for it in meant if not it.promised_by}
    left = judge(without(inventory, excluded)) if excluded else verdict
    kept = left.floor or left.best or ""
    if not kept.startswith("linux_"):  # else a library that some tag promises is not what lacks
        tags = kept.split(".")
        excluded |= {it.library for it in meant if set(tags).isdisjoint(it.promised_by)}
        left = judge(without(inventory, excluded)) if excluded else verdict
    externals = (_marked(external, excluded) for external in verdict.externals)
    return replace(left, externals=tuple(externals))


def _is_meant(library: str, verdict: Verdict, patterns: Sequence[str]) -> bool:
    """Whether ``library``, a name or a path, is one of ``patterns``; DLLs have no case."""
    names = {library, posixpath.basename(library)}
    if (verdict.best or "").startswith("win"):
        from sealift.binary.pe_tables import with_suffix

        names = {with_suffix(library).lower()}
        patterns = [pattern.lower() for pattern in patterns]
    return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _marked(external: External, excluded: AbstractSet[str]) -> External:
    return replace(external, is_excluded=external.library in excluded)


def without(inventory: Inventory, libraries: AbstractSet[str]) -> Inventory:
    """``inventory`` as if nothing asked for ``libraries``."""
    natives = tuple(
        replace(native, facts=_facts_without(native.facts, libraries))
        for native in inventory.natives
    )
    return replace(inventory, natives=natives)


def _facts_without(facts: "Facts", libraries: AbstractSet[str]) -> "Facts":
    if facts.format == "elf":
        asked = {name: it for name, it in facts.verneed.items() if name not in libraries}
        return replace(facts, needed=_others(facts.needed, libraries), verneed=asked)
    if facts.format == "macho":
        kept = tuple(it for it in facts.dependencies if it.name not in libraries)
        return replace(facts, dependencies=kept)
    names = {library.lower() for library in libraries}
    return replace(
        facts,
        imports=_other_dlls(facts.imports, names),
        delay_imports=_other_dlls(facts.delay_imports, names),
        forwards=_other_dlls(facts.forwards, names),
    )


def _others(names: Sequence[str], libraries: AbstractSet[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in libraries)


def _other_dlls(names: Sequence[str], libraries: AbstractSet[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name.lower() not in libraries)

"""Recipes: how libraries are built from source, as ``data/recipes.toml`` has them."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sealift.debian.index import locate_sources
from sealift.debian.releases import parse_release
from sealift.debian.sources import Source, find_source
from sealift.errors import RefusedError
from sealift.owners import Owner
from sealift.tables import load_table
from sealift.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """C ``files`` that become library ``name``, which pkg-config calls ``module``."""

    name: str
    soname: str
    module: str
    files: tuple[str, ...]
    flags: tuple[str, ...]
    headers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How library ``name`` is built: by ``steps``, or where there are none by ``compilation``.

    ``source`` is Debian's source package, ``licence`` an SPDX expression.  ``needs`` are recipes
    that come first, ``tools`` programs of this machine.  ``cpus`` are values for the steps.  What
    differs from system to system is in mappings by its name: ``more`` options, ``systems`` with
    values for the steps, in ``links`` libraries of the system that are linked to besides, and in
    ``needs_on`` further recipes that come first.
    """

    name: str
    source: str
    licence: str
    needs: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    on: tuple[str, ...] = ("linux",)
    steps: tuple[tuple[str, ...], ...] = ()
    options: tuple[str, ...] = ()
    more: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    systems: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    environment: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)
    cpus: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    compilation: Compilation | None = None
    # Not in its text: what is built first is known by itself.
    needs_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def needed(self, target: Target) -> tuple[str, ...]:
        """The recipes that come first for ``target``."""
        return (*self.needs, *self.needs_on.get(target.os, ()))

    def variables(self, target: Target) -> Mapping[str, str]:
        """The variables of its steps: those of its environment, and of a table for the system."""
        own = self.environment.get(target.os, {})
        everywhere = {n: it for n, it in self.environment.items() if isinstance(it, str)}
        return {**everywhere, **(own if isinstance(own, Mapping) else {})}

    def text(self, target: Target) -> str:
        """Its own text for ``target``: another one builds anew."""
        return repr(dataclasses.replace(self, environment=self.variables(target)))

    def values(self, target: Target) -> Mapping[str, str]:
        """What replaces names in the steps for ``target``; raises :class:`RefusedError`."""
        own = target.arch if target.os == "linux" else f"{target.os}-{target.arch}"
        found = self.cpus.get(own, self.cpus.get("default"))
        if target.os not in self.on or (self.cpus and found is None):
            raise RefusedError(
                f"cannot build {self.name} for {target} from source: the recipe is for "
                + (", ".join(self.on) if target.os not in self.on else ", ".join(self.cpus)),
                hint="build without it, or bring a wheel that has it",
            )
        system = self.systems.get(target.os, self.systems.get("default", {}))
        return {**system, **(found or {})}


def find_recipe(name: str) -> Recipe | None:
    """The recipe of library ``name`` (see ``data/libraries.toml``), where there is one."""
    row = _table()["recipes"].get(name)
    if row is None:
        return None
    system = _table()["systems"].get(row.get("system"), {})
    compiled = row.get("compile")
    return Recipe(
        name=name,
        source=row["source"],
        licence=row["licence"],
        needs=tuple(row.get("needs", ())),
        tools=tuple(row.get("tools", system.get("tools", ()))),
        on=tuple(row.get("on", ("linux",))),
        steps=tuple(map(tuple, row.get("steps", system.get("steps", ())))),
        options=tuple(row.get("options", ())),
        more=_tuples(row.get("more", {})),
        links=_tuples(row.get("links", {})),
        needs_on=_tuples(row.get("needs_on", {})),
        systems=row.get("systems", {}),
        environment=row.get("environment", {}),
        cpus=row.get("cpus", {}),
        compilation=_compilation(compiled) if compiled else None,
    )


def _tuples(table: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(texts) for name, texts in table.items()}


def _compilation(row: Mapping[str, Any]) -> Compilation:
    return Compilation(
        name=row["name"],
        soname=row["soname"],
        module=row["module"],
        files=tuple(row["files"]),
        flags=tuple(row["flags"]),
        headers=tuple(row["headers"]),
    )


def with_needs(names: tuple[str, ...], target: Target) -> tuple[Recipe, ...]:
    """The recipes ``names`` and all they need for ``target``, those that come first in front."""
    found: dict[str, Recipe] = {}

    def add(name: str) -> None:
        recipe = find_recipe(name)
        assert recipe is not None
        for need in recipe.needed(target):
            if need not in found:
                add(need)
        found.setdefault(name, recipe)

    for name in names:
        add(name)
    return tuple(found.values())


def source_of(recipe: Recipe) -> Source:
    """The source package of ``recipe``; raises :class:`~sealift.errors.FetchError`."""
    return find_source(locate_sources(parse_release(_table()["release"])), recipe.source)


def owner_of(recipe: Recipe, source: Source) -> Owner:
    """What a bill of materials says of libraries that ``recipe`` made of ``source``."""
    return Owner(
        kind="deb", name=source.name, version=source.version, arch="source", system="debian",
        distro=parse_release(_table()["release"]).name, licence=recipe.licence,
    )  # fmt: skip


def build_triple(target: Target) -> str:
    """How build systems call ``target``.

    >>> from sealift.target import load_targets
    >>> build_triple(load_targets()["linux-i686"])
    'i686-linux-gnu'
    """
    triple: str = _table()["triples"].get(target.triple, target.triple)
    return triple


def recipe_names() -> tuple[str, ...]:
    """All libraries that there is a recipe for."""
    return tuple(_table()["recipes"])


@functools.cache
def _table() -> dict[str, Any]:
    return load_table("recipes")

"""Which packages belong together: those asked for and what they depend on."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from sealift.debian.index import Index, Package, Relation
from sealift.debian.releases import assumed_packages
from sealift.debian.versions import compare, satisfies
from sealift.errors import ConfigError

_USER = "you"  # who asks for the first packages, in messages


def resolve(
    index: Index, names: Iterable[str], *, is_assumed: Callable[[Sequence[str]], bool] | None = None
) -> tuple[Package, ...]:
    """The packages ``names`` of ``index`` and all they depend on, sorted by name.

    The first alternative that can be had is taken, unless another is taken already; a package
    before those that stand for it.  Dependencies do not bring what ``is_assumed`` says of the names
    of their alternatives, by default what ``data/debian.toml`` assumes.  Conflicts are not looked
    at: packages are unpacked here, not set up.  Raises :class:`ConfigError` with who asks for what
    cannot be had.
    """
    chosen: dict[str, Package] = {}
    assumed = assumed_packages()
    is_assumed = is_assumed or (lambda names: not assumed.isdisjoint(names))
    waiting: deque[tuple[Sequence[Relation], str]] = deque(
        ((Relation(name),), _USER) for name in sorted(set(names))
    )
    while waiting:
        alternatives, asker = waiting.popleft()
        if any(_is_met(relation, chosen.values()) for relation in alternatives):
            continue
        if asker != _USER and is_assumed([relation.name for relation in alternatives]):
            continue
        package = next((p for it in alternatives for p in _candidates(index, it)), None)
        if package is None:
            raise _unmet(index, alternatives, asker)
        chosen[package.name] = package
        waiting.extend((either, package.name) for either in package.depends)
    return tuple(chosen[name] for name in sorted(chosen))


def _is_met(relation: Relation, chosen: Iterable[Package]) -> bool:
    for package in chosen:
        if package.name == relation.name and _fits(package.version, relation):
            return True
        if any(_provides(provided, relation) for provided in package.provides):
            return True
    return False


def _candidates(index: Index, relation: Relation) -> Iterator[Package]:
    fitting = [p for p in index.packages(relation.name) if _fits(p.version, relation)]
    if fitting:
        newest = fitting[0]
        for package in fitting[1:]:
            if compare(package.version, newest.version) > 0:
                newest = package
        yield newest
    for package, provided in index.providing(relation.name):
        if _provides(provided, relation):
            yield package


def _fits(version: str, relation: Relation) -> bool:
    return relation.operator is None or satisfies(version, relation.operator, relation.version)


def _provides(provided: Relation, relation: Relation) -> bool:
    """Whether a package that provides ``provided`` meets ``relation`` (Debian Policy 7.5)."""
    if provided.name != relation.name:
        return False
    return relation.operator is None or (
        provided.operator == "=" and _fits(provided.version, relation)
    )


def _unmet(index: Index, alternatives: Sequence[Relation], asker: str) -> ConfigError:
    wanted = " | ".join(
        f"{it.name} ({it.operator} {it.version})" if it.operator else it.name for it in alternatives
    )
    where = f"{index.release.name} for {index.architecture}"
    return ConfigError(f"cannot find {wanted} in {where}, which {asker} asked for")

"""The policies of Linux platform tags as a ladder: each rung allows all that older ones do.

Sources are named in ``data/policies``; the tags are those of PEP 600 (manylinux) and PEP 656
(musllinux).  A question to a ladder is answered with the number of its oldest rung that allows the
thing, so that a judge has to ask once for all tags.
"""

import fnmatch
import functools
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sealift.errors import ConfigError
from sealift.tables import load_table

Version = tuple[int, int]

_NEVER = "never"
_LIBCS = {"gnu": "manylinux", "musl": "musllinux"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TagPolicy:
    """What one platform tag allows on one architecture.

    ``version`` is that of the C library.  ``versions`` are symbol versions by family: the key
    "GLIBC" has "2.17" for ``GLIBC_2.17``.  ``forbidden`` are symbols by library.
    """

    tag: str
    version: Version
    aliases: tuple[str, ...] = ()
    libraries: frozenset[str] = frozenset()
    versions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    forbidden: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The policies of one C library and architecture, oldest first.

    ``since`` are patterns of symbols without versions, with the C library that brought them.
    """

    libc: str
    arch: str
    policies: tuple[TagPolicy, ...]
    loader: re.Pattern[str]
    since: tuple[tuple[re.Pattern[str], Version], ...] = ()

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags, oldest first."""
        return tuple(policy.tag for policy in self.policies)

    @property
    def never(self) -> int:
        """The answer for what no policy allows."""
        return len(self.policies)

    def rung_of(self, tag: str) -> int | None:
        """The number of the policy called ``tag``, by its name or an old one."""
        for number, policy in enumerate(self.policies):
            if tag == policy.tag or tag in policy.aliases:
                return number
        return None

    def for_library(self, soname: str) -> int:
        """The oldest policy that promises the library ``soname``."""
        if self.loader.fullmatch(soname):
            return 0
        return self._first(lambda policy: soname in policy.libraries)

    def for_version(self, version: str) -> int:
        """The oldest policy that promises symbol version ``version``, as in ``GLIBC_2.17``."""
        family, _, number = version.partition("_")
        return self._first(
            lambda policy: family not in policy.versions or number in policy.versions[family]
        )

    def for_symbol(self, library: str, symbol: str) -> int:
        """The oldest policy that lets a file take ``symbol`` from ``library``."""
        return self._first(lambda policy: symbol not in policy.forbidden.get(library, ()))

    def for_unversioned(self, symbol: str) -> int:
        """The oldest policy whose C library has ``symbol``, as far as is known."""
        needed = [version for pattern, version in self.since if pattern.fullmatch(symbol)]
        return self.for_libc(max(needed)) if needed else 0

    def for_libc(self, version: Version) -> int:
        """The oldest policy whose C library is ``version`` or newer."""
        return self._first(lambda policy: policy.version >= version)

    def _first(self, allows: Callable[[TagPolicy], bool]) -> int:
        found = (number for number, policy in enumerate(self.policies) if allows(policy))
        return next(found, self.never)


@functools.cache
def load_ladder(libc: str, arch: str) -> Ladder | None:
    """The ladder of C library ``libc`` ("gnu" or "musl") on ``arch``; none where no tag exists."""
    name = _LIBCS[libc]
    ladder = parse_ladder(load_table(f"policies/{name}"), name=name, arch=arch)
    return ladder if ladder.policies else None


def parse_ladder(data: Mapping[str, Any], *, name: str, arch: str) -> Ladder:
    """The ladder of ``arch`` from the form of ``data/policies/manylinux.toml``.

    ``name`` is the tag's prefix.  Raises :class:`ConfigError` where the data contradict themselves
    or a newer policy takes back what an older one allows.
    """
    source = _Source(name, arch, data)
    policies = tuple(source.policies())
    check_containment(policies)
    since = data.get("since", {}).items()
    return Ladder(
        libc="musl" if name == "musllinux" else "gnu",
        arch=arch,
        policies=policies,
        loader=_any_of(data["loader"]),
        since=tuple((_any_of(names), source.version(first)) for first, names in since),
    )


def check_containment(policies: Sequence[TagPolicy]) -> None:
    """Prove that each of ``policies``, oldest first, allows all that the one before it does.

    That is what PEP 600 asks of tags, and what makes one answer hold for all of them.  Raises
    :class:`ConfigError` that names the policy and what it takes back.
    """
    for older, newer in itertools.pairwise(policies):
        lost = {f"library {name}" for name in older.libraries - newer.libraries}
        for family, numbers in older.versions.items():
            now = newer.versions.get(family, frozenset())
            lost |= {f"version {family}_{number}" for number in numbers - now}
        for library, symbols in newer.forbidden.items():
            now = older.forbidden.get(library, frozenset())
            lost |= {f"symbol {symbol} of {library}" for symbol in symbols - now}
        # A family that only the newer one judges forbids versions that the older one let pass.
        lost |= {f"versions {family}" for family in newer.versions.keys() - older.versions.keys()}
        if lost:
            raise _broken(newer.tag, f"it takes back what {older.tag} allows: {_listed(lost)}")


@dataclass(frozen=True, slots=True)
class _Source:
    """The data of one kind of tag, read for one architecture."""

    name: str
    arch: str
    data: Mapping[str, Any]

    def policies(self) -> Iterator[TagPolicy]:
        """The policies ``arch`` has, each with what the rows up to its own add."""
        rows = [(self.version(row["version"]), row) for row in self.data["policies"]]
        order = [version for version, _ in rows]
        if order != sorted(set(order)):
            raise self.broken("its policies are not in the order of their versions")
        musl_name = self.data.get("names", {}).get(self.arch, self.arch)
        is_there, libraries = False, set[str]()
        for version, row in rows:
            is_there |= self.arch in row.get("arches", ())
            is_there &= self.arch not in row.get("dropped", ())
            libraries |= {soname.format(musl=musl_name) for soname in row.get("libraries", ())}
            if is_there:
                yield TagPolicy(
                    tag=f"{self.name}_{version[0]}_{version[1]}_{self.arch}",
                    version=version,
                    aliases=(f"{row['alias']}_{self.arch}",) if "alias" in row else (),
                    libraries=frozenset(libraries),
                    versions=self.versions(version),
                    forbidden=self.forbidden(version),
                )

    def versions(self, limit: Version) -> dict[str, frozenset[str]]:
        """The symbol versions of the policy ``limit``, by family."""
        families = self.data.get("versions", {}).get(self.arch, {})
        return {
            family: self._until(limit, {first: _expanded(row) for first, row in rows.items()})
            for family, rows in families.items()
        }

    def forbidden(self, limit: Version) -> dict[str, frozenset[str]]:
        """The symbols that the policy ``limit`` forbids, by library."""
        return {
            library: frozenset(itertools.chain(*rows.values())) - self._until(limit, rows)
            for library, rows in self.data.get("forbidden", {}).items()
        }

    def _until(self, limit: Version, rows: Mapping[str, list[str]]) -> frozenset[str]:
        """All entries of ``rows`` that come with a policy up to ``limit``."""
        known = {row["version"] for row in self.data["policies"]} | {_NEVER}
        seen: dict[str, str] = {}
        for first, entries in rows.items():
            if first not in known:
                raise self.broken(f"there is no policy {first!r}")
            for entry in entries:
                if entry in seen:
                    raise self.broken(f"{entry} comes with {seen[entry]} and with {first}")
                seen[entry] = first
        return frozenset(
            entry
            for entry, first in seen.items()
            if first != _NEVER and self.version(first) <= limit
        )

    def version(self, text: str) -> Version:
        major, _, minor = text.partition(".")
        if not (major.isdecimal() and minor.isdecimal()):
            raise self.broken(f"{text!r} is not a version such as '2.17'")
        return int(major), int(minor)

    def broken(self, why: str) -> ConfigError:
        return _broken(f"{self.name} on {self.arch}", why)


def _expanded(text: str) -> list[str]:
    """The versions of a row.

    >>> _expanded("3.4-3.4.2 2.9-2.11 TM_1")
    ['3.4', '3.4.1', '3.4.2', '2.9', '2.10', '2.11', 'TM_1']
    """
    return [version for item in text.split() for version in _range(item)]


def _range(item: str) -> Iterator[str]:
    first, dash, last = item.partition("-")
    if not dash:
        yield item
        return
    stem, _, end = last.rpartition(".")
    if first == stem:
        yield first
        start = 1
    else:
        same, _, begin = first.rpartition(".")
        if same != stem:
            raise ConfigError(f"{item!r} is no range of versions")
        start = int(begin)
    yield from (f"{stem}.{number}" for number in range(start, int(end) + 1))


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))


def _listed(items: set[str], most: int = 5) -> str:
    ordered = sorted(items)
    more = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + more


def _broken(what: str, why: str) -> ConfigError:
    return ConfigError(f"the policy data of {what} are wrong: {why}")

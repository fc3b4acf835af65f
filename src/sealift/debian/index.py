"""The index of a release: which packages it has for an architecture, as its signature vouches.

Format: https://wiki.debian.org/DebianRepository/Format.  The chain is InRelease, signed; Packages,
whose hash is in it; the packages, whose hashes are in that.
"""

import lzma
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sealift import console, fetch, store
from sealift.debian.releases import Release
from sealift.debian.signature import verified
from sealift.errors import FetchError

_LARGEST_RELEASE = 16 << 20
_FRESH = 24 * 3600  # seconds for which nobody asks whether there is a newer index
_NAME = re.compile(r"^Package: (\S+)$", re.MULTILINE)
_PROVIDES = re.compile(r"^Provides: (.+)$", re.MULTILINE)
_RELATION = re.compile(r"([a-z0-9][a-z0-9+.-]*)(?::\w+)?(?:\s*\((<<|<=|=|>=|>>)\s*([^\s)]+)\))?")


@dataclass(frozen=True, slots=True)
class Relation:
    """One alternative of a dependency, such as ``libc6 (>= 2.34)``."""

    name: str
    operator: str | None = None
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package of the index; each of ``depends`` is met by any of its alternatives."""

    name: str
    version: str
    architecture: str
    file: fetch.Remote
    depends: tuple[tuple[Relation, ...], ...] = ()
    provides: tuple[Relation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The packages of ``release`` for ``architecture``.

    Stanzas stay text until somebody asks for them, since there are tens of thousands.
    """

    release: Release
    architecture: str
    mirror: str
    stanzas: Mapping[str, tuple[str, ...]] = field(repr=False)
    providers: Mapping[str, tuple[str, ...]] = field(repr=False)

    def packages(self, name: str) -> Iterator[Package]:
        """Every version of the package ``name``."""
        for stanza in self.stanzas.get(name, ()):
            yield self._package(stanza_fields(stanza))

    def providing(self, name: str) -> Iterator[tuple[Package, Relation]]:
        """Packages that stand for the virtual package ``name``, in the order of the index."""
        for provider in self.providers.get(name, ()):
            for package in self.packages(provider):
                for relation in package.provides:
                    if relation.name == name:
                        yield package, relation

    def _package(self, fields: Mapping[str, str]) -> Package:
        try:
            file = fetch.Remote(
                f"{self.mirror}/{fields['Filename']}", fields["SHA256"], int(fields["Size"])
            )
            return Package(
                name=fields["Package"],
                version=fields["Version"],
                architecture=fields["Architecture"],
                file=file,
                depends=(
                    *_relations(fields.get("Pre-Depends", "")),
                    *_relations(fields.get("Depends", "")),
                ),
                provides=tuple(
                    one for either in _relations(fields.get("Provides", "")) for one in either
                ),
            )
        except (KeyError, ValueError) as problem:
            raise FetchError(
                f"cannot read the index of {self.release.name}: {problem} is amiss in the entry "
                f"of {fields.get('Package', 'a package')}"
            ) from problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where the index of ``release`` for ``architecture`` is, by the word of Debian's keys."""

    release: Release
    architecture: str
    mirror: str
    file: fetch.Remote


def locate_index(release: Release, architecture: str) -> Location:
    """The place of the index of ``release`` for ``architecture``, Debian's name of one ("arm64").

    The signed list that the cache has is taken for a day, and longer while the mirror cannot be
    reached.  An old list is as good as a new one: mirrors of some day in the past have no other.
    Raises :class:`FetchError` when its signature does not hold, or it does not have the
    architecture.
    """
    return _locate(release, architecture, f"binary-{architecture}", "Packages.xz")


def locate_sources(release: Release) -> Location:
    """The place of the index of source packages of ``release``; see :func:`locate_index`."""
    return _locate(release, "source", "source", "Sources.xz")


def _locate(release: Release, architecture: str, folder: str, name: str) -> Location:
    mirror = release.mirror
    signed = _signed_release(release, mirror)
    fields = stanza_fields(_verified(signed, release))
    if release.codename != fields.get("Codename"):
        raise FetchError(
            f"cannot use the index of {release.name}: it is of {fields.get('Codename')!r}",
            details=[mirror],
        )
    listed = _listed(fields, f"main/{folder}/{name}")
    if listed is None:
        raise FetchError(
            f"cannot find packages for {architecture} in {release.name}",
            hint=f"it has {fields.get('Architectures', 'none')}",
        )
    sha256, size = listed
    place = f"{mirror}/dists/{release.codename}/main/{folder}"
    by_hash = fields.get("Acquire-By-Hash") == "yes"
    url = f"{place}/by-hash/SHA256/{sha256}" if by_hash else f"{place}/{name}"
    return Location(
        release=release,
        architecture=architecture,
        mirror=mirror,
        file=fetch.Remote(url, sha256, size),
    )


def read_stanzas(location: Location) -> Iterator[str]:
    """The entries of the index at ``location``, as text; raises :class:`FetchError`."""
    path = fetch.fetch(location.file, kind="debian-indexes")
    try:
        text = lzma.decompress(path.read_bytes()).decode("utf-8")
    except (lzma.LZMAError, UnicodeDecodeError) as problem:
        raise FetchError(
            f"cannot read the index of {location.release.name}: {problem}"
        ) from problem
    yield from text.split("\n\n")


def open_index(location: Location) -> Index:
    """The index at ``location``; raises :class:`FetchError`."""
    stanzas: dict[str, tuple[str, ...]] = {}
    providers: dict[str, dict[str, None]] = {}
    for stanza in read_stanzas(location):
        named = _NAME.search(stanza)
        if not named:
            continue
        name = named[1]
        stanzas[name] = (*stanzas.get(name, ()), stanza)
        if provided := _PROVIDES.search(stanza):
            for relation in _RELATION.finditer(provided[1]):
                providers.setdefault(relation[1], {})[name] = None
    return Index(
        release=location.release,
        architecture=location.architecture,
        mirror=location.mirror,
        stanzas=stanzas,
        providers={name: tuple(found) for name, found in providers.items()},
    )


def _signed_release(release: Release, mirror: str) -> bytes:
    """The InRelease file of ``release``: fresh, or the last one that was seen."""
    key = store.digest_of("1", mirror, release.codename)
    path = store.store_root() / "debian-releases" / key
    age = time.time() - path.stat().st_mtime if path.exists() else None
    if age is not None and 0 <= age < _FRESH:
        return path.read_bytes()
    url = f"{mirror}/dists/{release.codename}/InRelease"
    try:
        signed = fetch.read(url, limit=_LARGEST_RELEASE)
    except FetchError as problem:
        if age is None:
            raise
        console.warning(f"{problem.message}; the index of {release.name} from before is taken")
        return path.read_bytes()
    # Kept only when it is good, so that a bad answer is not believed for a day.
    _verified(signed, release)
    store.replace_file(path, signed)
    return signed


def _verified(signed: bytes, release: Release) -> str:
    name = f"the index of {release.name}"
    return verified(signed, name=name, is_archived=release.is_archived)


def _listed(fields: Mapping[str, str], wanted: str) -> tuple[str, int] | None:
    for line in fields.get("SHA256", "").splitlines():
        match line.split():
            case [sha256, size, path] if path == wanted and size.isdecimal():
                return sha256, int(size)
    return None


def stanza_fields(stanza: str) -> Mapping[str, str]:
    """The fields of one stanza (deb822(5)); lines that go on keep their ends."""
    found: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith((" ", "\t")):
            found[name] = f"{found.get(name, '')}\n{line.strip()}"
        elif ":" in line:
            name, _, value = line.partition(":")
            found[name] = value.strip()
    return found


def _relations(text: str) -> Iterator[tuple[Relation, ...]]:
    """Dependencies as Debian Policy 7.1 writes them."""
    for part in filter(None, map(str.strip, text.split(","))):
        matches = [_RELATION.fullmatch(either.strip()) for either in part.split("|")]
        if None in matches:
            msg = f"the dependency {part!r}"
            raise ValueError(msg)
        yield tuple(Relation(it[1], it[2], it[3] or "") for it in matches if it)

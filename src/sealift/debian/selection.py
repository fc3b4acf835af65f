"""Packages of a release that belong together, selected once for each state of its index."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sealift import jsonform, store
from sealift.debian.index import Index, Location, Package, open_index

_FORMAT = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Packages, sorted by name."""

    packages: tuple[Package, ...]

    def version(self, name: str) -> str:
        """The version of package ``name``, which has to be among them."""
        return next(package.version for package in self.packages if package.name == name)


def select_packages(
    location: Location, what: Iterable[str], select: Callable[[Index], Iterable[Package]]
) -> Selection:
    """What ``select`` takes of the index at ``location``; ``what`` tells it from other ways.

    To read an index takes seconds, so the answer is kept.  Raises what ``select`` and
    :func:`~sealift.debian.index.open_index` do.
    """
    key = store.digest_of(
        _FORMAT, location.mirror, location.release.name, location.architecture,
        location.file.sha256, *what,
    )  # fmt: skip

    def compute() -> object:
        return jsonform.dump(Selection(packages=tuple(select(open_index(location)))))

    kept = store.remember("debian-selections", key, compute)
    return jsonform.load(Selection, kept, where=f"the packages of {location.release.name}")

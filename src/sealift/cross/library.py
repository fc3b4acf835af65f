"""C libraries by the names people have for them, and which packages of Python need which.

Names are those of ``data/libraries.toml``, of Debian's packages, and of ``[external]`` metadata
(PEP 725): ``pkg:generic/libffi``, ``dep:generic/libffi@>=3.4``.
"""

import difflib
import functools
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from sealift.backend import read_pyproject, texts_of
from sealift.errors import BuildError, ConfigError
from sealift.tables import load_table

_DEBIAN_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")  # Debian Policy 5.6.7
_SCHEMES = ("pkg:", "dep:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A library: its ``name`` here, and ``debian``, the package that has its headers.

    ``modules`` are what pkg-config calls it.
    """

    name: str
    debian: str
    modules: tuple[str, ...] = ()


def parse_libraries(texts: Iterable[str]) -> tuple[Library, ...]:
    """The libraries that ``texts`` name, each once, in their order.

    What is asked for beside them and is no library, such as a compiler, is left out.  Raises
    :class:`ConfigError` for what is not known here.
    """
    found = (parse_library(text) for text in texts)
    return tuple(dict.fromkeys(library for library in found if library))


def parse_library(text: str) -> Library | None:
    """The library called ``text``; ``None`` for a compiler or another tool.

    >>> parse_library("dep:generic/libffi@>=3.4").debian
    'libffi-dev'
    >>> parse_library("libgmp-dev").name, parse_library("libev-dev").name
    ('gmp', 'libev-dev')
    >>> parse_library("virtual:compiler/c")
    """
    name = _plain_name(text)
    if name is None:
        return None
    library = _by_name().get(name.lower())
    if library:
        return library
    if not text.startswith(_SCHEMES) and name.endswith("-dev") and _DEBIAN_NAME.fullmatch(name):
        return Library(name=name, debian=name)
    near = difflib.get_close_matches(name, _by_name(), n=1)
    raise ConfigError(
        f"there is no library {text!r} here",
        hint=(f"did you mean {near[0]}? " if near else "")
        + "Debian's name of the package with its headers, such as libgmp-dev, will do",
    )


def libraries_for(package: str) -> tuple[str, ...]:
    """The libraries that the package of the index is known to link to.

    >>> libraries_for("PyYAML")
    ('libyaml',)
    """
    return tuple(_table()["packages"].get(canonicalize_name(package), ()))


def external_libraries(source: Path) -> tuple[str, ...]:
    """What the project in ``source`` links to by its own word: ``[external]`` (PEP 725).

    That is ``host-requires``, markers left aside; programs and Python packages are left out.
    Raises :class:`BuildError` where ``pyproject.toml`` is damaged, or the table is none.
    """
    table = read_pyproject(source).get("external", {})
    if not isinstance(table, Mapping):
        raise BuildError(f"cannot build {source}: external of pyproject.toml is no table")
    texts = texts_of(table, "host-requires", source)
    return tuple(dict.fromkeys(text.partition(";")[0].strip() for text in texts))


def _plain_name(text: str) -> str | None:
    """``text`` without what a package URL has around the name; ``None`` for a tool.

    >>> _plain_name("pkg:generic/openssl@3?x=y"), _plain_name("dep:virtual/interface/blas")
    ('openssl', 'interface/blas')
    >>> _plain_name("dep:deb/debian/libpq-dev"), _plain_name("libpq >= 9")
    ('libpq-dev', 'libpq')
    """
    scheme, colon, rest = text.strip().partition(":")
    rest = re.split(r"[@?#;<>=!~\s]", rest if colon else scheme, maxsplit=1)[0]
    if colon and scheme == "virtual":  # as the first drafts of PEP 725 had it
        rest = f"virtual/{rest}"
    elif colon and scheme not in {"pkg", "dep"}:
        return text
    parts = [urllib.parse.unquote(part) for part in rest.split("/") if part]
    match parts:
        case ["virtual", "compiler", *_]:
            return None
        case ["virtual", *name]:
            return "/".join(name)
        case ["generic" | "deb" | "github" | "conan" | "conda" | "vcpkg", *_, name] if colon:
            return name
        case [name] if not colon:
            return name
    return text


@functools.cache
def _by_name() -> Mapping[str, Library]:
    found: dict[str, Library] = {}
    for library, names in _rows():
        for name in names:
            found.setdefault(name.lower(), library)
    return found


def _rows() -> Iterator[tuple[Library, Sequence[str]]]:
    for name, row in _table()["libraries"].items():
        modules = tuple(row.get("pkg-config", ()))
        library = Library(name=name, debian=row["debian"], modules=modules)
        yield library, (name, row["debian"], *row.get("also", ()), *modules)


def script_table() -> Mapping[str, Mapping[str, str]]:
    """What programs such as ``pg_config`` say, by their names; see ``data/libraries.toml``."""
    scripts: Mapping[str, Mapping[str, str]] = _table()["scripts"]
    return scripts


def debian_table() -> Mapping[str, Any]:
    """What is known of Debian's packages of libraries; see ``data/libraries.toml``."""
    table: Mapping[str, Any] = _table()["debian"]
    return table


@functools.cache
def _table() -> dict[str, Any]:
    return load_table("libraries")

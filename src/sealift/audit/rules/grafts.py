"""Libraries that were copied into a wheel: what they are and under which licence they stand."""

import json
import posixpath
import re
from collections.abc import Collection, Iterator

from packaging.utils import canonicalize_name

from sealift.audit.finding import Finding
from sealift.audit.inventory import Inventory, WheelInfo
from sealift.audit.rules.loads import stem_of
from sealift.audit.verdict import Verdict

_FOLDER = re.compile(r"(?:^|/)[^/]*\.(?:dy)?libs/[^/]+$")
_WORD = re.compile(r"[A-Za-z0-9_]+")
_SHORTEST = 3  # letters of a name that may be a part of another


def grafts(inventory: Inventory, _: Verdict) -> Iterator[Finding]:
    """Grafted libraries that no SBOM (PEP 770) and no licence file names."""
    wheel = inventory.wheel
    if wheel is None:
        return
    grafted = sorted({n.path for n in inventory.natives if _FOLDER.search(n.path)})
    if not grafted:
        return
    unlisted = _unlisted(grafted, list(_components(inventory, wheel)))
    if unlisted:
        yield _finding("graft-without-sbom", "no SBOM in the wheel names", unlisted)
    words = _licence_words(inventory, wheel)
    bare = [path for path in grafted if not _is_named(_plain(path), words)]
    if bare:
        yield _finding("graft-without-licence", "no licence file in the wheel names", bare)


def _finding(rule: str, what: str, paths: list[str]) -> Finding:
    details = {"files": paths}
    return Finding(rule=rule, message=f"{what} {_some(paths)}", file=paths[0], details=details)


def _some(paths: list[str]) -> str:
    names = [posixpath.basename(path) for path in paths]
    more = f" and {len(names) - 3} more" if names[3:] else ""
    return ", ".join(names[:3]) + more


def _components(inventory: Inventory, wheel: WheelInfo) -> Iterator[str]:
    """Names of the components in the wheel's SBOMs (CycloneDX, SPDX), its own left out."""
    for path, text in inventory.texts.items():
        if not path.startswith(f"{wheel.dist_info}/sboms/"):
            continue
        try:
            document = json.loads(text)
            rows = [*document.get("components", ()), *document.get("packages", ())]
            names = [str(row["name"]) for row in rows]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
        yield from (name for name in names if canonicalize_name(name) != wheel.name)


def _unlisted(grafted: list[str], components: list[str]) -> list[str]:
    """The libraries that no component can stand for.

    A component may be called as its package, such as krb5-libs for libgssapi: as long as there is
    one that fits no library by its name, it is taken to be what the others came from.
    """
    plain = [_letters(name) for name in components]
    unnamed = [path for path in grafted if not _is_named(_plain(path), plain)]
    libraries = [_plain(path) for path in grafted]
    spare = [name for name in plain if not any(_names(name, library) for library in libraries)]
    return [] if spare else unnamed


def _licence_words(inventory: Inventory, wheel: WheelInfo) -> frozenset[str]:
    words: set[str] = set()
    for path, text in inventory.texts.items():
        name = posixpath.basename(path)
        in_licences = path.startswith(f"{wheel.dist_info}/") and "/sboms/" not in path
        if in_licences and name not in {"METADATA", "WHEEL"}:
            words.update(_WORD.findall(f"{text} {name}"))
    return frozenset(map(_letters, words))


def _plain(path: str) -> str:
    return _letters(stem_of(posixpath.basename(path)))


def _letters(name: str) -> str:
    """``name`` without ``lib``, at its start or end, and all that is no letter.

    >>> _letters("libscipy_openblas64_"), _letters("libz"), _letters("zlib")
    ('scipyopenblas', 'z', 'z')
    """
    return "".join(filter(str.isalpha, name.lower())).removeprefix("lib").removesuffix("lib")


def _is_named(library: str, words: Collection[str]) -> bool:
    return any(_names(word, library) for word in words)


def _names(word: str, library: str) -> bool:
    """Whether ``word`` is a name for ``library``, both as :func:`_letters` gives them."""
    if word == library:
        return bool(word)
    short, long = sorted((word, library), key=len)
    return len(short) >= _SHORTEST and 2 * len(short) >= len(long) and short in long

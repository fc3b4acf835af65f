"""Libraries that were copied into a wheel: what they are and under which licence they stand."""

import json
import posixpath
import re
from collections.abc import Iterator

from sealift.audit.finding import Finding
from sealift.audit.inventory import Inventory, WheelInfo
from sealift.audit.rules.loads import stem_of
from sealift.audit.verdict import Verdict

_FOLDER = re.compile(r"(?:^|/)(?:[^/]+\.libs|\.dylibs|\.libs)/[^/]+$")
_TEXT = re.compile(r"[A-Za-z0-9]+")


def grafts(inventory: Inventory, _: Verdict) -> Iterator[Finding]:
    """Grafted libraries that no SBOM (PEP 770) and no licence file names."""
    wheel = inventory.wheel
    if wheel is None:
        return
    grafted = sorted({n.path for n in inventory.natives if _FOLDER.search(n.path)})
    if not grafted:
        return
    described = _components(inventory, wheel)
    unlisted = [path for path in grafted if not _is_named(path, described)]
    if unlisted:
        message = f"no SBOM in the wheel names {_some(unlisted)}"
        yield Finding(
            rule="graft-without-sbom", message=message, file=unlisted[0],
            details={"files": unlisted},
        )  # fmt: skip
    licences = _licence_words(inventory, wheel)
    bare = [path for path in grafted if not _is_named(path, licences)]
    if bare:
        message = f"no licence file in the wheel names {_some(bare)}"
        yield Finding(
            rule="graft-without-licence", message=message, file=bare[0], details={"files": bare}
        )


def _some(paths: list[str]) -> str:
    names = [posixpath.basename(path) for path in paths]
    more = f" and {len(names) - 3} more" if names[3:] else ""
    return ", ".join(names[:3]) + more


def _components(inventory: Inventory, wheel: WheelInfo) -> frozenset[str]:
    words: set[str] = set()
    for path, text in inventory.texts.items():
        if path.startswith(f"{wheel.dist_info}/sboms/"):
            try:
                document = json.loads(text)
            except (ValueError, RecursionError):
                continue
            words |= _words(json.dumps(document))
    return frozenset(words)


def _licence_words(inventory: Inventory, wheel: WheelInfo) -> frozenset[str]:
    words: set[str] = set()
    for path, text in inventory.texts.items():
        name = posixpath.basename(path)
        in_licences = path.startswith(f"{wheel.dist_info}/") and "/sboms/" not in path
        if in_licences and name not in {"METADATA", "WHEEL"}:
            words |= _words(text) | _words(name)
    return frozenset(words)


def _words(text: str) -> set[str]:
    return {word.lower() for word in _TEXT.findall(text)}


def _is_named(path: str, words: frozenset[str]) -> bool:
    """Whether ``words`` have the library's name, with or without ``lib``."""
    stem = stem_of(posixpath.basename(path)).lower()
    parts = _words(stem)
    return bool(parts) and (parts <= words or _words(stem.removeprefix("lib")) <= words)

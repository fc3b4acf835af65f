"""The seal of a bundle: ``_CodeSignature/CodeResources``, the hashes of all its files.

Format: a property list as Apple's ``codesign`` writes it (Technical Note 2206): ``files2`` with
what each file is, ``files`` with SHA-1 of the resources alone for systems before 10.9.5, and the
rules by which files are chosen, of which the heaviest that matches counts.
"""

import hashlib
import plistlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift.apple.property_list import read_table
from sealift.errors import BinaryFormatError

_WEIGHTS: Mapping[str, Any] = {
    "^Resources/.*\\.lproj/": {"optional": True, "weight": 1000.0},
    "^Resources/.*\\.lproj/locversion.plist$": {"omit": True, "weight": 1100.0},
    "^Resources/Base\\.lproj/": {"weight": 1010.0},
}
_RULES: Mapping[str, Any] = {"^Resources/": True, "^version.plist$": True, **_WEIGHTS}
_NESTED = (
    "^(Frameworks|SharedFrameworks|PlugIns|Plug-ins|XPCServices|Helpers|MacOS"
    "|Library/(Automator|Spotlight|LoginItems))/"
)
_RULES2: Mapping[str, Any] = {
    "^.*": True,
    ".*\\.dSYM($|/)": {"weight": 11.0},
    "^(.*/)?\\.DS_Store$": {"omit": True, "weight": 2000.0},
    _NESTED: {"nested": True, "weight": 10.0},
    "^Info\\.plist$": {"omit": True, "weight": 20.0},
    "^PkgInfo$": {"omit": True, "weight": 20.0},
    "^Resources/": {"weight": 20.0},
    "^[^/]+$": {"nested": True, "weight": 10.0},
    "^embedded\\.provisionprofile$": {"weight": 20.0},
    "^version\\.plist$": {"weight": 20.0},
    **_WEIGHTS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedCode:
    """Code of a bundle that has a signature of its own, by which it is known."""

    cdhash: bytes
    requirement: str


def is_nested(path: str) -> bool:
    """Whether code at ``path`` below ``Contents`` is known by its signature, not by its bytes.

    >>> is_nested("MacOS/helper"), is_nested("Resources/lib/x.so")
    (True, False)
    """
    return bool((_rule(_RULES2, path) or {}).get("nested"))


def code_resources(contents: Path, paths: Iterable[str], nested: Mapping[str, NestedCode]) -> bytes:
    """The seal of the files at ``paths`` below the folder ``contents``.

    ``nested`` has the code that :func:`is_nested` asks for.  The program that carries the seal is
    not to be among ``paths``.
    """
    files: dict[str, Any] = {}
    files2: dict[str, Any] = {}
    for path in sorted(paths):
        rule, rule2 = _rule(_RULES, path), _rule(_RULES2, path)
        place = contents / path
        if rule2 is not None and not rule2.get("omit"):
            files2[path] = _entry(place, nested.get(path)) | _optional(rule2)
        if rule is not None and not rule.get("omit") and not place.is_symlink():
            digest = hashlib.sha1(place.read_bytes(), usedforsecurity=False).digest()
            told = _optional(rule)
            files[path] = {"hash": digest, **told} if told else digest
    return plistlib.dumps(
        {"files": files, "files2": files2, "rules": dict(_RULES), "rules2": dict(_RULES2)}
    )


def _entry(place: Path, code: NestedCode | None) -> dict[str, Any]:
    if place.is_symlink():
        return {"symlink": str(place.readlink())}
    if code:
        return {"cdhash": code.cdhash, "requirement": code.requirement}
    with place.open("rb") as file:
        return {"hash2": hashlib.file_digest(file, "sha256").digest()}


def _optional(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {"optional": True} if rule.get("optional") else {}


def _rule(rules: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """The heaviest of ``rules`` that matches ``path``."""
    found: list[tuple[float, Mapping[str, Any]]] = []
    for pattern, told in rules.items():
        if re.search(pattern, path):
            rule = {} if told is True else told
            found.append((rule.get("weight", 1.0), rule))
    return max(found, key=lambda one: one[0])[1] if found else None


def sealed_files(seal: bytes) -> dict[str, dict[str, Any]]:
    """What the ``seal`` says of each file.

    Raises :class:`BinaryFormatError` where it is damaged.
    """
    found = read_table(seal, "CodeResources").get("files2")
    if not isinstance(found, dict) or not all(isinstance(told, dict) for told in found.values()):
        raise BinaryFormatError("cannot read CodeResources: it does not say what files are sealed")
    return found


def seal_problems(contents: Path, seal: bytes, program: str) -> list[str]:
    """What in the folder ``contents`` does not fit its ``seal``; code that is nested is passed by.

    ``program`` is the path of the one whose signature covers the seal.
    """
    sealed = sealed_files(seal)
    there = set(bundle_paths(contents)) - {program}
    wanted = {path for path in there if not (_rule(_RULES2, path) or {}).get("omit")}
    problems = [f"{path} is not sealed" for path in sorted(wanted - set(sealed))]
    for path, told in sealed.items():
        place = contents / path
        if path not in there:
            if not told.get("optional"):
                problems.append(f"{path} is missing")
        elif "cdhash" not in told and _entry(place, None) != {
            key: value for key, value in told.items() if key in {"symlink", "hash2"}
        }:
            problems.append(f"{path} is not what was sealed")
    return problems


def bundle_paths(contents: Path) -> list[str]:
    """The files and links below ``contents`` that a seal is about."""
    return sorted(
        path.relative_to(contents).as_posix()
        for path in contents.rglob("*")
        if (path.is_symlink() or path.is_file())
        and path.relative_to(contents).parts[0] != "_CodeSignature"
        and path != contents / "CodeResources"
    )

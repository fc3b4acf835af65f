"""What winget and Scoop ask of manifests, as schemas of our own.

They say what the schemas of winget 1.6.0 and of Scoop do of the keys that Sealift writes, and allow
no others.
"""

import json
from typing import Any

_URL = {"type": "string", "pattern": "^https?://.+$", "maxLength": 2048}
_PART = r'[^\.\s\\/:\*\?"<>\|\x01-\x1f]{1,32}'
_IDENTIFIER = {"type": "string", "pattern": rf"^{_PART}(\.{_PART}){{1,7}}$", "maxLength": 128}
_VERSION = {"type": "string", "pattern": r'^[^\\/:\*\?"<>\|\x01-\x1f]+$', "maxLength": 128}


def _text(least: int, most: int) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": most}


def _manifest(kind: str, required: dict[str, Any], optional: dict[str, Any]) -> dict[str, Any]:
    needed = {
        "PackageIdentifier": _IDENTIFIER,
        "PackageVersion": _VERSION,
        "ManifestType": {"const": kind},
        "ManifestVersion": {"const": "1.6.0"},
        **required,
    }
    return _object(needed, optional)


def _object(required: dict[str, Any], optional: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": [*required],
        "additionalProperties": False,
    }


_INSTALLER = _object(
    {
        "Architecture": {"enum": ["x86", "x64", "arm", "arm64", "neutral"]},
        "InstallerType": {"enum": ["msi", "zip", "nullsoft", "portable"]},
        "InstallerUrl": _URL,
        "InstallerSha256": {"type": "string", "pattern": "^[A-Fa-f0-9]{64}$"},
    },
    {
        "ProductCode": _text(1, 255),
        "AppsAndFeaturesEntries": {
            "type": "array",
            "items": _object({}, {"DisplayVersion": _text(1, 128)}),
            "minItems": 1,
            "maxItems": 128,
        },
        "Commands": {"type": "array", "items": _text(1, 40), "maxItems": 16},
        "NestedInstallerType": {"enum": ["portable"]},
        "NestedInstallerFiles": {
            "type": "array",
            "items": _object(
                {"RelativeFilePath": _text(1, 512)}, {"PortableCommandAlias": _text(1, 40)}
            ),
        },
    },
)
WINGET = {
    "version": _manifest("version", {"DefaultLocale": _text(2, 20)}, {}),
    "installer": _manifest(
        "installer",
        {"Installers": {"type": "array", "items": _INSTALLER, "minItems": 1, "maxItems": 1024}},
        {},
    ),
    "defaultLocale": _manifest(
        "defaultLocale",
        {
            "PackageLocale": _text(2, 20),
            "Publisher": _text(2, 256),
            "PackageName": _text(2, 256),
            "License": _text(3, 512),
            "ShortDescription": _text(3, 256),
        },
        {"PackageUrl": _URL, "Copyright": _text(3, 512)},
    ),
}
_DOWNLOAD = _object({"url": _URL, "hash": {"type": "string", "pattern": "^[a-fA-F0-9]{64}$"}}, {})
SCOOP = _object(
    {
        "version": {"type": "string", "pattern": r"^[\w\.\-+_]+$"},
        "homepage": _URL,
        "license": {"type": "string"},
        "architecture": _object({}, {"32bit": _DOWNLOAD, "64bit": _DOWNLOAD, "arm64": _DOWNLOAD}),
    },
    {
        "description": {"type": "string"},
        "extract_dir": {"type": "string"},
        "bin": {"type": "string"},
        "shortcuts": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 4},
        },
    },
)


def parsed(text: str) -> Any:
    """Our YAML, which is lists of JSON's texts under keys, read by hand."""
    found: dict[str, Any] = {}
    stack: list[tuple[int, Any]] = [(0, found)]
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        words = line.strip()
        if words.startswith("- "):
            words, indent = words[2:], indent + 2
            while stack[-1][0] >= indent:
                stack.pop()
            holder = stack[-1][1]
            key = next(reversed(holder))
            if holder[key] is None:
                holder[key] = []
            if words.startswith('"'):
                holder[key].append(json.loads(words))
                continue
            holder[key].append({})
            stack.append((indent, holder[key][-1]))
        while stack[-1][0] > indent:
            stack.pop()
        key, _, value = words.partition(":")
        stack[-1][1][key] = json.loads(value) if value else None
    return found

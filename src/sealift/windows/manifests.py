"""Manifests by which winget and Scoop find a release.

Formats: winget's manifests of version 1.6.0, Scoop's app manifests.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sealift import process
from sealift.artifact import About, Artifact
from sealift.errors import ConfigError
from sealift.tools import MSIINFO

_VERSION, _LOCALE = "1.6.0", "en-US"
# A name in reverse DNS is one already, as far as its parts are short.
_PART = r"[^.\s\\/:*?\"<>|\x00-\x1f]{1,32}"
_IDENTIFIER = re.compile(rf"{_PART}(\.{_PART}){{1,7}}")
_KINDS = {"nsis": "nullsoft", "msi": "msi", "zip": "zip", "onefile": "portable"}
_ARCHES = {"windows-x86_64": "x64", "windows-arm64": "arm64", "windows-x86": "x86"}
_SCOOP_ARCHES = {"windows-x86_64": "64bit", "windows-arm64": "arm64", "windows-x86": "32bit"}
_SCOOP_KINDS = ("zip", "onefile")  # the first that is there
_SHORTEST = 3
_LONGEST = {"license": 512, "publisher": 256}


def winget_manifests(
    artifacts: Iterable[Artifact], url: str, identifier: str | None
) -> Mapping[str, str]:
    """The three manifests of a release by their names, for all installers among ``artifacts``.

    ``url`` is a template, see :func:`download_url`; ``identifier`` is the package's in winget, that
    of the application by default.  Raises :class:`ConfigError` where something is missing.
    """
    usable = _usable(artifacts, _KINDS, _ARCHES, "winget")
    about = usable[0].about
    name = identifier or about.identifier
    if not _IDENTIFIER.fullmatch(name):
        raise ConfigError(
            f"cannot write manifests for winget: {name!r} is no identifier of a package",
            hint='name one with --id, such as "Publisher.Product"',
        )
    _require(about, "publisher", "license", "summary")
    common = {"PackageIdentifier": name, "PackageVersion": about.version}
    parts: dict[str, dict[str, Any]] = {
        "": {"DefaultLocale": _LOCALE, "ManifestType": "version"},
        ".installer": {
            "Installers": [_installer(artifact, url) for artifact in usable],
            "ManifestType": "installer",
        },
        f".locale.{_LOCALE}": {
            "PackageLocale": _LOCALE,
            "Publisher": about.publisher,
            "PackageName": about.title,
            **({"PackageUrl": about.homepage} if about.homepage else {}),
            "License": about.license,
            **({"Copyright": about.copyright} if about.copyright else {}),
            "ShortDescription": about.summary[:256],
            "ManifestType": "defaultLocale",
        },
    }
    return {
        f"{name}{part}.yaml": _yaml({**common, **content, "ManifestVersion": _VERSION})
        for part, content in parts.items()
    }


def scoop_manifest(artifacts: Iterable[Artifact], url: str) -> Mapping[str, str]:
    """The manifest of a release by its name, for the zip files or single files of ``artifacts``.

    ``url`` is as for :func:`winget_manifests`, which raises the same.
    """
    found = _usable(artifacts, _SCOOP_KINDS, _SCOOP_ARCHES, "Scoop")
    kind = next(kind for kind in _SCOOP_KINDS if any(a.format == kind for a in found))
    about = found[0].about
    _require(about, "license", "summary", "homepage")
    program = f"{about.name}.exe"
    content: dict[str, Any] = {
        "version": about.version,
        "description": about.summary,
        "homepage": about.homepage,
        "license": about.license,
        "architecture": {
            _SCOOP_ARCHES[artifact.targets[0]]: {
                "url": download_url(url, artifact),
                "hash": artifact.sha256,
            }
            for artifact in found
            if artifact.format == kind
        },
    }
    if kind == "zip":
        content["extract_dir"] = f"{about.name}-{about.version}"
    if about.gui:
        content["shortcuts"] = [[program, about.title]]
    else:
        content["bin"] = program
    return {f"{about.name.lower()}.json": json.dumps(content, indent=4, ensure_ascii=False) + "\n"}


def download_url(template: str, artifact: Artifact) -> str:
    """Where ``artifact`` will be, by a template with ``{version}``, ``{target}`` and ``{file}``.

    Raises :class:`ConfigError` for another name in braces, or a scheme that is not HTTP.
    """
    values = {
        "version": artifact.about.version,
        "target": artifact.targets[0],
        "file": artifact.path.name,
    }
    try:
        url = template.format_map(values)
    except (KeyError, ValueError, IndexError) as problem:
        raise ConfigError(
            f"cannot use the URL {template!r}: in braces may stand {', '.join(values)}"
        ) from problem
    if not re.match(r"https?://.", url):
        raise ConfigError(f"cannot use the URL {template!r}: it has to begin with https://")
    return url.replace(" ", "%20")


def _usable(
    artifacts: Iterable[Artifact], kinds: Iterable[str], arches: Iterable[str], store: str
) -> Sequence[Artifact]:
    found = [a for a in artifacts if a.format in kinds and set(a.targets) <= set(arches)]
    if not found:
        raise ConfigError(
            f"cannot write a manifest for {store}: nothing of what was built is for it",
            hint=f"it takes {', '.join(kinds)} for Windows",
        )
    return found


def _require(about: About, *fields: str) -> None:
    missing = [name for name in fields if len(getattr(about, name)) < _SHORTEST]
    if missing:
        raise ConfigError(
            f"cannot write a manifest of {about.name}: its {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing, and asked for",
            hint="license, description, authors and urls stand in [project]",
        )
    for name in fields:
        size, most = len(getattr(about, name)), _LONGEST.get(name)
        if most and size > most:
            raise ConfigError(
                f"cannot write a manifest of {about.name}: its {name} has {size} letters, and may "
                f"have {most}",
                hint='name a license as SPDX does, such as `license = "MIT"` in [project]'
                if name == "license"
                else None,
            )


def _installer(artifact: Artifact, url: str) -> dict[str, Any]:
    about, kind = artifact.about, _KINDS[artifact.format]
    entry: dict[str, Any] = {
        "Architecture": _ARCHES[artifact.targets[0]],
        "InstallerType": kind,
        "InstallerUrl": download_url(url, artifact),
        "InstallerSha256": artifact.sha256.upper(),
    }
    program = f"{about.name}.exe"
    match kind:
        case "nullsoft":
            entry["ProductCode"] = about.identifier  # the key of its entry among programs
        case "msi":
            entry.update(_listed(artifact))
        case "zip":
            entry["NestedInstallerType"] = "portable"
            path = f"{about.name}-{about.version}\\{program}"
            nested = {"RelativeFilePath": path, "PortableCommandAlias": about.name}
            entry["NestedInstallerFiles"] = [nested]
        case _:
            entry["Commands"] = [about.name]
    return entry


def _listed(artifact: Artifact) -> dict[str, Any]:
    """How an MSI stands in Windows' list of programs, where winget looks for what is installed."""
    text = process.run(
        [MSIINFO.require(), "export", artifact.path, "Property"],
        action=f"read {artifact.path.name}",
    )
    rows = dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)
    found: dict[str, Any] = {"ProductCode": rows["ProductCode"]}
    if rows["ProductVersion"] != artifact.about.version:
        found["AppsAndFeaturesEntries"] = [{"DisplayVersion": rows["ProductVersion"]}]
    return found


def _yaml(content: Mapping[str, Any]) -> str:
    """``content`` as YAML whose texts are quoted as JSON quotes them, which YAML reads alike."""
    return "".join(f"{line}\n" for line in _lines(content))


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    for key, value in content.items():
        if isinstance(value, str):
            yield f"{key}: {json.dumps(value, ensure_ascii=False)}"
            continue
        yield f"{key}:"
        for item in value:
            if isinstance(item, str):
                yield f"- {json.dumps(item, ensure_ascii=False)}"
                continue
            first, *rest = _lines(item)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)

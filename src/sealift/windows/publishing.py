"""What ``sealift manifest`` does: reads what was built, and writes how stores find it."""

import json
from pathlib import Path

from sealift import console, jsonform, store
from sealift.artifact import Artifact
from sealift.errors import ConfigError
from sealift.output import make_folder, write_text
from sealift.windows.manifests import scoop_manifest, winget_manifests


def write_manifests(
    kind: str, listing: Path, *, url: str, identifier: str | None, out: Path
) -> None:
    """Write the manifests for ``kind`` of the artifacts in ``listing`` to the folder ``out``.

    Raises :class:`ConfigError` where the list cannot be read, a file changed since, or something is
    missing that the store asks for.
    """
    artifacts = read_artifacts(listing)
    made = (
        winget_manifests(artifacts, url, identifier)
        if kind == "winget"
        else scoop_manifest(artifacts, url)
    )
    make_folder(out)
    for name, text in made.items():
        write_text(out / name, text)
    paths = [str(out / name) for name in made]
    console.result(paths, "\n".join(paths))


def read_artifacts(listing: Path) -> tuple[Artifact, ...]:
    """The artifacts in ``listing``; raises :class:`ConfigError` where files are not as listed."""
    try:
        data = json.loads(listing.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise ConfigError(
            f"cannot tell of what was built: there is no {listing}",
            hint="build first: `sealift build . -t windows-x86_64 -f zip -f nsis` (or another "
            "format) writes it to the folder of its files",
        ) from problem
    except (OSError, ValueError) as problem:
        raise ConfigError(f"cannot read {listing}: {problem}") from problem
    artifacts: tuple[Artifact, ...] = jsonform.load(tuple[Artifact, ...], data, where=str(listing))
    for artifact in artifacts:
        if artifact.path.is_file() and store.file_sha256(artifact.path) != artifact.sha256:
            raise ConfigError(
                f"cannot tell of {artifact.path}: it changed after it was built",
                hint="build it again, or leave signing to Sealift",
            )
    return artifacts

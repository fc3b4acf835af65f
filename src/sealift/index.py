"""Questions to the package index as the user configured it: asked of uv, answered as locks."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sealift import process
from sealift.errors import FetchError
from sealift.fetch import Remote
from sealift.tools import UV


def find_sdist(name: str, version: str, *, purpose: str) -> Remote:
    """The source distribution of ``name`` in exactly ``version``, with the index's hash of it.

    ``purpose`` tells, in an error, what it is needed for.  Indexes, credentials and certificates
    are those of uv's own settings.  Raises :class:`FetchError` when no index has it.
    """
    hint = "check the index settings of uv (UV_INDEX_URL, uv.toml), and that this machine is online"
    lock = process.run(
        [
            UV.require(), "pip", "compile", "--quiet", "--no-deps", "--no-header", "--universal",
            "--python-version", "3.11", "--format", "pylock.toml", "-",
        ],
        input_bytes=f"{name}=={version}\n".encode(),
        env=process.clean_environment(),
        error=FetchError,
        action=f"find {name} {version} on the package index ({purpose})",
        hint=hint,
    )  # fmt: skip
    for package in tomllib.loads(lock).get("packages", ()):
        if package["name"] == name and "sdist" in package:
            return _remote(package["sdist"])
    raise FetchError(
        f"cannot find the source distribution of {name} {version} ({purpose})", hint=hint
    )


def _remote(sdist: Mapping[str, Any]) -> Remote:
    url = sdist.get("url") or Path(sdist["path"]).absolute().as_uri()
    return Remote(url=url, sha256=sdist["hashes"]["sha256"], size=sdist.get("size"))

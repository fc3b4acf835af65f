"""Wheels by name, from the package index that uv is set up for."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sealift import uv
from sealift.errors import FetchError
from sealift.fetch import Remote, fetch

_PYTHON = re.compile(r"-[cp]p(3)(\d+)-")
_OLDEST = (3, 6)  # for which uv resolves
_NEWEST = (3, 12)


def fetch_wheels(wheels: Mapping[str, Sequence[str]], out: Path) -> Iterator[Path]:
    """The files of ``wheels`` (by requirement ``name==version``), in ``out``, in their order."""
    folder = out / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    missing = {
        requirement: names
        for requirement, names in wheels.items()
        if not all((folder / name).exists() for name in names)
    }
    for remote in _remotes(missing, out):
        path = folder / remote.name
        if not path.exists():
            path.symlink_to(fetch(remote).resolve())
    for names in wheels.values():
        yield from (folder / name for name in names)


def _remotes(wheels: Mapping[str, Sequence[str]], out: Path) -> Iterator[Remote]:
    """Where the files are and what they must be, as uv's universal locks tell."""
    found: dict[str, Remote] = {}
    for python, requirements in _batches(wheels):
        lock = uv.call(
            ["pip", "compile", "--no-deps", "--no-header", "--universal", "--format",
             "pylock.toml", "--python-version", python, "-"],
            cwd=out, action="find the wheels on the index", error=FetchError,
            given="\n".join(requirements),
        )  # fmt: skip
        for package in tomllib.loads(lock)["packages"]:
            for wheel in package.get("wheels", ()):
                remote = Remote(wheel["url"], wheel["hashes"]["sha256"], wheel.get("size"))
                found[remote.name] = remote
    for names in wheels.values():
        for name in names:
            if name not in found:
                raise FetchError(f"cannot find {name} on the index")
            yield found[name]


def _batches(wheels: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, list[str]]]:
    """Requirements that can be asked for together: for one Python, and each project once."""
    batches: dict[tuple[str, int], list[str]] = defaultdict(list)
    for requirement, names in wheels.items():
        pythons = [(int(it[1]), int(it[2])) for it in map(_PYTHON.search, names) if it]
        python = "{}.{}".format(*max(_OLDEST, min([*pythons, _NEWEST])))
        project = requirement.partition("==")[0]
        turn = 0
        while any(it.partition("==")[0] == project for it in batches[python, turn]):
            turn += 1
        batches[python, turn].append(requirement)
    for (python, _), requirements in batches.items():
        yield python, requirements

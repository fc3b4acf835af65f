"""Hold Sealift's policies against the lists of auditwheel that they are made from.

``python -m benchmarks.field policies`` tells what a newer auditwheel, put into
``requirements.txt``, knows besides: the work to do in ``data/policies``.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sealift.policy.ladder import TagPolicy, load_ladder

_FILES = {"gnu": "manylinux-policy.json", "musl": "musllinux-policy.json"}


def compare_policies(python: Path) -> list[str]:
    """What differs, a line each; ``python`` is that of the peers' environment."""
    (folder,) = python.parents[1].glob("lib/python*/site-packages/auditwheel/policy")
    lines: list[str] = []
    for libc, name in _FILES.items():
        rows = json.loads((folder / name).read_text("utf-8"))
        theirs = [row for row in rows if row["name"] != "linux"]
        for arch in sorted({arch for row in theirs for arch in row["symbol_versions"]}):
            own = [row for row in theirs if arch in row["symbol_versions"]]
            lines += _compare_arch(libc, arch, own)
    return lines


def _compare_arch(libc: str, arch: str, theirs: list[Mapping[str, Any]]) -> Iterator[str]:
    ladder = load_ladder(libc, arch)
    ours = {policy.tag: policy for policy in ladder.policies} if ladder else {}
    for row in theirs:
        tag = f"{row['name']}_{arch}"
        policy = ours.pop(tag, None)
        if policy is None:
            yield f"{tag}: missing"
        else:
            yield from (f"{tag}: {line}" for line in _compare(policy, row, arch))
    yield from (f"{tag}: not auditwheel's" for tag in ours)


def _compare(policy: TagPolicy, row: Mapping[str, Any], arch: str) -> Iterator[str]:
    own, libraries = set(policy.libraries), set(row["lib_whitelist"])
    if "libc.so" in libraries:  # auditwheel spells musl's name by architecture when it reads this
        own = {name for name in own if not name.startswith("libc.musl-")}
    yield from _difference("libraries", own, libraries)
    for family, numbers in row["symbol_versions"][arch].items():
        yield from _difference(family, set(policy.versions.get(family, ())), set(numbers))
    for library in policy.forbidden.keys() | row["blacklist"].keys():
        forbidden = set(policy.forbidden.get(library, ()))
        yield from _difference(library, forbidden, set(row["blacklist"].get(library, ())))
    aliases = {f"{alias}_{arch}" for alias in row["aliases"]}
    yield from _difference("aliases", set(policy.aliases), aliases)


def _difference(what: str, ours: set[str], theirs: set[str]) -> Iterator[str]:
    if lacking := sorted(theirs - ours):
        yield f"{what}: lacks {', '.join(lacking)}"
    if extra := sorted(ours - theirs):
        yield f"{what}: has {', '.join(extra)} besides"

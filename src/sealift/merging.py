"""Wheels for both kinds of Mac, made of the two that an index has and kept."""

from collections.abc import Sequence
from pathlib import Path

from sealift import store
from sealift.cross.universal import merge_wheels

_RECIPE = "2"  # another one makes other wheels of the same


def merged_wheel(intel: Path, apple: Path, digests: Sequence[str]) -> Path:
    """The wheel made of ``intel`` and ``apple``, whose SHA-256 are ``digests``.

    Raises what :func:`~sealift.cross.universal.merge_wheels` does.
    """
    entry = store.make_entry(
        "merged-wheels",
        store.digest_of(_RECIPE, *digests),
        lambda out: merge_wheels(intel, apple, out),
    )
    (path,) = entry.iterdir()
    return path

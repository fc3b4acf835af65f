"""Versions of Debian packages, compared as Debian Policy 5.6.12 says.

Own code, since the library that has it is under a licence that a program under Apache-2.0 cannot
take in.
"""

import functools
import re

_PARTS = re.compile(r"(\D*)(\d*)")
_OPERATORS = {"<<": (-1,), "<=": (-1, 0), "=": (0,), ">=": (0, 1), ">>": (1,)}


def compare(one: str, other: str) -> int:
    """-1, 0 or 1: whether ``one`` is older than ``other``, the same, or newer.

    >>> compare("1.0~rc1", "1.0"), compare("2:0.1", "1.9"), compare("1.10-1", "1.9-2")
    (-1, 1, 1)
    """
    left, right = _key(one), _key(other)
    return (left > right) - (left < right)


def satisfies(version: str, operator: str, wanted: str) -> bool:
    """Whether ``version`` is in the relation ``operator`` (such as ``>=``) to ``wanted``."""
    return compare(version, wanted) in _OPERATORS[operator]


@functools.cache
def _key(version: str) -> tuple[object, ...]:
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "0")
    number = int(epoch) if epoch.isdecimal() else 0
    return number, _part_key(upstream), _part_key(revision)


def _part_key(text: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Non-digits and numbers by turns; the end sorts before all but a tilde."""
    pairs = [(_letters_key(letters), int(digits or 0)) for letters, digits in _PARTS.findall(text)]
    return tuple(pairs)


def _letters_key(letters: str) -> tuple[int, ...]:
    order = (-1 if char == "~" else ord(char) + (0 if char.isalpha() else 256) for char in letters)
    return (*order, 0)

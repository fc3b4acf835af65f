"""Versions as Windows numbers them."""

from packaging.version import InvalidVersion, Version

_LARGEST = 0xFFFF


def four_numbers(version: str) -> tuple[int, int, int, int]:
    """The release of a version (PEP 440) as the four 16-bit numbers of a version resource.

    What does not fit is the largest number; what is no number, such as "rc1", stands only in texts.

    >>> four_numbers("1.2.3rc1"), four_numbers("2026.11.29.5.7"), four_numbers("20261129")
    ((1, 2, 3, 0), (2026, 11, 29, 5), (65535, 0, 0, 0))
    """
    try:
        release = Version(version).release
    except InvalidVersion:
        release = ()
    first, second, third, fourth, *_ = (*(min(part, _LARGEST) for part in release), 0, 0, 0, 0)
    return first, second, third, fourth

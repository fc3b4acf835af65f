"""The time that files of a product are given: ``SOURCE_DATE_EPOCH``, or the year 1980.

https://reproducible-builds.org/specs/source-date-epoch/
"""

import os

from sealift.errors import ConfigError

EARLIEST = 315532800
"""1980-01-01, the earliest that zip files know as well."""


def source_epoch() -> int:
    """Seconds since 1970; raises :class:`ConfigError` where the variable is no such number."""
    text = os.environ.get("SOURCE_DATE_EPOCH") or str(EARLIEST)
    if not text.isdecimal():
        raise ConfigError(
            f"SOURCE_DATE_EPOCH must be a whole number of seconds since 1970; got {text!r}"
        )
    return int(text)

"""Extras of a project: their names made alike (PEP 685), unknown ones refused."""

import re
from collections.abc import Iterable, Sequence

from packaging.utils import InvalidName, canonicalize_name

from sealift.errors import ConfigError
from sealift.wheel import WheelFile

_IN_MARKER = re.compile(r"""\bextra\s*==\s*["']([^"']+)["']""")


def normalize_extras(names: Iterable[str]) -> tuple[str, ...]:
    """``names`` as indexes and locks spell them, each once; :class:`ConfigError` for no name.

    >>> normalize_extras(["Foo_Bar", "foo.bar", "x"])
    ('foo-bar', 'x')
    """
    found: dict[str, None] = {}
    for name in names:
        try:
            found[canonicalize_name(name, validate=True)] = None
        except InvalidName as problem:
            raise ConfigError(
                f"cannot ship extra {name!r}: it is not a name",
                hint="letters and digits, and ., _ and - between them; --extra may be repeated",
            ) from problem
    return tuple(found)


def extras_of(wheel: WheelFile) -> tuple[str, ...]:
    """Extras that ``wheel`` declares, or that its requirements name without a declaration."""
    named = [name for text in wheel.requires for name in _IN_MARKER.findall(text)]
    return tuple(dict.fromkeys(canonicalize_name(name) for name in (*wheel.extras, *named)))


def check_extras(asked: Sequence[str], known: Sequence[str], *, project: str) -> None:
    """Raise :class:`ConfigError` where ``asked`` has an extra that is not ``known``."""
    there = [canonicalize_name(name) for name in known]
    unknown = [repr(name) for name in asked if name not in there]
    if unknown:
        raise ConfigError(
            f"cannot ship extra {', '.join(unknown)} of {project}: it has no such extra",
            hint=f"it has {', '.join(sorted(there))}" if there else f"{project} has no extras",
        )

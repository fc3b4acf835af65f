"""Paths of the building machine inside finished files, replaced by neutral ones of equal length.

A native file may hold them as prefixes compiled in or names of sources.  Replacing text by text of
the same length moves nothing; slashes fill up, which keeps what stands behind the path right:
``/home/me/py/lib`` becomes ``/sealift////lib``.
"""

from collections.abc import Iterable

_NEUTRAL = b"/sealift"
# Folders that are alike on all machines and tell nothing.
_COMMON = {"", "/", "/usr", "/usr/local", "/opt"}


def telling(paths: Iterable[str]) -> tuple[str, ...]:
    """Those of ``paths`` that give a machine away, longest first, none twice."""
    cleaned = {path.rstrip("/") for path in paths if path.startswith("/")}
    return tuple(sorted(cleaned - _COMMON, key=lambda path: (-len(path), path)))


def neutralised(data: bytes, paths: Iterable[str]) -> bytes:
    r"""``data`` with each of ``paths`` (as :func:`telling` gives them) replaced.

    Where a path is the end of a C string its last part stays: linkers let other strings share the
    end of one, so that the version in ``/opt/py/3.13.0`` may be the text of the version itself.

    >>> neutralised(b"at /home/me/py/lib", ["/home/me/py"])
    b'at /sealift////lib'
    >>> neutralised(b"/home/me/3.13.0\0", ["/home/me/3.13.0"])
    b'/sealift/3.13.0\x00'
    """
    for path in paths:
        old = path.encode("utf-8", "surrogateescape")
        head, _, last = old.rpartition(b"/")
        ends = old + b"\0"
        if ends in data:
            data = data.replace(ends, _neutral(len(head)) + b"/" + last + b"\0")
        data = data.replace(old, _neutral(len(old)))
    return data


def _neutral(length: int) -> bytes:
    return _NEUTRAL[:length].ljust(length, b"/")


def first_leak(data: bytes, paths: Iterable[str]) -> str | None:
    """The first of ``paths`` that ``data`` holds, or ``None``."""
    return next((p for p in paths if p.encode("utf-8", "surrogateescape") in data), None)

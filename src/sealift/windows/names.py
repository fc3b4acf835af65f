"""Names of files as Windows allows them.

Source: "Naming Files, Paths, and Namespaces" of Microsoft's documentation of Win32.
"""

import re
from collections.abc import Iterable, Iterator

from sealift.errors import OutputError

LONGEST_PATH = 259
"""Letters of the longest path that programs open which know nothing of longer ones."""

_LONGEST_NAME = 255
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])", re.IGNORECASE)
_MOST_SHOWN = 20


def why_not(name: str) -> str | None:
    """Why no file on Windows can be called ``name``, or ``None``.

    >>> why_not("app.exe"), why_not("com1.txt"), why_not("a:b")
    (None, "Windows keeps the name 'com1' for a device", "Windows does not allow ':' in names")
    """
    if found := _FORBIDDEN.search(name):
        return f"Windows does not allow {found[0]!r} in names"
    if not name or name[-1] in ". ":
        return "Windows drops dots and spaces at the end of names" if name else "it has no name"
    stem = name.partition(".")[0].rstrip()
    if _DEVICE.fullmatch(stem):
        return f"Windows keeps the name {stem!r} for a device"
    if len(name.encode("utf-16-le")) // 2 > _LONGEST_NAME:
        return f"Windows allows names of {_LONGEST_NAME} letters"
    return None


def check_name(name: str) -> None:
    """Raise :class:`OutputError` where a product for Windows cannot be called ``name``."""
    if reason := why_not(f"{name}.exe") or why_not(name):
        raise OutputError(
            f"cannot call a product for Windows {name!r}: {reason}",
            hint="set `name` in [tool.sealift], or --name",
        )


def check_paths(paths: Iterable[str], product: str) -> None:
    """Raise :class:`OutputError` where ``paths``, relative ones of a tree, cannot be on Windows."""
    problems = list(_problems(paths))
    if problems:
        raise OutputError(
            f"cannot write {product} for Windows: some of its files cannot be there",
            details=_some(problems),
            hint="leave out or rename them in the package that has them",
        )


def _problems(paths: Iterable[str]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for path in paths:
        parts = path.split("/")
        for end, part in enumerate(parts, 1):
            above = "/".join(parts[:end])
            known = seen.setdefault(above.upper(), above)
            if known != above:
                yield f"{above}: differs from {known} only by case"
            elif end == len(parts) and (reason := why_not(part)):
                yield f"{path}: {reason}"
            elif reason := why_not(part):
                yield f"{path}: in {part!r}, {reason}"


def check_lengths(paths: Iterable[str], folder: str, product: str) -> None:
    """Raise :class:`OutputError` for ``paths`` that an installer cannot write below ``folder``."""
    room = LONGEST_PATH - len(folder) - 1
    problems = [
        f"{path}: {len(path) + len(folder) + 1} letters in {folder}"
        for path in paths
        if len(path) > room
    ]
    if problems:
        raise OutputError(
            f"cannot write an installer of {product}: Windows does not let installers write paths "
            f"longer than {LONGEST_PATH} letters",
            details=_some(problems),
            hint='the formats "onefile" and "zip" take longer ones',
        )


def _some(problems: list[str]) -> list[str]:
    more = len(problems) - _MOST_SHOWN
    return [*problems[:_MOST_SHOWN], *([f"… and {more} more"] if more > 0 else [])]

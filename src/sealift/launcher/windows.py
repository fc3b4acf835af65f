"""What only Windows has; runs inside products as ``_sealift_windows``.

Both slashes part names there, and capitals do not count: programs compare and pass on what
``os.path.normcase`` makes of a path.  Names of modules are always spelled as the image has them.
"""

import _sealift  # type: ignore[import-not-found]
from _sealift_importer import find, prefix, settings  # type: ignore[import-not-found]

_LOWER = prefix.lower()
_TOP = {path.partition("/")[0] for path in (settings["stdlib"], *settings["search_path"])}


def key_of(path: "str") -> "str | None":
    """The importer's function of this name, for any spelling of ``path``."""
    if not path.startswith(prefix):
        start = path[: len(prefix)].replace("/", "\\")
        if start.lower() != _LOWER:
            return None
    key = path[len(prefix) :].replace("\\", "/")
    return key if find(key) is not None else _spelled(key)


def is_same(path: "str", other: "str") -> "bool":
    """Whether two paths are the same but for spelling."""
    return path == other or path.lower() == other.replace("/", "\\").lower()


def places_of(flags: "int") -> "int":
    """Flags of ``LoadLibraryEx``, with the program's own folder no place that is looked into."""
    defaults, user_dirs, system = 0x1000, 0x400, 0x800
    return flags & ~defaults | user_dirs | system if flags & defaults else flags


def _spelled(key: "str") -> "str":
    """``key`` as the image spells it, as far down as the image has it."""
    parts, names = key.split("/"), [*_TOP]
    for number, part in enumerate(parts):
        match = next((name for name in names if name.lower() == part.lower()), None)
        if match is None:
            break
        parts[number] = match
        found = find("/".join(parts[: number + 1]))
        names = _sealift.children(found[1]) if found else []
    return "/".join(parts)

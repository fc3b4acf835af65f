"""Extension modules that say abi3 or abi3t and take from Python what these do not promise.

The stable ABI of every Python version comes from ``abi3info``, which is made from CPython's own
``Misc/stable_abi.toml``.
"""

import functools
import re
from collections.abc import Iterator, Mapping

from sealift.audit.finding import Finding
from sealift.audit.inventory import Inventory, WheelInfo
from sealift.audit.natives import Native
from sealift.audit.verdict import Verdict

Version = tuple[int, int]

_STABLE = re.compile(r"\.abi3t?\.(?:so|pyd)$")
_VERSIONED = re.compile(r"\.(?:cpython-|cp|pypy)\d")
_OF_PYTHON = re.compile(r"_?Py[A-Z_]\w*")
_PYTHON_DLL = re.compile(r"python3\d+t?(?:_d)?\.dll", re.IGNORECASE)
_LIBPYTHON = re.compile(r"libpython3\.\d+t?\.so|/Python\.framework/|libpython3\.\d+t?\.dylib")
_PYTHON_HOME = re.compile(
    r"^@executable$|/Python$|libpython|^python3[\dt]*(?:_d)?\.dll$", re.IGNORECASE
)
_INTERPRETER = re.compile(r"cp(\d)(\d+)")
# Free-threaded Python hides what PyModuleDef looks like, so nothing can be made with it (PEP 803).
_OPAQUE_IN_ABI3T = frozenset({"PyModuleDef_Init", "PyModule_Create2", "PyModule_FromDefAndSpec2"})
_FIRST_ABI3T = (3, 15)
_SHOWN = 5


def stable_abi(inventory: Inventory, verdict: Verdict) -> Iterator[Finding]:
    """Symbols outside of the stable ABI, and those newer than the wheel's oldest Python."""
    told: set[tuple[str, str]] = set()  # the slices of a fat file say the same
    for native in inventory.natives:
        abi = _claimed(native, inventory.wheel)
        for finding in _strays(native, abi, inventory.wheel, verdict) if abi else ():
            if (native.path, finding.message) not in told:
                told.add((native.path, finding.message))
                yield finding


def _strays(
    native: Native, abi: str, wheel: WheelInfo | None, verdict: Verdict
) -> Iterator[Finding]:
    """What a file that says ``abi`` asks of Python beyond it."""
    yield from _versioned_dlls(native, abi)
    asked = sorted(_python_symbols(native))
    known = _stable_abi() if asked else {}
    if outside := [name for name in asked if name not in known]:
        rule, message = "abi3-outside", f"it asks for {_some(outside)}, which {abi} does not have"
        if others := _unseen(native, verdict):
            rule = "abi3-perhaps-outside"
            message += f"; they may be from {_some(others)}, which is not here"
        yield _finding(rule, native, message, outside)
    if abi == "abi3t" and (opaque := [n for n in asked if n in _OPAQUE_IN_ABI3T]):
        message = f"it asks for {_some(opaque)}, which needs a struct that abi3t hides"
        yield _finding("abi3-outside", native, message, opaque)
    oldest = _oldest(wheel, abi)
    if oldest and (newer := [name for name in asked if known.get(name, oldest) > oldest]):
        since = max(known[name] for name in newer)
        message = (
            f"it asks for {_some(newer)}, new in Python {_text(since)}; "
            f"the wheel is for {_text(oldest)} and newer"
        )
        yield _finding("abi3-too-new", native, message, newer)


def _unseen(native: Native, verdict: Verdict) -> list[str]:
    """Libraries of other packages from which an ELF file, which does not tell, may take symbols."""
    if native.facts.format != "elf":
        return []
    return [
        external.library
        for external in verdict.externals
        if native.path in external.needed_by
        and not external.promised_by
        and not _LIBPYTHON.search(external.library)
    ]


def _versioned_dlls(native: Native, abi: str) -> Iterator[Finding]:
    """Windows has the stable ABI in python3.dll (PEP 384), python3t.dll for abi3t (PEP 803)."""
    if native.facts.format == "pe":
        for name in native.facts.needed:
            if _PYTHON_DLL.fullmatch(name):
                home = "python3t.dll" if abi == "abi3t" else "python3.dll"
                message = f"it asks for {name}, which one Python has; {abi} is in {home}"
                yield _finding("abi3-outside", native, message, [name])


def libpython(inventory: Inventory, _: Verdict) -> Iterator[Finding]:
    """Extension modules that are linked to a libpython of their own; Android's have to be."""
    if inventory.wheel is None:
        return
    for native in inventory.natives:
        facts, linked = native.facts, list[str]()
        if facts.format == "elf" and not facts.is_program and facts.libc != "bionic":
            linked += facts.needed
        elif facts.format == "macho" and facts.kind == "bundle":
            linked += (it.name for it in facts.dependencies)
        for name in filter(_LIBPYTHON.search, linked):
            message = f"it is linked to {name}"
            yield Finding(rule="links-libpython", message=message, file=native.path)


def _claimed(native: Native, wheel: WheelInfo | None) -> str | None:
    """The stable ABI that a file is to keep to, by its suffix or else by the wheel's tags."""
    if match := _STABLE.search(native.name):
        return "abi3t" if "abi3t" in match[0] else "abi3"
    if wheel is None or not native.name.endswith((".so", ".pyd")):
        return None
    abis = {tag.abi for tag in wheel.tags}
    if abis and abis <= {"abi3", "abi3t"} and not _VERSIONED.search(native.name):
        # A library of the wheel that is no extension module asks nothing of Python.
        return max(abis) if _python_symbols(native) else None  # of both, abi3t has less
    return None


def _oldest(wheel: WheelInfo | None, abi: str) -> Version | None:
    """The oldest Python that may load a file with ``abi``, as far as the wheel tells."""
    versions = [
        (int(match[1]), int(match[2]))
        for tag in (wheel.tags if wheel else ())
        if tag.abi in {"abi3", "abi3t"} and (match := _INTERPRETER.fullmatch(tag.interpreter))
    ]
    # No older Python looks for the suffix, nor takes the tag.
    first = [_FIRST_ABI3T] if abi == "abi3t" else []
    return max([min(versions), *first]) if versions else None


def _python_symbols(native: Native) -> set[str]:
    """What it asks of Python.

    Where a file tells which library a symbol is from, those of others do not count: shiboken has
    stand-ins of its own for what the stable ABI lacks, by the same names.
    """
    others = {
        symbol.asked
        for symbol in native.undefined
        if native.facts.format != "elf" and not _PYTHON_HOME.search(symbol.library or "@executable")
    }
    return {name for name in native.asked() if _OF_PYTHON.fullmatch(name)} - others


@functools.cache
def _stable_abi() -> Mapping[str, Version]:
    """The names of the stable ABI, with the Python that brought each."""
    import abi3info  # type: ignore[import-untyped]

    return {
        item.symbol.name: (item.added.major, item.added.minor)
        for table in (abi3info.FUNCTIONS, abi3info.DATAS)
        for item in table.values()
    }


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if names[_SHOWN:] else ""
    return ", ".join(names[:_SHOWN]) + more


def _text(version: Version) -> str:
    return ".".join(map(str, version))


def _finding(rule: str, native: Native, message: str, symbols: list[str]) -> Finding:
    return Finding(rule=rule, message=message, file=native.path, details={"symbols": symbols})

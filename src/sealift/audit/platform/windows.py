"""Verdicts for Windows: the machine, and the DLLs that neither Windows nor its Python has.

A DLL of the subject answers to its name wherever it lies: which folders are searched is decided
while running (``os.add_dll_directory``).  The tag is that of the machine; which version of Windows
is needed no tag can tell.
"""

import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from sealift.audit.headers import read_headers
from sealift.audit.inventory import Inventory, WheelInfo
from sealift.audit.natives import Native
from sealift.audit.platform.loading import Loaded, Way, load
from sealift.audit.verdict import External, Reason, Verdict
from sealift.binary.pe import PeFacts
from sealift.policy.windows import TAGS, WindowsPolicy, load_windows

Version = tuple[int, int]

_PYTHONS = ((2, 7), *((3, minor) for minor in range(40)))
_LAST_MICRO = 99


class WindowsLoader:
    """DLLs by name, without regard to case; one in the asker's own folder first."""

    def __init__(self, natives: Sequence[Native]) -> None:
        self._places: dict[str, dict[str, Native]] = defaultdict(dict)
        for native in natives:
            folder = posixpath.dirname(native.path)
            self._places[native.name.lower()].setdefault(folder, native)

    def names(self, native: Native) -> set[str]:
        return {native.name, native.name.lower()}

    def asks(self, native: Native) -> Sequence[str]:
        return _facts(native).needed

    def find(self, way: Way, name: str) -> Native | None:
        places = self._places.get(name.lower(), {})
        return way.first_of(places) or next(iter(places.values()), None)

    def searched(self, way: Way) -> Iterator[str]:
        yield posixpath.dirname(way.native.path)

    def passed_on(self, way: Way) -> tuple[str, ...]:
        del way
        return ()


def judge(inventory: Inventory) -> Verdict:
    """The verdict on the PE files of ``inventory``: for the machine it claims, or most have."""
    wheel = inventory.wheel
    claimed = wheel.platforms if wheel else ()
    natives = [native for native in inventory.natives if _tag(native)]
    tags = Counter(_tag(native) for native in natives)
    best = next((tag for tag in claimed if tag in tags), None)
    best = best or min(tags, key=lambda tag: (-tags[tag], str(tag)), default=None)
    if best is None:
        return Verdict(best=None, claimed=claimed)
    own = [native for native in natives if _tag(native) == best]
    return Verdict(
        best=best,
        claimed=claimed,
        obstacles={
            tag: tuple(_wrong_machine(native) for native in own)
            for tag in claimed
            if tag in TAGS.values() and tag != best
        },
        externals=_externals(load(own, WindowsLoader(own)), load_windows(best), inventory),
    )


def _facts(native: Native) -> PeFacts:
    assert isinstance(native.facts, PeFacts)
    return native.facts


def _tag(native: Native) -> str | None:
    """The tag of the file's machine; none for code that runs on any."""
    facts = native.facts
    return TAGS.get(facts.machine) if isinstance(facts, PeFacts) and not facts.is_any_cpu else None


def _wrong_machine(native: Native) -> Reason:
    return Reason(text=f"is for {_facts(native).machine}", file=native.path)


def pythons_of(wheel: WheelInfo | None) -> tuple[Version, ...]:
    """The Pythons whose binary interface a wheel is for; none where any program may load it."""
    pythons = set()
    for tag in wheel.tags if wheel else ():
        digits = tag.interpreter.lstrip("abcdefghijklmnopqrstuvwxyz")
        if tag.abi == "none" or len(digits) < 2 or not digits.isdecimal():
            return ()
        pythons.add((int(digits[0]), int(digits[1:])))
    return tuple(sorted(pythons))


def _required_pythons(inventory: Inventory) -> tuple[Version, ...]:
    """The Pythons that METADATA of a wheel allows, where it says which."""
    wheel = inventory.wheel
    text = inventory.texts.get(f"{wheel.dist_info}/METADATA", "") if wheel else ""
    told = read_headers(text).get("requires-python", ("",))[0]
    try:
        allowed = SpecifierSet(told)
    except InvalidSpecifier:
        return ()
    return tuple(it for it in _PYTHONS if told and f"{it[0]}.{it[1]}.{_LAST_MICRO}" in allowed)


def _externals(
    loaded: Sequence[Loaded], policy: WindowsPolicy, inventory: Inventory
) -> tuple[External, ...]:
    pythons = pythons_of(inventory.wheel)
    required = _required_pythons(inventory)
    programs = {it.native.path for it in loaded if not _facts(it.native).is_dll}
    spelled: dict[str, str] = {}
    askers: dict[str, list[str]] = defaultdict(list)
    for it in loaded:
        own_name = _facts(it.native).name or it.native.name
        # A DLL that no program loads is loaded by Python (ctypes), whatever its tag tells.
        around = required if programs.isdisjoint((it.native.path, *it.chain)) else ()
        for name in it.missing:
            is_there = policy.is_pythons(name, around) and not policy.is_pythons(name, pythons)
            if not policy.is_optional(name, own_name) and not is_there:
                askers[spelled.setdefault(name.lower(), name)].append(it.native.path)
    # A program brings its own Python, or none: what a Python has is no one else's to count on.
    return tuple(
        External(
            library=name,
            needed_by=tuple(askers[name]),
            promised_by=(policy.tag,)
            if policy.is_system(name) or policy.is_pythons(name, pythons)
            else (),
        )
        for name in sorted(askers, key=str.lower)
    )

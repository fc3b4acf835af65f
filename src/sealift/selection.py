"""Which wheel of a locked package fits a target, and why the nearest of the others does not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.pylock import PackageWheel
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from sealift.cross import universal
from sealift.cross.configuration import is_host
from sealift.interpreter import Interpreter, NoInterpreter
from sealift.target import Target, current_target, load_targets

_SYSTEMS = (
    ("manylinux", "linux"), ("musllinux", "linux"), ("linux", "linux"), ("macosx", "macos"),
    ("win", "windows"),
)  # fmt: skip
_FAMILIES = ("manylinux", "musllinux", "macosx", "linux", "win", "android", "ios")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A wheel of a lock with the tags its name tells."""

    wheel: PackageWheel
    name: str
    tags: frozenset[Tag]

    @property
    def is_native(self) -> bool:
        """Whether it is for some machines only."""
        return all(tag.platform != "any" for tag in self.tags)

    @property
    def pythons(self) -> frozenset[tuple[str, str]]:
        """The interpreters and ABIs it is for."""
        return frozenset((tag.interpreter, tag.abi) for tag in self.tags)


@dataclass(frozen=True, slots=True)
class Fit:
    """What a target takes: its tags, best first, and words to explain a refusal with.

    ``can_build`` tells whether this machine has a Python that builds for its version; ``halves``
    are those of both kinds of Mac where the target is both.
    """

    target: Target
    python: str
    ranks: Mapping[Tag, int]
    can_build: bool
    halves: tuple["Fit", "Fit"] | None = None

    def best(self, candidates: Iterable[Candidate]) -> Candidate | None:
        """The candidate with the best tag; of equals the last build, then the last by name."""
        return next(iter(self.ranked(candidates)), None)

    def pair(self, candidates: Iterable[Candidate]) -> tuple[Candidate, Candidate] | None:
        """The best native candidates for each kind of Mac that can be made one, if there are any.

        They are for the same Pythons; without the target being both there are none.
        """
        if not self.halves:
            return None
        native = [candidate for candidate in candidates if candidate.is_native]
        intel, apple = (half.ranked(native) for half in self.halves)
        pairs = ((one, other) for one in intel for other in apple)
        return next((pair for pair in pairs if pair[0].pythons == pair[1].pythons), None)

    def ranked(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Those of ``candidates`` that fit, best first."""
        fitting = (c for c in candidates if any(tag in self.ranks for tag in c.tags))
        return sorted(fitting, key=self._order)

    def _order(self, candidate: Candidate) -> tuple[int, tuple[int, str], str]:
        _, _, build, _ = parse_wheel_filename(candidate.name)
        rank = min(self.ranks[tag] for tag in candidate.tags if tag in self.ranks)
        number, rest = build or (0, "")
        return rank, (-number, rest), candidate.name

    def why_not(self, candidates: Sequence[Candidate]) -> str:
        """Which candidate comes nearest and what it asks for that the target has not."""
        if not candidates:
            return "it has no wheels"
        pairs = [(tag, c) for c in candidates for tag in sorted(c.tags, key=str)]
        tag, _ = min(pairs, key=lambda pair: (self._distance(pair[0]), str(pair[0])))
        _, *wrong = self._faults(tag)
        named = "; ".join(text for text in wrong if text)
        return f"nearest wheel is {tag}: {named}" if named else f"nearest wheel is {tag}"

    def _distance(self, tag: Tag) -> tuple[bool, bool, bool]:
        _, python, platform = self._faults(tag)
        return platform.startswith("it is for"), bool(python), bool(platform)

    def _faults(self, tag: Tag) -> tuple[Tag, str, str]:
        """What is wrong with a tag: its Python part and its platform part, "" where right."""
        pythons = {(known.interpreter, known.abi) for known in self.ranks}
        python = "" if (tag.interpreter, tag.abi) in pythons else _told_python(tag, self.python)
        if any(known.platform == tag.platform for known in self.ranks):
            return tag, python, ""
        return tag, python, self._platform_fault(tag.platform)

    def _platform_fault(self, platform: str) -> str:
        target = self.target
        own = {"gnu": "manylinux_", "musl": "musllinux_", "darwin": "macosx_"}.get(target.abi, "")
        arch = _arch(platform)
        same = arch == target.wheel or (target.abi == "darwin" and arch == "universal2")
        if not own or not platform.startswith(own) or not same:
            return f"it is for {_told_platform(platform)}"
        needs = ".".join(platform.split("_")[1:3])
        limit = target.floor or target.newest
        have = ".".join(map(str, limit)) if limit else "any"
        bound = "the floor is" if target.floor else "the newest known is"
        return f"it needs {target.system} {needs}, {bound} {have}"


def fit_of(target: Target, interpreter: Interpreter | NoInterpreter) -> Fit:
    """What ``target`` with ``interpreter`` takes."""
    tags = target.tags(interpreter.feature, free_threaded=interpreter.free_threaded)
    ranks = {tag: rank for rank, tag in reversed(list(enumerate(tags)))}
    free = " free-threaded" if interpreter.free_threaded else ""
    halves = universal.halves(target) if target.arch == "universal2" else None
    return Fit(
        target,
        f"{interpreter.feature}{free}",
        ranks,
        can_build=interpreter.program is not None,
        halves=halves and (fit_of(halves[0], interpreter), fit_of(halves[1], interpreter)),
    )


def crosses(target: Target) -> bool:
    """Whether building for ``target`` is more than building on and for this machine alone."""
    return target != current_target()


def can_compile(target: Target) -> bool:
    """Whether native code can be built for ``target`` here."""
    return not crosses(target) or is_host(target)


def siblings_of(candidates: Iterable[Candidate], fit: Fit) -> tuple[Candidate, ...]:
    """Wheels that have the modules that one for the target has to have, too, the smallest.

    They are for the same Python and system: one for the target's CPU, or else one for each of two
    others, since some modules are for one CPU only.
    """
    pythons = {(tag.interpreter, tag.abi) for tag in fit.ranks}
    found: dict[str, Candidate] = {}
    for candidate in sorted(candidates, key=lambda each: (each.wheel.size or 0, each.name)):
        for tag in candidate.tags:
            is_same = _system(tag.platform) == fit.target.os
            if is_same and candidate.is_native and (tag.interpreter, tag.abi) in pythons:
                found.setdefault(_arch(tag.platform), candidate)
    own = found.get(_arch(fit.target.wheel))
    return (own,) if own else tuple(found.values())[:2]


def _system(platform: str) -> str:
    return next((os for start, os in _SYSTEMS if platform.startswith(start)), "")


def candidates_of(wheels: Iterable[PackageWheel]) -> list[Candidate]:
    """The wheels whose names are legal."""
    found = []
    for wheel in wheels:
        try:
            *_, tags = parse_wheel_filename(wheel.filename)
        except InvalidWheelFilename:
            continue
        found.append(Candidate(wheel=wheel, name=wheel.filename, tags=tags))
    return found


def _told_python(tag: Tag, python: str) -> str:
    if tag.interpreter.startswith("cp") and tag.interpreter[2:].isdecimal():
        number = tag.interpreter[2:]
        version = f"{number[0]}.{number[1:]}" if number[1:] else number
        free = " free-threaded" if tag.abi.endswith("t") else ""
        return f"it is for CPython {version}{free}, not {python}"
    return f"it is for {tag.interpreter}-{tag.abi}, not CPython {python}"


def _arch(platform: str) -> str:
    """The machine in a platform tag.

    >>> _arch("manylinux_2_28_aarch64"), _arch("macosx_11_0_universal2")
    ('aarch64', 'universal2')
    """
    parts = platform.split("_")
    while parts and (parts[0].isdecimal() or parts[0].startswith(_FAMILIES)):
        parts = parts[1:]
    return "_".join(parts)


def _told_platform(platform: str) -> str:
    for target in load_targets().values():
        if platform in target.platforms():
            return target.name
    return platform

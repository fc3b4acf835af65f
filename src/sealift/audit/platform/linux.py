"""Verdicts for Linux: which manylinux or musllinux tag a set of ELF files keeps, and why no better.

The judgement is that of ``auditwheel show`` (PEP 513, 571, 599, 600, 656), with the differences
that ``docs/field.md`` gives reasons for.  It is made from the files alone: what is installed on
this machine does not change it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

from sealift.audit.inventory import Inventory
from sealift.audit.natives import Native
from sealift.audit.platform.elf_loading import ElfLoader, elf_facts, elf_natives
from sealift.audit.platform.loading import Loaded, load
from sealift.audit.platform.roots import own_libc
from sealift.audit.verdict import External, Reason, Verdict
from sealift.binary.elf import ElfFacts
from sealift.binary.elf_symbols import Symbol, SymbolKind, askers
from sealift.policy.ladder import Ladder, load_ladder
from sealift.policy.system import load_system

_LIBCS = {"glibc": "gnu", "musl": "musl"}
_TAG_LIBCS = {"manylinux": "gnu", "musllinux": "musl"}
_ARM_EABI_MASK, _ARM_EABI_5, _ARM_HARD_FLOAT = 0xFF000000, 0x05000000, 0x400
_RELR_GLIBC, _RELR_MUSL = (2, 36), (1, 2)
# Builds of CPython 2.7 differed in these; neither is what PEP 513 promises.
_FPECTL = {"PyFPE_jbuf", "PyFPE_dummy", "PyFPE_counter"}
_NARROW_UNICODE = "PyUnicodeUCS2_"
_OF_BUILDS = ("PyFPE_", _NARROW_UNICODE)


@dataclass(frozen=True, slots=True)
class _Demand:
    """Something a file asks of the system; ``rung`` is the oldest policy that has it."""

    rung: int
    reason: Reason


def judge(inventory: Inventory) -> Verdict:
    """The verdict on the Linux files of ``inventory``.

    Files for another CPU or C library than the subject's own are left out: the loader passes them
    over.  Its own are those of the tag it claims, or else of most of its files.
    """
    claimed = inventory.wheel.platforms if inventory.wheel else ()
    machine = machine_of(inventory)
    if machine is None:
        return Verdict(best=None, claimed=claimed)
    ladder = load_ladder(machine.libc, machine.arch)
    if ladder is None:
        return Verdict(best=f"linux_{machine.arch}", claimed=claimed)
    judgement = _Judgement(inventory, ladder, machine.natives, claimed)
    libc = own_libc(inventory, machine.natives, machine.libc)
    return judgement.verdict_within(libc) if libc else judgement.verdict()


@dataclass(frozen=True, slots=True)
class Machine:
    """What the Linux files of a subject are for, and those of them that are for it.

    ``libc`` is "gnu" or "musl".
    """

    arch: str
    libc: str
    natives: tuple[Native, ...]


def machine_of(inventory: Inventory) -> Machine | None:
    """What ``inventory`` is for, as :func:`judge` tells; ``None`` where tags cannot say it."""
    claimed = inventory.wheel.platforms if inventory.wheel else ()
    natives = elf_natives(inventory, "linux")
    arch = _common((arch_of(elf_facts(native)) for native in natives), _claimed_arches(claimed))
    if arch is None:
        return None
    natives = [native for native in natives if arch_of(elf_facts(native)) == arch]
    libc = _common(map(_libc_of, natives), _claimed_libcs(claimed)) or "gnu"
    return Machine(arch, libc, tuple(n for n in natives if _libc_of(n) in {libc, None}))


def arch_of(facts: ElfFacts) -> str | None:
    """The architecture of a platform tag, or ``None`` where tags have no name for it.

    Tags say armv7l for hardware floating point and EABI 5 only (PEP 599).
    """
    if facts.machine == "arm":
        is_hard = facts.flags & _ARM_EABI_MASK == _ARM_EABI_5 and facts.flags & _ARM_HARD_FLOAT
        return "armv7l" if is_hard and facts.endian == "little" else None
    machine = "ppc64le" if (facts.machine, facts.endian) == ("ppc64", "little") else facts.machine
    return None if machine.startswith("machine-") else machine


class _Judgement:
    """The files of one architecture and C library, before one ladder of policies."""

    def __init__(
        self,
        inventory: Inventory,
        ladder: Ladder,
        natives: Sequence[Native],
        claimed: tuple[str, ...],
    ) -> None:
        self._ladder = ladder
        self._claimed = claimed
        natives = [native for native in natives if elf_facts(native).kind in {"EXEC", "DYN"}]
        search = load_system(ladder.libc, ladder.arch).search
        self._loader = ElfLoader(natives, inventory, libc=ladder.libc, defaults=search)
        self._loaded = load(natives, self._loader)

    def verdict(self) -> Verdict:
        """What the files ask for, held against all policies at once."""
        demands = [demand for loaded in self._loaded for demand in self._demands(loaded)]
        if self._ladder.libc == "musl" and _highest(demands, but_libraries=True) == 0:
            demands += self._unproven()
        rung, floor = _highest(demands), _highest(demands, but_libraries=True)
        tags = self._ladder.tags
        return Verdict(
            best=tags[rung] if rung < len(tags) else f"linux_{self._ladder.arch}",
            floor=tags[floor] if floor < rung and floor < len(tags) else None,
            claimed=self._claimed,
            obstacles={
                tags[number]: tuple(d.reason for d in demands if d.rung > number)
                for number in reversed(range(rung))
            },
            externals=self._externals(),
        )

    def verdict_within(self, libc: str) -> Verdict:
        """The verdict on a system that brings its own C library.

        It needs a kernel and a CPU, whatever its files ask of one another.
        """
        absent = (it for it in self._externals() if self._loader.place_of(it.library) is None)
        return Verdict(
            best=f"linux_{self._ladder.arch}",
            claimed=self._claimed,
            externals=tuple(replace(it, promised_by=()) for it in absent),
            own_libc=libc,
        )

    def _demands(self, loaded: Loaded) -> Iterator[_Demand]:
        asks = (self._libraries, self._versions, self._symbols, self._instructions)
        for ask in asks:
            yield from (demand for demand in ask(loaded) if demand.rung)

    def _libraries(self, loaded: Loaded) -> Iterator[_Demand]:
        for name in loaded.missing:
            place = self._loader.place_of(name)
            if place:
                text = f"needs {name}, which is at {place}, where its search path does not lead"
            elif name.startswith("libpython"):
                text = f"needs {name}, which many Python installations do not have (PEP 513)"
            else:
                text = f"needs {name}, which no file here is and the tag does not promise"
            yield self._demand(self._ladder.for_library(name), text, loaded, library=name)

    def _versions(self, loaded: Loaded) -> Iterator[_Demand]:
        verneed = elf_facts(loaded.native).verneed
        asked = {version for versions in verneed.values() for version, _ in versions}
        rungs = {version: rung for version in asked if (rung := self._ladder.for_version(version))}
        names = askers(_symbols_of(loaded.native), rungs) if rungs else {}
        for library, versions in verneed.items():
            if library in loaded.found and self._ladder.for_library(library) == self._ladder.never:
                continue  # a library of the subject's own, under a name that no system has
            for version, is_weak in versions:
                # A weak one the loader forgives: match_symbol in glibc's dl-version.c.
                if is_weak or version not in rungs:
                    continue
                symbols = names.get((library, version), ())
                yield self._demand(
                    rungs[version],
                    f"asks {library} for {_enumerated(symbols, version)}",
                    loaded,
                    library=library,
                    symbols=tuple(map(str, symbols)) or (version,),
                )

    def _symbols(self, loaded: Loaded) -> Iterator[_Demand]:
        needed = set(loaded.missing) | loaded.found.keys()
        # What newer policies forbid the oldest forbids, too.
        forbidden = self._ladder.policies[0].forbidden
        suspects = frozenset().union(*forbidden.values())
        asked = [name for name in forbidden if name in needed]
        has_since = bool(self._ladder.since)
        for symbol in _symbols_of(loaded.native):
            name = symbol.name
            if symbol.is_weak:
                continue
            if name in suspects:
                for library in asked if symbol.library is None else [symbol.library]:
                    rung = self._ladder.for_symbol(library, name)
                    text = f"takes {name} from {library}, which not every system's has"
                    yield self._demand(rung, text, loaded, library=library, symbols=(str(symbol),))
            if has_since:
                rung = self._ladder.for_unversioned(name)
                text = f"asks musl for {name}, which older ones do not have"
                yield self._demand(rung, text, loaded, symbols=(name,))
            if name.startswith(_OF_BUILDS) and (reason := _python_build(symbol)):
                yield self._demand(self._ladder.never, reason, loaded, symbols=(name,))

    def _instructions(self, loaded: Loaded) -> Iterator[_Demand]:
        level = elf_facts(loaded.native).notes.gnu_property.isa_needed
        if level > 1:
            text = f"says that it needs a CPU of level x86-64-v{level}, and tags promise v1"
            yield self._demand(self._ladder.never, text, loaded)
        if elf_facts(loaded.native).has_relr:
            version = _RELR_MUSL if self._ladder.libc == "musl" else _RELR_GLIBC
            text = "has packed relocations (DT_RELR), which older loaders do not know"
            yield self._demand(self._ladder.for_libc(version), text, loaded)

    def _unproven(self) -> list[_Demand]:
        """What keeps the oldest musllinux away where no symbol does.

        musl has no symbol versions, so that only who built the files can know that they run there;
        the tag is believed where it is claimed.
        """
        oldest, *newer = self._ladder.tags
        if oldest in self._claimed or not newer or not self._loaded:
            return []
        text = "has no symbol versions that could prove that it runs with an older musl"
        return [self._demand(1, text, self._loaded[0])]

    def _demand(
        self,
        rung: int,
        text: str,
        loaded: Loaded,
        *,
        library: str | None = None,
        symbols: tuple[str, ...] = (),
    ) -> _Demand:
        reason = Reason(
            text=text,
            file=loaded.native.path,
            library=library,
            symbol=next(iter(symbols), None),
            symbols=symbols,
            chain=loaded.chain,
        )
        return _Demand(rung, reason)

    def _externals(self) -> tuple[External, ...]:
        askers: dict[str, list[str]] = {}
        for loaded in self._loaded:
            for name in loaded.missing:
                askers.setdefault(name, []).append(loaded.native.path)
        tags = self._ladder.tags
        return tuple(
            External(
                library=name,
                needed_by=tuple(askers[name]),
                promised_by=tags[self._ladder.for_library(name) :][::-1],
            )
            for name in sorted(askers)
        )


def _highest(demands: Sequence[_Demand], *, but_libraries: bool = False) -> int:
    """The oldest policy that grants all; ``but_libraries`` as if those were there."""
    granted = (d.rung for d in demands if not (but_libraries and d.reason.is_absence))
    return max(granted, default=0)


def _python_build(symbol: Symbol) -> str | None:
    if symbol.name in _FPECTL and symbol.kind in {SymbolKind.FUNC, SymbolKind.NOTYPE}:
        return f"asks for {symbol.name}, which Pythons built without fpectl do not have (PEP 513)"
    if symbol.name.startswith(_NARROW_UNICODE):
        return f"asks for {symbol.name}, of Pythons with two-byte unicode (PEP 513)"
    return None


def _symbols_of(native: Native) -> tuple[Symbol, ...]:
    return cast("tuple[Symbol, ...]", native.undefined)  # of an ELF file


def _enumerated(symbols: Sequence[Symbol], version: str, most: int = 3) -> str:
    """The symbols of one version, for a sentence."""
    if not symbols:
        return version
    shown = ", ".join(str(symbol) for symbol in symbols[:most])
    more = len(symbols) - most
    return f"{shown} and {more} more of {version}" if more > 0 else shown


def _libc_of(native: Native) -> str | None:
    return _LIBCS.get(elf_facts(native).libc or "")


def _claimed_libcs(tags: Sequence[str]) -> set[str]:
    return {libc for tag in tags for start, libc in _TAG_LIBCS.items() if tag.startswith(start)}


def _claimed_arches(tags: Sequence[str]) -> set[str]:
    """The architectures of platform tags such as ``manylinux_2_17_x86_64`` and ``linux_i686``."""
    arches = set()
    for tag in tags:
        head, *rest = tag.split("_")
        numbers = 2 if head in _TAG_LIBCS else 0
        if head.startswith(("linux", "manylinux", "musllinux")):
            arches.add("_".join(rest[numbers:]))
    return arches


def _common(values: Iterable[str | None], claimed: set[str]) -> str | None:
    """The value that is claimed and there, or that most files have; what is claimed if none has."""
    counted = Counter(value for value in values if value is not None)
    for value in sorted(claimed & counted.keys()) if len(claimed) == 1 else ():
        return value
    if not counted:
        return next(iter(claimed)) if len(claimed) == 1 else None
    return min(counted, key=lambda value: (-counted[value], value))

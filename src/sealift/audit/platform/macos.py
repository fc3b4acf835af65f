"""Verdicts for macOS and iOS: the oldest system that every file of a CPU was made for.

The tag is computed as delocate does: by CPU the highest minimum version of its files, the CPUs put
together to universal2 where one version holds for both.  A library is found as dyld does
(``@rpath``, ``@loader_path``, ``@executable_path``), in the subject alone.
"""

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from sealift.audit.inventory import Inventory
from sealift.audit.natives import Native
from sealift.audit.platform.loading import Loaded, Way, load
from sealift.audit.verdict import External, Reason, Verdict
from sealift.binary.macho import Build, MachoFacts
from sealift.policy.macos import ApplePolicy, base_cpu, load_apple, macos_tags

Version = tuple[int, int]
_TAG = re.compile(r"(?:macosx|ios)_(\d+)_(\d+)_(\w+?)(?:_iphone\w+)?")
_IOS_SDKS = {"ios": "iphoneos", "ios-simulator": "iphonesimulator"}


class DyldLoader:
    """The rules of dyld, over the files of one CPU.

    Its run path is that of a file and of all that load it; ``@executable_path`` is the folder of
    the program where loading began with one.
    """

    def __init__(self, natives: Sequence[Native]) -> None:
        self._natives = {native.path: native for native in natives}
        self._folders: dict[str, dict[str, Native]] = {}
        self._ends: dict[str, list[Native]] = defaultdict(list)
        for native in natives:
            self._ends[native.name].append(native)

    def names(self, native: Native) -> set[str]:
        facts = _facts(native)
        return {native.name, posixpath.basename(facts.install_name or native.name)}

    def asks(self, native: Native) -> Sequence[str]:
        return tuple(library.name for library in _facts(native).dependencies)

    def searched(self, way: Way) -> Iterator[str]:
        yield from self._run_path(way)
        yield from way.inherited

    def passed_on(self, way: Way) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._run_path(way), *way.inherited)))

    def find(self, way: Way, name: str) -> Native | None:
        if not name.startswith("@rpath/"):
            return self._natives.get(self._expanded(way, name) or "")
        rest = posixpath.normpath(name.removeprefix("@rpath/"))
        return way.first_of(self._below(rest))

    def _below(self, rest: str) -> dict[str, Native]:
        """The files whose path ends with ``rest``, by the folder above that."""
        if rest not in self._folders:
            self._folders[rest] = {
                native.path.removesuffix(rest).rstrip("/"): native
                for native in self._ends[posixpath.basename(rest)]
                if native.path == rest or native.path.endswith(f"/{rest}")
            }
        return self._folders[rest]

    def _run_path(self, way: Way) -> Iterator[str]:
        """Folders of the subject that the file's LC_RPATH means."""
        for entry in _facts(way.native).rpaths:
            folder = self._expanded(way, entry)
            if folder is not None:
                yield "" if folder == "." else folder

    @staticmethod
    def _expanded(way: Way, place: str) -> str | None:
        """``place`` as a path in the subject, or ``None`` where it leads out of it."""
        start, slash, rest = place.partition("/")
        if start == "@loader_path":
            start = posixpath.dirname(way.native.path)
        elif start == "@executable_path":
            first = next(reversed([way, *way.loaders()])).native
            if not _facts(first).is_program:
                return None
            start = posixpath.dirname(first.path)
        elif not start and slash:
            return None
        else:
            start, rest = "", place
        path = posixpath.normpath(posixpath.join(start, rest))
        return None if path.startswith(("..", "@")) else path


def judge(inventory: Inventory) -> Verdict:
    """The verdict on the Mach-O files of ``inventory``.

    A wheel is judged for the CPUs that it claims, as far as all its modules are made for them;
    anything else for those that all its files are made for.
    """
    claimed = inventory.wheel.platforms if inventory.wheel else ()
    natives = [native for native in inventory.natives if isinstance(native.facts, MachoFacts)]
    policy = load_apple("ios" if any(_is_ios(native) for native in natives) else "macos")
    by_cpu = _by_cpu(natives)
    cpus = judged_cpus(natives, claimed, policy)
    loaded = [it for cpu in cpus for it in load(by_cpu[cpu], DyldLoader(by_cpu[cpu])) if it.missing]
    minimums = {cpu: _minimum(by_cpu[cpu], policy) for cpu in cpus}
    tags = _tags(minimums, policy, natives)
    return Verdict(
        best=".".join(tags) or None,
        claimed=claimed,
        obstacles=_obstacles({cpu: by_cpu[cpu] for cpu in cpus}, minimums, claimed, policy),
        externals=_externals(loaded, policy, tags),
    )


def _facts(native: Native) -> MachoFacts:
    assert isinstance(native.facts, MachoFacts)
    return native.facts


def _is_ios(native: Native) -> bool:
    return _facts(native).platform in _IOS_SDKS


def _build(native: Native, policy: ApplePolicy) -> Build | None:
    """What the file says of the system that is judged."""
    platforms = _IOS_SDKS if policy.name == "ios" else {"macos"}
    builds = (build for build in _facts(native).builds if build.platform in platforms)
    return next(builds, None)


def _version(native: Native, policy: ApplePolicy) -> Version | None:
    """The oldest system the file says it is for; none where it says nothing that counts."""
    build = _build(native, policy)
    if build is None:
        return None
    clamped = policy.clamped.get((build.platform, base_cpu(_facts(native).cpu)), (0, 0))
    return build.minimum[:2] if build.minimum[:2] > clamped else None


def _minimum(natives: Sequence[Native], policy: ApplePolicy) -> Version:
    cpu = base_cpu(_facts(natives[0]).cpu)
    versions = [_version(native, policy) for native in natives]
    return max((policy.oldest.get(cpu, (0, 0)), *(version for version in versions if version)))


def judged_cpus(
    natives: Sequence[Native], claimed: Sequence[str], policy: ApplePolicy
) -> tuple[str, ...]:
    """The CPUs that are judged, in the order of the files."""
    by_cpu = _by_cpu(natives)
    wanted: set[str] = set()
    for tag in claimed:
        for fat, cpus in policy.fat.items():
            wanted |= set(cpus) if tag.endswith(f"_{fat}") else set()
        wanted |= {cpu for cpu in by_cpu if f"_{cpu}" in tag}
    if wanted & by_cpu.keys():
        # Files beside modules may be there for one CPU alone, a module may not.
        modules = [native for native in natives if native.path.endswith(".so")]
        common = _common(_by_cpu(modules)) or tuple(by_cpu)
        wanted = wanted & {*common} or wanted
        return tuple(cpu for cpu in by_cpu if cpu in wanted)
    return _common(by_cpu)


def _by_cpu(natives: Sequence[Native]) -> dict[str, list[Native]]:
    by_cpu: dict[str, list[Native]] = defaultdict(list)
    for native in natives:
        by_cpu[base_cpu(_facts(native).cpu)].append(native)
    return by_cpu


def _common(by_cpu: Mapping[str, Sequence[Native]]) -> tuple[str, ...]:
    """The CPUs for which every file has code."""
    paths = {native.path for natives in by_cpu.values() for native in natives}
    return tuple(cpu for cpu in by_cpu if {native.path for native in by_cpu[cpu]} == paths)


def _tags(
    minimums: Mapping[str, Version], policy: ApplePolicy, natives: Sequence[Native]
) -> tuple[str, ...]:
    if policy.name == "macos":
        return macos_tags(minimums, policy)
    sdks = {_IOS_SDKS[str(_facts(native).platform)] for native in natives if _is_ios(native)}
    return tuple(
        f"ios_{version[0]}_{version[1]}_{cpu}_{sdk}"
        for sdk in sorted(sdks)
        for cpu, version in minimums.items()
    )


def _obstacles(
    by_cpu: Mapping[str, Sequence[Native]],
    minimums: Mapping[str, Version],
    claimed: Sequence[str],
    policy: ApplePolicy,
) -> dict[str, tuple[Reason, ...]]:
    """For each lower version that is claimed, or would do for some files, those it is not for."""
    obstacles: dict[str, tuple[Reason, ...]] = {}
    for cpu, natives in by_cpu.items():
        dated = [(_minimum([native], policy), native) for native in natives]
        told = {version for version, native in dated if _version(native, policy)}
        wanted = told | _claimed_versions(claimed, cpu, policy)
        versions = wanted | {minimums[cpu], *(version for version, _ in dated)}
        tags = {version: _tags({cpu: version}, policy, natives) for version in versions}
        for version in sorted(wanted, reverse=True):
            if version < minimums[cpu] and tags[version] != tags[minimums[cpu]]:
                # Tags from macOS 11 on tell no minor versions: 14.4 does not stand against 14_0.
                reasons = tuple(
                    _too_new(native, newer)
                    for newer, native in dated
                    if newer > version and tags[newer] != tags[version]
                )
                obstacles.update(dict.fromkeys(tags[version], reasons))
    return obstacles


def _claimed_versions(claimed: Sequence[str], cpu: str, policy: ApplePolicy) -> set[Version]:
    """The versions that platform tags claim for ``cpu``, none below its oldest system."""
    names = {cpu, *(fat for fat, cpus in policy.fat.items() if cpu in cpus)}
    lowest = policy.oldest.get(cpu, (0, 0))
    found = (_TAG.fullmatch(tag) for tag in claimed)
    return {max((int(it[1]), int(it[2])), lowest) for it in found if it and it[3] in names}


def _too_new(native: Native, version: Version) -> Reason:
    facts = _facts(native)
    system = "iOS" if _is_ios(native) else "macOS"
    text = f"is made for {system} {version[0]}.{version[1]} and newer on {facts.cpu}"
    return Reason(text=text, file=native.path)


def _externals(
    loaded: Sequence[Loaded], policy: ApplePolicy, tags: tuple[str, ...]
) -> tuple[External, ...]:
    askers: dict[str, dict[str, None]] = defaultdict(dict)
    for it in loaded:
        weak = {library.name for library in _facts(it.native).dependencies if library.is_weak}
        for name in it.missing:
            if name not in weak or policy.is_system(name):
                askers[name][it.native.path] = None
    return tuple(
        External(
            library=name,
            needed_by=tuple(askers[name]),
            promised_by=tags if policy.is_system(name) else (),
        )
        for name in sorted(askers)
    )

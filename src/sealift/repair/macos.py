"""What a macOS wheel needs to run where the libraries that it was linked to are not.

Libraries outside of the system are taken in beside the package, called by a digest of their
content, and asked for by their place relative to who asks (``@loader_path``): so dyld finds them
whatever else is loaded.  Their own install names are what nobody asks for, ``/DLC/`` and their
path, as delocate's are: dyld takes a loaded library for one that is asked for by its install name.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sealift.audit.tags import Platform, parse_platform
from sealift.audit.verdict import Verdict
from sealift.binary import macho_edit
from sealift.binary.macho import MachoFacts
from sealift.binary.macho_edit import MachoEdit
from sealift.binary.macho_sign import sign
from sealift.binary.macho_verify import verify_signature
from sealift.errors import BinaryFormatError, ConfigError, RefusedError
from sealift.policy.macos import Version, load_apple, macos_tag, macos_tags
from sealift.repair.macos_closure import Closure
from sealift.repair.macos_files import claimed_platforms
from sealift.repair.plan import Edit, Options, Tree, Work

_FLOOR = re.compile(r"macosx_(\d+)_(\d+)(?:_(\w+))?")
_STRICT_CPUS = {"arm64", "arm64e"}  # their kernel runs nothing unsigned
_SIGNABLE = {"execute", "dylib", "bundle"}
# No Python that takes wheels runs on older ones: files that are said to do not tell a version.
_OLDEST_TOLD = (10, 6)


def plan(tree: Tree, options: Options) -> Work:
    """The closure of libraries outside of the system, and the edits that make it be found.

    Raises :class:`RefusedError` for a library without code for a CPU that needs it, for copies of
    Python's own library, and when symbols are to be taken out.
    """
    if options.strips:
        raise RefusedError(
            f"cannot strip {tree.inventory.name}: symbols are taken out of Linux files only",
            hint="leave --strip out; link with -Wl,-x, or run strip -x on a Mac before",
        )
    closure = Closure(tree, options)
    closure.take()
    edits: dict[str, Edit] = {
        path: functools.partial(_edit, change=change) for path, change in closure.changes()
    }
    unsigned = [path for path in _natives(tree) if path not in edits and not _runs(tree.file(path))]
    edits |= dict.fromkeys(unsigned, _sign)
    notes = [*closure.notes(), *_lost_signatures(tree, edits)]
    notes += [f"{path} had no signature that fits; it is signed ad hoc now" for path in unsigned]
    return Work(
        edits=edits,
        grafts=closure.taken(),
        missing=tuple(closure.absent()),
        left=frozenset(closure.left),
        notes=tuple(notes),
    )


def platforms(verdict: Verdict) -> Sequence[str]:
    """The tags of ``verdict``, and of those claimed the ones that older installers need.

    Such is ``macosx_10_9_x86_64`` beside a ``universal2``, which pip before 20.3 does not know.
    """
    minimums = _minimums(verdict)
    tags = list(macos_tags(minimums, load_apple("macos")))
    arches = {platform.arch for platform in map(parse_platform, tags) if platform}
    claimed = (_raised(it, minimums) for it in claimed_platforms(verdict.claimed))
    for platform in sorted(claimed, key=lambda it: it.version):
        if platform.arch not in arches and _holds(platform, minimums):
            arches.add(platform.arch)
            tags.append(platform.tag)
    return tags


def _raised(platform: Platform, minimums: Mapping[str, Version]) -> Platform:
    """``platform`` of the version that its only CPU needs, where it has but one."""
    if len(platform.cpus) > 1 or platform.arch not in minimums:
        return platform
    version = max(_for_cpu(platform, platform.arch), minimums[platform.arch])
    return replace(platform, tag=macos_tag(version, platform.arch), version=version)


def reaches(verdict: Verdict, floor: str) -> bool:
    """Whether the files run on the macOS that ``floor`` says, for all CPUs or for those it names.

    Raises :class:`ConfigError` for what is no tag of macOS.
    """
    found = _FLOOR.fullmatch(floor)
    minimums = _minimums(verdict)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    platform = parse_platform(floor if found and found[3] else f"{floor}_x86_64")
    if not found or not platform:
        msg = f"cannot repair for {floor!r}: macOS has no such tag"
        raise ConfigError(msg, hint="tags are such as macosx_11_0 or macosx_10_13_x86_64")
    if not found[3]:
        platform = replace(platform, cpus=tuple(minimums))
    return _holds(replace(platform, version=version), minimums)


def _minimums(verdict: Verdict) -> dict[str, Version]:
    """The oldest macOS by CPU that ``verdict`` tells; the claimed one where files tell none."""
    minimums = _by_cpu(claimed_platforms((verdict.best or "").split(".")))
    claimed = _by_cpu(claimed_platforms(verdict.claimed))
    return {
        cpu: claimed.get(cpu, version) if version < _OLDEST_TOLD else version
        for cpu, version in minimums.items()
    }


def _by_cpu(found: Sequence[Platform]) -> dict[str, Version]:
    minimums: dict[str, Version] = {}
    for platform in found:
        for cpu in platform.cpus:
            version = _for_cpu(platform, cpu)
            minimums[cpu] = min(version, minimums.get(cpu, version))
    return minimums


def _holds(platform: Platform, minimums: Mapping[str, Version]) -> bool:
    """Whether files that need ``minimums`` run wherever ``platform`` says."""
    return all(
        cpu in minimums and minimums[cpu] <= _for_cpu(platform, cpu) for cpu in platform.cpus
    )


def _for_cpu(platform: Platform, cpu: str) -> Version:
    major, minor = platform.version
    return max((major, minor), load_apple("macos").oldest.get(cpu, (0, 0)))


def _natives(tree: Tree) -> list[str]:
    """Paths of files that are loaded or started."""
    natives = tree.inventory.natives
    found = (n.path for n in natives if isinstance(n.facts, MachoFacts) and _is_signable(n.facts))
    return list(dict.fromkeys(found))


def _is_signable(facts: MachoFacts) -> bool:
    return facts.kind in _SIGNABLE and facts.platform in {None, "macos"}


def _edit(source: Path, out: Path, change: MachoEdit) -> None:
    macho_edit.edit(source, out, change)
    if not _runs(out):
        _sign(out, out)


def _sign(source: Path, out: Path) -> None:
    sign(source, out)
    if not _runs(out):
        raise BinaryFormatError(f"cannot sign {source.name}: the signature would not fit")


def _runs(file: Path) -> bool:
    """Whether a kernel lets code of ``file`` run: signed or not, nothing is wrong with it."""
    checks = verify_signature(file.read_bytes(), file.name)
    unsigned = (check.cpu for check in checks if check.signature is None)
    return not any(check.problems for check in checks) and _STRICT_CPUS.isdisjoint(unsigned)


def _lost_signatures(tree: Tree, edits: Mapping[str, Edit]) -> list[str]:
    """Files whose certificate goes, told in words."""
    lost = {
        native.path: None
        for native in tree.inventory.natives
        if native.path in edits
        and isinstance(native.facts, MachoFacts)
        and native.facts.signature
        and not native.facts.signature.is_adhoc
    }
    return [f"{path} was signed with a certificate; it is signed ad hoc now" for path in lost]

"""What belongs to macOS and iOS, and how their platform tags are spelled.

Tags: the packaging specifications' "Platform compatibility tags" for macOS, PEP 730 for iOS.  The
lists and their grounds are in ``data/policies/macos.toml``.
"""

import fnmatch
import functools
from collections.abc import Mapping
from dataclasses import dataclass

from sealift.tables import load_table

Version = tuple[int, int]

# CPUs that are newer kinds of another run its files, and their own in its place (mach/machine.h).
_BASE_CPUS = {"x86_64h": "x86_64", "arm64e": "arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplePolicy:
    """What every system called ``name`` ("macos" or "ios") has.

    ``oldest`` is its oldest version by CPU; ``fat`` has the CPUs of the tags that stand for many.
    ``clamped`` has, by platform and CPU, the version that files name at least whatever they need.
    """

    name: str
    system: tuple[str, ...]
    given: tuple[str, ...]
    oldest: Mapping[str, Version]
    fat: Mapping[str, tuple[str, ...]]
    clamped: Mapping[tuple[str, str], Version]

    def is_system(self, install_name: str) -> bool:
        """Whether the library ``install_name`` is there without being shipped."""
        if install_name.startswith(self.system):
            return True
        return any(fnmatch.fnmatchcase(install_name, pattern) for pattern in self.given)


@functools.cache
def load_apple(name: str) -> ApplePolicy:
    """The policy of "macos" or "ios"."""
    table = load_table("policies/macos")[name]
    return ApplePolicy(
        name=name,
        system=tuple(table["system"]),
        given=tuple(table["given"]),
        oldest={cpu: _version(text) for cpu, text in table["oldest"].items()},
        fat={tag: tuple(cpus) for tag, cpus in table["fat"].items()},
        clamped={
            (platform, cpu): _version(text)
            for platform, cpus in table["clamped"].items()
            for cpu, text in cpus.items()
        },
    )


def base_cpu(cpu: str) -> str:
    """The CPU whose tag files for ``cpu`` have.

    >>> base_cpu("arm64e")
    'arm64'
    """
    return _BASE_CPUS.get(cpu, cpu)


def macos_tag(version: Version, arch: str) -> str:
    """The tag of macOS ``version``, which from 11 on counts by its first number alone.

    >>> macos_tag((10, 13), "x86_64"), macos_tag((13, 3), "arm64")
    ('macosx_10_13_x86_64', 'macosx_13_0_arm64')
    """
    major, minor = version
    return f"macosx_{major}_{0 if major >= 11 else minor}_{arch}"


def macos_tags(minimums: Mapping[str, Version], policy: ApplePolicy) -> tuple[str, ...]:
    """The tags of files that need ``minimums`` by CPU, with as few tags as tell it all.

    >>> macos_tags({"x86_64": (10, 13), "arm64": (11, 0)}, load_apple("macos"))
    ('macosx_10_13_universal2',)
    >>> macos_tags({"x86_64": (10, 13), "arm64": (12, 0)}, load_apple("macos"))
    ('macosx_10_13_x86_64', 'macosx_12_0_arm64')
    """
    left = {cpu: _tagged(max(v, policy.oldest.get(cpu, v))) for cpu, v in minimums.items()}
    tags = []
    for fat, cpus in policy.fat.items():
        if left.keys() >= set(cpus):
            lowest = min(left[cpu] for cpu in cpus)
            # A CPU that has no such old system does not raise the common version.
            if all(left[c] == max(lowest, _tagged(policy.oldest.get(c, lowest))) for c in cpus):
                tags.append(macos_tag(lowest, fat))
                left = {cpu: version for cpu, version in left.items() if cpu not in cpus}
    return (*tags, *(macos_tag(version, cpu) for cpu, version in left.items()))


def _tagged(version: Version) -> Version:
    return (version[0], 0) if version[0] >= 11 else version


def _version(text: str) -> Version:
    major, minor = text.split(".")
    return int(major), int(minor)

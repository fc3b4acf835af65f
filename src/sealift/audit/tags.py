"""Platform tags taken apart (PEP 425, 513, 600, 656, 738; the tags of macOS, iOS and Windows)."""

import re
from dataclasses import dataclass

from sealift.audit.natives import Native

_OLD_NAMES = {"manylinux1": "2_5", "manylinux2010": "2_12", "manylinux2014": "2_17"}
_FORMS = (
    ("linux", re.compile(r"(?P<family>manylinux|musllinux)_(?P<version>\d+_\d+)_(?P<arch>\w+)")),
    ("linux", re.compile(r"(?P<family>linux)(?P<version>)_(?P<arch>\w+)")),
    ("android", re.compile(r"(?P<family>android)_(?P<version>\d+)_(?P<arch>\w+)")),
    ("macos", re.compile(r"(?P<family>macosx)_(?P<version>\d+_\d+)_(?P<arch>\w+)")),
    ("ios", re.compile(r"(?P<family>ios)_(?P<version>\d+_\d+)_(?P<arch>\w+)")),
    ("windows", re.compile(r"(?P<family>win)(?P<version>)(?P<arch>32|_amd64|_arm64|_ia64)")),
)
_FAT = {
    "universal2": ("x86_64", "arm64"),
    "universal": ("i386", "x86_64", "ppc", "ppc64"),
    "intel": ("i386", "x86_64"),
    "fat": ("i386", "ppc"),
    "fat3": ("i386", "x86_64", "ppc"),
    "fat64": ("x86_64", "ppc64"),
}
_CPUS = {
    "32": "i686", "_amd64": "x86_64", "_arm64": "aarch64",
    "arm64_v8a": "aarch64", "armeabi_v7a": "armv7l", "x86": "i686",
}  # fmt: skip
_PE_MACHINES = {
    "x86": "i686", "amd64": "x86_64", "arm64": "aarch64", "arm64x": "aarch64", "armnt": "armv7l",
    "arm64ec": "x86_64",
}  # fmt: skip
_SAME = {"i386": "i686", "i586": "i686", "arm64": "aarch64", "amd64": "x86_64"}


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform tag: ``family`` as in ``manylinux``, ``version`` of libc or system, its CPUs.

    ``cpus`` has several entries for fat files, all of which have to be there.
    """

    tag: str
    system: str
    family: str
    version: tuple[int, ...]
    arch: str
    cpus: tuple[str, ...]

    @property
    def canonical(self) -> tuple[str, tuple[int, ...], str]:
        """What is the same for all names of a platform, such as manylinux2014's."""
        return self.family, self.version, self.arch


def parse_platform(tag: str) -> Platform | None:
    """The parts of ``tag``; ``None`` for ``any`` and what is not known.

    >>> parse_platform("manylinux2014_x86_64").version
    (2, 17)
    """
    name, _, rest = tag.partition("_")
    if name in _OLD_NAMES:
        found = parse_platform(f"manylinux_{_OLD_NAMES[name]}_{rest}")
        return found and Platform(
            tag, found.system, found.family, found.version, found.arch, found.cpus
        )
    for system, form in _FORMS:
        if match := form.fullmatch(tag):
            version = tuple(int(part) for part in match["version"].split("_") if part)
            arch = match["arch"]
            cpu = re.sub(r"_iphone(?:os|simulator)$", "", arch)  # the kit belongs to the tag
            cpus = _FAT.get(arch) or (_CPUS.get(cpu, cpu),)
            return Platform(tag, system, match["family"], version, arch, cpus)
    return None


def cpu_of(native: Native) -> str:
    """The CPU of a native file, with the names that :class:`Platform` uses."""
    facts = native.facts
    if facts.format == "elf":
        if facts.machine == "arm":
            return "armv7l"
        if (facts.machine, facts.endian) == ("ppc64", "little"):
            return "ppc64le"
        return facts.machine
    if facts.format == "pe":
        machine = _PE_MACHINES.get(facts.machine, facts.machine)
        return "any" if facts.is_any_cpu else machine
    return _SAME.get(facts.cpu, facts.cpu)


def same_cpu(one: str, other: str) -> bool:
    """Whether two names mean the same CPU, as far as an instruction set tells.

    >>> same_cpu("arm64", "aarch64"), same_cpu("x86_64h", "x86_64")
    (True, True)
    """
    if "any" in {one, other}:
        return True

    def plain(name: str) -> str:
        if name.startswith("arm") and name[3:4] in {"v", ""}:
            return "arm"
        name = {"x86_64h": "x86_64", "arm64e": "arm64"}.get(name, name)
        return _SAME.get(name, name)

    return plain(one) == plain(other)

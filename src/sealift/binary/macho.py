"""Facts of a Mach-O file, read in place: what it is, what it asks for, how it is signed.

Formats: ``mach-o/loader.h`` and ``mach-o/fat.h`` of Apple's xnu.  Only headers, load commands and
the head of the code signature are touched, so a file of any size costs about the same; the symbol
table is read by :mod:`~sealift.binary.macho_symbols`.  A damaged file raises
:class:`~sealift.errors.BinaryFormatError` and nothing else, in bounded time.
"""

import mmap
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

from sealift.binary.macho_layout import (
    DEPENDENCY_COMMANDS,
    LC_CODE_SIGNATURE,
    LC_ID_DYLIB,
    LC_LAZY_LOAD_DYLIB,
    LC_LOAD_UPWARD_DYLIB,
    LC_LOAD_WEAK_DYLIB,
    LC_REEXPORT_DYLIB,
    LC_RPATH,
    Command,
    Commands,
    Header,
    Slice,
    is_macho,
    read_slices,
)
from sealift.binary.macho_signature import Signature, read_signature
from sealift.binary.view import View
from sealift.errors import BinaryFormatError

Version: TypeAlias = tuple[int, int, int]

_CPUS = {
    7: "i386", 18: "ppc", 12: "arm",
    0x01000007: "x86_64", 0x0100000C: "arm64", 0x01000012: "ppc64", 0x0200000C: "arm64_32",
}  # fmt: skip
_PC_CPUS = {7, 0x01000007}
_SUBTYPES = {
    (0x01000007, 8): "x86_64h", (0x0100000C, 2): "arm64e",
    (12, 6): "armv6", (12, 9): "armv7", (12, 11): "armv7s", (12, 12): "armv7k",
}  # fmt: skip
_KINDS = {
    1: "object", 2: "execute", 4: "core", 5: "preload", 6: "dylib", 7: "dylinker", 8: "bundle",
    9: "dylib-stub", 10: "dsym", 11: "kext", 12: "fileset",
}  # fmt: skip
_PLATFORMS = {
    1: "macos", 2: "ios", 3: "tvos", 4: "watchos", 5: "bridgeos", 6: "mac-catalyst",
    7: "ios-simulator", 8: "tvos-simulator", 9: "watchos-simulator", 10: "driverkit",
    11: "visionos", 12: "visionos-simulator",
}  # fmt: skip
_OLD_PLATFORMS = {0x24: "macos", 0x25: "ios", 0x2F: "tvos", 0x30: "watchos"}  # LC_VERSION_MIN_*
_LC_BUILD_VERSION, _LC_UUID, _LC_LOAD_DYLINKER = 0x32, 0x1B, 0xE
_LC_ENCRYPTION_INFO, _LC_ENCRYPTION_INFO_64 = 0x21, 0x2C

_MH_TWOLEVEL, _MH_ALLOW_STACK_EXECUTION, _MH_PIE, _MH_NO_HEAP_EXECUTION = (
    0x80, 0x20000, 0x200000, 0x1000000,
)  # fmt: skip

# Newer linkers write flags behind a command that says so where its time stamp was.
_USE_MARKER, _USE_WEAK, _USE_REEXPORT, _USE_UPWARD, _USE_DELAYED = 0x1A741800, 1, 2, 4, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A platform a slice was made for, the oldest version it runs on, the SDK if it is told."""

    platform: str
    minimum: Version
    sdk: Version | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """A library asked for, by its install name.

    ``compatible`` is the oldest compatibility version that will do.  A weak one may be missing;
    what a reexported one defines counts as defined here; an upward one is loaded later, as it asks
    for this file itself; a delayed one is loaded when first used.
    """

    name: str
    current: Version
    compatible: Version
    is_weak: bool = False
    is_reexported: bool = False
    is_upward: bool = False
    is_delayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MachoFacts:
    """What a Mach-O file, or one slice of a fat one, says of itself.

    ``cpu`` is Apple's name ("cpu-N" for one not known here), ``kind`` the file type: execute,
    dylib, bundle, object …  ``builds`` has more than one entry in files for macOS and Catalyst.
    ``install_name`` is what those that link to a dylib will ask for, with its versions.
    ``offset`` and ``size`` say where a slice lies.  ``room`` is the bytes by which load commands
    may grow in place.  ``signature_problem`` says why a signature cannot be read.
    ``is_truncated``: a segment or the slice reaches past the end of the file.
    """

    format: ClassVar[Literal["macho"]] = "macho"
    cpu: str
    bits: int
    endian: str
    kind: str
    flags: int
    builds: tuple[Build, ...] = ()
    install_name: str | None = None
    current: Version | None = None
    compatible: Version | None = None
    dependencies: tuple[Dependency, ...] = ()
    rpaths: tuple[str, ...] = ()
    dylinker: str | None = None
    uuid: str | None = None
    is_encrypted: bool = False
    signature: Signature | None = None
    signature_problem: str | None = None
    is_truncated: bool = False
    room: int = 0
    offset: int = 0
    size: int = 0

    @property
    def build(self) -> Build | None:
        """The build that counts: that for macOS where there are several."""
        own = [build for build in self.builds if build.platform == "macos"]
        return next(iter((*own, *self.builds)), None)

    @property
    def platform(self) -> str | None:
        return self.build.platform if self.build else None

    @property
    def minimum(self) -> Version | None:
        return self.build.minimum if self.build else None

    @property
    def sdk(self) -> Version | None:
        return self.build.sdk if self.build else None

    @property
    def is_program(self) -> bool:
        """Whether it is meant to be started, not loaded by another."""
        return self.kind == "execute"

    @property
    def is_signed(self) -> bool:
        return self.signature is not None

    @property
    def is_pie(self) -> bool:
        return bool(self.flags & _MH_PIE)

    @property
    def is_two_level(self) -> bool:
        """Whether each undefined symbol names the library it comes from."""
        return bool(self.flags & _MH_TWOLEVEL)

    @property
    def allows_stack_execution(self) -> bool:
        return bool(self.flags & _MH_ALLOW_STACK_EXECUTION)

    @property
    def forbids_heap_execution(self) -> bool:
        return bool(self.flags & _MH_NO_HEAP_EXECUTION)

    def runs_on(self, arch: str) -> bool:
        """Whether it is for CPU ``arch`` as targets name it.

        >>> facts = MachoFacts(cpu="arm64", bits=64, endian="little", kind="dylib", flags=0)
        >>> facts.runs_on("arm64"), facts.runs_on("aarch64"), facts.runs_on("x86_64")
        (True, True, False)
        """
        return self.cpu == {"aarch64": "arm64", "i686": "i386"}.get(arch, arch)


def read_macho(path: Path) -> tuple[MachoFacts, ...] | None:
    """Facts of each slice of the file at ``path``, or ``None`` when it is no Mach-O file.

    Raises :class:`BinaryFormatError` when it begins as one and is damaged, :class:`OSError` when
    it cannot be read.
    """
    # Asked before opening: opening a pipe would wait for its other end.
    if not stat.S_ISREG(path.stat().st_mode):
        return None
    with path.open("rb") as file:
        if not is_macho(file.read(8)):
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return facts_of(View(data, str(path))) or None


def facts_of(view: View) -> tuple[MachoFacts, ...]:
    """Facts of each slice of the Mach-O file in ``view``, static libraries left out."""
    return tuple(_facts(piece) for piece in read_slices(view))


def read_dependencies(commands: Commands) -> tuple[Dependency, ...]:
    """The libraries that a slice asks for, in the order in which symbols count them."""
    return tuple(_dependency(commands, command) for command in commands.of(*DEPENDENCY_COMMANDS))


def read_builds(commands: Commands) -> tuple[Build, ...]:
    """The platforms a slice was made for, in the order of its commands."""
    return tuple(
        _build(commands, command) for command in commands.of(_LC_BUILD_VERSION, *_OLD_PLATFORMS)
    )


def read_uuid(commands: Commands) -> str | None:
    """The number a linker gave a slice, as tools print it."""
    for command in commands.of(_LC_UUID):
        text = bytes(commands.fields(command, 8, "16B")).hex().upper()
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    return None


def cpu_name(header: Header) -> str:
    """Apple's name of the CPU a slice is for."""
    known = _SUBTYPES.get((header.cpu, header.subtype)) or _CPUS.get(header.cpu)
    return known or f"cpu-{header.cpu}"


def _facts(piece: Slice) -> MachoFacts:
    commands = Commands(piece.part)
    header = commands.header
    own = next((_dependency(commands, command) for command in commands.of(LC_ID_DYLIB)), None)
    dylinker = next((commands.text(command) for command in commands.of(_LC_LOAD_DYLINKER)), None)
    signature, problem = _signature(commands)
    ends = (segment.offset + segment.size for segment in commands.segments())
    return MachoFacts(
        cpu=cpu_name(header),
        bits=header.bits,
        endian="little" if header.order == "<" else "big",
        kind=_KINDS.get(header.kind, f"kind-{header.kind}"),
        flags=header.flags,
        builds=read_builds(commands),
        install_name=own.name if own else None,
        current=own.current if own else None,
        compatible=own.compatible if own else None,
        dependencies=read_dependencies(commands),
        rpaths=tuple(commands.text(command) for command in commands.of(LC_RPATH)),
        dylinker=dylinker,
        uuid=read_uuid(commands),
        is_encrypted=_is_encrypted(commands),
        signature=signature,
        signature_problem=problem,
        is_truncated=piece.is_cut or max(ends, default=0) > piece.part.size,
        room=commands.room(),
        offset=piece.offset,
        size=piece.size,
    )


def _dependency(commands: Commands, command: Command) -> Dependency:
    name, marker, current, compatible = commands.fields(command, 8, "IIII")
    uses = 0
    if marker == _USE_MARKER and name >= 28:
        (uses,) = commands.fields(command, 24, "I")
    return Dependency(
        name=commands.text(command),
        current=_version(current),
        compatible=_version(compatible),
        is_weak=command.kind == LC_LOAD_WEAK_DYLIB or bool(uses & _USE_WEAK),
        is_reexported=command.kind == LC_REEXPORT_DYLIB or bool(uses & _USE_REEXPORT),
        is_upward=command.kind == LC_LOAD_UPWARD_DYLIB or bool(uses & _USE_UPWARD),
        is_delayed=command.kind == LC_LAZY_LOAD_DYLIB or bool(uses & _USE_DELAYED),
    )


def _build(commands: Commands, command: Command) -> Build:
    if command.kind == _LC_BUILD_VERSION:
        number, minimum, sdk = commands.fields(command, 8, "III")
        platform = _PLATFORMS.get(number, f"platform-{number}")
    else:
        minimum, sdk = commands.fields(command, 8, "II")
        platform = _OLD_PLATFORMS[command.kind]
        # The old commands do not tell; but no device ever had such a CPU.
        if platform != "macos" and commands.header.cpu in _PC_CPUS:
            platform += "-simulator"
    told = _version(sdk) if sdk else None
    return Build(platform=platform, minimum=_version(minimum), sdk=told)


def _version(packed: int) -> Version:
    return packed >> 16, packed >> 8 & 0xFF, packed & 0xFF


def _is_encrypted(commands: Commands) -> bool:
    """Whether a shop has encrypted the code (FairPlay); an id of 0 says it only may."""
    return any(
        commands.fields(command, 16, "I") != (0,)
        for command in commands.of(_LC_ENCRYPTION_INFO, _LC_ENCRYPTION_INFO_64)
    )


def _signature(commands: Commands) -> tuple[Signature | None, str | None]:
    """How it is signed, or why that cannot be read: the rest of the file may well be sound."""
    for command in commands.of(LC_CODE_SIGNATURE):
        offset, size = commands.fields(command, 8, "II")
        try:
            return read_signature(commands.part, offset, size), None
        except BinaryFormatError as error:
            return None, error.message
    return None, None

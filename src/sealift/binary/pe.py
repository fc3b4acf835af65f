"""Facts of a PE file, read in place: what it is, what it asks for, what it gives.

Format: Microsoft's "PE Format" specification, PE32 and PE32+.  Only headers and tables are touched,
but for the checksum, which is over the whole file.  A damaged file raises
:class:`~sealift.errors.BinaryFormatError` and nothing else, in bounded time.
"""

import mmap
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from sealift.binary.pe_checksum import checksum
from sealift.binary.pe_config import LoadConfig
from sealift.binary.pe_debug import DebugFacts, read_debug
from sealift.binary.pe_layout import (
    BOUND_IMPORTS,
    CLR,
    EXECUTABLE,
    RELOCATIONS,
    WRITABLE,
    Image,
    is_pe,
)
from sealift.binary.pe_tables import (
    Texts,
    exported_names,
    forwarded_library,
    read_exports,
    read_libraries,
    read_symbols,
)
from sealift.binary.pe_version import FileVersion, read_version
from sealift.binary.view import View
from sealift.errors import BinaryFormatError

_MACHINES = {
    0x14C: "x86", 0x1C4: "armnt", 0x200: "ia64", 0x8664: "amd64", 0xAA64: "arm64",
    0xA641: "arm64ec", 0xA64E: "arm64x",
}  # fmt: skip
_HYBRIDS = {"amd64": "arm64ec", "arm64": "arm64x"}
_ARCHES = {
    "x86": {"i686"}, "amd64": {"x86_64"}, "arm64": {"aarch64"}, "armnt": {"armv7l"},
    "arm64x": {"aarch64"},
}  # fmt: skip
_SUBSYSTEMS = {
    0: "unknown", 1: "native", 2: "gui", 3: "console", 5: "os2", 7: "posix", 8: "native-9x",
    9: "ce", 10: "efi", 11: "efi-boot-driver", 12: "efi-driver", 13: "efi-rom", 14: "xbox",
    16: "boot",
}  # fmt: skip
_RELOCATIONS_STRIPPED, _IS_DLL = 0x1, 0x2000
_HIGH_ENTROPY, _DYNAMIC_BASE, _FORCE_INTEGRITY, _NX, _NO_SEH, _GUARD = (
    0x20, 0x40, 0x80, 0x100, 0x400, 0x4000,
)  # fmt: skip
_CLR_IL_ONLY, _CLR_32_BIT = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PeFacts:
    """What a PE file says of itself.

    ``machine`` is x86, amd64, arm64, armnt, ia64, or "machine-N" for one not known here; arm64ec
    has code that programs for amd64 can call, arm64x can be loaded by those and by arm64 ones.
    ``system`` and ``subsystem_version`` are the oldest Windows it asks for, ``subsystem`` what
    starts it: gui, console, native …

    ``imports`` and ``delay_imports`` are names of DLLs as the file spells them, in order; Windows
    does not heed their case.  ``name`` is the DLL's own name in its export table; ``forwards`` are
    DLLs that have symbols which it gives as its own.  ``load_flags``, if not 0, limit where its
    imports are searched (LOAD_LIBRARY_SEARCH_*).

    ``has_aslr`` is asked for by a flag, and without relocations cannot be given.  ``has_safe_seh``
    is ``None`` but on x86.  ``is_checksum_right`` is ``None`` where there is no checksum.
    ``signature`` is offset and size of the table of signatures, ``overlay`` those of what is
    appended to the image.  ``is_truncated``: a section or the signature reaches past the end of the
    file.
    """

    format: ClassVar[Literal["pe"]] = "pe"
    machine: str
    bits: int
    is_dll: bool
    subsystem: str
    system: tuple[int, int]
    subsystem_version: tuple[int, int]
    linker: tuple[int, int]
    timestamp: int = 0
    imports: tuple[str, ...] = ()
    delay_imports: tuple[str, ...] = ()
    name: str | None = None
    forwards: tuple[str, ...] = ()
    load_flags: int = 0
    has_bound_imports: bool = False
    has_relocations: bool = False
    has_aslr: bool = False
    has_high_entropy_aslr: bool = False
    has_nx: bool = False
    has_cfg: bool = False
    has_cet: bool = False
    has_safe_seh: bool | None = None
    has_writable_code: bool = False
    forces_integrity: bool = False
    is_dotnet: bool = False
    is_any_cpu: bool = False
    checksum: int = 0
    is_checksum_right: bool | None = None
    signature: tuple[int, int] | None = None
    overlay: tuple[int, int] | None = None
    pdb: str | None = None
    has_debug_sections: bool = False
    is_reproducible: bool = False
    version: FileVersion | None = None
    is_truncated: bool = False

    @property
    def is_program(self) -> bool:
        """Whether it is meant to be started, not loaded by another."""
        return not self.is_dll

    @property
    def needed(self) -> tuple[str, ...]:
        """All DLLs it asks for, at once, later or by forwarding, none twice."""
        found: dict[str, str] = {}
        for name in (*self.imports, *self.delay_imports, *self.forwards):
            found.setdefault(name.lower(), name)
        return tuple(found.values())

    def runs_on(self, arch: str) -> bool:
        """Whether it is for CPU ``arch`` as targets name it.

        >>> facts = PeFacts(machine="amd64", bits=64, is_dll=True, subsystem="console",
        ...                 system=(6, 0), subsystem_version=(6, 0), linker=(14, 44))
        >>> facts.runs_on("x86_64"), facts.runs_on("aarch64")
        (True, False)
        """
        return self.is_any_cpu or arch in _ARCHES.get(self.machine, ())


@dataclass(frozen=True, slots=True)
class Imported:
    """A symbol asked for: of which DLL, by name or by number."""

    library: str
    symbol: str | int
    is_delayed: bool = False

    @property
    def asked(self) -> str | None:
        """The name in C of what the file cannot do without, ``None`` where it has a number."""
        return self.symbol if isinstance(self.symbol, str) else None


def read_pe(path: Path) -> PeFacts | None:
    """Facts of the file at ``path``, or ``None`` when it is no PE file.

    Raises :class:`BinaryFormatError` when it begins as one and is damaged, :class:`OSError` when
    it cannot be read.
    """
    # Asked before opening: opening a pipe would wait for its other end.
    if not stat.S_ISREG(path.stat().st_mode):
        return None
    with path.open("rb") as file:
        if not is_pe(file.read(4096)):
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return facts_of(View(data, str(path)))


def facts_of(view: View) -> PeFacts:
    """Facts of the PE file in ``view``."""
    image = Image(view)
    header, config = image.header, LoadConfig(image)
    flags = header.dll_flags
    libraries, exports = read_libraries(image), read_exports(image)
    machine = _MACHINES.get(header.machine, f"machine-{header.machine}")
    if config.is_hybrid:
        machine = _HYBRIDS.get(machine, machine)
    clr = _clr_flags(image)
    debug = _debug(image)
    right = checksum(view.data, header) == header.checksum if header.checksum else None
    signature, overlay = image.certificates, image.overlay
    return PeFacts(
        machine=machine,
        bits=header.bits,
        is_dll=bool(header.flags & _IS_DLL),
        subsystem=_SUBSYSTEMS.get(header.subsystem, f"subsystem-{header.subsystem}"),
        system=header.system,
        subsystem_version=header.subsystem_version,
        linker=header.linker,
        timestamp=header.timestamp,
        imports=tuple(one.name for one in libraries if not one.is_delayed),
        delay_imports=tuple(one.name for one in libraries if one.is_delayed),
        name=exports.name if exports else None,
        forwards=_forwards(text for _, text in exports.forwarded) if exports else (),
        load_flags=config.load_flags,
        has_bound_imports=image.directory(BOUND_IMPORTS) != (0, 0),
        has_relocations=_has_relocations(image),
        has_aslr=bool(flags & _DYNAMIC_BASE),
        has_high_entropy_aslr=bool(flags & _DYNAMIC_BASE and flags & _HIGH_ENTROPY),
        has_nx=bool(flags & _NX),
        has_cfg=bool(flags & _GUARD),
        has_cet=debug.has_cet,
        has_safe_seh=bool(flags & _NO_SEH or config.has_handlers) if machine == "x86" else None,
        has_writable_code=any(s.flags & EXECUTABLE and s.flags & WRITABLE for s in image.sections),
        forces_integrity=bool(flags & _FORCE_INTEGRITY),
        is_dotnet=clr is not None,
        is_any_cpu=machine == "x86" and clr is not None and clr & 3 == _CLR_IL_ONLY,
        checksum=header.checksum,
        is_checksum_right=right,
        signature=signature if signature != (0, 0) else None,
        overlay=overlay if overlay != (0, 0) else None,
        pdb=debug.pdb,
        has_debug_sections=_has_debug_sections(image),
        is_reproducible=debug.is_reproducible,
        version=_version(image),
        is_truncated=max(image.sections_end, sum(signature)) > len(view.data),
    )


def imported(view: View) -> tuple[Imported, ...]:
    """The symbols that the PE file in ``view`` asks for."""
    image = Image(view)
    texts = Texts(image)
    return tuple(
        Imported(library.name, symbol, library.is_delayed)
        for library in read_libraries(image)
        for symbol in read_symbols(image, library, texts)
    )


def exported(view: View) -> tuple[str, ...]:
    """The names of the symbols that the PE file in ``view`` gives."""
    return tuple(exported_names(Image(view)))


def _forwards(texts: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for text in texts:
        name = forwarded_library(text)
        found.setdefault(name.lower(), name)
    return tuple(found.values())


def _has_relocations(image: Image) -> bool:
    return image.directory(RELOCATIONS)[1] > 0 and not image.header.flags & _RELOCATIONS_STRIPPED


def _clr_flags(image: Image) -> int | None:
    table, _ = image.directory(CLR)
    return image.unpack("<I", table + 16)[0] if table else None


# What no loader reads may be damaged where the rest is sound, as in packed or stripped files.
def _debug(image: Image) -> DebugFacts:
    try:
        return read_debug(image)
    except BinaryFormatError:
        return DebugFacts()


def _version(image: Image) -> FileVersion | None:
    try:
        return read_version(image)
    except BinaryFormatError:
        return None


def _has_debug_sections(image: Image) -> bool:
    try:
        return any(image.section_name(s).startswith(".debug_") for s in image.sections)
    except BinaryFormatError:
        return False

"""Facts of an ELF file, read in place: what it is, what it asks for, what it gives.

Formats: System V ABI (gABI) chapters 4 and 5, the GNU extensions the LSB describes.  Only headers,
the dynamic section and notes are touched, as the loader does, so a file of any size costs about the
same; section headers are never trusted for facts.  A damaged file raises
:class:`~sealift.errors.BinaryFormatError` and nothing else, in bounded time.
"""

import mmap
import stat
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Literal

from sealift.binary.elf_layout import (
    MAGIC,
    PF_W,
    PF_X,
    PT_GNU_RELRO,
    PT_GNU_STACK,
    PT_INTERP,
    PT_LOAD,
    Dynamic,
    Header,
    Segment,
    read_dynamic,
)
from sealift.binary.elf_notes import ElfNotes, read_notes
from sealift.binary.elf_versions import defined_versions, needed_versions
from sealift.binary.view import View

_MACHINES = {
    3: "i686", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64",
    183: "aarch64", 243: "riscv64", 258: "loongarch64",
}  # fmt: skip
_KINDS = {1: "REL", 2: "EXEC", 3: "DYN", 4: "CORE"}
_SYSTEMS = {2: "netbsd", 3: "linux", 6: "solaris", 9: "freebsd", 12: "openbsd"}  # EI_OSABI

_DT_NEEDED, _DT_SONAME, _DT_RPATH, _DT_DEBUG, _DT_TEXTREL, _DT_JMPREL = 1, 14, 15, 21, 22, 23
_DT_BIND_NOW, _DT_RUNPATH, _DT_FLAGS, _DT_RELR = 24, 29, 30, 36
_DT_FLAGS_1, _DT_ANDROID_RELR = 0x6FFFFFFB, 0x6FFFE000
_DF_TEXTREL, _DF_BIND_NOW = 4, 8
_DF_1_NOW, _DF_1_PIE = 1, 0x08000000

# Where a file does not say what stack it wants, the loader takes these machines' to be executable
# (DEFAULT_STACK_PERMS of the GNU C library). For programs on x86_64 Linux 5.8 ended that.
_STACK_IS_CODE = {"i686", "x86_64", "arm", "mips", "ppc", "s390x"}
_MUSL_LOADER = "/ld-musl-"
_BIONIC_LOADERS = {"/system/bin/linker", "/system/bin/linker64"}
# Musl and the GNU library have no such names: the one has all in libc.so, the other adds versions.
_BIONIC_LIBRARIES = {"libdl.so", "libm.so", "liblog.so", "libandroid.so"}


class Relro(StrEnum):
    """How much of what the loader relocates it makes read-only afterwards.

    ``PARTIAL`` leaves the table through which functions are bound on their first call.
    """

    NONE = "none"
    PARTIAL = "partial"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfFacts:
    """What an ELF file says of itself.

    ``machine`` is the GNU CPU name ("arm" for every 32-bit ARM, "machine-N" for one not known
    here); ``kind`` is REL, EXEC, DYN or CORE.  ``verneed`` maps a library to the symbol versions
    asked of it, each with whether the need is weak; ``verdef`` are the versions the file defines,
    its own name left out.  ``sections_end`` is the offset after the section header table, ``None``
    where there is no such table in the file.  ``is_truncated``: a loadable segment reaches past
    the end of the file.

    ``abi_system`` is what the header's OSABI field names, ``None`` for the common 0.
    ``stack_flags`` are the permissions of PT_GNU_STACK, ``None`` without one.  ``page_size`` is the
    largest memory page it can be mapped with, the smallest alignment of its loaded segments.
    ``has_writable_code``: a segment is writable and executable.  ``has_text_relocations``: code is
    written to while loading.  ``has_relr``: relative relocations are packed (DT_RELR), which needs
    glibc 2.36, musl 1.2.4 or Android 9.
    """

    format: ClassVar[Literal["elf"]] = "elf"
    bits: int
    endian: str
    machine: str
    kind: str
    flags: int
    abi_system: str | None = None
    interpreter: str | None = None
    soname: str | None = None
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    verneed: Mapping[str, tuple[tuple[str, bool], ...]] = field(default_factory=dict)
    verdef: tuple[str, ...] = ()
    is_pie: bool = False
    is_truncated: bool = False
    sections_end: int | None = None
    stack_flags: int | None = None
    relro: Relro = Relro.NONE
    page_size: int = 0
    has_writable_code: bool = False
    has_text_relocations: bool = False
    has_relr: bool = False
    notes: ElfNotes = field(default_factory=ElfNotes)

    @property
    def is_program(self) -> bool:
        """Whether it is meant to be started, not loaded by another."""
        return self.kind == "EXEC" or self.is_pie or self.interpreter is not None

    @property
    def is_static(self) -> bool:
        """Whether it is a program that no loader has to complete."""
        return self.is_program and self.interpreter is None and not self.needed

    @property
    def has_executable_stack(self) -> bool:
        """Whether the loader is asked, or for want of a word assumes, to make stacks executable."""
        if self.kind not in {"EXEC", "DYN"}:
            return False
        if self.stack_flags is None:
            return self.machine in _STACK_IS_CODE
        return bool(self.stack_flags & PF_X)

    @property
    def libc(self) -> str | None:
        """The C library it is made for: ``glibc``, ``musl``, ``bionic``, or ``None`` if untold."""
        interpreter = self.interpreter or ""
        needed = set(self.needed)
        if interpreter in _BIONIC_LOADERS or self.notes.system == "android":
            return "bionic"
        if _MUSL_LOADER in interpreter or any(name.startswith("libc.musl-") for name in needed):
            return "musl"
        if "libc.so" in needed:
            return "bionic" if needed & _BIONIC_LIBRARIES else "musl"
        versions = (name for names in self.verneed.values() for name, _ in names)
        if "libc.so.6" in needed or any(name.startswith("GLIBC_") for name in versions):
            return "glibc"
        return "glibc" if "/ld-linux" in interpreter or "/ld64.so" in interpreter else None

    @property
    def system(self) -> str | None:
        """The system it is for: ``linux``, ``android``, a BSD, ``solaris``; ``None`` if untold."""
        if self.libc:
            return "android" if self.libc == "bionic" else "linux"
        return self.notes.system or self.abi_system

    def runs_on(self, arch: str) -> bool:
        """Whether it is for CPU ``arch`` as targets name it.

        >>> ElfFacts(bits=32, endian="little", machine="arm", kind="DYN", flags=0).runs_on("armv7l")
        True
        """
        if self.machine == "arm":
            return arch.startswith("armv")
        machine = "ppc64le" if (self.machine, self.endian) == ("ppc64", "little") else self.machine
        return machine == arch


def read_elf(path: Path) -> ElfFacts | None:
    """Facts of the file at ``path``, or ``None`` when it is no ELF file.

    Raises :class:`BinaryFormatError` when it begins as one and is damaged, :class:`OSError` when
    it cannot be read.
    """
    # Asked before opening: opening a pipe would wait for its other end.
    if not stat.S_ISREG(path.stat().st_mode):
        return None
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return facts_of(View(data, str(path)))


def facts_of(view: View, dynamic: Dynamic | None = None) -> ElfFacts:
    """Facts of the ELF file in ``view``; ``dynamic`` is its dynamic section, where it was read."""
    dynamic = dynamic or read_dynamic(view)
    header, segments = dynamic.header, dynamic.segments
    loaded = [segment for segment in segments if segment.kind == PT_LOAD]
    flags, flags_1 = dynamic.value(_DT_FLAGS) or 0, dynamic.value(_DT_FLAGS_1) or 0
    interpreter = _interpreter(view, segments)
    return ElfFacts(
        bits=header.bits,
        endian="little" if header.order == "<" else "big",
        machine=_MACHINES.get(header.machine, f"machine-{header.machine}"),
        kind=_KINDS.get(header.kind, f"kind-{header.kind}"),
        flags=header.flags,
        abi_system=_SYSTEMS.get(header.system),
        interpreter=interpreter,
        soname=dynamic.string(_DT_SONAME),
        needed=dynamic.strings(_DT_NEEDED),
        rpath=_search_path(dynamic.string(_DT_RPATH)),
        runpath=_search_path(dynamic.string(_DT_RUNPATH)),
        verneed=_verneed(dynamic),
        verdef=tuple(v.name for v in defined_versions(dynamic) if not v.is_base),
        is_pie=bool(flags_1 & _DF_1_PIE) or _is_old_pie(header, dynamic, interpreter),
        is_truncated=any(s.offset + s.size > len(view.data) for s in loaded),
        sections_end=_sections_end(view, header),
        stack_flags=next((s.flags for s in segments if s.kind == PT_GNU_STACK), None),
        relro=_relro(segments, dynamic, flags, flags_1),
        page_size=min((s.align for s in loaded), default=0),
        has_writable_code=any(s.flags & PF_X and s.flags & PF_W for s in loaded),
        has_text_relocations=_DT_TEXTREL in dynamic or bool(flags & _DF_TEXTREL),
        has_relr=_DT_RELR in dynamic or _DT_ANDROID_RELR in dynamic,
        notes=read_notes(view, header, segments),
    )


def _interpreter(view: View, segments: tuple[Segment, ...]) -> str | None:
    for segment in segments:
        if segment.kind == PT_INTERP and segment.size:
            return view.text(segment.offset, segment.offset + segment.size)
    return None


def _is_old_pie(header: Header, dynamic: Dynamic, interpreter: str | None) -> bool:
    """Linkers before 2016 did not mark programs, but only these have room for a debugger."""
    return _KINDS.get(header.kind) == "DYN" and bool(interpreter) and _DT_DEBUG in dynamic


def _relro(segments: tuple[Segment, ...], dynamic: Dynamic, flags: int, flags_1: int) -> Relro:
    if not any(segment.kind == PT_GNU_RELRO for segment in segments):
        return Relro.NONE
    now = _DT_BIND_NOW in dynamic or flags & _DF_BIND_NOW or flags_1 & _DF_1_NOW
    # Without DT_JMPREL there is nothing that would be bound later.
    return Relro.FULL if now or _DT_JMPREL not in dynamic else Relro.PARTIAL


def _verneed(dynamic: Dynamic) -> dict[str, tuple[tuple[str, bool], ...]]:
    asked: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for version in needed_versions(dynamic):
        asked[version.library or ""].append((version.name, version.is_weak))
    return {library: tuple(versions) for library, versions in asked.items()}


def _sections_end(view: View, header: Header) -> int | None:
    end = header.sections_end
    return end if header.section_count and end <= len(view.data) else None


def _search_path(text: str | None) -> tuple[str, ...]:
    return tuple(part for part in (text or "").split(":") if part)

"""Inventories written by hand: what a judge is given, without files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.tags import parse_tag

from sealift.audit.inventory import Inventory, WheelInfo
from sealift.audit.natives import Native
from sealift.audit.subject import Kind
from sealift.binary.elf import ElfFacts
from sealift.binary.elf_notes import ElfNotes
from sealift.binary.elf_symbols import Symbol, SymbolKind


def elf(  # noqa: PLR0913 - one argument a fact
    path: str,
    *,
    needed: Sequence[str] = ("libc.so.6",),
    versions: Mapping[str, Sequence[str]] | None = None,
    weak: Mapping[str, Sequence[str]] | None = None,
    symbols: Sequence[Symbol] = (),
    machine: str = "x86_64",
    rpath: Sequence[str] = (),
    runpath: Sequence[str] = (),
    soname: str | None = None,
    flags: int = 0,
    has_relr: bool = False,
    notes: ElfNotes | None = None,
) -> Native:
    """A shared library of a 64-bit little-endian machine."""
    asked = {name: [(it, False) for it in names] for name, names in (versions or {}).items()}
    for name, names in (weak or {}).items():
        asked.setdefault(name, []).extend((it, True) for it in names)
    facts = ElfFacts(
        bits=64, endian="little", machine=machine, kind="DYN", flags=flags,
        needed=tuple(needed), rpath=tuple(rpath), runpath=tuple(runpath), soname=soname,
        verneed={name: tuple(names) for name, names in asked.items()},
        has_relr=has_relr, notes=notes or ElfNotes(),
    )  # fmt: skip
    return Native(path=path, size=1, mode=0o644, facts=facts, undefined=tuple(symbols))


def symbol(
    name: str, version: str | None = None, library: str | None = None, *, is_weak: bool = False
) -> Symbol:
    """A function that is asked for."""
    return Symbol(name, version, library, SymbolKind.FUNC, is_weak, is_hidden=False, address=0)


def inventory(
    *natives: Native, tag: str | None = "linux_x86_64", kind: Kind | None = None
) -> Inventory:
    """A wheel for platform ``tag``, or a folder where that is ``None``."""
    wheel = None
    if tag is not None:
        wheel = WheelInfo(
            name="demo",
            version="1",
            tags=parse_tag(f"cp312-cp312-{tag}"),
            dist_info="demo-1.dist-info",
        )
    return Inventory(
        kind=kind or (Kind.WHEEL if wheel else Kind.FOLDER),
        name="demo",
        path=Path("demo"),
        wheel=wheel,
        natives=natives,
        members=tuple(native.path for native in natives),
    )

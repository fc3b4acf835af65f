"""What the GNU property note of a file says of its CPU: instruction sets and control-flow guards.

Format: the "Linux Extensions to gABI" (``.note.gnu.property``), its x86-64 and AArch64 supplements.
The linker puts together the properties of all objects: *needed* is the union of what they declare
to need, a guard such as IBT is there only if every object has it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_X86 = {3, 62}  # EM_386, EM_X86_64
_AARCH64 = 183
_X86_FEATURE_1_AND, _X86_ISA_1_NEEDED, _X86_ISA_1_USED = 0xC0000002, 0xC0008002, 0xC0010002
_AARCH64_FEATURE_1_AND = 0xC0000000
_GUARDS = {
    _X86_FEATURE_1_AND: ("ibt", "shstk"),
    _AARCH64_FEATURE_1_AND: ("bti", "pac", "gcs"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GnuProperty:
    """``isa_needed`` and ``isa_used`` are x86-64 levels 1 to 4, 0 where the note tells none.

    ``guards`` are names of control-flow guards that all of its code is made for: ``ibt`` and
    ``shstk`` on x86, ``bti``, ``pac`` and ``gcs`` on AArch64.
    """

    isa_needed: int = 0
    isa_used: int = 0
    guards: frozenset[str] = frozenset()


def parse_property(content: bytes, *, machine: int, order: str, bits: int) -> GnuProperty:
    """The properties in ``content``, the descriptor of a note; what does not parse is left out.

    >>> note = bytes.fromhex("028000c0 04000000 07000000 00000000")
    >>> parse_property(note, machine=62, order="<", bits=64).isa_needed
    3
    """
    needed = used = 0
    guards: set[str] = set()
    for kind, value in _properties(content, order, 8 if bits == 64 else 4):
        if machine in _X86 and kind == _X86_ISA_1_NEEDED:
            needed = value.bit_length()
        elif machine in _X86 and kind == _X86_ISA_1_USED:
            used = value.bit_length()
        elif kind == (_AARCH64_FEATURE_1_AND if machine == _AARCH64 else _X86_FEATURE_1_AND):
            guards |= {name for bit, name in enumerate(_GUARDS[kind]) if value >> bit & 1}
    return GnuProperty(isa_needed=needed, isa_used=used, guards=frozenset(guards))


def _properties(content: bytes, order: str, align: int) -> Iterator[tuple[int, int]]:
    """Type and value of each property that is one 32-bit word."""
    at = 0
    while at + 8 <= len(content):
        kind, size = struct.unpack_from(order + "II", content, at)
        at += 8
        if size == 4 and at + 4 <= len(content):
            yield kind, struct.unpack_from(order + "I", content, at)[0]
        at += size + -size % align

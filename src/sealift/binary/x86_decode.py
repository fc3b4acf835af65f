"""What instruction sets a piece of x86-64 code uses: a decoder of lengths and kinds, no more.

Sources: Intel SDM volume 2 (chapter 2 and the opcode maps of appendix A), AMD APM volume 3 (XOP),
the x86-64 psABI (which instruction belongs to which level).  Lengths are right for whatever
compilers emit; code that is no code ends the walk.  Instructions that no level has (AES, SHA, …)
and those that older CPUs run as others (TZCNT) count for nothing.
"""

import functools
import re
from collections.abc import Container, Iterable, Iterator

# What a function was seen to use. SSE is SSE and SSE2 in their first encoding: a compiler that may
# use AVX never emits it.
SSE, V2, AVX, V3_SCALAR, V4 = 1, 2, 4, 8, 16
LONGEST = 15

_NONE, _MODRM, _BAD = 0, 0x100, 0x800  # or the bytes of immediate operands, with or without MODRM
_WORD, _QUAD = 0x200, 0x400  # 4 bytes, or 2 after 0x66; the same, or 8 with REX.W
_GROUP = 0x1000  # an immediate operand only where the ModRM byte's register field is 0 or 1


def _table(default: int, *rows: tuple[Iterable[int], int]) -> list[int]:
    table = [default] * 256
    for opcodes, form in rows:
        for opcode in opcodes:
            table[opcode] = form
    return table


_ARITHMETIC = range(0, 0x40, 8)
_ONE = _table(
    _NONE,
    ((base + low for base in _ARITHMETIC for low in range(4)), _MODRM),
    ((base + 4 for base in _ARITHMETIC), 1),
    ((base + 5 for base in _ARITHMETIC), _WORD),
    ((base + low for base in _ARITHMETIC for low in (6, 7)), _BAD),
    ((0x60, 0x61, 0x82, 0x9A, 0xCE, 0xD4, 0xD5, 0xD6, 0xEA), _BAD),
    ((0x63, *range(0x84, 0x90), *range(0xD0, 0xD4), *range(0xD8, 0xE0), 0xFE, 0xFF), _MODRM),
    ((0x68, 0xA9), _WORD),
    ((0x69, 0x81, 0xC7), _MODRM | _WORD),
    ((0x6A, *range(0x70, 0x80), 0xA8, *range(0xB0, 0xB8), 0xCD, *range(0xE0, 0xE8), 0xEB), 1),
    ((0x6B, 0x80, 0x83, 0xC0, 0xC1, 0xC6), _MODRM | 1),
    (range(0xA0, 0xA4), 8),
    (range(0xB8, 0xC0), _QUAD),
    ((0xC2, 0xCA), 2),
    ((0xC8,), 3),
    ((0xE8, 0xE9), 4),
    ((0xF6,), _MODRM | _GROUP | 1),
    ((0xF7,), _MODRM | _GROUP | _WORD),
)
_WITH_BYTE = (*range(0x70, 0x74), 0xC2, 0xC4, 0xC5, 0xC6)
_TWO = _table(
    _MODRM,
    ((0x04, 0x0A, 0x0C, 0x24, 0x25, 0x26, 0x27, 0x36, 0x39, *range(0x3B, 0x40)), _BAD),
    ((*range(0x05, 0x0A), 0x0B, 0x0E, *range(0x30, 0x38), 0x77, 0xA0, 0xA1, 0xA2), _NONE),
    ((0xA8, 0xA9, 0xAA, *range(0xC8, 0xD0)), _NONE),
    (range(0x80, 0x90), 4),
    ((0x0F, 0xA4, 0xAC, 0xBA, *_WITH_BYTE), _MODRM | 1),
)
_VEX_ONE = _table(_MODRM, ((0x77,), _NONE), (_WITH_BYTE, _MODRM | 1))
_VEX_MAPS = {1: _VEX_ONE, 2: [_MODRM] * 256, 3: [_MODRM | 1] * 256}
_EVEX_MAPS = {**_VEX_MAPS, 5: [_MODRM] * 256, 6: [_MODRM] * 256}
_XOP_MAPS = {8: [_MODRM | 1] * 256, 9: [_MODRM] * 256, 10: [_MODRM | 4] * 256}

# The ModRM byte, the SIB byte where its register is 4, the displacement.
_MODRM_SIZES = [
    1 + (mode != 3 and register == 4) + (4 if (mode, register) == (0, 5) else (0, 1, 4, 0)[mode])
    for mode in range(4)
    for _ in range(8)
    for register in range(8)
]

_PREFIXES = frozenset({0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3})


def _sets(prefixes: tuple[int, ...], opcodes: Iterable[int], kind: int) -> dict[int, int]:
    """Kinds by ``mandatory prefix << 8 | opcode``."""
    return {prefix << 8 | opcode: kind for opcode in opcodes for prefix in prefixes}


_ANY = (0, 0x66, 0xF2, 0xF3)
_TWO_KINDS = {
    **_sets(_ANY, (*range(0x10, 0x18), 0x28, 0x29, 0x2B, 0x2E, 0x2F), SSE),
    **_sets(_ANY, (*range(0x50, 0x60), 0xC2, 0xC6), SSE),
    **_sets((0xF2, 0xF3), (0x2A, 0x2C, 0x2D), SSE),
    **_sets((0x66, 0xF2, 0xF3), (*range(0x60, 0x74), *range(0x74, 0x77), 0x7E, 0x7F), SSE),
    **_sets((0x66, 0xF2, 0xF3), (0xC4, 0xC5, *range(0xD1, 0x100)), SSE),
    **_sets((0xF2, 0xF3), (0x12,), V2),
    **_sets((0xF3,), (0x16, 0xB8), V2),
    **_sets((0x66, 0xF2), (0x7C, 0x7D, 0xD0), V2),
    **_sets((0xF2,), (0xF0,), V2),
    **_sets((0xF3,), (0xBD,), V3_SCALAR),
}
_THREE_KINDS = {
    **_sets((0, 0x66), (*range(0x0C), *range(0x1C, 0x1F)), V2),
    **_sets((0x66,), (0x10, 0x14, 0x15, 0x17, *range(0x20, 0x26), *range(0x28, 0x2C)), V2),
    **_sets((0x66,), range(0x30, 0x42), V2),
    **_sets((0xF2,), (0xF0, 0xF1), V2),
    **_sets((0, 0x66), (0xF0, 0xF1), V3_SCALAR),
}
_THREE_A_KINDS = {
    **_sets((0, 0x66), (0x0F,), V2),
    **_sets((0x66,), (*range(0x08, 0x0F), *range(0x14, 0x18), *range(0x20, 0x23)), V2),
    **_sets((0x66,), (*range(0x40, 0x43), *range(0x60, 0x64)), V2),
}
_MASKS = frozenset({*range(0x41, 0x4C), 0x90, 0x91, 0x92, 0x93, 0x98, 0x99})
_VEX_SCALAR = {2: frozenset({0xF2, 0xF3, 0xF5, 0xF6, 0xF7}), 3: frozenset({0xF0})}
_VEX_MASKS = {1: _MASKS, 3: frozenset(range(0x30, 0x34))}


def _any_of(values: Iterable[int]) -> bytes:
    return b"[%b]" % b"".join(b"\\x%02x" % value for value in values)


def _operands() -> bytes:
    """A pattern of the ModRM byte with what it calls for."""
    with_sib = [modrm for modrm in range(0x40) if modrm & 7 == 4]
    no_base = [sib for sib in range(256) if sib & 7 == 5]
    forms = [b"%b(?:%b.{4}|.)" % (_any_of(with_sib), _any_of(no_base))]
    for size in sorted(set(_MODRM_SIZES)):
        same = (m for m in range(256) if _MODRM_SIZES[m] == size and m not in with_sib)
        forms.append(b"%b.{%d}" % (_any_of(same), size - 1))
    return b"(?:%b)" % b"|".join(forms)


def _plain(table: list[int], left_out: Container[int]) -> Iterator[bytes]:
    """Patterns of the opcodes of ``table`` but some, each with its operands."""
    groups: dict[int, list[int]] = {}
    for opcode, form in enumerate(table):
        if opcode not in left_out and not form & (_BAD | _GROUP | _QUAD):
            groups.setdefault(form, []).append(opcode)
    for form, opcodes in groups.items():
        operands = _operands() if form & _MODRM else b""
        size = (form & 15) + (4 if form & _WORD else 0)
        yield b"%b%b.{%d}" % (_any_of(opcodes), operands, size)


@functools.cache
def _plain_code() -> re.Pattern[bytes]:
    """Instructions without a legacy prefix that use nothing: the most by far.

    They are passed at the speed of a pattern.  None begins as another does, so there is one way to
    match.
    """
    left_out = {*_PREFIXES, *range(0x40, 0x50), 0x0F, 0x62, 0x8F, 0xC4, 0xC5}
    one = b"|".join(_plain(_ONE, left_out))
    two = b"|".join(_plain(_TWO, {0x38, 0x3A, *_TWO_KINDS}))
    return re.compile(rb"(?:[\x40-\x4f]?(?:%b|\x0f(?:%b)))*+" % (one, two), re.DOTALL)


def used(code: bytes | bytearray) -> int:
    """What the instructions of ``code``, which starts at one, use: ``SSE``, ``V2``… or-ed.

    >>> used(bytes.fromhex("c5f877 c3")) == AVX  # vzeroupper; ret
    True
    """
    plain = _plain_code()
    found = at = 0
    while passed := plain.match(code, at):
        at = passed.end()
        step, kind = instruction(code, at)
        if not step:
            break
        found |= kind
        at += step
    return found


def instruction(code: bytes | bytearray, at: int) -> tuple[int, int]:
    """Length and kind of the instruction at ``at``; length 0 where there is none, or not all."""
    try:
        return _instruction(code, at)
    except IndexError:
        return 0, 0


def _instruction(code: bytes | bytearray, at: int) -> tuple[int, int]:
    start = at
    mandatory = rex = 0
    is_short = False
    while (byte := code[at]) in _PREFIXES:
        if byte == 0x66:
            is_short = True
            mandatory = mandatory or byte
        elif byte in {0xF2, 0xF3}:
            mandatory = byte
        at += 1
        if at - start > LONGEST:
            return 0, 0
    if byte & 0xF0 == 0x40:
        rex = byte
        at += 1
        byte = code[at]
    if byte in {0xC4, 0xC5, 0x62} or (byte == 0x8F and code[at + 1] & 0x1F >= 8):
        return _extended(code, at, start)
    kind = 0
    if byte != 0x0F:
        form = _ONE[byte]
    elif (byte := code[at := at + 1]) == 0x38:
        byte = code[at := at + 1]
        form, kind = _MODRM, _THREE_KINDS.get(mandatory << 8 | byte, 0)
    elif byte == 0x3A:
        byte = code[at := at + 1]
        form, kind = _MODRM | 1, _THREE_A_KINDS.get(mandatory << 8 | byte, 0)
    else:
        form, kind = _TWO[byte], _TWO_KINDS.get(mandatory << 8 | byte, 0)
    return _end(code, at + 1, form, is_short=is_short and not rex & 8, rex=rex) - start, kind


def _extended(code: bytes | bytearray, at: int, start: int) -> tuple[int, int]:
    """An instruction with a VEX, EVEX or XOP prefix at ``at``."""
    byte, second = code[at], code[at + 1]
    if byte == 0xC5:
        place, opcode_map, maps = at + 2, 1, _VEX_MAPS
    elif byte == 0x62:
        place, opcode_map, maps = at + 4, second & 7, _EVEX_MAPS
    else:
        place, opcode_map, maps = at + 3, second & 0x1F, _VEX_MAPS if byte == 0xC4 else _XOP_MAPS
    table = maps.get(opcode_map)
    if table is None:
        return 0, 0
    opcode = code[place]
    kind = AVX
    if byte == 0x62 or opcode in _VEX_MASKS.get(opcode_map, ()):
        kind = V4
    elif byte == 0x8F:
        kind = 0
    elif opcode in _VEX_SCALAR.get(opcode_map, ()):
        kind = V3_SCALAR
    return _end(code, place + 1, table[opcode], is_short=False, rex=0) - start, kind


def _end(code: bytes | bytearray, at: int, form: int, *, is_short: bool, rex: int) -> int:
    """Where an instruction ends whose operands begin at ``at``."""
    if form & _BAD:
        raise IndexError
    size = form & 15
    if form & _WORD:
        size += 2 if is_short else 4
    elif form & _QUAD:
        size += 8 if rex & 8 else 2 if is_short else 4
    if form & _MODRM:
        modrm = code[at]
        if form & _GROUP and modrm & 0x30:
            size = 0
        at += _MODRM_SIZES[modrm]
        if modrm < 0x40 and modrm & 7 == 4 and code[at - 1] & 7 == 5:  # a SIB byte without a base
            at += 4
    if at + size > len(code):
        raise IndexError
    return at + size

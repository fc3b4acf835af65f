"""The level of x86-64 code is told from how its functions are written."""

import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.binary.view import View
from sealift.binary.x86 import X86Baseline, estimate, x86_baseline
from sealift.binary.x86_decode import AVX, SSE, V2, V3_SCALAR, V4, instruction, used
from sealift.errors import BinaryFormatError
from tests.support.elf_files import ElfSpec, make_elf

RET = b"\xc3"
OLD = bytes.fromhex("0f28c1")  # movaps xmm0, xmm1
OLD_FUNCTION = OLD * 3 + RET
V2_FUNCTION = bytes.fromhex("660f3800c1") * 2 + OLD + RET  # pshufb xmm0, xmm1
AVX_FUNCTION = bytes.fromhex("c5f828c1") * 3 + RET  # vmovaps xmm0, xmm1
V4_FUNCTION = bytes.fromhex("62f17c4828c1") + AVX_FUNCTION  # vmovaps zmm0, zmm1
PLAIN_FUNCTION = bytes.fromhex("4889f8") + RET  # mov rax, rdi


@pytest.mark.parametrize(
    ("code", "length", "kind"),
    [
        ("c3", 1, 0), ("4889f8", 3, 0), ("48b80102030405060708", 10, 0), ("66b80102", 4, 0),
        ("660f1f840000000000", 9, 0), ("f7c001000000", 6, 0), ("f7d8", 2, 0), ("f6c001", 3, 0),
        ("488d0510000000", 7, 0), ("488b4424f8", 5, 0), ("8b04c500000000", 7, 0), ("0f0b", 2, 0),
        ("66480f6ec0", 5, SSE), ("f20f58c1", 4, SSE), ("0f6fc1", 3, 0), ("f30fb8c1", 4, V2),
        ("660f3a0fc101", 6, V2), ("0f38f0010f", 4, V3_SCALAR), ("f30fbcc1", 4, 0),
        ("f30fbdc1", 4, V3_SCALAR), ("c5f877", 3, AVX), ("c4e279f7c0", 5, V3_SCALAR),
        ("c4e37d46c120", 6, AVX), ("62f17c4828c1", 6, V4), ("c5fb92c0", 4, V4), ("0fa2", 2, 0),
        ("8f00", 2, 0), ("8fe878c0c101", 6, 0), ("c8010203", 4, 0), ("a10102030405060708", 9, 0),
    ],
)  # fmt: skip
def test_instructions_have_their_length_and_kind(code: str, length: int, kind: int) -> None:
    assert instruction(bytes.fromhex(code), 0) == (length, kind)


@pytest.mark.parametrize("code", ["", "06", "0f", "e801", "48", "66" * 30, "62f1", "c4e0"])
def test_what_is_no_instruction_ends_the_walk(code: str) -> None:
    assert instruction(bytes.fromhex(code), 0) == (0, 0)
    assert used(OLD + bytes.fromhex(code)) == SSE


# Bytes that plain code is made of, so that much of what is drawn is passed by a pattern.
_COMMON = st.sampled_from(
    b"\x00\x05\x0f\x24\x25\x41\x48\x4c\x63\x66\x69\x81\x84\x85\x89\x8b\x8d\xb8\xc1\xc7\xe8\xf6\xff"
)


@given(st.one_of(st.binary(max_size=300), st.lists(_COMMON, max_size=300).map(bytes)))
@settings(max_examples=500)
def test_what_is_passed_at_once_is_what_is_passed_one_by_one(code: bytes) -> None:
    at = kinds = 0
    while (step := instruction(code, at))[0]:
        at += step[0]
        kinds |= step[1]
    assert used(code) == kinds


@given(st.binary(max_size=300))
def test_any_bytes_are_walked_to_an_end(code: bytes) -> None:
    used(code)


@pytest.mark.parametrize(
    ("functions", "level"),
    [
        ([PLAIN_FUNCTION] * 50, 1),
        ([OLD_FUNCTION, PLAIN_FUNCTION] * 50, 1),
        ([AVX_FUNCTION, PLAIN_FUNCTION] * 50, 3),
        ([AVX_FUNCTION] * 50 + [OLD_FUNCTION] * 5, 3),
        ([V4_FUNCTION, AVX_FUNCTION] * 50, 4),
        ([AVX_FUNCTION] * 95 + [V4_FUNCTION] * 5, 3),
        ([OLD_FUNCTION] * 60 + [AVX_FUNCTION] * 20 + [V4_FUNCTION] * 20, 1),
        ([OLD_FUNCTION, OLD_FUNCTION, V2_FUNCTION] * 30, 2),
        ([OLD_FUNCTION] * 80 + [V2_FUNCTION] * 12 + [AVX_FUNCTION] * 12, 1),
        ([V2_FUNCTION, OLD_FUNCTION] * 40 + [AVX_FUNCTION] * 20, 2),
    ],
)
def test_a_level_is_told_if_the_code_is_made_for_it_throughout(
    functions: list[bytes], level: int
) -> None:
    assert estimate(functions).level == level


def test_what_is_chosen_at_run_time_is_counted() -> None:
    found = estimate([OLD_FUNCTION] * 60 + [AVX_FUNCTION] * 20 + [V4_FUNCTION] * 20)
    assert (found.level, found.functions, found.beyond, found.highest) == (1, 100, 40, 4)


def with_functions(functions: list[bytes]) -> bytes:
    """An ELF file with ``functions`` behind a table for unwinders."""
    code = b"".join(functions)
    table = struct.pack("<BBBBiI", 1, 0x1B, 3, 0x3B, 0, len(functions))
    rows, at = b"", -len(code)
    for function in functions:
        rows += struct.pack("<ii", at, 0)
        at += len(function)
    assert len(code) % 8 == 0
    content = [(0x70000001, 4, 1, code), (0x6474E550, 4, 4, table + rows)]
    return make_elf(ElfSpec(load_flags=5, segments=content))


def test_functions_are_found_through_the_table_of_unwinders() -> None:
    data = with_functions([AVX_FUNCTION + b"\x90" * 3] * 40)
    assert x86_baseline(View(data, "made")) == X86Baseline(level=3, functions=40, highest=3)


def test_a_note_is_believed() -> None:
    content = struct.pack("<III4sIIII", 4, 16, 5, b"GNU\0", 0xC0008002, 4, 3, 0)
    data = make_elf(ElfSpec(segments=[(0x6474E553, 4, 8, content)]))
    found = x86_baseline(View(data, "noted"))
    assert found == X86Baseline(level=2, is_declared=True, highest=2)


def test_other_cpus_and_files_without_the_table_are_left_alone() -> None:
    assert x86_baseline(View(make_elf(ElfSpec(machine="aarch64")), "arm")) is None
    assert x86_baseline(View(make_elf(ElfSpec()), "bare")) is None


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_flipped_bytes_never_escape_as_other_errors(data: st.DataObject) -> None:
    content = bytearray(with_functions([AVX_FUNCTION + b"\x90" * 3] * 9))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BinaryFormatError):
        x86_baseline(View(bytes(content), "flipped"))

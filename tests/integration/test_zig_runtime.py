"""IBM's long double on POWER, whose arithmetic zig's runtime library lacks: compiled here, run."""

import math
import random
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from sealift import process
from sealift.binary.elf_symbols import defined, undefined
from sealift.binary.view import View
from sealift.cross.toolchain import Toolchain, find_toolchain
from sealift.target import load_targets
from tests.support.tools import require_tool

pytestmark = pytest.mark.network

# What comes of two numbers: reads pairs of them, writes what is in RESULTS, without a C library.
PROGRAM = r"""
typedef struct { long double one, other; } Given;
typedef struct {
    long double sum, difference, product, quotient, from_signed, from_unsigned;
    long long as_signed;
    unsigned long long as_unsigned;
} Results;

static long called(long number, long where, const void *data, long size)
{
    register long r0 __asm__("r0") = number;
    register long r3 __asm__("r3") = where;
    register const void *r4 __asm__("r4") = data;
    register long r5 __asm__("r5") = size;
    __asm__ volatile("sc" : "+r"(r3), "+r"(r0) : "r"(r4), "r"(r5)
        : "memory", "cr0", "ctr", "r6", "r7", "r8", "r9", "r10", "r11", "r12");
    return r3;
}

void _start(void)
{
    static Given it;
    static Results told;
    while (called(3, 0, &it, sizeof it) == sizeof it) {
        long double whole = it.one < 0 ? -it.one : it.one;
        told.sum = it.one + it.other;
        told.difference = it.one - it.other;
        told.product = it.one * it.other;
        told.quotient = it.one / it.other;
        told.as_signed = whole < 0x1p63L ? (long long)it.one : 0;
        told.as_unsigned = whole < 0x1p64L ? (unsigned long long)whole : 0;
        told.from_signed = (long double)told.as_signed;
        told.from_unsigned = (long double)told.as_unsigned;
        called(4, 1, &told, sizeof told);
    }
    called(1, 0, 0, 0);
}
"""
MODULE = "#include <math.h>\nlong double root(long double it) { return sqrtl(it) * it; }\n"
Pair = tuple[float, float]


@pytest.fixture(scope="module")
def toolchain() -> Toolchain:
    return find_toolchain("zig", load_targets()["linux-ppc64le"])


@pytest.fixture(scope="module")
def program(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("power")
    (folder / "tried.c").write_text(PROGRAM)
    process.run(
        [toolchain.cc, "-O2", "-static", "-nostdlib", "-ffreestanding", "tried.c", "-o", "tried"],
        cwd=folder,
    )
    return folder / "tried"


def results(program: Path, numbers: list[tuple[Pair, Pair]]) -> list[tuple[float | int, ...]]:
    given = b"".join(struct.pack("<4d", *one, *other) for one, other in numbers)
    command = [require_tool("qemu-ppc64le-static"), program]
    done = subprocess.run(command, input=given, capture_output=True, check=True, timeout=60)
    return list(struct.iter_unpack("<12dqQ", done.stdout))


def exact(pair: Pair) -> Fraction:
    return Fraction(pair[0]) + Fraction(pair[1])


def some_numbers(count: int) -> list[Pair]:
    """Numbers of many sizes, with lower parts of both signs, near and far, or none."""
    made = random.Random(7)  # noqa: S311  (the same each time)
    found: list[Pair] = [(2.0**63, -1.0), (2.0**64, -1.0), (5.0, -(2.0**-60)), (-5.0, 2.0**-60)]
    while len(found) < count:
        high = math.ldexp(made.uniform(-1, 1), made.randint(-80, 80))
        low = math.ldexp(made.uniform(-0.5, 0.5), made.choice([0, 0, -3, -40])) * math.ulp(high)
        if made.random() < 0.3:
            high, low = float(round(high)), float(round(low))
        if high and high + low == high:
            found.append((high, low))
    return found


def test_it_is_exact_to_a_hundred_bits(program: Path) -> None:
    numbers = some_numbers(400)
    pairs = list(zip(numbers, numbers[::-1], strict=True))
    told = results(program, pairs)
    assert len(told) == len(pairs)
    for (one, other), values in zip(pairs, told, strict=True):
        a, b = exact(one), exact(other)
        for at, right in enumerate((a + b, a - b, a * b, a / b)):
            high, low = values[2 * at : 2 * at + 2]
            assert high + low == high
            assert abs(exact((high, low)) - right) <= abs(right) / 2**100, (one, other, at)
        signed, unsigned = values[12:]
        assert signed == (int(a) if abs(a) < 2**63 else 0), one
        assert unsigned == (int(abs(a)) if abs(a) < 2**64 else 0), one
        assert exact((values[8], values[9])) == signed
        assert exact((values[10], values[11])) == unsigned


def test_what_is_no_number_is_none(program: Path) -> None:
    infinite, none = (math.inf, 0.0), (math.nan, 0.0)
    one, huge = (1.0, 0.0), (1.7e308, 0.0)
    told = results(program, [(one, infinite), (huge, huge), (one, none), (one, (0.0, 0.0))])
    highs = [values[0:8:2] for values in told]
    assert highs[0] == (math.inf, -math.inf, math.inf, 0)
    assert highs[1] == (math.inf, 0, math.inf, 1)
    assert all(map(math.isnan, highs[2]))
    assert highs[3] == (1, 1, 0, math.inf)


def test_a_module_has_them_for_itself_and_the_rest_of_glibc(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    """Zig's runtime library has a ``sqrtl``, too, for another long double."""
    (tmp_path / "root.c").write_text(MODULE)
    process.run(
        [toolchain.cc, "-O2", "-shared", "-fPIC", "root.c", "-o", "root.so", "-lm"], cwd=tmp_path
    )
    view = View((tmp_path / "root.so").read_bytes(), "root.so")
    asked = {symbol.name for symbol in undefined(view)}
    assert "sqrtl" in asked
    names = asked | {symbol.name for symbol in defined(view)}
    assert not {name for name in names if name.startswith("__gcc_q")}

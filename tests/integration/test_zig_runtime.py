"""Runtime libraries compiled here: what they leave to the C library, and IBM's long double, run."""

import math
import random
import struct
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from sealift import process
from sealift.binary.elf_symbols import defined, undefined
from sealift.binary.view import View
from sealift.cross.toolchain import Toolchain, find_toolchain
from sealift.debian.releases import parse_release
from sealift.debian.root import make_root
from sealift.machine import PROGRAMS
from sealift.runners.roots import RootMachine
from sealift.target import load_targets
from tests.support.tools import require_tool

pytestmark = pytest.mark.network

# What comes of two numbers: reads pairs of them, writes what is in RESULTS, without a C library.
# A pair is a complex number, too, which is multiplied with and divided by the one before.
PROGRAM = r"""
typedef struct { long double one, other; } Given;
typedef struct {
    long double sum, difference, product, quotient, from_signed, from_unsigned, cube, from_wide;
    long long as_signed;
    unsigned long long as_unsigned;
    __int128 as_wide;
    long double _Complex complex_product, complex_quotient;
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
    static long double _Complex before;
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
        told.cube = __builtin_powil(it.one, -3);
        told.as_wide = whole < 0x1p127L ? (__int128)it.one : 0;
        told.from_wide = (long double)told.as_wide;
        long double _Complex now;
        __real__ now = it.one;
        __imag__ now = it.other;
        told.complex_product = now * before;
        told.complex_quotient = now / before;
        before = now;
        called(4, 1, &told, sizeof told);
    }
    called(1, 0, 0, 0);
}
"""
MODULE = """
#include <math.h>
#include <string.h>
long double it_root(long double it) { return sqrtl(it) * it + sinl(it) + floorl(it); }
double it_near(double it, unsigned size, char *where) { memset(where, 1, size); return sin(it); }
__int128 it_share(__int128 of, __int128 by) { return of / by; }
"""
ANYWHERE = """
#include <math.h>
#include <string.h>
#ifdef __SIZEOF_INT128__
typedef __int128 Wide;
#else
typedef long long Wide;
#endif
Wide share(Wide of, Wide by) { return of / by; }
double near(double it, unsigned size, char *where) { memset(where, 1, size); return sin(it); }
"""
IN_CXX = """
#include <iostream>
#include <sstream>
#include <string>
int main() {
    std::stringstream stream;
    stream << 1.25 << ' ' << std::hex << 255 << ' ' << std::to_string(0.5);
    try { std::stoi("x"); } catch (const std::exception &problem) { stream << problem.what(); }
    std::cout << stream.str() << std::endl;
}
"""
Pair = tuple[float, float]
NAMES = (
    "sum", "difference", "product", "quotient", "from signed", "from unsigned", "cube", "from wide",
    "real product", "imaginary product", "real quotient", "imaginary quotient",
)  # fmt: skip


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


@dataclass(frozen=True)
class Results:
    """What the program writes: pairs by name, and the integers that the first number became."""

    pairs: dict[str, Pair]
    signed: int
    unsigned: int
    wide: int


def results(program: Path, numbers: list[tuple[Pair, Pair]]) -> list[Results]:
    given = b"".join(struct.pack("<4d", *one, *other) for one, other in numbers)
    command = [require_tool("qemu-ppc64le-static"), program]
    done = subprocess.run(command, input=given, capture_output=True, check=True, timeout=60)
    found = []
    for *real, signed, unsigned, wide, a, b, c, d, e, f, g, h in struct.iter_unpack(
        "<16dqQ16s8d", done.stdout
    ):
        parts = [*real, a, b, c, d, e, f, g, h]
        pairs = dict(zip(NAMES, zip(parts[::2], parts[1::2], strict=True), strict=True))
        found.append(Results(pairs, signed, unsigned, int.from_bytes(wide, "little", signed=True)))
    return found


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
    for (one, other), made in zip(pairs, told, strict=True):
        a, b = exact(one), exact(other)
        right = {"sum": a + b, "difference": a - b, "product": a * b, "quotient": a / b}
        for name, value in {**right, "cube": 1 / a**3}.items():
            high, low = made.pairs[name]
            assert high + low == high
            lost = 98 if name == "cube" else 100
            assert abs(exact((high, low)) - value) <= abs(value) / 2**lost, (name, one, other)
        assert made.signed == (int(a) if abs(a) < 2**63 else 0), one
        assert made.unsigned == (int(abs(a)) if abs(a) < 2**64 else 0), one
        assert made.wide == (int(a) if abs(a) < 2**127 else 0), one
        assert exact(made.pairs["from signed"]) == made.signed
        assert exact(made.pairs["from unsigned"]) == made.unsigned
        assert abs(exact(made.pairs["from wide"]) - made.wide) <= abs(made.wide) / 2**100


def test_complex_numbers_are_as_exact(program: Path) -> None:
    numbers = some_numbers(400)
    pairs = list(zip(numbers, numbers[::-1], strict=True))
    told = results(program, pairs)
    for now, before, made in zip(pairs[1:], pairs, told[1:], strict=False):
        (a, b), (c, d) = map(exact, now), map(exact, before)
        size = c * c + d * d
        product = a * c - b * d, a * d + b * c
        quotient = (a * c + b * d) / size, (b * c - a * d) / size
        for what, right in {"product": product, "quotient": quotient}.items():
            found = [exact(made.pairs[f"{part} {what}"]) for part in ("real", "imaginary")]
            error = sum((one - other) ** 2 for one, other in zip(found, right, strict=True))
            assert error <= (right[0] ** 2 + right[1] ** 2) / 2**194, (what, now, before)


def test_what_is_no_number_is_none(program: Path) -> None:
    infinite, none = (math.inf, 0.0), (math.nan, 0.0)
    one, huge = (1.0, 0.0), (1.7e308, 0.0)
    told = results(program, [(one, infinite), (huge, huge), (one, none), (one, (0.0, 0.0))])
    names = ("sum", "difference", "product", "quotient")
    highs = [tuple(made.pairs[name][0] for name in names) for made in told]
    assert highs[:2] == [(math.inf, -math.inf, math.inf, 0), (math.inf, 0, math.inf, 1)]
    assert all(map(math.isnan, highs[2]))
    assert highs[3] == (1, 1, 0, math.inf)


def test_a_complex_number_with_an_infinite_part_is_infinite(program: Path) -> None:
    """Even where the other is none (C11, annex G.5.1), or where it is divided by zero."""
    infinite, none, zero = (math.inf, 0.0), (math.nan, 0.0), (0.0, 0.0)
    one, huge, small = (1.0, 0.0), (1.7e308, 0.0), (2.0**-1000, 0.0)

    def of(*numbers: tuple[Pair, Pair]) -> list[float]:
        """Product and quotient of the last two, high parts."""
        made = results(program, list(numbers))[-1]
        return [made.pairs[name][0] for name in NAMES[-4:]]

    assert of((one, one), (infinite, none)) == [math.inf, math.inf, math.inf, -math.inf]
    assert of((infinite, none), (one, zero))[2:] == [0, 0]
    assert of((zero, zero), (one, zero))[2] == math.inf
    assert of((huge, huge), (huge, huge))[1] == math.inf
    assert of((small, small), (small, small))[2:] == [1, 0]
    assert all(map(math.isnan, of((none, none), (one, one))))


@pytest.mark.parametrize(
    "name", ["linux-x86_64", "linux-aarch64", "linux-armv7l", "linux-x86_64-musl"]
)
def test_what_the_c_library_has_is_taken_from_it(name: str, tmp_path: Path) -> None:
    """All of zig's own runtime library is in the object that has the division."""
    (tmp_path / "any.c").write_text(ANYWHERE)
    cc = find_toolchain("zig", load_targets()[name]).cc
    process.run([cc, "-O2", "-shared", "-fPIC", "any.c", "-o", "any.so"], cwd=tmp_path)
    names = {symbol.name for symbol in undefined(View((tmp_path / "any.so").read_bytes(), "any"))}
    assert {"memset", "sin"} <= names
    assert not names & {"__divti3", "__divdi3", "__aeabi_ldivmod"}


def test_a_module_has_them_for_itself_and_the_rest_of_glibc(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    """Zig's has a ``sqrtl``, too, for another long double, in one object with the division."""

    def call(*arguments: str) -> None:
        process.run([toolchain.cc, "-O2", "-fPIC", *arguments], cwd=tmp_path)

    # Objects that are put together before, as Meson does, have none of them yet.
    for name in ("root", "other"):
        (tmp_path / f"{name}.c").write_text(MODULE.replace("it_", f"{name}_"))
        call("-c", f"{name}.c", "-o", f"{name}.o")
        call("-r", f"{name}.o", "-o", f"{name}s.o")
    call("-shared", "roots.o", "others.o", "-o", "root.so", "-lm")
    view = View((tmp_path / "root.so").read_bytes(), "root.so")
    asked = {symbol.name for symbol in undefined(view)}
    assert {"sqrtl", "sinl", "floorl", "sin", "memset"} <= asked
    names = asked | {symbol.name for symbol in defined(view)}
    assert {"root_share", "other_share"} <= names
    assert not names & {"__gcc_qadd", "__gcc_qmul", "__divti3"}


def test_cxx_asks_for_nothing_that_came_with_glibc_2_32(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    """Zig's C++ library is for the long double of that version, and asks for functions of it."""
    (tmp_path / "told.cpp").write_text(IN_CXX)
    process.run([toolchain.cxx, "-O2", "told.cpp", "-o", "told"], cwd=tmp_path)
    view = View((tmp_path / "told").read_bytes(), "told")
    asked = [symbol for symbol in undefined(view) if not symbol.is_weak]
    assert {symbol.version for symbol in asked} <= {"GLIBC_2.17", "GLIBC_2.18"}
    root = make_root(parse_release("debian-12"), "ppc64el", ("libc6",))
    ending = RootMachine(root, "ppc64le").run(
        (f"{PROGRAMS}/told/told",), programs={"told": tmp_path}, timeout=60
    )
    assert ending.output.strip() == "1.25 ff 0.500000stoi: no conversion"

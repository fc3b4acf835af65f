"""Levels of real code: compiled for each, chosen at run time, and decoded as objdump does."""

import platform
import re
import subprocess
from pathlib import Path

import pytest

from sealift.binary.elf import read_elf
from sealift.binary.view import View
from sealift.binary.x86 import X86Baseline, x86_baseline
from sealift.binary.x86_decode import instruction
from tests.integration.test_elf_against_readelf import real_files
from tests.support.tools import missing, require_tool

_FUNCTIONS = """
#include <stddef.h>
#define EACH(n) \\
  CLONES void add##n(float *a, float *b, size_t c) { \\
    for (size_t i = 0; i < c; i++) a[i] += b[i] * n; \\
  } \\
  double scale##n(double x, long y) { return x * n + y; } \\
  void fill##n(double *a, size_t c) { for (size_t i = 0; i < c; i++) a[i] = a[i] * a[i] + n; }
EACH(1) EACH(2) EACH(3) EACH(4) EACH(5) EACH(6) EACH(7) EACH(8)
"""
_INSTRUCTION = re.compile(r" *([0-9a-f]+):\t((?:[0-9a-f]{2} )+) *\t?(.*)")


def compiled(folder: Path, *options: str) -> X86Baseline | None:
    if platform.machine() != "x86_64":
        missing("needs a compiler for x86-64")
    (folder / "own.c").write_text(_FUNCTIONS, encoding="utf-8")
    command: list[str | Path] = [require_tool("gcc"), "-O3", "-shared", "-fPIC", *options]
    command += ["own.c", "-o", "own.so"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return x86_baseline(View((folder / "own.so").read_bytes(), "own.so"))


@pytest.mark.parametrize(("march", "level"), [("x86-64", 1), ("x86-64-v3", 3), ("x86-64-v4", 4)])
def test_code_compiled_for_a_level_needs_it(tmp_path: Path, march: str, level: int) -> None:
    found = compiled(tmp_path, f"-march={march}", "-DCLONES=")
    assert found is not None
    assert (found.level, found.highest, found.is_declared) == (level, level, False)


def test_code_that_is_chosen_at_run_time_is_not_needed(tmp_path: Path) -> None:
    clones = '-DCLONES=__attribute__((target_clones("default","avx2","avx512f")))'
    found = compiled(tmp_path, clones)
    assert found is not None
    assert found.level == 1
    assert found.highest == 4
    assert found.beyond > 4


def test_a_level_the_linker_notes_is_believed(tmp_path: Path) -> None:
    found = compiled(tmp_path, "-DCLONES=", "-Wl,-z,x86-64-v3")
    assert found == X86Baseline(level=3, is_declared=True, highest=3)


def test_instructions_are_as_long_as_objdump_says() -> None:
    objdump = require_tool("objdump")
    files = [path for path in real_files() if _is_x86_64(path)]
    files = [path for path in files if path.stat().st_size < 500_000][::30]
    if not files:
        missing("needs files for x86-64")
    count = 0
    for path in files:
        shown = subprocess.run(
            [objdump, "-d", "-w", "--insn-width=16", "-j", ".text", path],
            check=True, capture_output=True, text=True, errors="replace",
        ).stdout  # fmt: skip
        for line in shown.splitlines()[:20_000]:
            found = _INSTRUCTION.fullmatch(line)
            # objdump shows some prefixes, and waiting for the FPU, as instructions of their own.
            if found and "(bad)" not in found[3] and not found[3].endswith(("rex", "fwait")):
                code = bytes.fromhex(found[2])
                length, _ = instruction(code + bytes(16), 0)
                assert length == len(code), line
                count += 1
    assert count > 10_000


def _is_x86_64(path: Path) -> bool:
    facts = read_elf(path)
    return facts is not None and facts.machine == "x86_64" and facts.bits == 64

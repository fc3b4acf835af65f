"""Facts of real files are what readelf says of them."""

import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from sealift.binary.elf import ElfFacts, Relro, read_elf
from sealift.binary.elf_symbols import SymbolTable
from sealift.binary.view import View
from tests.support.tools import missing, require_tool

_SOURCE = """
#include <stdio.h>
#include <math.h>
__thread int own_thread;
extern int from_elsewhere(void) __attribute__((weak));
double given(double x) { if (from_elsewhere) from_elsewhere(); printf("%f", x); return pow(x, x); }
int main(int argc, char **argv) { return given(argc) > 5; }
"""
_BUILDS = {
    "library": ["-shared", "-fPIC", "-Wl,-soname,libown.so.1"],
    "lazy": ["-shared", "-fPIC", "-Wl,-z,lazy", "-Wl,-z,norelro"],
    "now": ["-shared", "-fPIC", "-Wl,-z,now", "-Wl,-z,relro"],
    "stack": ["-shared", "-fPIC", "-Wl,-z,execstack"],
    "writable": ["-shared", "-fPIC", "-Wl,-N,-Bdynamic"],
    "sysv": ["-shared", "-fPIC", "-Wl,--hash-style=sysv"],
    "gnu": ["-shared", "-fPIC", "-Wl,--hash-style=gnu"],
    "rpath": ["-shared", "-fPIC", "-Wl,-rpath,$ORIGIN/../lib:/opt/lib"],
    "v3": ["-shared", "-fPIC", "-Wl,-z,x86-64-v3"],
    "guarded": ["-shared", "-fPIC", "-fcf-protection=full"],
    "program": ["-pie", "-fPIE"],
    "fixed": ["-no-pie", "-fno-pie"],
    "static": ["-static"],
    "static-pie": ["-static-pie"],
    "page": ["-shared", "-fPIC", "-Wl,-z,max-page-size=16384"],
    "nohash": ["-pie", "-fPIE", "-Wl,--hash-style=gnu", "-Wl,--build-id=0x0123abcd"],
}


@cache
def real_files() -> tuple[Path, ...]:
    """Files of this Python and of the system's library folder."""
    folders = {Path(sysconfig.get_path("platlib")), Path(sysconfig.get_path("platstdlib"))}
    found = [path for folder in folders for path in folder.rglob("*.so*") if path.is_file()]
    system = sorted(Path("/usr/lib").glob("*-linux-gnu/*.so.*"))[:150]
    programs = [Path(sys.executable), Path("/bin/sh"), Path("/usr/bin/env")]
    return tuple(path for path in (*sorted(found)[:200], *system, *programs) if path.is_file())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One source, compiled in every way that shows in a fact."""
    gcc = require_tool("gcc")
    folder = tmp_path_factory.mktemp("built")
    (folder / "own.c").write_text(_SOURCE, encoding="utf-8")
    files = {}
    for name, options in _BUILDS.items():
        files[name] = folder / name
        done = subprocess.run(
            [gcc, "-O1", *options, "own.c", "-o", name, "-lm"],
            cwd=folder, check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert not done.returncode, done.stderr
    return files


def readelf(option: str, path: Path) -> str:
    return subprocess.run(
        [require_tool("readelf"), "--wide", option, path],
        check=True, capture_output=True, text=True, errors="surrogateescape", env={"LC_ALL": "C"},
    ).stdout  # fmt: skip


def checked(path: Path) -> ElfFacts:
    """The facts of ``path``, after a look at what readelf says."""
    facts = read_elf(path)
    assert facts is not None
    dynamic, segments = readelf("--dynamic", path), readelf("--segments", path)
    assert list(facts.needed) == re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    assert facts.soname == next(iter(re.findall(r"\(SONAME\).*\[(.*)\]", dynamic)), None)
    assert ":".join(facts.runpath) == "".join(re.findall(r"\(RUNPATH\).*\[(.*)\]", dynamic))
    assert facts.has_text_relocations == ("TEXTREL" in dynamic)
    assert facts.has_relr == ("(RELR)" in dynamic)
    stack = re.search(r"GNU_STACK +(?:0x\w+ ){5}(...)", segments)
    assert (facts.stack_flags is None) == (stack is None)
    assert facts.has_executable_stack == (stack is None or "E" in stack[1])
    assert (facts.relro is not Relro.NONE) == ("GNU_RELRO" in segments)
    interpreter = re.search(r"Requesting program interpreter: (.*)\]", segments)
    assert facts.interpreter == (interpreter[1] if interpreter else None)
    loads = re.findall(r"LOAD +(?:0x\w+ ){5}(...) (0x\w+)", segments)
    assert facts.page_size == min(int(align, 16) for _, align in loads)
    assert facts.has_writable_code == any(flags == "RWE" for flags, _ in loads)
    _check_notes(facts, readelf("--notes", path))
    return facts


def _check_notes(facts: ElfFacts, told: str) -> None:
    build_id = re.search(r"Build ID: (\w+)", told)
    assert facts.notes.build_id == (build_id[1] if build_id else None)
    kernel = re.search(r"OS: Linux, ABI: (\d+)\.(\d+)\.(\d+)", told)
    assert facts.notes.kernel == (tuple(map(int, kernel.groups())) if kernel else None)
    guards = facts.notes.gnu_property.guards
    assert {guard.upper() for guard in guards} == set(re.findall(r"\b(IBT|SHSTK|BTI|PAC)\b", told))
    needed = "".join(re.findall("x86 ISA needed:(.*)", told)).replace("baseline", "v1")
    levels = [int(level) for level in re.findall(r"x86-64-v(\d)", needed)]
    assert facts.notes.gnu_property.isa_needed == max(levels, default=0)


def told_symbols(path: Path) -> Iterator[tuple[bool, str, bool]]:
    """Of each dynamic symbol whether it is defined, its name with version, whether it is weak."""
    row = re.compile(r" *\d+: \w+ +\w+ \S+ +(\w+) +\w+ +(?:\[.*?\] +)?(\w+) (\S+)")
    for line in readelf("--dyn-syms", path).splitlines():
        found = row.match(line)
        if found and found[1] != "LOCAL" and not (found[2] == "ABS" and "@" not in found[3]):
            yield found[2] != "UND", found[3], found[1] == "WEAK"


def checked_symbols(path: Path) -> None:
    table = SymbolTable(View(path.read_bytes(), str(path)))
    told = list(told_symbols(path))
    for is_defined, found in ((False, table.undefined()), (True, table.defined())):
        expected = [(name, weak) for defined, name, weak in told if defined is is_defined]
        assert [(str(symbol), symbol.is_weak) for symbol in found] == expected


@pytest.mark.parametrize("name", _BUILDS)
def test_a_file_compiled_here_is_read_as_readelf_reads_it(
    name: str, built: dict[str, Path]
) -> None:
    facts = checked(built[name])
    checked_symbols(built[name])
    expected: dict[str, dict[str, object]] = {
        "library": {"soname": "libown.so.1", "libc": "glibc", "is_program": False},
        "lazy": {"relro": Relro.NONE},
        "now": {"relro": Relro.FULL, "has_executable_stack": False},
        "stack": {"has_executable_stack": True},
        "writable": {"has_writable_code": True},
        "rpath": {"runpath": ("$ORIGIN/../lib", "/opt/lib")},
        "program": {"is_pie": True, "is_program": True, "is_static": False},
        "fixed": {"is_pie": False, "is_program": True},
        "static": {"is_static": True, "is_pie": False},
        "static-pie": {"is_static": True, "is_pie": True},
        "page": {"page_size": 16384},
    }
    for key, value in expected.get(name, {}).items():
        assert getattr(facts, key) == value


def test_properties_of_the_cpu_are_read(built: dict[str, Path]) -> None:
    if "x86-64" not in readelf("--notes", built["v3"]):
        missing("needs a linker that writes the properties of x86")
    level = {name: checked(built[name]).notes.gnu_property for name in ("v3", "library", "guarded")}
    assert (level["v3"].isa_needed, level["library"].isa_needed) == (3, 0)


def test_files_of_this_system_are_read_as_readelf_reads_them() -> None:
    files = real_files()
    read = [checked(path) for path in files if read_elf(path)]
    if not read:
        missing("needs ELF files on this system")


def test_symbols_of_this_system_are_read_as_readelf_reads_them() -> None:
    files = [path for path in real_files() if read_elf(path)]
    for path in files:
        checked_symbols(path)
    if not files:
        missing("needs ELF files on this system")

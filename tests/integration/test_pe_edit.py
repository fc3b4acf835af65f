"""Windows programs whose DLLs were renamed by an edit run, and call them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealift.binary.pe import facts_of, read_pe
from sealift.binary.pe_edit import PeEdit, edit
from sealift.binary.pe_layout import Image
from sealift.binary.view import View
from tests.support.tools import require_tool
from tests.support.wine import Wine, running_wine

START = """
#define FROM __declspec(dllimport)
FROM int greet(int); FROM int late(int); FROM int passed_on(int);
FROM void ExitProcess(unsigned);
"""
SOURCES = {
    "main.c": START + "void start(void) { ExitProcess(greet(2) + late(3) + passed_on(4)); }",
    "plain.c": START + "void start(void) { ExitProcess(greet(2)); }",
    "greet.c": "int entry(void) { return 1; }"
    "__declspec(dllexport) int greet(int n) { return n + 40; }",
    "late.c": "int entry(void) { return 1; }"
    "__declspec(dllexport) int late(int n) { return n * n; }",
    "pass.c": "int entry(void) { return 1; }",
    "pass.def": "LIBRARY pass.dll\nEXPORTS\npassed_on=greet.greet\n",
}
ALL = (2 + 40) + 3 * 3 + (4 + 40)


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    with running_wine(tmp_path_factory.mktemp("wine")) as made:
        yield made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that asks for one DLL at once, one later, and one that passes on to the first."""
    compiler = str(require_tool("x86_64-w64-mingw32-gcc"))
    linker = str(require_tool("ld.lld"))
    folder = tmp_path_factory.mktemp("built")
    for name, text in SOURCES.items():
        (folder / name).write_text(text)
    libraries = subprocess.run(
        [compiler, "-print-file-name=libkernel32.a"], capture_output=True, text=True, check=True
    )
    link = [linker, "-m", "i386pep"]
    dll = [*link, "-e", "entry", "-shared"]
    delayed = ["-Xlink=-delayload:late.dll", f"-L{Path(libraries.stdout).parent}", "-ldelayimp"]
    system = ["-lmingwex", "-lmsvcrt", "-lkernel32"]
    commands = (
        *([compiler, "-O1", "-c", name] for name in SOURCES if name.endswith(".c")),
        [*dll, "-o", "greet.dll", "greet.o", "--out-implib", "greet.a"],
        [*dll, "-o", "late.dll", "late.o", "--out-implib", "late.a"],
        [*dll, "-o", "pass.dll", "pass.o", "pass.def", "greet.a", "--out-implib", "pass.a"],
        [*link, "-e", "start", "-o", "main.exe", "main.o", "greet.a", "pass.a", "late.a",
         *delayed, *system],
        [compiler, "-g", "-nostdlib", "-Wl,-e,start", "-o", "plain.exe", "plain.o", "greet.a",
         "-lkernel32"],
    )  # fmt: skip
    for command in commands:
        subprocess.run(command, cwd=folder, check=True)
    facts = read_pe(folder / "main.exe")
    assert facts
    assert {"greet.dll", "pass.dll"} <= set(facts.imports)
    assert facts.delay_imports == ("late.dll",)
    return folder


def fill(path: Path) -> None:
    """Leave no room behind what sections have."""
    content = bytearray(path.read_bytes())
    for section in Image(View(bytes(content), path.name)).sections:
        if 0 < section.memory < section.size:
            start = section.offset + section.memory
            content[start : section.end] = b"x" * (section.end - start)
    path.write_bytes(content)


SHORT = {"greet.dll": "g.dll", "late.dll": "l.dll", "pass.dll": "p.dll"}
LONG = {name: f"{name[:-4]}-0123456789abcdef0123456789abcdef.dll" for name in SHORT}
DOTTED = {name: f"{name[:-4]}.1-0123456789abcdef.dll" for name in SHORT}


def renamed_program(built: Path, folder: Path, names: dict[str, str], *, is_full: bool) -> Path:
    """The program with its DLLs under new names in ``folder``."""
    for name in ("main.exe", *names):
        copied = folder / names.get(name, name)
        copied.write_bytes((built / name).read_bytes())
        if is_full:
            fill(copied)
        asked = facts_of(View(copied.read_bytes(), name)).needed
        change = {old: new for old, new in names.items() if old in asked}
        edit(copied, copied, PeEdit(renamed=change, clears_traces=True))
        sections = [s.name for s in Image(View(copied.read_bytes(), name)).sections]
        assert (".sealift" in sections) == (is_full and bool(change))
    return folder / "main.exe"


@pytest.mark.parametrize(
    ("names", "is_full"), [(SHORT, False), (LONG, False), (DOTTED, False), (LONG, True)],
    ids=["in place", "behind sections", "with dots", "in a new section"],
)  # fmt: skip
def test_a_program_calls_dlls_by_their_new_names(
    wine: Wine, built: Path, tmp_path: Path, names: dict[str, str], *, is_full: bool
) -> None:
    program = renamed_program(built, tmp_path, names, is_full=is_full)
    assert wine.run(program).returncode == ALL


def test_it_is_these_dlls_that_are_called(wine: Wine, built: Path, tmp_path: Path) -> None:
    program = renamed_program(built, tmp_path, LONG, is_full=False)
    for name in LONG.values():
        (tmp_path / name).rename(tmp_path / "away")
        assert wine.run(program).returncode != ALL
        (tmp_path / "away").rename(tmp_path / name)


def test_gnu_tools_read_a_new_section_behind_their_symbols(
    wine: Wine, built: Path, tmp_path: Path
) -> None:
    program, strip = tmp_path / "plain.exe", require_tool("x86_64-w64-mingw32-strip")
    program.write_bytes((built / program.name).read_bytes())
    (tmp_path / LONG["greet.dll"]).write_bytes((built / "greet.dll").read_bytes())
    fill(program)
    edit(program, program, PeEdit(renamed={"greet.dll": LONG["greet.dll"]}))
    assert wine.run(program).returncode == 42
    size = program.stat().st_size
    subprocess.run([strip, program], check=True)
    assert program.stat().st_size < size
    assert wine.run(program).returncode == 42

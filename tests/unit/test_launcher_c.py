"""The C sources of the launcher keep the house's rules and agree with the writer's constants."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealift.launcher import blob, payload
from sealift.launcher import compile as compiling
from sealift.launcher.compile import c_sources

FOLDER = Path(payload.__file__).parent
SOURCES = sorted([*FOLDER.glob("*.c"), *FOLDER.glob("*.h")])
TEXT = {path.name: path.read_text(encoding="utf-8") for path in SOURCES}

# Calls that cannot know how much room there is, follow paths by name, or run a shell.
FORBIDDEN = (
    r"\b(strcpy|strcat|sprintf|vsprintf|gets|alloca|system|popen|access|tmpnam|mktemp|rmdir)\("
)


def functions(text: str) -> Iterator[tuple[str, int]]:
    """Name and number of lines of each function."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line != "}":
            continue
        first = max(i for i in range(number) if re.match(r"^\S.*[({,]$|^\S.*\) \{$", lines[i]))
        found = re.search(r"(\w+)\(", lines[first])
        yield (found.group(1) if found else lines[first]), number - first + 1


def constant(file: str, name: str) -> int:
    found = re.search(rf"\b{name} = ([^,;}}]+)", TEXT[file])
    assert found, name
    return int(eval(found.group(1), {}))  # noqa: S307


@pytest.mark.parametrize("name", TEXT)
def test_files_functions_and_lines_stay_small(name: str) -> None:
    lines = TEXT[name].splitlines()
    assert len(lines) <= 400
    assert max(map(len, lines)) <= 125
    assert [found for found in functions(TEXT[name]) if found[1] > 50] == []


@pytest.mark.parametrize("name", TEXT)
def test_no_unsafe_calls(name: str) -> None:
    assert re.findall(FORBIDDEN, TEXT[name]) == []


@pytest.mark.parametrize("name", TEXT)
def test_no_thread_waits_for_another(name: str) -> None:
    """The child of a fork would wait for ever for a thread that it does not have."""
    assert re.findall(r"\b(?:pthread_(?:mutex|rwlock|spin|cond)\w*|mtx_\w+)", TEXT[name]) == []


@pytest.mark.parametrize("name", [name for name in TEXT if name.endswith(".c")])
def test_nothing_big_lies_on_the_stack(name: str) -> None:
    arrays = re.findall(
        r"^    +(?:char|uint8_t|struct \w+) \w+\[(\w+)\];", TEXT[name], re.MULTILINE
    )
    assert set(arrays) <= {"17", "4", "BOOT_ID_SIZE", "HEADER", "MAGIC_SIZE", "MOST_PLACES"}


def test_the_table_of_python_has_what_is_called_and_no_more() -> None:
    listed = re.findall(r"^    X\((\w+)\)", TEXT["python.h"], re.MULTILINE)
    called = {
        name
        for file, text in TEXT.items()
        for name in re.findall(r"\bpy(?:_data)?\((\w+)\)", text)
        if not (file == "python.h" and name == "name")
    }
    assert called == set(listed)
    assert len(listed) == len(set(listed))


def test_sizes_are_those_of_the_writer() -> None:
    assert payload.MAGIC == b"SEALIFT\1"
    assert '"SEALIFT\\1"' in TEXT["payload.c"]
    assert constant("carrier_end.c", "PAGE") == payload.ALIGNMENT
    assert constant("payload.h", "LARGEST_FRAME") == payload.LARGEST_FRAME
    assert payload._HEADER.size == constant("payload.c", "HEADER_SIZE")
    assert payload._FILE.size == constant("payload.c", "FILE_RECORD")
    assert payload._FRAME.size == constant("payload.c", "FRAME_RECORD")
    assert constant("payload.c", "LONGEST_NAME") >= payload._LONGEST_NAME
    assert blob.MAGIC == b"SLIMAGE\1"
    assert '"SLIMAGE\\1"' in TEXT["image.c"]
    assert constant("image.c", "HEADER") == blob._HEADER_SIZE
    assert blob._ENTRY.size == constant("image.c", "ENTRY")
    assert blob._GROUP.size == constant("image.c", "GROUP")
    assert blob._FROZEN.size == constant("image.c", "FROZEN")


def test_only_one_file_knows_linux() -> None:
    special = r"<sys/(auxv|syscall|statvfs|random|sendfile)\.h>|<(elf|link)\.h>|/proc/self|memfd"
    knowing = {path.stem for path in c_sources("macos") if re.search(special, TEXT[path.name])}
    assert knowing == {"os_macos"}  # <sys/random.h>
    assert not re.search(r"mach-o|<sys/acl\.h>", "".join(map(_text, c_sources("linux"))))


def _text(path: Path) -> str:
    return TEXT[path.name]


def test_each_system_has_its_own_sources_and_no_others() -> None:
    systems = {"linux", "macos", "windows"}
    assert set(compiling._systems()) == systems
    every = {path for path in SOURCES if path.suffix == ".c"}
    assert {path for system in systems for path in c_sources(system)} == every
    for system in systems:
        own = {path.stem for path in c_sources(system)}
        assert own & {f"os_{name}" for name in systems} == {f"os_{system}"}

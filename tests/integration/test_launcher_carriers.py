"""The launcher's own reader of Mach-O files, compiled for here and given files that lie."""

import random
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

import sealift.launcher
from sealift.binary.macho_layout import Commands, read_slices
from sealift.binary.macho_segment import SegmentRoom
from sealift.binary.view import View
from sealift.errors import BinaryFormatError
from sealift.launcher.compile import c_flags
from tests.support.interpreters import shared_interpreter
from tests.support.macho_files import EXECUTE, MachoSpec, make_fat, make_macho
from tests.support.tools import require_tool

SUPPORT = Path(__file__).parent.parent / "support"
LAUNCHER = Path(sealift.launcher.__file__).parent
PARTS = ("carrier_macho", "message", "os_linux", "os_posix", "posix_files")
FILES = 1500


def program(size: int) -> bytes:
    room = SegmentRoom(
        make_macho(MachoSpec(kind=EXECUTE)), segment="__SEALIFT", section="__payload", name="app"
    )
    before, after = room.around(size)
    return before + b"SEALIFT\1".ljust(size, b"x") + after


THIN = program(5000)
INTEL = make_macho(MachoSpec(kind=EXECUTE, cpu="x86_64"))
FAT = make_fat([("x86_64", INTEL), ("arm64", THIN)])


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It ends with an error wherever it reads what is not its own."""
    interpreter = shared_interpreter()
    out = tmp_path_factory.mktemp("reader") / "reader"
    subprocess.run(
        [
            require_tool("cc"), *c_flags(interpreter), "-O1", "-g", "-Wl,--gc-sections",
            "-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{LAUNCHER}",
            "-isystem", str(interpreter.headers), SUPPORT / "carriers.c",
            *(LAUNCHER / f"{part}.c" for part in PARTS), "-ldl", "-o", out,
        ],
        check=True,
    )  # fmt: skip
    return out


def places(reader: Path, contents: Sequence[bytes], folder: Path) -> list[tuple[int, int] | None]:
    paths = []
    for number, content in enumerate(contents):
        paths.append(folder / str(number))
        paths[-1].write_bytes(content)
    done = subprocess.run([reader, *paths], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == len(contents)
    return [None if line == "-" else as_pair(line) for line in lines]


def as_pair(line: str) -> tuple[int, int]:
    start, size = map(int, line.split())
    return start, size


def expected(content: bytes) -> tuple[int, int] | None:
    """By the reader in Python, which takes no file with load commands that are not whole."""
    for piece in read_slices(View(content, "app")):
        for segment in Commands(piece.part).segments():
            if segment.name == "__SEALIFT":
                return piece.offset + segment.offset, segment.size
    return None


def test_it_finds_the_segment_in_whichever_slice(reader: Path, tmp_path: Path) -> None:
    two = make_fat([("arm64", THIN), ("x86_64", INTEL)])
    contents = [THIN, FAT, two, INTEL, make_fat([("x86_64", INTEL)]), b"", b"\xca\xfe\xba\xbe"]
    found = places(reader, contents, tmp_path)
    assert found == [*(expected(content) for content in contents[:5]), None, None]
    assert found[:3] != [None] * 3
    for content, place in zip(contents[:3], found, strict=False):
        assert place
        assert content[place[0] : place[0] + 8] == b"SEALIFT\1"


def test_it_reads_no_byte_beyond_and_agrees_with_another_reader(
    reader: Path, tmp_path: Path
) -> None:
    chance = random.Random(5)  # noqa: S311  (the same files each time)
    contents = [harmed(chance) for _ in range(FILES)]
    agreed = 0
    for content, place in zip(contents, places(reader, contents, tmp_path), strict=True):
        if place:
            assert place[0] + place[1] <= len(content)
        try:
            wanted = expected(content)
        except BinaryFormatError:
            continue
        if wanted and sum(wanted) <= len(content):
            assert place == wanted
            agreed += 1
    assert agreed > FILES // 20


def harmed(chance: random.Random) -> bytes:
    whole = chance.choice([THIN, FAT])
    content = bytearray(whole[: chance.choice([len(whole), len(whole), chance.randrange(700)])])
    start = 0x4000 * (whole is FAT)
    for _ in range(chance.randrange(1, 5)):
        at = chance.choice([0, start]) + chance.randrange(0, 560, 4)
        value = chance.choice([0, 1, 8, 72, 0x19, 0x7FFFFFFF, 0xFFFFFFFF, len(whole)])
        if at + 4 <= len(content):
            struct.pack_into(chance.choice("<>") + "I", content, at, value)
    return bytes(content)

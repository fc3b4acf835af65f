"""Damaged single files: a clear error or the right answer, never a crash."""

import random
import shutil
import struct
from pathlib import Path

import pytest

from sealift.launcher.compile import launcher_for
from tests.support.interpreters import shared_interpreter
from tests.support.launched import FAILED, scratch, single_file, start, static_file, tree_of

PAGE = 4096


@pytest.fixture(scope="module")
def small() -> bytes:
    """A payload that is damaged before Python would be needed, so that starts are quick."""
    return single_file().read_bytes()


def payload_start() -> int:
    return elf_end(launcher_for(shared_interpreter()).read_bytes())


def elf_end(program: bytes) -> int:
    table: int = struct.unpack_from("<Q", program, 0x28)[0]
    size: int
    count: int
    size, count = struct.unpack_from("<HH", program, 0x3A)
    return -(-(table + size * count) // PAGE) * PAGE


def outcome(data: bytes | bytearray, cache: Path) -> tuple[int, bytes]:
    """Status and messages of a first start."""
    program = scratch() / "damaged"
    program.unlink(missing_ok=True)
    program.write_bytes(data)
    program.chmod(0o755)
    shutil.rmtree(cache, ignore_errors=True)
    done = start(program, cache=cache)
    return done.returncode, done.stderr


@pytest.mark.parametrize("kept", [0, 7, 8, 100, 255, 256, 300, 2000, 10_000, 1_000_000, -1, -5000])
def test_truncated_files(kept: int, small: bytes, tmp_path: Path) -> None:
    start_at = payload_start()
    size = start_at + kept if kept >= 0 else len(small) + kept
    status, said = outcome(small[:size], tmp_path / "cache")
    assert status == FAILED
    assert b"damaged: cannot start: " in said
    assert b"hint: get the file again" in said


HEADER_FIELDS = [(12, "I"), (16, "I"), (20, "I"), *((at, "Q") for at in range(24, 80, 8))]
ODD = {
    "I": (0, 1, 0x7FFFFFFF, 0xFFFFFFFF),
    "Q": (0, 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1, 2**64 - 300),
}


def test_odd_numbers_in_the_header(small: bytes, tmp_path: Path) -> None:
    at = payload_start()
    for field, kind in HEADER_FIELDS:
        for value in ODD[kind]:
            data = bytearray(small)
            struct.pack_into(f"<{kind}", data, at + field, value)
            status, said = outcome(data, tmp_path / "cache")
            assert status == FAILED, (field, value, said)
            assert b"damaged: cannot start: this file is damaged: " in said, (field, value, said)


@pytest.mark.parametrize(
    "path",
    [b"../evil", b"/etc/evil", b"a//b", b"./a", b"a/..", b"a/./b", b"bin/python3.13", b".stamp"],
)
def test_paths_that_lead_outside(path: bytes, small: bytes, tmp_path: Path) -> None:
    at = payload_start()
    data = bytearray(small)
    strings, files = (struct.unpack_from("<Q", data, at + where)[0] for where in (40, 56))
    place = struct.unpack_from("<I", data, at + files + 24)[0]
    data[at + strings + place : at + strings + place + len(path) + 1] = path + b"\0"
    struct.pack_into("<H", data, at + files + 28, len(path))
    status, said = outcome(data, tmp_path / "cache")
    assert status == FAILED
    assert b"this file is damaged: a path" in said


def test_random_changes_of_the_tables(small: bytes, tmp_path: Path) -> None:
    chance = random.Random(20)  # noqa: S311
    at = payload_start()
    tables = struct.unpack_from("<Q", small, at + 64)[0] + 24 * 20
    for _ in range(150):
        data = bytearray(small)
        for _ in range(chance.choice((1, 2, 8))):
            data[at + chance.randrange(tables)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
        status, said = outcome(data, tmp_path / "cache")
        assert status in {0, FAILED}, said


def test_random_changes_of_the_content_are_noticed(small: bytes, tmp_path: Path) -> None:
    chance = random.Random(21)  # noqa: S311
    at = payload_start()
    for _ in range(30):
        data = bytearray(small)
        data[chance.randrange(at + 10_000, len(data))] ^= 1 << chance.randrange(8)
        status, said = outcome(data, tmp_path / "cache")
        assert status == FAILED
        assert b"this file is damaged: " in said
        assert not [path for path in (tmp_path / "cache" / "apps").iterdir() if path.is_dir()]


def test_a_damaged_payload_still_serves_a_tree_that_is_whole(small: bytes, tmp_path: Path) -> None:
    tree_of(single_file(), tmp_path)
    program = tmp_path / "program"
    data = bytearray(small)
    data[-100] ^= 1
    program.write_bytes(data)
    program.chmod(0o755)
    assert start(program, cache=tmp_path).stdout == b"started\n"


def test_a_launcher_for_another_python_says_so(small: bytes, tmp_path: Path) -> None:
    other = static_file().read_bytes()
    data = small[: payload_start()] + other[elf_end(other) :]
    status, said = outcome(data, tmp_path / "cache")
    assert status == FAILED
    assert b"this file's launcher is for Python 3.13 (lib/libpython3.13.so.1.0)" in said


@pytest.mark.parametrize("offset", range(8, 104, 8))
def test_damaged_images_do_not_crash(offset: int, tmp_path: Path) -> None:
    tree = tree_of(single_file(), tmp_path)
    (tree / ".stamp").unlink()
    image = tree / "image.sealift"
    for value in (0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 8):
        data = bytearray(image.read_bytes())
        struct.pack_into("<Q", data, offset, value)
        broken = tree / "broken"
        broken.write_bytes(data)
        broken.rename(image)
        done = start(tree / "bin" / "python3.13", "-c", "import json", cache=None)
        assert done.returncode in {0, 1, FAILED}, (offset, value, done.stderr)

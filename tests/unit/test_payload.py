"""A payload holds the tree, whole and cut into frames that outlive edits."""

import hashlib
import io
import random
import struct
from pathlib import Path

import pytest

from sealift import store
from sealift.launcher.payload import Header, folder_name, payload_offset, write_payload
from sealift.launcher.tree import Piece, TreeFile, bytes_piece
from tests.support.image_reader import Payload, read_payload

HEADER = Header(
    name="Gerät", version="1.0", feature="3.13", library="lib/libpython3.13.so.1.0",
    key=bytes(range(32)), gui=False,
)  # fmt: skip
MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "store"))


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311  (bytes that do not compress)


def file_of(path: str, *contents: bytes, origin: str = "a", mode: int = 0o644) -> TreeFile:
    pieces = tuple(bytes_piece(content) for content in contents if content)
    return TreeFile(path=path, mode=mode, origin=origin, pieces=pieces)


def written(*files: TreeFile, before: bytes = b"") -> bytes:
    out = io.BytesIO()
    out.write(before)
    write_payload(out, HEADER, files, level=1)
    assert out.getvalue().startswith(before)
    return out.getvalue()[len(before) :]


def frames_in_store() -> set[str]:
    folder = store.store_root() / "frames"
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_files_come_back() -> None:
    files = [
        file_of("image.sealift", b"index", noise(5000), origin=""),
        file_of("lib/libpython3.13.so.1.0", noise(10_000), origin="python", mode=0o755),
        file_of("lib/ünï/empty", b""),
        file_of("lib/x", b"x" * 100),
    ]
    found = read_payload(written(*files))
    assert found.names == ("Gerät", "1.0", "3.13", "lib/libpython3.13.so.1.0")
    assert found.key == bytes(range(32))
    assert [(file.path, file.mode) for file in found.files] == [
        (file.path, file.mode) for file in files
    ]
    assert [file.content for file in found.files] == [b"".join(file.read()) for file in files]


def test_it_may_begin_anywhere() -> None:
    assert written(file_of("a", b"a"), before=b"\x7fELF" + bytes(4092)) == written(
        file_of("a", b"a")
    )


def test_a_tree_without_bytes() -> None:
    assert read_payload(written(file_of("a", b""))).frames == ()


def test_big_files_are_cut() -> None:
    found = read_payload(written(file_of("big", noise(2 * MEGABYTE + 9)), file_of("small", b"s")))
    assert [size for _, size in found.frames] == [MEGABYTE, MEGABYTE, 10]
    assert found["small"].content == b"s"


def test_frames_end_with_a_distribution_once_they_are_worth_it() -> None:
    files = [file_of("a/1", noise(MEGABYTE // 2), origin="a"), file_of("a/2", b"2", origin="a")]
    files += [file_of(f"b/{n}", noise(1000, n), origin=f"b{n}") for n in range(50)]
    found = read_payload(written(*files))
    assert [size for _, size in found.frames] == [MEGABYTE // 2 + 1, 50_000]


def test_an_edit_compresses_only_its_own_frame() -> None:
    size = MEGABYTE // 2
    kept = [file_of("a", noise(size, 1), origin="a")]
    last = [file_of("c", noise(size, 3), origin="c")]
    written(*kept, file_of("b", noise(size, 2), origin="b"), *last)
    before = frames_in_store()
    data = written(*kept, file_of("b", noise(size + 5, 4), origin="b"), *last)
    assert len(frames_in_store() - before) == 1
    assert read_payload(data)["b"].content == noise(size + 5, 4)


def test_a_finished_frame_is_found_by_digest(tmp_path: Path) -> None:
    content = noise(10_000)
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    one, two = (
        TreeFile(path="x", mode=0o644, origin="a", pieces=(Piece(tmp_path / n, 0, 10_000, digest),))
        for n in ("one", "two")
    )
    assert written(one) == written(two)
    assert len(frames_in_store()) == 1


def test_same_bytes_every_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = [file_of(f"{n}", noise(MEGABYTE, n), origin=str(n)) for n in range(6)]
    first = written(*files)
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "other"))
    assert written(*files) == first


def test_a_damaged_payload_is_noticed_by_its_frames() -> None:
    data = bytearray(written(file_of("a", b"some text " * 1000)))
    data[-3] ^= 1
    with pytest.raises(Exception, match="checksum"):
        read_payload(bytes(data))


@pytest.mark.parametrize(
    ("name", "plain"),
    [("app", "app"), ("../up", "_up"), ("..", "_"), ("", "_"), ("a\nb\x7f", "a_b_"),
     ("ä" * 60, "ä" * 48)],
)  # fmt: skip
def test_names_become_parts_of_folder_names(name: str, plain: str) -> None:
    assert folder_name(name) == plain
    assert len(folder_name(name).encode()) <= 96


def pe(*, offset: int, part: int, size: int) -> bytes:
    """A PE file of ``size`` bytes with one section of ``part`` bytes at ``offset``."""
    header = bytearray(size)
    header[:2] = b"MZ"
    struct.pack_into("<I", header, 0x3C, 64)
    struct.pack_into("<4sHH12xHH", header, 64, b"PE\0\0", 0x8664, 1, 240, 0x22)
    struct.pack_into("<H30xII16xI", header, 88, 0x20B, 4096, 512, 1024)
    struct.pack_into("<8sIIII12xI", header, 328, b".text", part, 4096, part, offset, 0x60000020)
    return bytes(header)


def elf(*, table: int, count: int, size: int, bits: int = 64, order: str = "<") -> bytes:
    header = bytearray(size)
    header[:7] = b"\x7fELF" + bytes((bits // 32, 1 + (order == ">"), 1))
    places = (0x28, 0x3A) if bits == 64 else (0x20, 0x2E)
    struct.pack_into(order + ("Q" if bits == 64 else "I"), header, places[0], table)
    struct.pack_into(f"{order}HH", header, places[1], 64, count)
    return bytes(header)


def test_a_payload_begins_at_the_page_behind_the_section_headers() -> None:
    assert payload_offset(elf(table=5000, count=3, size=5192)) == 8192
    assert payload_offset(elf(table=4032, count=1, size=4096)) == 4096
    assert payload_offset(elf(table=5000, count=3, size=5192, bits=32)) == 8192
    assert payload_offset(elf(table=5000, count=3, size=5192, order=">")) == 8192
    assert payload_offset(elf(table=4032, count=1, size=4096, bits=32, order=">")) == 4096


def test_in_pe_files_it_begins_at_the_page_behind_the_last_section() -> None:
    assert payload_offset(pe(offset=1024, part=512, size=1536)) == 4096
    assert payload_offset(pe(offset=4096, part=512, size=4608)) == 8192


@pytest.mark.parametrize(
    "program",
    [
        b"MZ" + bytes(200),
        elf(table=0, count=0, size=200),
        elf(table=100, count=1, size=9000),
        pe(offset=1024, part=512, size=9000),
    ],
)
def test_other_programs_carry_no_payload(program: bytes) -> None:
    with pytest.raises(ValueError, match=r"ELF|sections"):
        payload_offset(program)


def test_readers_of_tests_see_what_is_missing() -> None:
    payload: Payload = read_payload(written(file_of("a", b"a")))
    assert payload["a"].content == b"a"
    with pytest.raises(StopIteration):
        payload["b"]

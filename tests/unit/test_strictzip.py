"""A zip file has one reading, or none."""

import io
import itertools
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift import gzipframe
from sealift.errors import ArchiveError
from sealift.strictzip import Limits, StrictZip, check_name
from sealift.zipmember import Flaw, FlawKind, Member
from tests.support.crafted_zip import DESCRIPTOR, ENCRYPTED, UTF8, Item, Zip, craft

GOOD = Item(name=b"good.py", data=b"x = 1\n")
OTHER = Item(name=b"other.py", data=b"y = 2\n")
UNICODE_PATH = struct.pack("<HHBL", 0x7075, 5 + len(b"evil.py"), 1, 0) + b"evil.py"


def opened(tmp_path: Path, content: bytes) -> dict[str, bytes]:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with StrictZip(path) as archive:
        return {name: archive.read(name) for name in archive.members if not name.endswith("/")}


@pytest.mark.parametrize(
    "spec",
    [
        Zip(items=[]),
        Zip(items=[GOOD, OTHER]),
        Zip(items=[GOOD, Item(name=b"empty", data=b"")]),
        Zip(items=[Item(name=b"stored", data=b"abc", method=0)]),
        Zip(items=[Item(name=b"streamed", data=b"abc" * 99, flags=DESCRIPTOR)]),
        Zip(items=[GOOD], comment=b"a comment"),
        Zip(items=[Item(name="é/ü.py".encode(), flags=UTF8)]),
        Zip(items=[Item(name="é/unmarked.py".encode())]),
        Zip(items=[Item(name=b"a/", mode=0o40755, method=0), Item(name=b"a/b")]),
    ],
    ids=str,
)
def test_honest_files_are_read(spec: Zip, tmp_path: Path) -> None:
    found = opened(tmp_path, craft(spec))
    folders = [item for item in spec.items if item.name.endswith(b"/")]
    assert found == {i.name.decode(): i.data for i in spec.items if i not in folders}


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (Zip(items=[Item(name=b"../x")]), "leaves the folder"),
        (Zip(items=[Item(name=b"a/../../x")]), "leaves the folder"),
        (Zip(items=[Item(name=b"/etc/passwd")]), "absolute"),
        (Zip(items=[Item(name=b"C:/x")]), "absolute"),
        (Zip(items=[Item(name=b"a\\b")]), "backslash"),
        (Zip(items=[Item(name=b"a\0b.py")]), "control character"),
        (Zip(items=[Item(name=b"a\nb.py")]), "control character"),
        (Zip(items=[Item(name=b"a//b")]), "empty"),
        (Zip(items=[Item(name=b"./b")]), "empty or '.'"),
        (Zip(items=[Item(name=b"")]), "empty"),
        (Zip(items=[GOOD, GOOD]), "is there twice"),
        (Zip(items=[Item(name=b"a"), Item(name=b"a/", method=0)]), "is there twice"),
        (Zip(items=[Item(name=b"a"), Item(name=b"a/b")]), "which is a file"),
        (Zip(items=[Item(name=b"l", mode=0o120777, data=b"/etc")]), "symbolic link"),
        (Zip(items=[Item(name=b"d", mode=0o020644)]), "neither a file nor"),
        (Zip(items=[Item(name=b"d", mode=0o040755)]), "neither a file nor"),
        (Zip(items=[Item(name=b"d/", data=b"x")]), "folder with content"),
        (Zip(items=[Item(name=b"e", flags=ENCRYPTED)]), "encrypted"),
        (Zip(items=[Item(name=b"m", method=14)]), "method 14"),
        (Zip(items=[Item(name=b"n\xff\xfe")]), "not UTF-8"),
        (Zip(items=[Item(name=b"good.py", local_name=b"evil.py")]), "differs between"),
        (Zip(items=[Item(name=b"good.py", data=b"xx", local_size=1)]), "in its local header"),
        (Zip(items=[Item(name=b"g", data=b"xx", claimed_size=3)]), "size its header tells"),
        (Zip(items=[Item(name=b"g", data=b"xx", claimed_size=1)]), "size its header tells"),
        (Zip(items=[Item(name=b"g", data=b"xx", claimed_crc=7)]), "CRC differs"),
        (Zip(items=[Item(name=b"g", data=b"xx", tail=b"hidden")]), "before or after its stream"),
        (Zip(items=[Item(name=b"g", flags=DESCRIPTOR, descriptor_crc=9)]), "data descriptor"),
        (Zip(items=[Item(name=b"g", extra=UNICODE_PATH)]), "another name in an extra"),
        (Zip(items=[GOOD, Item(name=b"o", gap=b"hidden")]), "where the one before it ends"),
        (Zip(items=[GOOD], prefix=b"MZ hidden"), "where the one before it ends"),
        (Zip(items=[GOOD], prefix=b"#!/bin/sh\n"), "where the one before it ends"),
        (Zip(items=[GOOD], before_directory=b"hidden"), "between its last member"),
        (Zip(items=[GOOD], before_end=b"hidden"), "right before its end record"),
        (Zip(items=[GOOD], after=b"hidden"), "after its end record"),
        (Zip(items=[GOOD], after=craft(Zip(items=[OTHER]))), "."),
        (Zip(items=[GOOD], shift=4), "."),
        (Zip(items=[GOOD, OTHER], count=1), "more in it than it tells"),
        (Zip(items=[GOOD], count=2), "damaged"),
    ],
    ids=str,
)
def test_what_can_be_read_two_ways_is_refused(spec: Zip, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=rf"cannot read a\.zip: .*{reason}"):
        opened(tmp_path, craft(spec))


LONG = bytes(range(256)) * 40
# What ends a stream in a frame of gzip's: forged, it must not pass for the end of the member.
FRAME_END = struct.pack("<2L", zlib.crc32(LONG), len(LONG))


@pytest.fixture(params=["copied", "in place"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small members are unpacked from a copy, others where they lie: both, whatever the size."""
    monkeypatch.setattr(gzipframe, "_SMALL", 0 if request.param == "in place" else len(LONG))


HONEST: Mapping[str, Any] = {"tail": b"", "claimed_crc": None, "claimed_size": None}


@pytest.mark.parametrize(
    "item",
    [
        Item(name=b"x", data=LONG),
        Item(name=b"x", data=b""),
        Item(name=b"x", data=LONG, method=0),
        Item(name=b"x", data=b"", method=0),
        Item(name=b"x", data=LONG, flags=DESCRIPTOR),
        Item(name=b"x", data=FRAME_END, method=0),
        Item(name=b"x", data=LONG, tail=b"h"),
        Item(name=b"x", data=LONG, tail=FRAME_END),
        Item(name=b"x", data=LONG, tail=FRAME_END + b"hidden"),
        Item(name=b"x", data=LONG, tail=FRAME_END * 2),
        Item(name=b"x", data=b"", tail=bytes(8)),
        Item(name=b"x", data=b"", tail=bytes(16)),
        Item(name=b"x", data=LONG, claimed_crc=7),
        Item(name=b"x", data=LONG, method=0, claimed_crc=7),
        Item(name=b"x", data=LONG, claimed_size=len(LONG) + 1),
        Item(name=b"x", data=LONG, claimed_size=len(LONG) - 1),
        Item(name=b"x", data=LONG, claimed_size=0),
        Item(name=b"x", data=LONG, method=0, claimed_size=len(LONG) - 1),
        Item(name=b"x", data=LONG, method=0, tail=b"h"),
    ],
)
@pytest.mark.usefixtures("way")
def test_a_member_is_the_same_at_once_as_piece_by_piece(item: Item, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(craft(Zip(items=[item])))
    with StrictZip(path, flaws=[]) as archive:
        (member,) = archive.entries
        found = []
        ways: list[Callable[[Member], Iterable[bytes | bytearray]]]
        ways = [archive.chunks, lambda member: [archive.whole(member)]]
        for read in ways:
            try:
                found.append(b"".join(read(member)))
            except ArchiveError as problem:
                found.append(problem.message.encode())
    assert found[0] == found[1]
    assert (found[1] == item.data) is (item == replace(item, **HONEST))


@pytest.mark.usefixtures("way")
def test_nothing_is_left_of_a_member_in_the_next(tmp_path: Path) -> None:
    data = [LONG, b"", LONG[:100], LONG[: len(LONG) // 2], b"short"]
    items = [Item(name=b"%d" % number, data=it) for number, it in enumerate(data)]
    path = tmp_path / "a.zip"
    path.write_bytes(craft(Zip(items=items)))
    with StrictZip(path) as archive:
        before = [archive.read(it.name) for it in archive.entries]
        for members in itertools.permutations(archive.entries):
            assert [archive.whole(it) for it in members] == [data[int(it.name)] for it in members]
        assert [archive.read(it.name) for it in archive.entries] == before
        long, short = archive.members["0"], archive.members["4"]
        beyond = short._replace(start=path.stat().st_size - 3)
        archive.whole(long)
        with pytest.raises(ArchiveError, match="'4'"):
            archive.whole(beyond)


def test_a_member_that_would_be_larger_than_any_file_is_not_read_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(craft(Zip(items=[Item(name=b"x", data=b"short")])))
    with StrictZip(path, flaws=[]) as archive:
        endless = archive.members["x"]._replace(packed=1 << 62)  # as zip64 could tell
        with pytest.raises(ArchiveError):
            archive.whole(endless)
        assert archive.head(endless, 100)[:5] == b"short"


@given(st.binary(max_size=300), st.integers(0, 299), st.integers(0, 7))
def test_a_flipped_bit_is_found_at_once(data: bytes, place: int, bit: int) -> None:
    import tempfile

    content = bytearray(craft(Zip(items=[Item(name=b"name", data=data)])))
    start, end = content.index(b"name") + len(b"name"), content.index(b"PK\1\2")
    content[start + place % (end - start)] ^= 1 << bit
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.zip")
        path.write_bytes(content)
        with StrictZip(path) as archive:
            try:
                # The bits behind a stream's end stand for nothing.
                assert archive.whole(archive.members["name"]) == data
            except ArchiveError:
                return
            assert archive.read("name") == data


@pytest.mark.parametrize("method", [0, 8])
def test_the_head_of_a_member_is_had_alone(method: int, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(craft(Zip(items=[Item(name=b"x", data=LONG, method=method), GOOD])))
    with StrictZip(path) as archive:
        assert archive.head(archive.members["x"], 100) == LONG[:100]
        assert archive.head(archive.members["good.py"], 100) == GOOD.data


def test_a_stacked_zip_is_refused(tmp_path: Path) -> None:
    first, second = craft(Zip(items=[GOOD])), io.BytesIO()
    with zipfile.ZipFile(second, "w") as archive:
        archive.writestr("evil.py", "evil")
    with pytest.raises(ArchiveError):
        opened(tmp_path, first + second.getvalue())


@pytest.mark.parametrize("cut", [1, 10, 22, 40, 60])
def test_a_truncated_zip_is_refused(cut: int, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError):
        opened(tmp_path, craft(Zip(items=[GOOD, OTHER]))[:-cut])


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    path.write_bytes(craft(Zip(items=[Item(name=b"zeros", data=bytes(500_000))])))
    with pytest.raises(ArchiveError, match="unpacks to more than 100 times"):
        StrictZip(path, limits=Limits(ratio=100, free_size=1000))
    with pytest.raises(ArchiveError, match="more than 1,000 bytes"):
        StrictZip(path, limits=Limits(size=1000))
    with pytest.raises(ArchiveError, match="1 members; 0 are allowed"):
        StrictZip(path, limits=Limits(members=0))


def test_a_line_before_is_admitted_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "app.pyz"
    path.write_bytes(craft(Zip(items=[GOOD], prefix=b"#!/usr/bin/env python3\n")))
    with StrictZip(path, prefix_line=True) as archive:
        assert archive.read("good.py") == GOOD.data
    path.write_bytes(craft(Zip(items=[GOOD], prefix=b"#!/bin/sh\nrm -rf /\n")))
    with pytest.raises(ArchiveError):
        StrictZip(path, prefix_line=True)


def test_zip64_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "big.zip"
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open(zipfile.ZipInfo("a"), "w", force_zip64=True) as member:
            member.write(b"abc")
        archive.writestr("b", b"def")
    with StrictZip(path) as opened_zip:
        assert opened_zip.read("a") == b"abc"
        assert opened_zip.read("b") == b"def"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"gone\.zip: No such file"):
        StrictZip(tmp_path / "gone.zip")


@given(
    st.dictionaries(st.text("abc/.é", min_size=1, max_size=6), st.binary(max_size=50), max_size=5)
)
def test_what_the_standard_library_writes_is_read_or_refused(files: dict[str, bytes]) -> None:
    import tempfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, b"" if name.endswith("/") else data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.zip")
        path.write_bytes(buffer.getvalue())
        try:
            with StrictZip(path) as archive_read:
                found = {m.name: archive_read.read(m.name) for m in archive_read.files}
        except ArchiveError:
            names = [name.rstrip("/") for name in files]
            below = any(f"{a}/" in f"{b}/" for a in names for b in names if a != b)
            assert any(check_name(name) for name in files) or below or len(set(names)) < len(names)
            return
    assert found == {name: data for name, data in files.items() if not name.endswith("/")}


@pytest.mark.parametrize(
    ("spec", "kind", "reason"),
    [
        (Zip(items=[GOOD, Item(name=b"../x")]), FlawKind.PATH, "leaves the folder"),
        (Zip(items=[GOOD, Item(name=b"a\0b.py")]), FlawKind.PATH, "control character"),
        (Zip(items=[GOOD, Item(name=b"n\xff")]), FlawKind.PATH, "not UTF-8"),
        (Zip(items=[GOOD, GOOD]), FlawKind.DUPLICATE, "there twice"),
        (Zip(items=[GOOD, Item(name=b"l", mode=0o120777)]), FlawKind.SPECIAL, "symbolic link"),
        (Zip(items=[GOOD, Item(name=b"m", method=14)]), FlawKind.UNREADABLE, "method 14"),
        (
            Zip(items=[GOOD, Item(name=b"x", local_name=b"y")]),
            FlawKind.TWO_READINGS,
            "local header",
        ),
        (
            Zip(items=[GOOD, Item(name=b"g", data=b"x", flags=DESCRIPTOR, descriptor_crc=9)]),
            FlawKind.TWO_READINGS,
            "data descriptor",
        ),
        (Zip(items=[GOOD, Item(name=b"o", gap=b"h")]), FlawKind.HIDDEN, "where the one before"),
        (Zip(items=[GOOD], prefix=b"MZ"), FlawKind.HIDDEN, "where the one before"),
        (Zip(items=[GOOD], after=b"hidden"), FlawKind.HIDDEN, "after its end record"),
        (Zip(items=[GOOD], before_directory=b"h"), FlawKind.HIDDEN, "between its last member"),
    ],
    ids=str,
)
def test_a_flawed_file_is_read_on_where_flaws_are_asked_for(
    spec: Zip, kind: FlawKind, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(craft(spec))
    flaws: list[Flaw] = []
    with StrictZip(path, flaws=flaws) as archive:
        assert archive.read("good.py") == GOOD.data
        assert len(archive.entries) == len(spec.items)
    assert kind in {flaw.kind for flaw in flaws}
    assert any(reason in flaw.reason for flaw in flaws)

"""Zip files written here are read by everyone, and what they cannot hold is refused."""

import functools
import hashlib
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from sealift import zip_writer
from sealift.errors import OutputError
from sealift.strictzip import StrictZip
from sealift.zip_writer import NewMember, When, write_zip
from tests.support.tools import require_tool

WHEN: When = (2024, 2, 29, 23, 59, 59)
CONTENT = {
    "empty": b"",
    "one": b"1",
    "noise": hashlib.shake_256(b"1").digest(5000),
    "package/text.py": b"print('words')\n" * 2000,
    "ünïcode/日本語 🐟.txt": "ß".encode(),
    "a folder/with spaces": b"x" * 70_000,
}


def members(content: Mapping[str, bytes]) -> list[NewMember]:
    return [
        NewMember(name, 0o644, functools.partial(bytes, data)) for name, data in content.items()
    ]


def written(path: Path, content: Mapping[str, bytes] = CONTENT, *, when: When = WHEN) -> Path:
    write_zip(path, members(content), when=when, level=6)
    return path


def test_readers_agree_on_names_content_modes_and_order(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    program = NewMember("bin/run", 0o755, lambda: b"#!/bin/sh\n")
    write_zip(path, [*members(CONTENT), program], when=WHEN, level=6)
    expected = {**CONTENT, "bin/run": b"#!/bin/sh\n"}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == expected
        assert archive.namelist() == list(expected)
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
        assert modes["bin/run"] == 0o100755
        assert modes["one"] == 0o100644
        assert {info.date_time for info in archive.infolist()} == {(*WHEN[:5], 58)}
        packed = {i.filename for i in archive.infolist() if i.compress_type == zipfile.ZIP_DEFLATED}
        assert packed == {"package/text.py", "a folder/with spaces"}
    with StrictZip(path) as strict:
        assert {member.name: strict.read(member.name) for member in strict.files} == expected


def test_unzip_reads_it(tmp_path: Path) -> None:
    unzip = require_tool("unzip")
    path = written(tmp_path / "x.zip", {name: d for name, d in CONTENT.items() if name.isascii()})
    done = subprocess.run([unzip, "-tqq", path], capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_the_last_member_is_asked_for_when_all_others_were_read(tmp_path: Path) -> None:
    read: list[str] = []

    def noted(name: str) -> NewMember:
        def content() -> bytes:
            read.append(name)
            return name.encode()

        return NewMember(name, 0o644, content)

    def last() -> NewMember:
        text = "\n".join(sorted(read))
        return NewMember("list", 0o644, text.encode)

    names = [f"{number:03}" for number in range(100)]
    write_zip(tmp_path / "x.zip", map(noted, names), last=last, when=WHEN, level=1)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.namelist() == [*names, "list"]
        assert archive.read("list").decode().split("\n") == names


def test_an_archive_of_nothing_is_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(written(tmp_path / "x.zip", {})) as archive:
        assert archive.namelist() == []


def test_the_same_members_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = (written(tmp_path / name).read_bytes() for name in ("one", "two"))
    assert one == two
    assert written(tmp_path / "three", when=(1980, 1, 1, 0, 0, 0)).read_bytes() != one


def test_few_members_are_in_memory_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_writer, "cpu_count", lambda: 2)
    path, data = tmp_path / "x.zip", hashlib.shake_256(b"2").digest(200_000)
    ahead: list[int] = []

    def many() -> Iterator[NewMember]:
        for number in range(40):
            ahead.append(number - path.stat().st_size // len(data))
            yield NewMember(str(number), 0o644, lambda: data)

    write_zip(path, many(), when=WHEN, level=1)
    assert max(ahead) <= 6


@pytest.mark.parametrize(("limit", "value"), [("_MOST", 5), ("_LARGEST", 60_000), ("_LONGEST", 20)])
def test_what_it_cannot_hold_is_refused_and_leaves_no_file(
    limit: str, value: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_writer, limit, value)
    with pytest.raises(OutputError, match=r"cannot write x\.zip: it has more than a zip file"):
        written(tmp_path / "x.zip")
    assert list(tmp_path.iterdir()) == []


def test_the_directory_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {f"{number:0100}": b"" for number in range(10)}
    size = written(tmp_path / "fits.zip", content).stat().st_size
    monkeypatch.setattr(zip_writer, "_LARGEST", size - 22)
    written(tmp_path / "just.zip", content)
    monkeypatch.setattr(zip_writer, "_LARGEST", size - 23)
    with pytest.raises(OutputError, match="more than a zip file"):
        written(tmp_path / "x.zip", content)


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    member = NewMember("same", 0o644, lambda: b"")
    with pytest.raises(OutputError, match="'same' is there twice"):
        write_zip(tmp_path / "x.zip", [member, member], when=WHEN, level=6)
    assert list(tmp_path.iterdir()) == []


def test_a_member_that_cannot_be_read_leaves_no_file_and_one_that_is_there_stays(
    tmp_path: Path,
) -> None:
    lost = NewMember("lost", 0o644, (tmp_path / "lost").read_bytes)
    with pytest.raises(FileNotFoundError):
        write_zip(tmp_path / "x.zip", [*members(CONTENT), lost], when=WHEN, level=6)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "x.zip").write_bytes(b"kept")
    with pytest.raises(FileExistsError):
        written(tmp_path / "x.zip")
    assert (tmp_path / "x.zip").read_bytes() == b"kept"

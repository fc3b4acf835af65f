"""Archives are unpacked inside their folder, or not at all."""

import bz2
import gzip
import io
import lzma
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sealift import archive
from sealift.errors import ArchiveError
from sealift.strictzip import Limits
from tests.support.wheels import write_zip

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Member = tuple[str, dict[str, object], bytes]


def tar_of(*members: Member) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as out:
        for name, fields, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for field, value in fields.items():
                setattr(info, field, value)
            out.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def file(name: str, data: bytes = b"x", mode: int = 0o644) -> Member:
    return (name, {"mode": mode}, data)


def link(name: str, to: str) -> Member:
    return (name, {"type": tarfile.SYMTYPE, "linkname": to}, b"")


def hard(name: str, to: str) -> Member:
    return (name, {"type": tarfile.LNKTYPE, "linkname": to}, b"")


def folder(name: str) -> Member:
    return (name, {"type": tarfile.DIRTYPE, "mode": 0o700}, b"")


def unpacked(tmp_path: Path, content: bytes, *, strip: int = 0) -> Path:
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    archive.extract_tar(path, tmp_path / "out", strip=strip)
    return tmp_path / "out"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstd.compress])
def test_every_compression_is_read(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    out = unpacked(tmp_path, pack(tar_of(file("p/é ü.txt", b"hi"), file("p/run", mode=0o750))))
    assert (out / "p/é ü.txt").read_bytes() == b"hi"
    assert (out / "p/run").stat().st_mode & 0o777 == 0o755
    assert (out / "p/é ü.txt").stat().st_mode & 0o777 == 0o644


def test_leading_parts_are_stripped(tmp_path: Path) -> None:
    content = tar_of(folder("python"), file("python/bin/x"), hard("python/bin/y", "python/bin/x"))
    out = unpacked(tmp_path, content, strip=1)
    assert sorted(path.name for path in (out / "bin").iterdir()) == ["x", "y"]


def test_links_inside_are_kept_and_hard_links_become_copies(tmp_path: Path) -> None:
    content = tar_of(file("a/b", b"data"), link("a/c", "b"), link("d", "a/b"), hard("e", "a/b"))
    out = unpacked(tmp_path, content)
    assert (out / "a/c").is_symlink()
    assert (out / "d").read_bytes() == b"data"
    assert not (out / "e").is_symlink()
    assert (out / "e").stat().st_nlink == 1


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([file("../evil")], "leaves the folder"),
        ([file("/etc/evil")], "absolute"),
        ([file("a\\evil")], "backslash"),
        ([link("l", "/etc/passwd")], "links to '/etc/passwd'"),
        ([link("l", "../../etc")], "links out"),
        ([link("a/l", "../../etc")], "links out"),
        ([link("l", "a\nb")], "links to"),
        ([link("l", "."), file("l/evil")], "no folder"),
        ([link("b", "."), link("a", "b/..")], "."),
        ([folder("x"), link("x/b", "../x"), link("a", "x/b/../../..")], "links out"),
        ([hard("h", "/etc/passwd")], "no file before it"),
        ([hard("h", "later"), file("later")], "no file before it"),
        ([link("s", "x"), hard("h", "s")], "no file before it"),
        ([file("a"), link("a", "b")], "twice, as different kinds"),
        ([file("a"), folder("a")], "twice, as different kinds"),
        ([file("a"), file("a/b")], "no folder"),
        ([("dev", {"type": tarfile.CHRTYPE}, b"")], "neither a file"),
        ([("fifo", {"type": tarfile.FIFOTYPE}, b"")], "neither a file"),
        ([link("one", "two"), link("two", "one")], "leads to itself"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_leads_out_is_refused(members: list[Member], reason: str, tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    with pytest.raises(ArchiveError, match=rf"cannot read a\.tar: .*{reason}"):
        unpacked(tmp_path, tar_of(*members))
    assert not (tmp_path / "evil").exists()


def test_a_link_through_a_link_may_not_leave(tmp_path: Path) -> None:
    content = tar_of(folder("x"), link("x/up", ".."), link("out", "x/up/.."))
    with pytest.raises(ArchiveError, match="leads outside"):
        unpacked(tmp_path, content)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
def test_damage_is_told(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    whole = pack(tar_of(file("a", bytes(range(256)) * 400)))
    with pytest.raises(ArchiveError, match="cannot read"):
        unpacked(tmp_path, whole[: len(whole) // 2])
    broken = bytearray(whole)
    broken[-6] ^= 0xFF
    with pytest.raises(ArchiveError, match="cannot read"):
        unpacked(tmp_path, bytes(broken))


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="cannot read"):
        unpacked(tmp_path, b"not a tar at all" * 100)


def test_sizes_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of(file("a", bytes(5000))))
    with pytest.raises(ArchiveError, match="above 100 bytes"):
        archive.extract_tar(path, tmp_path / "out", limits=Limits(size=100))
    path.write_bytes(tar_of(file("a"), file("b")))
    with pytest.raises(ArchiveError, match="one too many"):
        archive.extract_tar(path, tmp_path / "out", limits=Limits(members=1))


def test_members_are_read_without_unpacking(tmp_path: Path) -> None:
    tar = tmp_path / "a.tar.gz"
    tar.write_bytes(gzip.compress(tar_of(file("./p/a", b"1"), file("p/b", b"2"))))
    zipped = write_zip(tmp_path / "a.zip", {"p/a": b"1", "p/b": b"2"})
    for path in (tar, zipped):
        assert archive.member_names(path) == ["p/a", "p/b"]
        assert archive.read_member(path, "p/b") == b"2"
        with pytest.raises(ArchiveError, match="no such member"):
            archive.read_member(path, "p/c")


def test_zips_are_unpacked_with_modes(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"p/run": b"#!"}, mode=0o4755)
    archive.extract_zip(path, tmp_path / "out")
    assert (tmp_path / "out/p/run").stat().st_mode & 0o7777 == 0o755

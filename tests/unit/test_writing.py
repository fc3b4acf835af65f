"""Files that are changed whole or not at all."""

from pathlib import Path

import pytest

from sealift.binary.writing import changed_whole


def test_a_change_takes_the_place_of_the_file(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o754)
    link.symlink_to("file")
    with changed_whole(link) as copy, copy.open("ab") as file:
        file.write(b" and new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"old and new"
    assert path.stat().st_mode & 0o777 == 0o754
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [path, link]


def test_a_change_that_fails_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(NotADirectoryError), changed_whole(path) as copy:
        assert copy.write_bytes(b"half") + (copy / "more").write_bytes(b"") == 0
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]

"""The tree has the files that must be real, and folders for all modules."""

import os
from pathlib import Path

import pytest

from sealift.errors import OutputError
from sealift.launcher.tree import (
    IMAGE_FILE,
    STAMP_FILE,
    Piece,
    TreeFile,
    bytes_piece,
    tree_files,
)
from tests.support.entries import SITE, STDLIB, an_entry, an_image


def paths_of(folder: Path, *paths: str, real: tuple[str, ...] = ()) -> list[str]:
    files = {path: an_entry(folder, path, b"x", real=path in real) for path in paths}
    image = an_image(folder, files)
    return [file.path for file in tree_files(image, [bytes_piece(b"image")])][1:]


def test_sources_stay_in_the_image(tmp_path: Path) -> None:
    native = f"{SITE}/pkg/fast.cpython-313-x86_64-linux-gnu.so"
    found = paths_of(
        tmp_path, f"{STDLIB}/os.py", f"{STDLIB}/LICENSE.txt", f"{SITE}/pkg/__init__.py", native,
        f"{SITE}/own/a.py", real=(f"{SITE}/own/a.py",),
    )  # fmt: skip
    assert found == [f"{STDLIB}/LICENSE.txt", f"{SITE}/own/a.py", native]


def test_sources_that_cannot_be_imported_are_files(tmp_path: Path) -> None:
    found = paths_of(tmp_path, "share/app/plugin.py", "bin/tool.py", f"{SITE}/a.py", f"{SITE}/b")
    assert sorted(found) == ["bin/tool.py", f"{SITE}/b", "share/app/plugin.py"]


def test_every_folder_of_modules_exists(tmp_path: Path) -> None:
    found = paths_of(
        tmp_path,
        f"{STDLIB}/json/__init__.py", f"{STDLIB}/json/decoder.py",
        f"{SITE}/deep/__init__.py", f"{SITE}/deep/er/__init__.py", f"{SITE}/deep/er/mod.py",
        f"{SITE}/loose/b.py", f"{SITE}/loose/a.py",
        f"{SITE}/data/__init__.py", f"{SITE}/data/x.txt",
    )  # fmt: skip
    assert found == [
        f"{STDLIB}/json/__init__.py",
        f"{SITE}/data/x.txt",
        f"{SITE}/deep/er/__init__.py",
        f"{SITE}/loose/a.py",
    ]


def test_a_module_hidden_by_a_package_is_a_real_file(tmp_path: Path) -> None:
    found = paths_of(tmp_path, f"{SITE}/a.py", f"{SITE}/a/__init__.py", f"{SITE}/a/x.txt")
    assert sorted(found) == [f"{SITE}/a.py", f"{SITE}/a/x.txt"]


def test_the_interpreter_comes_first_then_distributions_by_name(tmp_path: Path) -> None:
    found = paths_of(tmp_path, f"{SITE}/b/1.txt", f"{SITE}/a/2.txt", "lib/libpython3.13.so.1.0")
    assert found == ["lib/libpython3.13.so.1.0", f"{SITE}/a/2.txt", f"{SITE}/b/1.txt"]


@pytest.mark.parametrize("path", [IMAGE_FILE, STAMP_FILE, "bin/python3.13"])
def test_places_of_the_launcher_are_its_own(path: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=f"cannot ship {path} of .*: the launcher") as caught:
        paths_of(tmp_path, path)
    assert caught.value.hint


def test_the_image_comes_before_all(tmp_path: Path) -> None:
    (image_file, *_) = tree_files(an_image(tmp_path, {}), [bytes_piece(b"ab"), bytes_piece(b"c")])
    assert image_file.path == IMAGE_FILE
    assert b"".join(image_file.read()) == b"abc"
    assert image_file.size == 3


def test_files_are_written_once_with_their_mode(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"0123456789")
    piece = Piece(tmp_path / "source", 2, 6, "digest")
    file = TreeFile(path="x", mode=0o755, origin="", pieces=(piece.part(1, 3), bytes_piece(b"!")))
    file.write(tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"345!"
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755
    with pytest.raises(FileExistsError):
        file.write(tmp_path / "out")


def test_a_source_that_shrank_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"0123456789")
    piece = Piece(tmp_path / "source", 0, 10, "digest")
    os.truncate(tmp_path / "source", 4)
    with pytest.raises(OSError, match="shorter by 6 bytes"):
        list(piece.read())

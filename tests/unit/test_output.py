"""What users get is whole or absent."""

from pathlib import Path

import pytest

from sealift.errors import OutputError
from sealift.output import make_folder, output_error, write_json, write_text


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_text(path, "old")
    write_json(path, {"ü": 1})
    assert path.read_text(encoding="utf-8") == '{\n "\\u00fc": 1\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "dist").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*dist"):
        make_folder(tmp_path / "dist")


def test_a_full_disk_says_what_to_do() -> None:
    error = output_error(Path("dist/app"), OSError(28, "No space left on device"))
    assert error.hint is not None
    assert error.hint.startswith("free some space")

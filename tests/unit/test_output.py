"""What users get is whole or absent."""

from pathlib import Path

import pytest

from sealift import plugins
from sealift.artifact import export
from sealift.errors import OutputError
from sealift.formats.dmg import DmgOptions
from sealift.output import make_folder, output_error, write_json, write_text
from sealift.target import parse_target
from tests.support.entries import an_application, an_image


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


def test_a_name_that_is_too_long_says_what_to_do(tmp_path: Path) -> None:
    image = an_image(
        tmp_path,
        {},
        target=parse_target("macos-arm64"),
        application=an_application(title="x" * 248),
    )
    with pytest.raises(OutputError, match="too long") as caught:
        export([image], plugins.load("formats", "dmg"), DmgOptions(), tmp_path)
    assert caught.value.hint == "shorten its name: --name, or `title` in [tool.sealift.app]"
    assert not list(tmp_path.glob(".sealift-*"))


def test_a_full_disk_says_what_to_do() -> None:
    error = output_error(Path("dist/app"), OSError(28, "No space left on device"))
    assert error.hint is not None
    assert error.hint.startswith("free some space")

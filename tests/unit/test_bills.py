"""Bills of materials in wheels that were built: nothing in them tells where."""

from pathlib import Path

import pytest

from sealift import archive
from sealift.bills import hide_folders
from sealift.store import store_root
from sealift.wheel import verify_wheel
from tests.support.wheels import plain_files, recorded, write_zip

BILL = "demo-1.0.dist-info/sboms/demo.cyclonedx.json"


def wheel_of(folder: Path, bill: str) -> Path:
    files = {**plain_files(), BILL: bill.encode(), "demo/place.txt": bill.encode()}
    path = folder / "demo-1.0-py3-none-any.whl"
    return write_zip(path, recorded(files, "demo-1.0.dist-info"))


def test_bills_take_the_folder_above_the_project_for_the_root(tmp_path: Path) -> None:
    home = tmp_path / "my home"
    (home / "demo").mkdir(parents=True)
    (tmp_path / "link").symlink_to(home)
    quoted = str(home).replace(" ", "%20")
    text = "file://{0}/demo#1 {1}/other file:///usr/share/x {0}-2/demo"
    wheel = wheel_of(tmp_path, text.format(quoted, home))
    hide_folders(wheel, tmp_path / "link/demo")
    told = f"file:///demo#1 /other file:///usr/share/x {quoted}-2/demo"
    assert archive.read_member(wheel, BILL).decode() == told
    assert archive.read_member(wheel, "demo/place.txt").decode() == text.format(quoted, home)
    verify_wheel(wheel)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_lies_in_the_cache_is_named_from_its_own_folder_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "cache"))
    clone = store_root() / "scratch/0123"
    wheel = wheel_of(tmp_path, f"file://{clone}/sub/demo file://{clone}/shared")
    hide_folders(wheel, clone / "sub/demo")
    assert archive.read_member(wheel, BILL).decode() == "file:///sub/demo file:///shared"


def test_a_wheel_that_names_no_folder_is_left_as_it_is(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, "pkg:cargo/demo@1.0")
    before = wheel.read_bytes(), wheel.stat().st_ino
    hide_folders(wheel, tmp_path / "demo")
    assert (wheel.read_bytes(), wheel.stat().st_ino) == before

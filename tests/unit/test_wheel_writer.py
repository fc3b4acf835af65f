"""Wheels written from folders: read back as what they promise, the same wherever they are made."""

import csv
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealift.errors import ConfigError
from sealift.wheel import verify_wheel
from sealift.wheel_writer import write_wheel

INFO = "demo-1.0.dist-info"
NAME = "demo-1.0-py3-none-any.whl"


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A time zone and environment of their own, forgotten afterwards."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Pacific/Kiritimati")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for path, data in {
        "zebra.py": b"",
        "demo/__init__.py": b"name = 'd\xc3\xa4mo'\n",
        'demo/a, "b".txt': b"quoted\n",
        "demo/ünï.txt": b"\xff",
        "demo-1.0.data/scripts/run": b"#!python\n",
        f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{INFO}/RECORD": b"an old one that lies\n",
        f"{INFO}/sboms/x.cdx.json": b"{}\n",
    }.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    (root / "demo-1.0.data/scripts/run").chmod(0o755)
    (root / "an empty folder").mkdir()
    return root


def written(folder: Path, out: Path) -> Path:
    out.mkdir()
    write_wheel(out / NAME, folder, INFO)
    return out / NAME


def test_what_is_written_is_what_record_says(folder: Path, tmp_path: Path) -> None:
    path = written(folder, tmp_path / "out")
    wheel = verify_wheel(path)
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert set(wheel.files) == files
    with zipfile.ZipFile(path) as archive:
        rows = list(csv.reader(archive.read(f"{INFO}/RECORD").decode().splitlines()))
        assert [row[0] for row in rows] == archive.namelist()
        assert rows[-1] == [f"{INFO}/RECORD", "", ""]
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in archive.infolist()}
    assert {name for name, mode in modes.items() if mode == 0o755} == {"demo-1.0.data/scripts/run"}
    assert set(modes.values()) == {0o755, 0o644}


def test_metadata_come_last(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(written(folder, tmp_path / "out")) as archive:
        names = archive.namelist()
    inside = [name.startswith(f"{INFO}/") for name in names]
    assert inside == sorted(inside)
    assert names[:-1] == sorted(names[:-1], key=lambda name: (name.startswith(f"{INFO}/"), name))


def test_pip_installs_it(folder: Path, tmp_path: Path) -> None:
    wheel = written(folder, tmp_path / "out")
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
         "--target", site, wheel],
        check=True,
    )  # fmt: skip
    assert (site / "demo/ünï.txt").read_bytes() == b"\xff"
    assert os.access(site / "bin/run", os.X_OK)


def test_bytes_depend_on_the_files_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = written(folder, tmp_path / "one").read_bytes()
    for file in folder.rglob("*"):
        os.utime(file, (1_700_000_000, 1_700_000_000))
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    before = os.umask(0o077)
    try:
        assert written(folder, tmp_path / "two").read_bytes() == first
    finally:
        os.umask(before)


YEARS = {"1700000000": 2023, "0": 1980, "99999999999": 2107, "": 1980}


@pytest.mark.parametrize("epoch", YEARS)
def test_source_date_epoch_is_the_time_of_all_members(
    epoch: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    with zipfile.ZipFile(written(folder, tmp_path / "out")) as archive:
        times = {info.date_time for info in archive.infolist()}
    assert {when[0] for when in times} == {YEARS[epoch]}
    if epoch == "1700000000":
        assert times == {(2023, 11, 14, 22, 13, 20)}  # UTC


def test_a_time_that_is_no_number_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(ConfigError, match="SOURCE_DATE_EPOCH must be a whole number"):
        written(folder, tmp_path / "out")

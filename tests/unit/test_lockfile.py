"""Locks go through text unchanged, their paths relative to where they lie."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift.errors import LockError
from sealift.lockfile import inline_toml, load_lock, lock_text, parse_lock

LOCK = """
lock-version = "1.0"
created-by = "someone"
requires-python = ">=3.11"
environments = ["sys_platform == 'linux'"]
default-groups = ["main"]
dependency-groups = ["main", "test"]

[[packages]]
name = "demo"
version = "1.0"
marker = "sys_platform == 'win32' and 'x' in extras"
requires-python = ">=3.9"
index = "https://index.invalid/simple"
sdist = { name = "demo-1.0.tar.gz", url = "https://index.invalid/demo-1.0.tar.gz", \
upload-time = 2024-01-02T03:04:05Z, size = 12, hashes = { sha256 = "aa" } }
wheels = [
    { path = "wheels/demo-1.0-py3-none-any.whl", hashes = { sha256 = "bb" } },
    { url = "https://index.invalid/demo-1.0-cp313-cp313-win_amd64.whl", hashes = { sha256 = "c" } },
]

[[packages]]
name = "folder"
directory = { path = "folder", editable = true, subdirectory = "py" }

[[packages]]
name = "commit"
vcs = { type = "git", url = "https://index.invalid/x.git", commit-id = "0123" }

[[packages]]
name = "archive"
archive = { path = "a/é.whl", hashes = { sha256 = "dd" } }
"""


def test_paths_are_absolute_inside_and_relative_outside(tmp_path: Path) -> None:
    lock = parse_lock(LOCK, folder=tmp_path / "p", source="x")
    demo, folder, _, archive = lock.packages
    assert demo.wheels is not None
    assert folder.directory is not None
    assert archive.archive is not None
    assert demo.wheels[0].path == str(tmp_path / "p/wheels/demo-1.0-py3-none-any.whl")
    assert Path(folder.directory.path) == tmp_path / "p/folder"
    assert archive.archive.path == str(tmp_path / "p/a/é.whl")
    text = lock_text(lock, folder=tmp_path / "p")
    assert 'path = "wheels/demo-1.0-py3-none-any.whl"' in text
    assert 'path = "folder"' in text
    assert 'path = "../p/folder"' in lock_text(lock, folder=tmp_path / "q")
    moved = lock_text(lock, folder=tmp_path)
    assert 'path = "p/wheels/demo-1.0-py3-none-any.whl"' in moved


def test_a_lock_reads_back_as_it_was(tmp_path: Path) -> None:
    lock = parse_lock(LOCK, folder=tmp_path, source="x")
    text = lock_text(lock, folder=tmp_path)
    again = parse_lock(text, folder=tmp_path, source="x")
    assert str(tmp_path) not in text
    assert {**again.to_dict(), "created-by": "someone"} == lock.to_dict()
    assert lock_text(again, folder=tmp_path) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("lock-version = ", "not valid TOML"),
        ('lock-version = "2.0"\ncreated-by = "x"\npackages = []', "2.0"),
        ('lock-version = "1.0"\ncreated-by = "x"', "packages"),
        ('lock-version = "1.0"\ncreated-by = "x"\npackages = 1', "packages"),
        (LOCK.replace('hashes = { sha256 = "bb" }', "hashes = {}"), "hash"),
        (LOCK.replace('name = "demo"', 'name = "De.mo"'), "not normalized"),
    ],
)
def test_a_damaged_lock_is_named(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LockError, match=reason) as caught:
        load_lock(path)
    assert str(path) in caught.value.message


def test_a_lock_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LockError, match=r"pylock\.toml: No such file"):
        load_lock(tmp_path / "pylock.toml")


values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('ab -é"', min_size=1), inner)
    ),
    max_leaves=8,
)


@given(values)
def test_values_go_through_toml(value: Any) -> None:
    assert tomllib.loads(f"x = {inline_toml(value)}")["x"] == value

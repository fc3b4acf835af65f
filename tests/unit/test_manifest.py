"""Folders of the content store become entries of an image."""

from pathlib import Path

import pytest

from sealift.image import Kind
from sealift.manifest import folder_entries, kind_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "store"))
    made = tmp_path / "tree"
    for name, data in {
        "pkg/__init__.py": b"",
        "pkg/_x.cpython-313-x86_64-linux-gnu.so": b"\x7fELF\x02rest",
        "pkg.libs/libz-1234.so.1.2": b"\x7fELF\x02rest",
        "pkg/linker-script.so": b"INPUT(x)",
        "pkg/templates/{{name}}.py": b"{% x %}",
        "my-template/setup.py": b"x",
        "pkg/data é.csv": b"1,2",
        "bin/tool": b"\x7fELF\x02rest",
        "bin/script": b"#!/bin/sh\n",
    }.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (made / "bin/tool").chmod(0o755)
    (made / "bin/script").chmod(0o775)
    return made


def test_kinds_follow_content_not_names(folder: Path) -> None:
    kinds = {
        str(path.relative_to(folder)): kind_of(path, path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert {name for name, kind in kinds.items() if kind is Kind.SOURCE} == {"pkg/__init__.py"}
    assert {name for name, kind in kinds.items() if kind is Kind.NATIVE} == {
        "pkg/_x.cpython-313-x86_64-linux-gnu.so",
        "pkg.libs/libz-1234.so.1.2",
        "bin/tool",
    }


def test_entries_are_sorted_placed_and_have_plain_modes(folder: Path) -> None:
    entries = folder_entries(folder, prefix="lib/site", origin="demo", key="k")
    assert [entry.path for entry in entries] == sorted(entry.path for entry in entries)
    modes = {entry.path: entry.mode for entry in entries}
    assert modes["lib/site/bin/script"] == 0o755
    assert modes["lib/site/pkg/data é.csv"] == 0o644


def test_the_same_key_reads_nothing_again(folder: Path) -> None:
    first = folder_entries(folder, prefix=".", origin="demo", key="k")
    (folder / "pkg/__init__.py").write_bytes(b"changed")
    assert folder_entries(folder, prefix=".", origin="demo", key="k") == first
    again = folder_entries(folder, prefix=".", origin="demo", key="k2")
    assert {e.path for e in again if e not in first} == {"pkg/__init__.py"}
    assert first[0].path == "bin/script"

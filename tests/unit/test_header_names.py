"""MinGW's headers as others' code finds them: by names in any case, and some of them edited."""

import json
from pathlib import Path
from typing import Any

import pytest

from sealift.cross.header_names import header_overlay
from sealift.cross.toolchain import _zig_settings
from sealift.target import load_targets


def read(overlay: str) -> dict[str, str]:
    """What each file of ``overlay`` says, by its path."""
    table = json.loads(overlay)
    assert table["case-sensitive"] == "false"

    def files(entry: dict[str, Any], above: str) -> dict[str, str]:
        path = f"{above}{entry['name']}"
        if entry["type"] == "file":
            return {path: Path(entry["external-contents"]).read_text()}
        return {k: v for it in entry["contents"] for k, v in files(it, f"{path}/").items()}

    (root,) = table["roots"]
    return files(root, "")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "cache"))
    for name, text in {"a.h": "A1 A2\n", "ddk/a.h": "A1\n", "b.h": "B\n"}.items():
        (tmp_path / "include" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "include" / name).write_text(text)
    return tmp_path / "include"


def test_all_files_are_found(folder: Path) -> None:
    found = read(header_overlay(folder, {}))
    expected = {"a.h": "A1 A2\n", "b.h": "B\n", "ddk/a.h": "A1\n"}
    assert found == {f"{folder}/{name}": text for name, text in expected.items()}


def test_those_that_are_edited_are_found_so(folder: Path) -> None:
    found = read(header_overlay(folder, {"a.h": {r"A(\d) ": r"", "A2": "C"}}))
    assert found[f"{folder}/a.h"] == "C\n"
    assert found[f"{folder}/ddk/a.h"] == "A1\n"  # another file of that name
    assert (folder / "a.h").read_text() == "A1 A2\n"


def test_only_windows_has_edits() -> None:
    names = ("windows-x86_64", "windows-arm64", "macos-arm64", "linux-aarch64")
    edits = {name: _zig_settings(load_targets()[name], "").get("edits") for name in names}
    assert list(edits["windows-x86_64"] or ()) == ["winternl.h"]
    assert edits["windows-arm64"] == edits["windows-x86_64"]
    assert not edits["macos-arm64"]
    assert not edits["linux-aarch64"]

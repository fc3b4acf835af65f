"""MinGW's headers as code for Microsoft's expects them.

They are found whatever the case of their names, as Windows' file systems find them: code for
Windows includes ``Windows.h`` or ``WinSock2.h``, and they are in small letters.  An overlay of
clang's (``-ivfsoverlay``: JSON is the YAML it reads) stands for their folder.  Some have been
edited.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sealift import store


def header_overlay(folder: Path, edits: Mapping[str, Mapping[str, str]]) -> str:
    """An overlay by which all files below ``folder`` are found by names in any case.

    ``edits`` has patterns in files of the folder, by name, and what stands in their place.
    """
    edited = _edited(folder, edits) if edits else folder
    roots = [{**_directory(folder, edited), "name": str(folder)}]
    return json.dumps({"version": 0, "case-sensitive": "false", "roots": roots})


def _edited(folder: Path, edits: Mapping[str, Mapping[str, str]]) -> Path:
    """A folder with the edited files alone."""

    def make(made: Path) -> None:
        made.mkdir()
        for name, changes in edits.items():
            text = (folder / name).read_text(encoding="utf-8")
            for pattern, instead in changes.items():
                text = re.sub(pattern, instead, text)
            (made / name).write_text(text, encoding="utf-8")

    key = store.digest_of("edited headers", str(folder), json.dumps(edits, sort_keys=True))
    return store.make_entry("toolchains", key, make)


def _directory(folder: Path, edited: Path) -> dict[str, Any]:
    contents = [
        _directory(path, edited / path.name)
        if path.is_dir()
        else {"type": "file", "name": path.name, "external-contents": str(_there(path, edited))}
        for path in sorted(folder.iterdir())
    ]
    return {"type": "directory", "name": folder.name, "contents": contents}


def _there(path: Path, edited: Path) -> Path:
    other = edited / path.name
    return other if other.is_file() else path

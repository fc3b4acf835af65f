"""Headers found whatever the case of their names, as Windows' file systems find them.

Code for Windows includes ``Windows.h`` or ``WinSock2.h``; MinGW's headers are in small letters.  An
overlay of clang's (``-ivfsoverlay``: JSON is the YAML it reads) stands for their folder.
"""

import json
from pathlib import Path
from typing import Any


def header_overlay(folder: Path) -> str:
    """An overlay by which all files below ``folder`` are found by names in any case."""
    roots = [{**_directory(folder), "name": str(folder)}]
    return json.dumps({"version": 0, "case-sensitive": "false", "roots": roots})


def _directory(folder: Path) -> dict[str, Any]:
    contents = [
        _directory(path)
        if path.is_dir()
        else {"type": "file", "name": path.name, "external-contents": str(path)}
        for path in sorted(folder.iterdir())
    ]
    return {"type": "directory", "name": folder.name, "contents": contents}

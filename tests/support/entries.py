"""Images put together by hand, for tests that start no process."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sealift.application import Application
from sealift.entry import EntryPoint
from sealift.image import Entry, Image, Kind
from sealift.interpreter import Interpreter
from sealift.target import parse_target

STDLIB = "lib/python3.13"
SITE = f"{STDLIB}/site-packages"


def an_interpreter(root: Path, **changes: Any) -> Interpreter:
    """A CPython 3.13 for Linux that exists only as this description."""
    fields: dict[str, Any] = {
        "provider": "local",
        "version": "3.13.0",
        "target": parse_target("linux-x86_64"),
        "root": root,
        "stdlib": STDLIB,
        "library": "lib/libpython3.13.so.1.0",
        "static_library": None,
        "headers": None,
        "program": None,
        "ext_suffix": ".cpython-313-x86_64-linux-gnu.so",
        "free_threaded": False,
        "floor": (2, 17),
        "key": "0" * 32,
        "reason": "",
    }
    return Interpreter(**{**fields, **changes})


def an_application(**changes: Any) -> Application:
    """The application that a product is where nobody says more."""
    fields: dict[str, Any] = {
        "title": "product",
        "identifier": "app.product",
        "publisher": "",
        "summary": "",
        "copyright": "",
        "homepage": "",
        "license": "",
        "icon": None,
        "documents": (),
    }
    return Application(**{**fields, **changes})


def an_entry(folder: Path, path: str, content: bytes = b"", **changes: Any) -> Entry:
    """The file ``path`` of an image, its bytes kept below ``folder``; its kind told by its name."""
    digest = hashlib.sha256(content).hexdigest()
    source = folder / digest[:16]
    source.write_bytes(content)
    kind = Kind.SOURCE if path.endswith(".py") else Kind.NATIVE if ".so" in path else Kind.DATA
    fields: dict[str, Any] = {
        "path": path,
        "kind": kind,
        "mode": 0o644,
        "size": len(content),
        "sha256": digest,
        "source": source,
        "origin": "python"
        if not path.startswith(SITE)
        else path[len(SITE) + 1 :].split("/", maxsplit=1)[0],
    }
    return Entry(**{**fields, **changes})


def an_image(folder: Path, files: Mapping[str, bytes | Entry], **changes: Any) -> Image:
    """An image of ``files``: path to content, or to an entry made by :func:`an_entry`."""
    entries = (
        content if isinstance(content, Entry) else an_entry(folder, path, content)
        for path, content in files.items()
    )
    fields: dict[str, Any] = {
        "name": "product",
        "version": "1.0",
        "target": parse_target("linux-x86_64"),
        "python": "3.13.0",
        "interpreter": an_interpreter(folder),
        "entry": EntryPoint("product", "pkg.cli", "main"),
        "entries": tuple(sorted(entries, key=lambda entry: entry.path)),
        "code": (),
        "search_path": (STDLIB, f"{STDLIB}/lib-dynload", SITE),
        "startup": (),
        "distributions": (),
        "certificates": "system",
        "floor": None,
        "floor_because": "",
        "sources": True,
        "application": an_application(),
        "key": "1" * 64,
    }
    return Image(**{**fields, **changes})

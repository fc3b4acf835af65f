"""A package index on this machine: a folder of wheels and sdists served over HTTP (PEP 503)."""

import base64
import contextlib
import hashlib
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.support.servers import Quiet, serving


@dataclass(slots=True)
class Index:
    """Where the index is, and what was asked of it.

    The next ``failing`` requests are answered with 503; ``cut`` breaks answers off in the middle,
    ``slow`` sends them byte by byte.
    """

    url: str
    host: str
    asked: list[str] = field(default_factory=list)
    failing: int = 0
    cut: bool = False
    slow: bool = False


@contextmanager
def serve_index(folder: Path, *, login: tuple[str, str] | None = None) -> Iterator[Index]:
    """Serve the files in ``folder``; ``login`` is asked for by basic authentication."""
    index = Index(url="", host="")

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.asked.append(self.path)
            if login and self.headers.get("Authorization") != _basic(login):
                self._answer(401, b"who are you?")
                return
            if index.failing:
                index.failing -= 1
                self._answer(503, b"busy")
                return
            content = _content(folder, urllib.parse.unquote(urllib.parse.urlsplit(self.path).path))
            self._answer(200 if content else 404, content)

        do_HEAD = do_GET  # noqa: N815

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="index"')
            kind = "application/octet-stream" if "/files/" in self.path else "text/html"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "HEAD":
                return
            with contextlib.suppress(ConnectionError):
                for piece in _pieces(index, content):
                    self.wfile.write(piece)

    with serving(Handler) as index.host:
        index.url = f"http://{index.host}/simple"
        yield index


def _content(folder: Path, path: str) -> bytes:
    """The page of a distribution or a file; empty where there is none."""
    match path.strip("/").split("/"):
        case ["simple", name]:
            return _page(folder, name)
        case ["files", name] if (folder / name).is_file():
            return (folder / name).read_bytes()
        case _:
            return b""


def _pieces(index: Index, content: bytes) -> Iterator[bytes]:
    if not index.slow:
        yield content[: len(content) // 2] if index.cut else content
        return
    for position in range(len(content)):
        time.sleep(0.005)
        yield content[position : position + 1]


def _basic(login: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(login).encode()).decode()


def _page(folder: Path, name: str) -> bytes:
    rows = []
    for path in sorted(folder.iterdir()):
        own = canonicalize_name(path.name.split("-")[0])
        if own == canonicalize_name(name):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            address = f"/files/{urllib.parse.quote(path.name)}#sha256={digest}"
            rows.append(f'<a href="{address}">{path.name}</a>')
    return (
        "\n".join(["<!DOCTYPE html><html><body>", *rows, "</body></html>"]).encode()
        if rows
        else b""
    )

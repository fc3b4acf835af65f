"""The command line."""

import argparse
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from werkzeug.serving import make_server

from guestbook.book import Book
from guestbook.web import make_app


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of one call."""
    parser = argparse.ArgumentParser(prog="guestbook", description="A guest book over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port, 0 for a free one (%(default)s)")
    parser.add_argument("--file", type=Path, help="where entries are kept; in memory by default")
    parser.add_argument("--once", action="store_true", help="answer one request, then end")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    arguments = parse(argv)
    book = Book(arguments.file)
    server = make_server(arguments.host, arguments.port, make_app(book), threaded=not arguments.once)

    def stop(*_: object) -> None:
        # shutdown() waits for the loop that this handler interrupted.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"listening on http://{arguments.host}:{server.port}/", flush=True)
    if arguments.once:
        server.handle_request()
    else:
        server.serve_forever(poll_interval=0.05)
    server.server_close()
    book.close()
    print("stopped", flush=True)
    return 0

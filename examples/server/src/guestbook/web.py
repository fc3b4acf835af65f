"""The pages."""

from importlib.metadata import version

from flask import Flask, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from guestbook.book import Book, Entry


def make_app(book: Book) -> Flask:
    """The application over one book."""
    app = Flask("guestbook")

    @app.get("/")
    def page() -> str:
        return render_template("page.html", entries=book.entries(), version=version("guestbook"))

    @app.post("/")
    def sign() -> Response:
        name, text = request.form["name"].strip(), request.form["text"].strip()
        if name and text:
            book.add(Entry(name, text))
        return redirect(url_for("page"), code=303)

    @app.get("/entries.json")
    def entries() -> list[dict[str, str]]:
        return [entry._asdict() for entry in book.entries()]

    return app

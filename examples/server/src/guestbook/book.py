"""The entries, in SQLite."""

import sqlite3
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """One line in the book."""

    name: str
    text: str


class Book:
    """Entries in a file, or in memory when there is none."""

    def __init__(self, path: Path | None) -> None:
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False)
        with self._connection as database:
            database.execute("CREATE TABLE IF NOT EXISTS entry (name TEXT, text TEXT)")

    def add(self, entry: Entry) -> None:
        with self._connection as database:
            database.execute("INSERT INTO entry VALUES (?, ?)", entry)

    def entries(self) -> list[Entry]:
        """All entries, the newest first."""
        rows = self._connection.execute("SELECT name, text FROM entry ORDER BY rowid DESC")
        return [Entry(*row) for row in rows]

    def close(self) -> None:
        self._connection.close()

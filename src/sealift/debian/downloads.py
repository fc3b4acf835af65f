"""Several files of the archive at once, under one bar."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sealift import console, fetch
from sealift.errors import FetchError

_AT_ONCE = 8


def download(files: Sequence[fetch.Remote], *, title: str, kind: str) -> list[Path]:
    """``files`` in their order, from the cache's entries ``kind`` or the network.

    Raises :class:`FetchError`.
    """

    def get(file: fetch.Remote) -> Path:
        try:
            return fetch.fetch(file, kind=kind, bar=quiet)
        except FetchError as problem:
            if "answered 404" not in problem.message:
                raise
            # The archive keeps no file that its index no longer names.
            hint = "`sealift cache clear debian-releases` has the index read anew, which may be old"
            raise FetchError(problem.message, details=problem.details, hint=hint) from problem

    total = sum(file.size or 0 for file in files)
    with console.progress(title, total) as bar, ThreadPoolExecutor(_AT_ONCE) as pool:
        quiet = _Advancing(bar)
        return list(pool.map(get, files))


class _Advancing:
    """A bar whose whole is known, so that downloads do not make it longer."""

    def __init__(self, bar: console.Bar) -> None:
        self._bar = bar

    def advance(self, amount: int) -> None:
        self._bar.advance(amount)

    def grow(self, amount: int) -> None:
        pass

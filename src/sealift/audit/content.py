"""The bytes of a member: read once, when asked for, and in little memory however big it is."""

import hashlib
import itertools
import mmap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from sealift.errors import ArchiveError

Data: TypeAlias = bytes | bytearray | mmap.mmap

HEAD = 4096
IN_MEMORY = 32 << 20  # what is bigger goes to a temporary file, and is mapped
_WINDOW = 16 << 20


def keep_memory() -> None:
    """Have the C library keep the memory of a member for the next.

    Most give large blocks back to the system at once, and take them anew page by page. That of GNU
    keeps those no larger than the largest that it ever gave back, up to 32 MB.
    """
    bytes(IN_MEMORY - (1 << 20))


class Content:
    """The bytes of the member ``name``, from ``chunks``, which is called at most once.

    Valid until the next member is asked for.  Reading raises :class:`ArchiveError` where the
    content is damaged.
    """

    def __init__(self, name: str, size: int, chunks: Callable[[], Iterator[bytes]]) -> None:
        self.name = name
        self.size = size
        self._chunks = chunks
        self._rest: Iterator[bytes] | None = None
        self._start = b""
        self._data: Data | None = None
        self._digest: tuple[str, bytes] | None = None

    def head(self) -> bytes:
        """The first bytes: :data:`HEAD` of them at least, or all there are."""
        if self._data is not None:
            return bytes(self._data[:HEAD])
        from sealift.archive import reading

        with reading(self.name):
            if self._rest is None:
                self._rest = self._chunks()
            while len(self._start) < HEAD and (chunk := next(self._rest, None)) is not None:
                self._start += chunk
        return self._start[:HEAD]

    def data(self, algorithm: str | None = None) -> Data:
        """All of it; ``algorithm`` is one that :meth:`digest` will be asked for."""
        if self._data is None:
            from sealift.archive import reading

            with reading(self.name):
                rest = self._chunks() if self._rest is None else self._rest
                pieces = itertools.chain((self._start,), rest)
                if self.size <= IN_MEMORY:
                    self._data = b"".join(pieces)
                else:
                    self._data = self._spool(pieces, algorithm)
            self._start, self._rest = b"", None
        return self._data

    def digest(self, algorithm: str) -> bytes:
        """Its hash."""
        data = self.data(algorithm)
        if self._digest is None or self._digest[0] != algorithm:
            start = getattr(hashlib, algorithm)  # a third of the time that new() takes
            if isinstance(data, mmap.mmap):
                hashed = start()
                for window in windows(data):
                    hashed.update(window)
            else:
                hashed = start(data)
            self._digest = algorithm, hashed.digest()
        return self._digest[1]

    def _spool(self, pieces: Iterator[bytes], algorithm: str | None) -> Data:
        import tempfile

        hashed = hashlib.new(algorithm) if algorithm else None
        with tempfile.TemporaryFile() as file:
            for piece in pieces:
                file.write(piece)
                if hashed:
                    hashed.update(piece)
            file.flush()
            if hashed and algorithm:
                self._digest = algorithm, hashed.digest()
            if not file.tell():
                return b""
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def close(self) -> None:
        """Give memory and files back."""
        if isinstance(self._data, mmap.mmap):
            self._data.close()
        self._data, self._start, self._rest = None, b"", None


class FileContent(Content):
    """The bytes of the file at ``path``."""

    def __init__(self, path: Path, size: int) -> None:
        super().__init__(str(path), size, lambda: iter(()))
        self._path = path

    def head(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                return file.read(HEAD)
        except OSError as problem:
            raise cannot_read(self._path, problem) from problem

    def data(self, algorithm: str | None = None) -> Data:
        del algorithm  # files are cheap to read twice
        if self._data is None:
            try:
                with self._path.open("rb") as file:
                    if self.size <= _WINDOW:
                        self._data = file.read()
                    else:
                        self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError) as problem:  # ValueError: emptied meanwhile
                raise cannot_read(self._path, problem) from problem
        return self._data


def windows(data: Data, *, overlap: int = 0) -> Iterator[bytes | bytearray]:
    """``data`` piece by piece, each with the last ``overlap`` bytes of the one before.

    Of a mapped file, what was passed is dropped from memory.
    """
    if isinstance(data, bytes | bytearray):
        yield data
        return
    for start in range(0, len(data), _WINDOW):
        yield data[max(0, start - overlap) : start + _WINDOW]
        if hasattr(data, "madvise"):
            data.madvise(mmap.MADV_DONTNEED, start, min(_WINDOW, len(data) - start))


def cannot_read(what: Path | str, problem: Exception) -> ArchiveError:
    """The error that says why ``what`` cannot be read."""
    reason = problem.strerror if isinstance(problem, OSError) else problem
    return ArchiveError(f"cannot read {what}: {reason}")

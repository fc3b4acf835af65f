"""Writing a file whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(out: Path, data: bytes, mode: int) -> None:
    """Write ``data`` with ``mode`` to ``out``, over what is there, or leave that."""
    with _taking_place_of(out) as scratch:
        scratch.write_bytes(data)
        scratch.chmod(mode)


@contextmanager
def changed_whole(path: Path) -> Iterator[Path]:
    """A copy of the file at ``path`` to be changed, which takes its place if nothing is raised."""
    path = path.resolve()
    with _taking_place_of(path) as scratch:
        shutil.copyfile(path, scratch)
        shutil.copymode(path, scratch)
        yield scratch


@contextmanager
def _taking_place_of(out: Path) -> Iterator[Path]:
    descriptor, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    os.close(descriptor)
    scratch = Path(name)
    try:
        yield scratch
        scratch.replace(out)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise

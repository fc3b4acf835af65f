"""Writing a file whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_whole(out: Path, data: bytes, mode: int) -> None:
    """Write ``data`` with ``mode`` to ``out``, over what is there, or leave that."""
    descriptor, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    scratch = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        scratch.chmod(mode)
        scratch.replace(out)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise

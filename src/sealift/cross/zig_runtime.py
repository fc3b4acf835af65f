"""Functions of GCC's runtime library that zig's lacks for a target, compiled of sources here."""

import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from sealift import process, store

# Not for others: each module has its own.  Steps are not to be put together, or errors are lost.
_FLAGS = ("-O2", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off")


def read_source(name: str) -> bytes:
    """The C file ``name`` of ``data``."""
    return resources.files("sealift").joinpath("data", name).read_bytes()


def linking(name: str, *, zig: Path, cache: Path, flags: Sequence[str]) -> list[str]:
    """The options that link to C file ``name`` of ``data``, compiled once by ``zig``, ``flags``.

    Raises :class:`~sealift.errors.ToolError` where it cannot be compiled.
    """
    source = read_source(name)
    key = store.digest_of("runtime", str(zig), *flags, *_FLAGS, source)
    library = Path(name).stem

    def make(folder: Path) -> None:
        folder.mkdir()
        (folder / name).write_bytes(source)
        compiled = f"{library}.o"
        for command in (
            ["cc", *flags, *_FLAGS, "-c", name, "-o", compiled],
            ["ar", "rcs", f"lib{library}.a", compiled],
        ):
            process.run(
                [zig, *command], cwd=folder, action=f"compile {name}",
                env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(cache)},
            )  # fmt: skip

    return [f"-L{store.make_entry('toolchains', key, make)}", f"-l{library}"]

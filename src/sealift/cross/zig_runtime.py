"""zig's runtime library without what the C library has, compiled of its sources.

All of it is in one object: ``memcpy``, ``exp`` or ``sqrtl`` would come along with the division of
128-bit integers, say, and be called in place of the C library's, which are faster, and on POWER for
the right ``long double``.  Functions that it lacks for a target are in C files of ``data``.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from sealift import process, store
from sealift.errors import ToolError

# Not for others: each module has its own.  Steps are not to be put together, or errors are lost.
_C_FLAGS = ("-O2", "-fPIC", "-fvisibility=hidden", "-ffunction-sections", "-ffp-contract=off")
_ZIG_FLAGS = (
    "-OReleaseFast", "-fPIC", "-fstrip", "-fno-builtin", "-ffunction-sections", "-fdata-sections",
    "-fno-stack-check", "-fno-stack-protector",
)  # fmt: skip
_NAME = "compiler_rt"  # a Zig file and a folder of others
_ARCHIVE = "sealift-runtime"
# Where zig 0.17 exports a function, and what is done instead: names of runtime functions begin with
# underscores; those for binary128 are used by these, and glibc has them from 2.26 on alone.
_LEFT_OUT = {
    "if (!builtin.is_test) @export(": "if (!builtin.is_test and (std.mem.startsWith"
    '(u8, name, "__") or std.mem.endsWith(u8, name, "f128"))) @export(',
    '_ = @import("compiler_rt/ssp.zig");': "",  # checks of the stack and of lengths
}


@dataclass(frozen=True, slots=True)
class Library:
    """The library for target ``triple``, with C ``files`` of ``data``, compiled with ``flags``."""

    files: Sequence[str]
    flags: Sequence[str]
    triple: str

    @property
    def identity(self) -> str:
        """What tells apart those that are made in other ways."""
        recipe = (*_C_FLAGS, *_ZIG_FLAGS, *_LEFT_OUT, *_LEFT_OUT.values())
        return store.digest_of(
            "2", self.triple, *self.flags, *recipe, *map(_read_source, self.files)
        )

    def linking(self, zig: Path, cache: Path) -> list[str]:
        """The options that link to it; ``zig`` compiles it once.

        Raises :class:`~sealift.errors.ToolError` where it cannot be compiled.
        """
        key = store.digest_of("runtime", str(zig), self.identity)
        folder = store.make_entry("toolchains", key, lambda it: self._make(it, zig, cache))
        return [f"-L{folder}", f"-l{_ARCHIVE}"]

    def _make(self, folder: Path, zig: Path, cache: Path) -> None:
        folder.mkdir()
        target = ["-target", self.triple]
        commands, objects = [], []
        if _copy_own(zig.parent / "lib", folder):
            objects.append(f"{_NAME}.o")
            emitted = f"-femit-bin={objects[-1]}"
            commands.append(["build-obj", *target, *_ZIG_FLAGS, f"{_NAME}.zig", emitted])
        elif self.files:  # wrong functions would come along, elsewhere only slow ones
            raise ToolError(
                f"cannot compile for {self.triple} with {zig}: its runtime library is not zig "
                "0.17's",
                hint="pip install ziglang==0.17.0",
            )
        for name in self.files:
            (folder / name).write_bytes(_read_source(name))
            objects.append(f"{name}.o")
            commands.append(["cc", *target, *self.flags, *_C_FLAGS, "-c", name, "-o", objects[-1]])
        commands.append(["ar", "rcs", f"lib{_ARCHIVE}.a", *objects])
        for command in commands:
            process.run(
                [zig, *command], cwd=folder, action=f"compile the runtime library of {self.triple}",
                env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(cache)},
            )  # fmt: skip
        shutil.rmtree(folder / _NAME, ignore_errors=True)


def _copy_own(library: Path, folder: Path) -> bool:
    """Copy the sources of zig's runtime library into ``folder``, less what C libraries have.

    ``False`` where they are not those of the zig that this is known of.
    """
    source = library / f"{_NAME}.zig"
    text = source.read_text(encoding="utf-8") if source.is_file() else ""
    if any(text.count(old) != 1 for old in _LEFT_OUT):
        return False
    for old, new in _LEFT_OUT.items():
        text = text.replace(old, new)
    shutil.copytree(library / _NAME, folder / _NAME)
    (folder / source.name).write_text(text, encoding="utf-8")
    return True


def _read_source(name: str) -> bytes:
    return resources.files("sealift").joinpath("data", name).read_bytes()

"""Whether libpython is inside of the launcher or a file that it loads.

Inside, calls within Python need no table of addresses, its thread-local state no look-up, and the
first start writes one file less: programs start some 7 % faster (``docs/design/launcher.md``).
"""

from dataclasses import replace

from sealift import console, store
from sealift.binary.elf import read_elf
from sealift.errors import ToolError
from sealift.image import Image, Kind
from sealift.interpreter import Interpreter
from sealift.launcher.compile import launcher_for
from sealift.tools import find_compiler


def likely(interpreter: Interpreter) -> Interpreter:
    """``interpreter`` as :func:`settled` leaves it with most images."""
    return replace(interpreter, library=None) if _has_choice(interpreter) else interpreter


def _has_choice(interpreter: Interpreter) -> bool:
    """Whether both kinds are there, on a system whose linkers are known to take the static one."""
    both = interpreter.library and interpreter.static_library
    return bool(both) and interpreter.target.os == "linux"


def settled(image: Image) -> Image:
    """``image`` with one libpython, where its interpreter has both kinds.

    The static one, if it can be linked into a launcher and no file of the image asks for the
    shared one; a file that does would bring a second Python into the process.
    """
    interpreter = image.interpreter
    if not _has_choice(interpreter):
        return image
    assert interpreter.library
    reason = _asker(image, interpreter.library) or _why_not_linked(interpreter)
    if reason:
        console.detail(f"libpython stays a file of its own: {reason}")
        return replace(image, interpreter=replace(interpreter, static_library=None))
    return replace(
        image,
        interpreter=replace(interpreter, library=None),
        entries=tuple(entry for entry in image.entries if entry.path != interpreter.library),
    )


def _asker(image: Image, library: str) -> str | None:
    name = library.rpartition("/")[2]
    for entry in image.entries:
        if entry.kind is Kind.NATIVE and entry.path != library:
            facts = read_elf(entry.source)
            if facts and name in facts.needed:
                return f"{entry.path} asks for it"
    return None


def _why_not_linked(interpreter: Interpreter) -> str:
    """Why a launcher cannot contain the static library; empty where it can."""
    static = replace(interpreter, library=None)
    assert static.static_library

    def attempt() -> str:
        try:
            launcher = launcher_for(static)
        except ToolError as problem:
            return " ".join((problem.message, *problem.details[:1]))
        facts = read_elf(launcher)
        # One at a fixed address would trade the system's protection for speed.
        return "" if facts and facts.is_pie else "the static one is for fixed addresses"

    archive, compiler = store.file_stamp(static.static_library), str(find_compiler())
    key = store.digest_of("1", interpreter.key, archive, compiler)
    return str(store.remember("linking", key, attempt))

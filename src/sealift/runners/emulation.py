"""Programs for other CPUs, by qemu's user emulation.

The kernel hands such programs to qemu by way of binfmt_misc, so that those they start run, too.
From Linux 6.7 each user namespace has a table of its own; this machine's is left as it is.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sealift.binary.elf import read_elf
from sealift.tables import load_table
from sealift.target import current_target
from sealift.tools import UNSHARE, Tool

_TABLE = Path("/proc/sys/fs/binfmt_misc")
_ALSO = {"x86_64": {"i686"}}  # what a CPU runs besides
_SCRIPT = (
    'mount -t binfmt_misc binfmt_misc "$1" && printf %s "$2" > "$1/register" && shift 2 '
    '&& exec "$@"'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulator:
    """How one CPU is emulated: ``qemu`` is the name of the program, ``cpu`` the model it plays."""

    bits: int
    order: str
    number: int
    qemu: str
    cpu: str | None = None

    def program(self) -> Path | None:
        """A qemu that needs no libraries, for it has to run where those of this machine are not."""
        for name in (f"{self.qemu}-static", self.qemu):
            path = Tool(name, "").find()
            facts = path and read_elf(path)
            if path and facts and facts.interpreter is None:
                return path
        return None

    def rule(self, program: Path) -> str:
        """The line that tells the kernel to run its programs by ``program``.

        Format: Linux, Documentation/admin-guide/binfmt-misc.rst.  ``F`` opens the emulator now, so
        that it need not be in any root.
        """
        order: Literal["little", "big"] = "little" if self.order == "little" else "big"
        start = bytes((0x7F, *b"ELF", self.bits // 32, 1 if order == "little" else 2, 1, 0))
        kind, number = (2).to_bytes(2, order), self.number.to_bytes(2, order)
        magic = start + bytes(8) + kind + number
        # Any OSABI; fixed and position-independent programs, which are the kinds 2 and 3.
        mask = b"\xff" * 7 + b"\0" + b"\xff" * 8 + (0xFFFE).to_bytes(2, order) + b"\xff\xff"
        return f":{self.qemu}:M::{_escaped(magic)}:{_escaped(mask)}:{program}:F"


@functools.cache
def load_emulators() -> dict[str, Emulator]:
    """Emulators by the GNU name of the CPU they play."""
    return {cpu: Emulator(**row) for cpu, row in load_table("emulators").items()}


def is_native(arch: str) -> bool:
    """Whether this machine runs programs for ``arch`` by itself."""
    own = current_target().arch
    return arch == own or arch in _ALSO.get(own, ())


def refuses(arch: str) -> str | None:
    """Why programs for ``arch`` cannot run here, or ``None``."""
    if is_native(arch):
        return None
    emulator = load_emulators().get(arch)
    if emulator is None:
        return f"there is no emulator of {arch}"
    if emulator.program() is None:
        return f"there is no {emulator.qemu}-static (apt install qemu-user-static)"
    return None


def emulated(arch: str, command: list[str | Path]) -> tuple[list[str | Path], dict[str, str]]:
    """``command`` so that what it starts may be for ``arch``, and what its environment needs."""
    if is_native(arch):
        return command, {}
    emulator = load_emulators()[arch]
    program = emulator.program()
    assert program is not None
    before: list[str | Path] = [
        UNSHARE.require(), "--user", "--map-root-user", "--mount", "sh", "-c", _SCRIPT, "sh",
    ]  # fmt: skip
    extra = {"QEMU_CPU": emulator.cpu} if emulator.cpu else {}
    return [*before, _TABLE, emulator.rule(program), *command], extra


def _escaped(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)

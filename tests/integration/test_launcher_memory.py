"""The memory that the launcher gives to Python's allocator."""

import subprocess
from pathlib import Path

import sealift.launcher
from tests.support.tools import require_tool


def test_interpreters_with_locks_of_their_own_get_arenas_of_their_own(tmp_path: Path) -> None:
    launcher = Path(sealift.launcher.__file__).parent
    arenas = Path(__file__).parent.parent / "support" / "arenas.c"
    program = tmp_path / "arenas"
    subprocess.run(
        [
            require_tool("cc"), "-O1", "-std=gnu11", "-D_GNU_SOURCE", "-pthread", f"-I{launcher}",
            arenas, launcher / "os_linux.c", launcher / "message.c", "-ldl", "-o", program,
        ],
        check=True,
    )  # fmt: skip
    for _ in range(200):  # a race shows itself now and then
        assert subprocess.run([program], check=False, capture_output=True).stdout == b"0\n"

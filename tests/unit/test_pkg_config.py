"""Programs of a sysroot that tell how to link, by the names that projects look for."""

import subprocess
from pathlib import Path

from sealift.cross.pkg_config import write_programs

MODULE = "Name: libpq\nDescription: it\nVersion: 15\nLibs: -lpq\n"


def programs(entry: Path, triple: str) -> set[str]:
    folder = entry / "usr/lib/pkgconfig"
    folder.mkdir(parents=True)
    (folder / "libpq.pc").write_text(MODULE)
    write_programs(entry, final=entry, triple=triple)
    return {path.name for path in (entry / "bin").iterdir()}


def test_a_project_that_sees_windows_finds_a_program_of_windows(tmp_path: Path) -> None:
    """psycopg2 looks for the file ``pg_config.exe`` on PATH."""
    assert {"pg_config", "pg_config.exe"} <= programs(tmp_path, "x86_64-w64-mingw32")
    said = subprocess.run(
        [tmp_path / "bin/pg_config.exe", "--version"], capture_output=True, text=True, check=True
    )
    assert said.stdout == "PostgreSQL 15\n"


def test_elsewhere_there_is_none(tmp_path: Path) -> None:
    found = programs(tmp_path, "aarch64-linux-gnu")
    assert "pg_config" in found
    assert not [name for name in found if name.endswith(".exe")]

"""Whose a file of this system is."""

from pathlib import Path

import pytest

from sealift.owners import owners_of
from tests.support.tools import require_tool


def test_the_package_that_owns_a_file(tmp_path: Path) -> None:
    require_tool("dpkg-query")
    program = Path(require_tool("dpkg-query"))
    link = tmp_path / "link"
    link.symlink_to(program)
    nobodys = tmp_path / "nobody's"
    found = owners_of([link, nobodys])
    assert list(found) == [link]
    owner = found[link]
    assert (owner.kind, owner.name) == ("deb", "dpkg")
    assert owner.purl.startswith(f"pkg:deb/{owner.system}/dpkg@")
    assert f"distro={owner.distro}" in owner.purl
    assert owners_of([nobodys]) == {}


PROGRAMS = {
    "dpkg-query": """#!/bin/sh
[ "$1" = --show ] && { [ "$3" = libx1:amd64 ] && echo "libx1:amd64 libx1 1:2.0 amd64"; exit; }
if [ "$LC_ALL" = C ]; then
    echo "local diversion from: $2"
    echo "local diversion to: $2.distrib"
    echo "diversion by other from: $2"
else
    echo "lokale Umleitung von: $2"
fi
echo "libx1:amd64, libx1:i386: $2"
exit 1
""",
    "rpm": """#!/bin/sh
echo "libx 2.0-1 x86_64"
""",
    "apk": """#!/bin/sh
[ "$1" = --print-arch ] && { echo x86_64; exit; }
echo "$3 is owned by libx-extra-2.0-r1"
""",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_package_manager_is_understood_in_any_language(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "bin" / program
    script.parent.mkdir()
    script.write_text(PROGRAMS[program])
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent))
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    library = tmp_path / "libx.so.1"
    library.touch()
    owner = owners_of([library])[library]
    assert (owner.kind, owner.name, owner.version) == {
        "dpkg-query": ("deb", "libx1", "1:2.0"),
        "rpm": ("rpm", "libx", "2.0-1"),
        "apk": ("apk", "libx-extra", "2.0-r1"),
    }[program]


def test_a_system_without_a_package_manager_has_no_owners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert owners_of([Path("/bin/sh")]) == {}


def test_libraries_that_moved_to_usr_are_found() -> None:
    require_tool("dpkg-query")
    libc = next(Path("/lib").glob("*/libc.so.6"), None) or Path("/lib64/libc.so.6")
    assert owners_of([libc])[libc].name == "libc6"

"""Whose a file of this system is."""

from pathlib import Path

from sealift.owners import owner_of
from tests.support.tools import require_tool


def test_the_package_that_owns_a_file(tmp_path: Path) -> None:
    require_tool("dpkg-query")
    program = Path(require_tool("dpkg-query"))
    link = tmp_path / "link"
    link.symlink_to(program)
    owner = owner_of(link)
    assert owner
    assert (owner.kind, owner.name) == ("deb", "dpkg")
    assert owner.purl.startswith(f"pkg:deb/{owner.system}/dpkg@")
    assert f"distro={owner.distro}" in owner.purl
    assert owner_of(tmp_path / "nobody's") is None


def test_libraries_that_moved_to_usr_are_found() -> None:
    require_tool("dpkg-query")
    libc = next(Path("/lib").glob("*/libc.so.6"), None) or Path("/lib64/libc.so.6")
    owner = owner_of(libc)
    assert owner
    assert owner.name == "libc6"

"""Whose a file of this system is."""

from pathlib import Path

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


def test_libraries_that_moved_to_usr_are_found() -> None:
    require_tool("dpkg-query")
    libc = next(Path("/lib").glob("*/libc.so.6"), None) or Path("/lib64/libc.so.6")
    assert owners_of([libc])[libc].name == "libc6"

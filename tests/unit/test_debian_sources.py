"""Source packages: found in the signed index, unpacked with Debian's patches."""

from pathlib import Path

import pytest

from sealift.debian.downloads import download
from sealift.debian.index import Location, locate_sources
from sealift.debian.releases import parse_release
from sealift.debian.sources import find_source, unpack_source, upstream_version
from sealift.errors import ArchiveError, ConfigError, FetchError
from sealift.fetch import Remote
from tests.support.debian_archive import SourcePackage, make_archive
from tests.support.servers import Quiet, serving
from tests.support.tools import require_tool

PATCH = b"""\
Description: says what it says
--- a/hello.c
+++ b/hello.c
@@ -1,3 +1,3 @@
 int main(void)
-{ return 1;
+{ return 0;
 }
--- /dev/null
+++ b/new/file.c
@@ -0,0 +1 @@
+int made;
"""
HELLO = SourcePackage(
    name="hello",
    version="1:2.0+dfsg-3",
    orig=[("hello.c", b"int main(void)\n{ return 1;\n}\n"), ("link.c", "hello.c")],
    debian=[
        ("patches/series", b"# first\nright.patch\n\nlater.patch -p1\n"),
        ("patches/right.patch", PATCH),
        ("patches/later.patch", PATCH.replace(b"return 1", b"return 0").replace(
            b"+{ return 0", b"+{ return 2").split(b"--- /dev/null", maxsplit=1)[0]),
    ],
)  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "cache"))
    for tool in ("gpgv", "patch"):
        require_tool(tool)


def location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *sources: SourcePackage) -> Location:
    archive = make_archive(tmp_path / "archive", [], sources=sources)
    for name, value in archive.environment.items():
        monkeypatch.setenv(name, value)
    return locate_sources(parse_release("debian-12"))


def test_a_source_is_unpacked_with_its_patches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = find_source(location(tmp_path, monkeypatch, HELLO), "hello")
    assert (source.version, source.upstream) == ("1:2.0+dfsg-3", "2.0")
    assert [file.name.rpartition("_")[2] for file in source.files] == [
        "1:2.0+dfsg.orig.tar.xz", "1:2.0+dfsg-3.debian.tar.xz",
    ]  # fmt: skip
    unpack_source(source, tmp_path / "out")
    assert (tmp_path / "out/hello.c").read_text() == "int main(void)\n{ return 2;\n}\n"
    assert (tmp_path / "out/link.c").read_text() == (tmp_path / "out/hello.c").read_text()
    assert (tmp_path / "out/new/file.c").read_text() == "int made;\n"
    times = {path.lstat().st_mtime for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert len(times) == 1


def test_the_newest_version_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [SourcePackage(name="hello", version=text) for text in ("1.9-1", "1.10-1", "1.10~-1")]
    place = location(tmp_path, monkeypatch, *sources)
    assert find_source(place, "hello").version == "1.10-1"


def test_a_patch_that_does_not_fit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = SourcePackage(name="other", orig=[("hello.c", b"else\n")], debian=HELLO.debian)
    source = find_source(location(tmp_path, monkeypatch, other), "other")
    with pytest.raises(ArchiveError, match=r"cannot patch other 1\.0-1 with right\.patch"):
        unpack_source(source, tmp_path / "out")


def test_changed_sources_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = find_source(location(tmp_path, monkeypatch, HELLO), "hello")
    for path in (tmp_path / "archive/pool").iterdir():
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(FetchError, match="SHA-256"):
        unpack_source(source, tmp_path / "out")


def test_a_source_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="no source package hell in debian-12"):
        find_source(location(tmp_path, monkeypatch, HELLO), "hell")


@pytest.mark.parametrize(
    ("version", "upstream"),
    [
        ("1:1.3.dfsg+really1.3.1-1+deb13u1", "1.3.1"),
        ("2.12.7+dfsg+really2.9.14-2.1+deb13u3", "2.9.14"),
        ("3.0.20-1~deb12u2", "3.0.20"),
        ("5.4.1-1+deb12u1", "5.4.1"),
        ("15.18-0+deb12u1", "15.18"),
        ("2.12.1+dfsg-5+deb12u4", "2.12.1"),
        ("0.6-repack-2", "0.6-repack"),
        ("7", "7"),
    ],
)
def test_versions_lead_to_those_of_the_authors(version: str, upstream: str) -> None:
    assert upstream_version(version) == upstream


class _Gone(Quiet):
    def do_GET(self) -> None:  # noqa: N802  (its base's name)
        self.send_error(404)


def test_a_file_that_the_archive_no_longer_has_leads_to_a_new_index() -> None:
    with serving(_Gone) as host, pytest.raises(FetchError, match="404") as caught:
        download(
            [Remote(f"http://{host}/pool/old.deb", "0" * 64, 1)], title="x", kind="debian-packages"
        )
    assert "sealift cache clear debian-releases" in str(caught.value.hint)

"""Debian's archive: versions, dependencies, signatures, and trees that packages make."""

import itertools
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from sealift.debian.index import Index, locate_index, open_index
from sealift.debian.releases import apt_mirror, architecture, load_releases, parse_release
from sealift.debian.resolution import resolve
from sealift.debian.root import make_root
from sealift.debian.unpacking import unpack_packages
from sealift.debian.versions import compare, satisfies
from sealift.errors import ArchiveError, ConfigError, FetchError
from tests.support.debian_archive import Archive, Deb, make_archive, sign
from tests.support.tools import require_tool

LIBC = Deb(
    name="libc6",
    version="2.36-9+deb12u1",
    members=[
        ("./lib/x86_64-linux-gnu/libc.so.6", b"libc"),
        ("./lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/ld.so"),
        ("./lib/x86_64-linux-gnu/ld.so", b"loader"),
        ("./usr/share/doc/libc6/copyright", b"text"),
    ],
)
MINIMAL = (
    LIBC,
    *(Deb(name=name) for name in ("base-files", "libc-bin", "libgcc-s1")),
    Deb(name="dash", members=[("./bin/dash", b"shell")], fields={"Depends": "libc6 (>= 2.36)"}),
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    return use(make_archive(tmp_path / "archive", MINIMAL), monkeypatch)


def use(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> Archive:
    require_tool("gpgv")
    for name, value in archive.environment.items():
        monkeypatch.setenv(name, value)
    return archive


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.0~rc1", "1.0"), ("1.0~~", "1.0~"), ("1.0", "1.0a"), ("1.0a", "1.0+"), ("1.9", "1.10"),
        ("9", "1:0"), ("1.0-1", "1.0-1+b1"), ("2.36-9+deb12u9", "2.36-9+deb12u14"),
        ("1.2", "1.2.0"), ("1.0-1~bpo12+1", "1.0-1"), ("1-2-3", "1-10-0"), ("1.0", "1.0-1"),
    ],
)  # fmt: skip
def test_versions_are_ordered_as_policy_says(older: str, newer: str) -> None:
    assert (compare(older, newer), compare(newer, older)) == (-1, 1)
    assert satisfies(newer, ">>", older)
    assert not satisfies(newer, "<=", older)


def test_equal_versions_may_be_written_in_two_ways() -> None:
    assert compare("0:1.00", "1.0-0") == 0


def test_versions_are_ordered_as_dpkg_does() -> None:
    dpkg = str(require_tool("dpkg"))
    versions = ("1", "1~", "1a", "1+", "1.0", "1-1", "1-1.1", "1:0", "1.a", "1a~b", "10", "1-a+1")
    for one, other in itertools.permutations(versions, 2):
        command = [dpkg, "--compare-versions", one, "lt", other]
        assert (compare(one, other) < 0) == (subprocess.run(command, check=False).returncode == 0)


def index_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *debs: Deb) -> Index:
    use(make_archive(tmp_path / "archive", debs), monkeypatch)
    return open_index(locate_index(parse_release("debian-12"), "amd64"))


def chosen(index: Index, *names: str) -> list[str]:
    return [f"{package.name}={package.version}" for package in resolve(index, names)]


def test_what_is_chosen_meets_every_dependency(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = index_of(
        tmp_path,
        monkeypatch,
        Deb(name="app", fields={"Pre-Depends": "a (>= 2)", "Depends": "gone | b, editor, v (= 3)"}),
        Deb(name="a", version="1"),
        Deb(name="a", version="2:2.0"),
        Deb(name="a", version="10"),
        Deb(name="b", fields={"Depends": "app:any"}),
        Deb(name="nano", fields={"Provides": "editor"}),
        Deb(name="w1", fields={"Provides": "v"}),
        Deb(name="w2", fields={"Provides": "other, v (= 3)"}),
    )
    assert chosen(index, "app") == ["a=2:2.0", "app=1", "b=1", "nano=1", "w2=1"]


def test_a_package_that_is_taken_serves_before_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = index_of(
        tmp_path,
        monkeypatch,
        Deb(name="app", fields={"Depends": "first | second"}),
        Deb(name="first"),
        Deb(name="second"),
    )
    assert chosen(index, "app", "second") == ["app=1", "second=1"]
    assert chosen(index, "app") == ["app=1", "first=1"]


def test_what_only_sets_packages_up_comes_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = index_of(
        tmp_path,
        monkeypatch,
        Deb(name="app", fields={"Depends": "dpkg (>= 1)", "Pre-Depends": "awk"}),
        Deb(name="dpkg"),
    )
    assert chosen(index, "app") == ["app=1"]
    assert chosen(index, "app", "dpkg") == ["app=1", "dpkg=1"]


def test_what_cannot_be_had_is_told_with_who_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = index_of(
        tmp_path,
        monkeypatch,
        Deb(name="app", fields={"Depends": "b (>= 2) | c"}),
        Deb(name="b"),
    )
    with pytest.raises(ConfigError, match=r"b \(>= 2\) \| c in debian-12 for amd64, which app ask"):
        resolve(index, ["app"])


def test_a_root_is_made_of_verified_packages(archive: Archive) -> None:
    root = make_root(parse_release("12"), "amd64")
    tree = root.path
    assert root.glibc == (2, 36)
    assert root.packages["libc6"] == "2.36-9+deb12u1"
    assert root.libraries() >= {"libc.so.6", "ld-linux-x86-64.so.2"}
    assert (tree / "lib64/ld-linux-x86-64.so.2").read_bytes() == b"loader"
    assert (tree / "usr/lib64/ld-linux-x86-64.so.2").readlink().parts[0] == ".."
    assert str((tree / "bin").readlink()) == "usr/bin"
    assert (tree / "bin/sh").read_bytes() == b"shell"
    assert (tree / "bin/dash").stat().st_mode & 0o7777 == 0o755
    assert not (tree / "usr/share/doc").exists()
    assert "user:x:1000" in (tree / "etc/passwd").read_text()


def test_a_root_is_found_again_without_its_archive(archive: Archive) -> None:
    made = make_root(parse_release("12"), "amd64")
    shutil.rmtree(archive.folder / "pool")
    archive.release.unlink()
    assert make_root(parse_release("bookworm"), "amd64") == made


def test_a_list_that_was_changed_is_refused(archive: Archive) -> None:
    archive.release.write_bytes(archive.release.read_bytes().replace(b"amd64", b"arm64", 1))
    with pytest.raises(FetchError, match="changed after it was signed"):
        make_root(parse_release("12"), "amd64")


def test_a_list_that_somebody_else_signed_is_refused(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.release.write_bytes(sign("Codename: bookworm\n", tmp_path / "other.pgp"))
    with pytest.raises(FetchError, match="no key of Debian's archive signed it"):
        make_root(parse_release("12"), "amd64")
    monkeypatch.delenv("SEALIFT_DEBIAN_KEYRING")
    with pytest.raises(FetchError, match="no key of Debian's archive signed it"):
        make_root(parse_release("12"), "amd64")


def test_a_list_without_a_signature_is_refused(archive: Archive) -> None:
    archive.release.write_text("Codename: bookworm\n")
    with pytest.raises(FetchError, match="has no signature"):
        make_root(parse_release("12"), "amd64")


def test_a_refused_list_is_not_kept(archive: Archive) -> None:
    good = archive.release.read_bytes()
    archive.release.write_text("Codename: bookworm\n")
    with pytest.raises(FetchError):
        make_root(parse_release("12"), "amd64")
    archive.release.write_bytes(good)
    assert make_root(parse_release("12"), "amd64").glibc == (2, 36)


def test_another_release_in_its_place_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(make_archive(tmp_path / "archive", MINIMAL, codename="trixie"), monkeypatch)
    with pytest.raises(FetchError, match="it is of 'trixie'"):
        make_root(parse_release("12"), "amd64")


def test_an_index_or_a_package_that_was_changed_is_refused(archive: Archive) -> None:
    deb = archive.folder / "pool/dash_1.deb"
    deb.write_bytes(deb.read_bytes().replace(b"data.tar", b"Data.tar"))
    with pytest.raises(FetchError, match="its SHA-256 is not the one promised"):
        make_root(parse_release("12"), "amd64")


def test_an_architecture_that_a_release_lacks_is_told(archive: Archive) -> None:
    with pytest.raises(FetchError, match="for riscv64 in debian-12") as caught:
        make_root(parse_release("12"), "riscv64")
    assert caught.value.hint == "it has amd64"


def unpacked(tmp_path: Path, *debs: Deb) -> Path:
    files = []
    for number, deb in enumerate(debs):
        files.append(tmp_path / f"{number}-{deb.name}.deb")
        files[-1].write_bytes(deb.data())
    unpack_packages(files, tmp_path / "root")
    return tmp_path / "root"


def test_links_of_packages_stay_in_the_tree(tmp_path: Path) -> None:
    root = unpacked(
        tmp_path,
        Deb(
            name="a",
            members=[
                ("./etc/host", "/etc/hostname"),
                ("./etc/hostname", b"of the root"),
                ("./lib/a/up", "../../etc/hostname"),
                ("./bin/above", "../../../../../etc/hostname"),
            ],
        ),
    )
    for name in ("etc/host", "lib/a/up", "usr/lib/a/up", "bin/above"):
        path = root / name
        assert path.resolve() == root / "etc/hostname", name
        assert not path.readlink().is_absolute()


def test_links_below_links_stay_in_the_tree(tmp_path: Path) -> None:
    members = [
        ("./a/b/c", None),
        ("./d", "a/b/c"),
        ("./a/b/root", "/"),
        ("./d/up", "../../.."),
        ("./d/out", "../../../../../etc"),
        ("./e", "d/up/../.."),
    ]
    root = unpacked(tmp_path, Deb(name="a", members=members))
    leads = {name: (root / name).resolve() for name in ("a/b/root", "d/up", "d/out", "e")}
    assert leads == {
        "a/b/root": root,
        "d/up": root,
        "d/out": root / "etc",
        "e": root,
    }
    (tmp_path / "one").mkdir()
    again = Deb(name="b", members=[*members, ("./d/out/../../file", b"x")])
    with pytest.raises(ArchiveError, match="lies outside"):
        unpacked(tmp_path / "one", again)


def test_a_package_may_write_through_the_link_of_another(tmp_path: Path) -> None:
    root = unpacked(
        tmp_path,
        Deb(name="a", members=[("./opt/real", None), ("./opt/alias", "/opt/real")]),
        Deb(name="b", members=[("./opt/alias/file", b"x"), ("./opt/alias", None)]),
    )
    assert (root / "opt/real/file").read_bytes() == b"x"
    assert (root / "opt/alias").is_symlink()


def test_it_is_told_which_package_each_file_is_from(tmp_path: Path) -> None:
    debs = [
        Deb(name="a", members=[("./lib/a", b"a"), ("./lib/both", b"a"), ("./lib/link", "a")]),
        Deb(name="b", members=[("./usr/lib/both", b"b")]),
    ]
    files = [tmp_path / f"{deb.name}.deb" for deb in debs]
    for path, deb in zip(files, debs, strict=True):
        path.write_bytes(deb.data())
    root = tmp_path / "root"
    assert unpack_packages(files, root) == {
        root / "usr/lib/a": files[0],
        root / "usr/lib/both": files[1],
    }


def test_hard_links_are_made_inside(tmp_path: Path) -> None:
    link = tarfile.TarInfo("./bin/other")
    link.type, link.linkname = tarfile.LNKTYPE, "./bin/one"
    root = unpacked(tmp_path, Deb(name="a", members=[("./bin/one", b"x")], raw=[link]))
    assert (root / "usr/bin/other").samefile(root / "bin/one")


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


@pytest.mark.parametrize(
    ("members", "raw", "reason"),
    [
        ([("../evil", b"x")], [], "lies outside"),
        ([("./a/../../evil", b"x")], [], "lies outside"),
        ([], [special("./dev/sda", tarfile.BLKTYPE)], "neither a file"),
        ([], [special("./etc/x", tarfile.LNKTYPE, "/etc/passwd")], "no file before it"),
        ([], [special("./etc/x", tarfile.LNKTYPE, "../../etc/passwd")], "no file before it"),
        ([("./etc", None), ("./etc", b"x")], [], "is a folder"),
        ([("./a", "b"), ("./b", "a"), ("./a/c", b"x")], [], "itself|symbolic links"),
    ],
)
def test_what_leads_out_of_the_tree_is_refused(
    tmp_path: Path,
    members: list[tuple[str, bytes | str | None]],
    raw: list[tarfile.TarInfo],
    reason: str,
) -> None:
    deb = Deb(name="evil", members=members, raw=raw)
    with pytest.raises(ArchiveError, match=reason):
        unpacked(tmp_path, deb)
    assert not (tmp_path / "evil").exists()


def test_releases_go_by_number_and_by_codename() -> None:
    assert {parse_release(it) for it in ("debian-12", "12", "Bookworm", "debian-bookworm")} == {
        load_releases()["debian-12"]
    }
    with pytest.raises(ConfigError, match="no release 'debian-21'"):
        parse_release("debian-21")
    with pytest.raises(ConfigError) as caught:
        parse_release("bookwrm")
    assert caught.value.hint == "did you mean bookworm?"
    assert architecture("ppc64le") == "ppc64el"


def test_the_mirror_is_that_of_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert apt_mirror(tmp_path) is None
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    (folder / "a.list").write_text("deb https://example.org/other stable main\n")
    (folder / "debian.sources").write_text(
        "Types: deb\nURIs: https://mirror.example.org/debian/\nSuites: bookworm\n"
    )
    assert apt_mirror(tmp_path) == "https://mirror.example.org/debian/"
    (tmp_path / "sources.list").write_text(
        "deb [arch=amd64] http://ftp.example.org/debian sid main"
    )
    assert apt_mirror(tmp_path) == "http://ftp.example.org/debian"
    monkeypatch.setenv("SEALIFT_DEBIAN_MIRROR", "file:///srv/debian/")
    assert parse_release("12").mirror == "file:///srv/debian"


def test_security_updates_are_beside_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    security = parse_release("12").security()
    assert security
    assert (security.name, security.codename) == ("debian-12-security", "bookworm-security")
    for named, beside in (
        ("file:///srv/debian/", "file:///srv/debian-security"),
        (
            "https://example.org/archive/debian/20260501T000000Z",
            "/debian-security/20260501T000000Z",
        ),
        ("file:///srv/debian/other", "file:///srv/debian/other"),  # a place for both
    ):
        monkeypatch.setenv("SEALIFT_DEBIAN_MIRROR", named)
        assert security.mirror.endswith(beside)
    (tmp_path / "sources.list").write_text(
        "deb http://one.example.org/debian sid main\n"
        "deb http://two.example.org/debian-security sid-security main\n"
    )
    assert apt_mirror(tmp_path, "debian-security") == "http://two.example.org/debian-security"
    assert parse_release("sid").security() is None

"""Rust's library out of Debian's packages: the one that was built from the compiler's sources."""

from pathlib import Path

import pytest

from sealift.cross.rust_library import debian_compiler, debian_library
from sealift.errors import FetchError, ToolError
from sealift.owners import Owner
from sealift.target import load_targets
from tests.support.debian_archive import Deb, make_archive
from tests.support.tools import require_tool

TARGET, TRIPLE = load_targets()["linux-x86_64"], "x86_64-unknown-linux-gnu"
VERSION = "1.96.0+dfsg1-1~deb12u2"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_tool("gpgv")
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "cache"))


def library(version: str, name: str = "libstd-rust-web-dev") -> Deb:
    place = f"./usr/lib/rustlib/{TRIPLE}/lib"
    return Deb(
        name=name,
        version=version,
        fields={"Depends": "libstd-rust-web-1.96"},
        members=[(f"{place}/libstd-1.rlib", version.encode()), (f"{place}/libstd-1.so", "../x.so")],
    )


def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *debs: Deb) -> str:
    for name, value in make_archive(tmp_path / "archive", debs).environment.items():
        monkeypatch.setenv(name, value)
    folder = debian_library(compiler("rustc-web"), TARGET, TRIPLE)
    assert folder is not None
    return (folder / "libstd-1.rlib").read_text()


def compiler(name: str) -> Owner:
    return Owner(
        kind="deb", name=name, version=VERSION, arch="amd64", system="debian", distro="debian-12"
    )


@pytest.mark.parametrize(
    ("versions", "taken"),
    [
        (["1.95.0+dfsg1-1", "1.96.0+dfsg1-1~deb12u3", VERSION, "1.96.1+dfsg1-1"], VERSION),
        (["1.96.0+dfsg1-9", "1.96.0+dfsg1-10~deb13u1+b1"], "1.96.0+dfsg1-10~deb13u1+b1"),
    ],
)
def test_the_library_is_of_the_compiler_s_sources(
    versions: list[str], taken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [library(VERSION, "libstd-rust-dev"), *map(library, versions)]
    assert found(tmp_path, monkeypatch, *others) == taken


def test_one_of_other_sources_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not in this archive: so the others are asked, which are not there.
    with pytest.raises(FetchError, match="cannot download InRelease"):
        found(tmp_path, monkeypatch, library("1.96.1+dfsg1-1"))


def test_a_package_without_the_library_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = Deb(name="libstd-rust-web-dev", version=VERSION, members=[("./usr/lib/x", b"")])
    with pytest.raises(ToolError, match=f"has no library for {TRIPLE}"):
        found(tmp_path, monkeypatch, empty)


def test_debian_has_none_for_other_systems() -> None:
    for name in ("linux-x86_64-musl", "macos-arm64", "windows-x86_64"):
        assert debian_library(compiler("rustc"), load_targets()[name], "any") is None


def test_a_compiler_is_debian_s_where_a_package_has_it(tmp_path: Path) -> None:
    (tmp_path / "rustc").write_text("")
    assert debian_compiler(tmp_path / "rustc") is None
    assert debian_compiler(Path("/bin/sh")) is None

"""What a sysroot would be made of is known before: other packages make another one."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sealift.cross.sysroot import sysroot_key
from sealift.errors import FetchError
from sealift.target import load_targets
from tests.support.debian_archive import Archive, Deb, SourcePackage, make_archive

TARGET = load_targets()["linux-x86_64"]
FOO = Deb(name="libfoo-dev", fields={"Depends": "libfoo1"}, members=[("usr/include/f.h", b"1")])
FOO1 = Deb(name="libfoo1", members=[("usr/lib/libfoo.so.1", b"1")])
OTHER = Deb(name="libother-dev", members=[("usr/include/o.h", b"1")])
ZLIB = SourcePackage(name="zlib", orig=[("zlib.h", b"1")])

Asker = Callable[..., str]


@pytest.fixture
def key_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asker:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "cache"))

    def ask(
        debs: Sequence[Deb], sources: Sequence[SourcePackage] = (), *, floor: str | None = None
    ) -> str:
        archive = make_archive(tmp_path / str(len([*tmp_path.iterdir()])), debs, sources=sources)
        use(archive, monkeypatch)
        target = TARGET.with_floor(floor) if floor else TARGET
        return sysroot_key(["zlib"] if floor else ["libfoo-dev"], target)

    return ask


def use(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in archive.environment.items():
        monkeypatch.setenv(name, value)


def test_an_update_of_a_library_is_noticed_and_one_of_others_is_not(key_with: Asker) -> None:
    first = key_with([FOO, FOO1, OTHER])
    updated = Deb(name="libfoo1", version="2", members=[("usr/lib/libfoo.so.1", b"2")])
    assert key_with([FOO, updated, OTHER]) != first
    others = Deb(name="libother-dev", version="2", members=[("usr/include/o.h", b"2")])
    assert key_with([FOO, FOO1, others]) == first


def test_an_update_of_the_sources_is_noticed(key_with: Asker) -> None:
    first = key_with([FOO], [ZLIB], floor="2.17")
    patched = SourcePackage(name="zlib", version="1.0-2", orig=ZLIB.orig, debian=[("x", b"fix")])
    assert key_with([FOO], [patched], floor="2.17") != first
    assert key_with([OTHER], [ZLIB], floor="2.17") == first


def test_it_is_known_without_the_archive_once_it_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "cache"))
    archive = make_archive(tmp_path / "archive", [FOO, FOO1])
    use(archive, monkeypatch)
    first = sysroot_key(["libfoo-dev"], TARGET)
    for path in ("dists", "pool"):
        (archive.folder / path).rename(archive.folder / f"{path}-away")
    assert sysroot_key(["libfoo-dev"], TARGET) == first
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "empty"))
    with pytest.raises(FetchError):
        sysroot_key(["libfoo-dev"], TARGET)

"""Libraries are looked up as the loader does."""

import dataclasses
import struct
from pathlib import Path

import pytest

from sealift.binary.elf import ElfFacts, facts_of
from sealift.binary.view import View
from sealift.libraries import find_library, read_loader_cache, search_paths
from tests.support.elf_files import ElfSpec, make_elf

ASKER = facts_of(View(make_elf(ElfSpec()), "asker"))


@pytest.fixture(autouse=True)
def no_inherited_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)


def library(folder: Path, spec: ElfSpec) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "libsealift_test.so.1"
    path.write_bytes(make_elf(spec))
    return path


def find(*, rpaths: list[Path], search: list[Path]) -> Path | None:
    return find_library(
        "libsealift_test.so.1", asker=ASKER, rpaths=rpaths, search=[str(path) for path in search]
    )


def test_own_paths_come_before_the_system_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, env, last = (library(tmp_path / name, ElfSpec()) for name in ("own", "env", "last"))
    assert find(rpaths=[own.parent], search=[last.parent]) == own
    assert find(rpaths=[], search=[last.parent]) == last
    monkeypatch.setenv("LD_LIBRARY_PATH", f"relative:{env.parent}")
    assert find(rpaths=[], search=[last.parent]) == env


def test_libraries_of_another_machine_are_passed_over(tmp_path: Path) -> None:
    wrong = library(tmp_path / "wrong", ElfSpec(machine="aarch64"))
    damaged = library(tmp_path / "damaged", ElfSpec())
    damaged.write_bytes(damaged.read_bytes()[:70])
    right = library(tmp_path / "right", ElfSpec())
    folders = [wrong.parent, damaged.parent, tmp_path / "absent", right.parent]
    assert find(rpaths=folders, search=[]) == right
    assert find(rpaths=folders[:3], search=[]) is None


def test_origin_is_the_folder_of_the_asker() -> None:
    facts = ElfFacts(
        bits=64, endian="little", machine="x86_64", kind="DYN", flags=0,
        runpath=("$ORIGIN/../lib", "${ORIGIN}", "/opt/lib", "relative", "/opt/$LIB"),
    )  # fmt: skip
    assert search_paths(facts, Path("/a/b")) == [
        Path("/a/b/../lib"), Path("/a/b"), Path("/opt/lib"),
    ]  # fmt: skip


def test_in_another_system_nothing_of_this_machine_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    here = library(tmp_path / "usr/lib", ElfSpec())
    monkeypatch.setenv("LD_LIBRARY_PATH", str(here.parent))

    def find(soname: str = here.name, rpaths: tuple[str, ...] = ()) -> Path | None:
        facts = dataclasses.replace(ASKER, runpath=rpaths)
        own = search_paths(facts, root / "opt", root=root)
        search = [str(here.parent), "/usr/lib"]
        return find_library(soname, asker=facts, rpaths=own, search=search, root=root)

    assert find() is None
    there = library(root / "usr/lib", ElfSpec())
    assert find() == there
    assert find(f"/usr/lib/{here.name}") == there
    private = library(root / "opt/private", ElfSpec())
    assert find(rpaths=("/opt/private",)) == private
    assert find(rpaths=("$ORIGIN/private",)) == private
    assert find(rpaths=(str(here.parent),)) == there


def cache(*entries: tuple[bytes, bytes, int]) -> bytes:
    strings, rows = b"", b""
    start = 48 + 24 * len(entries)
    for name, path, hwcap in entries:
        rows += struct.pack(
            "=iIIIQ", 0x303, start + len(strings), start + len(strings) + len(name) + 1, 0, hwcap
        )
        strings += name + b"\0" + path + b"\0"
    return (
        b"glibc-ld.so.cache1.1"
        + struct.pack("=IIB3xI12x", len(entries), len(strings), 2, 0)
        + rows
        + strings
    )


def test_the_loader_cache_is_read_without_variants_for_newer_cpus(tmp_path: Path) -> None:
    path = tmp_path / "ld.so.cache"
    path.write_bytes(
        cache(
            (b"liba.so.1", b"/lib/glibc-hwcaps/x86-64-v3/liba.so.1", 1 << 62),
            (b"liba.so.1", b"/lib/liba.so.1", 0),
            (b"libb.so", b"/opt/libb.so", 0),
        )
    )
    assert read_loader_cache(path) == {
        "liba.so.1": ("/lib/liba.so.1",),
        "libb.so": ("/opt/libb.so",),
    }


@pytest.mark.parametrize("keep", [0, 10, 48, 60, 75])
def test_a_damaged_or_absent_cache_is_no_cache(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "ld.so.cache"
    assert read_loader_cache(path) == {}
    path = tmp_path / f"cut-{keep}"
    path.write_bytes(cache((b"liba.so.1", b"/lib/liba.so.1", 0))[:keep])
    assert read_loader_cache(path).get("liba.so.1") is None

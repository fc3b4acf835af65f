"""The content store keeps whole entries or none."""

import shutil
import threading
from pathlib import Path

import pytest

from sealift import store
from sealift.errors import OutputError


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "store"))


def test_an_entry_is_made_once() -> None:
    calls: list[Path] = []

    def make(path: Path) -> None:
        calls.append(path)
        path.write_text("x")

    assert store.make_entry("kind", "key", make) == store.make_entry("kind", "key", make)
    assert len(calls) == 1


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_text("half")
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        store.make_entry("kind", "key", fail)
    left = [p for p in (tmp_path / "store" / "build" / "kind").iterdir() if p.suffix != ".lock"]
    assert left == []


def test_no_space_is_told_with_the_remedy() -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError) as caught:
        store.make_entry("kind", "key", full)
    assert "No space left" in caught.value.message
    assert "SEALIFT_CACHE_DIR" in (caught.value.hint or "")


def test_digests_tell_parts_apart() -> None:
    assert store.digest_of("ab", "c") != store.digest_of("a", "bc")
    assert store.digest_of("a") == store.digest_of(b"a")


def test_usage_while_builds_come_and_go() -> None:
    scratch = store.store_root() / "scratch"
    stopped = threading.Event()

    def build() -> None:
        while not stopped.is_set():
            (scratch / "one/deep/er").mkdir(parents=True)
            (scratch / "one/deep/er/file").write_text("x")
            shutil.rmtree(scratch / "one")

    scratch.mkdir()
    builder = threading.Thread(target=build)
    builder.start()
    try:
        for _ in range(300):
            assert [used.kind for used in store.usage()] == ["scratch"]
    finally:
        stopped.set()
        builder.join()


def test_usage_and_clear() -> None:
    store.make_entry("wheels", "a", lambda path: path.write_bytes(b"12345"))
    store.make_entry("other", "b", lambda path: path.write_bytes(b"1"))
    assert [(used.kind, used.entries, used.size) for used in store.usage()] == [
        ("other", 1, 1),
        ("wheels", 1, 5),
    ]
    assert store.clear(("wheels",)) == 5
    assert [used.kind for used in store.usage()] == ["other"]


def test_an_unwritable_place_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "file" / "store"))
    with pytest.raises(OutputError, match="cannot make the cache folder"):
        store.store_root()

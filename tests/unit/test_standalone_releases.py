"""The table of standalone interpreters serves the targets it promises, each with a hash."""

import pytest

from sealift.config import Settings
from sealift.interpreters.standalone import (
    Release,
    StandaloneInterpreters,
    best_release,
    load_releases,
    remote,
)
from sealift.interpreters.unpacked import load_table
from sealift.target import load_targets

PROVIDER = StandaloneInterpreters()


@pytest.mark.parametrize("target", sorted({*load_table()["standalone"]} - {"linux-i686"}))
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14", "3.15"])
def test_each_target_has_each_feature_version(target: str, python: str) -> None:
    release = best_release(python, load_targets()[target])
    assert release is not None
    assert release.version.startswith(f"{python}.")
    assert not release.free_threaded
    assert len(release.sha256) == 64


def test_the_newest_patch_wins_and_a_full_version_is_honoured() -> None:
    target = load_targets()["linux-x86_64"]
    newest = best_release("3.13", target)
    assert newest is not None
    assert newest.order == max(
        release.order
        for release in load_releases()
        if (release.platform, release.arch) == ("linux", "x86_64")
        and release.version.startswith("3.13.")
        and not release.free_threaded
    )
    assert "install_only" in newest.url
    older = best_release("3.13.1", target)
    assert older is not None
    assert older.version == "3.13.1"


def test_free_threaded_builds_are_for_those_who_ask() -> None:
    release = best_release("3.14t", load_targets()["macos-arm64"])
    assert release is not None
    assert release.free_threaded
    assert "freethreaded" in release.url


@pytest.mark.parametrize(
    ("python", "target", "said"),
    [
        ("3.13", "linux-x86_64-musl", "with a known hash for linux-x86_64-musl"),
        ("3.13", "macos-universal2", "macos-arm64"),
        ("2.7", "linux-x86_64", "there is no 2.7 for linux-x86_64, only 3.11"),
        ("3.13.99", "windows-x86_64", "there is no 3.13.99"),
    ],
)
def test_a_refusal_says_what_there_is(python: str, target: str, said: str) -> None:
    reason = PROVIDER.refuses(python, load_targets()[target], Settings())
    assert reason is not None
    assert said in reason


def test_a_mirror_takes_the_place_of_the_releases_address() -> None:
    base = load_table()["releases"]
    release = Release("3.13.1", False, "linux", "x86_64", f"{base}/20250101/a%2Bb.tar.gz", "0" * 64)
    assert remote(release, None).url == release.url
    mirrored = remote(release, "http://127.0.0.1:8000/pbs/")
    assert mirrored.url == "http://127.0.0.1:8000/pbs/20250101/a%2Bb.tar.gz"
    assert mirrored.sha256 == release.sha256

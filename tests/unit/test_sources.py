"""Whether sources changed, and requirements files that are locks."""

import os
from pathlib import Path

import pytest

from sealift.buildhints import hint_for
from sealift.errors import LockError
from sealift.requirements import is_hashed, only_hashes_of
from sealift.sources import folder_digest
from tests.support.jobs import SHA256, lock, package


def project(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "src/app/é.py", "src/build/real.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")
    return tmp_path


def test_the_same_files_have_the_same_digest(tmp_path: Path) -> None:
    folder = project(tmp_path)
    before = folder_digest(folder)
    os.utime(folder / "pyproject.toml", (1, 1))
    assert before is not None
    assert folder_digest(folder) == before


@pytest.mark.parametrize("name", ["src/app/é.py", "src/build/real.py", "new.txt", "src/build/x"])
def test_a_change_changes_it(name: str, tmp_path: Path) -> None:
    folder = project(tmp_path)
    before = folder_digest(folder)
    (folder / name).write_text("x = 2\n")
    assert folder_digest(folder) != before


def test_a_mode_changes_it(tmp_path: Path) -> None:
    folder = project(tmp_path)
    before = folder_digest(folder)
    (folder / "src/app/é.py").chmod(0o755)
    assert folder_digest(folder) != before


@pytest.mark.parametrize(
    "name",
    [
        "build/lib/x.py",
        "dist/app.whl",
        ".venv/lib/x.py",
        "env/pyvenv.cfg",
        "cache/CACHEDIR.TAG",
        "src/app/__pycache__/x.pyc",
        ".mypy_cache/x",
        "app.egg-info/PKG-INFO",
        "node_modules/x.js",
    ],
)
def test_what_builds_leave_does_not_count(name: str, tmp_path: Path) -> None:
    folder = project(tmp_path)
    before = folder_digest(folder)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("x")
    assert folder_digest(folder) == before


def test_a_new_commit_or_tag_counts_for_versions_from_git(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / ".git/refs/tags").mkdir(parents=True)
    (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
    before = folder_digest(folder)
    (folder / ".git/refs/tags/v1").write_text("0123\n")
    tagged = folder_digest(folder)
    assert tagged != before
    (folder / ".git/index").write_text("")
    assert folder_digest(folder) == tagged


def test_sources_outside_have_no_digest(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "pyproject.toml").write_text('readme = "../README.md"\n')
    assert folder_digest(folder) is None


def hashed(tmp_path: Path, text: str) -> Path:
    (tmp_path / "requirements.txt").write_text(text)
    return tmp_path / "requirements.txt"


@pytest.mark.parametrize(
    ("text", "is_lock"),
    [
        (f"a==1 --hash=sha256:{SHA256}\n", True),
        (f"# comment\n--index-url x\na==1 ; x \\\n  --hash=sha256:{SHA256}\n", True),
        (f"a==1 --hash=sha256:{SHA256}\nb==2\n", False),
        ("a==1\n", False),
        ("", False),
        ("--index-url x\n", False),
    ],
)
def test_a_lock_has_a_hash_for_everything(text: str, is_lock: bool, tmp_path: Path) -> None:  # noqa: FBT001
    assert is_hashed(hashed(tmp_path, text)) is is_lock


def test_only_files_with_promised_hashes_stay(tmp_path: Path) -> None:
    locked = lock(package("a", "py3-none-any", "cp313-cp313-win32", sdist=True))
    (found,) = only_hashes_of(hashed(tmp_path, f"A==1.0 --hash=sha256:{SHA256}"), locked).packages
    assert found.wheels is not None
    assert len(found.wheels) == 2
    with pytest.raises(LockError, match="no file of a has a hash that it names"):
        only_hashes_of(hashed(tmp_path, f"a==1.0 --hash=sha256:{'1' * 64}"), locked)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("x.c:1:10: fatal error: libpq-fe.h: No such file or directory", "libpq-dev"),
        ("x.c:1:10: fatal error: 'openssl/ssl.h' file not found", "libssl-dev"),
        ("x.c:1:10: fatal error: own/thing.h: No such file or directory", "own/thing.h"),
        ("/usr/bin/ld: cannot find -lpq: No such file or directory", "libpq-dev"),
        ("Error: pg_config executable not found.", "libpq-dev"),
        ("Could not run curl-config: [Errno 2] No such file or directory: 'curl-config'", "curl"),
        ("error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory", "build-ess"),
        ("/bin/sh: 1: swig: not found", "apt install swig"),
        ("Package 'libffi', required by 'virtual:world', not found", "libffi-dev"),
        ("error: can't find Rust compiler; cargo is not found on PATH", "cargo"),
        ("x.c:5:1: fatal error: Python.h: No such file or directory", "python3-dev"),
    ],
)
def test_what_a_build_lacks_is_guessed(line: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(f"running build_ext\n{line}\ncompilation terminated.\n")
    assert hint in (hint_for(tmp_path / "log") or "")


def test_nothing_is_guessed_from_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("KeyError: 'x'\n")
    assert hint_for(tmp_path / "log") is None
    assert hint_for(tmp_path / "gone") is None


def test_a_header_of_another_system_is_no_matter_of_packages(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("a.h:9:10: fatal error: 'curl/curl.h' file not found\n")
    told = hint_for(log, platform="win-amd64") or ""
    assert told.startswith("the header curl/curl.h is not among those that zig has for Windows")
    assert "SDKROOT" not in told
    for platform in ("macosx-11.0-arm64", "macos-arm64"):
        told = hint_for(log, platform=platform) or ""
        assert "for macOS: name the folder of Apple's SDK by the variable SDKROOT" in told
    assert "--library" in (hint_for(log, platform="linux-aarch64") or "")
    log.write_text("/bin/sh: pg_config: not found\n")
    assert hint_for(log, platform="win-amd64") is None
    log.write_text("error: there is no framework Metal to link with: Apple's SDK, …\n")
    told = hint_for(log, platform="macosx-11.0-arm64") or ""
    assert told.startswith("the framework Metal is not among those that zig has for macOS")


def test_what_only_is_called_like_a_cache_or_an_output_counts(tmp_path: Path) -> None:
    folder = project(tmp_path)
    for name in ("src/app/disk_cache/a.py", "src/app/venv/a.py", "site/__init__.py"):
        before = folder_digest(folder)
        (folder / name).parent.mkdir()
        (folder / name).write_text("")
        assert folder_digest(folder) != before, name


def test_a_link_to_a_folder_elsewhere_leaves_no_digest(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder = project(tmp_path / "one")
    (folder / "src/again").symlink_to("app")
    assert folder_digest(folder) is not None
    (folder / "src/more").symlink_to("../../elsewhere")
    assert folder_digest(folder) is None

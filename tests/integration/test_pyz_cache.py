"""The folder that application zips unpack to: private, mended, in a place that can be trusted."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import sealift.pyz_boot
from tests.support.tools import require_root, require_tool
from tests.support.zips import HELLO, make_zip


def inodes(tree: Path) -> dict[Path, int]:
    """Which file each name is: a file that is written again becomes another."""
    return {path: path.lstat().st_ino for path in tree.rglob("*") if not path.is_dir()}


def content(tree: Path) -> dict[Path, tuple[int, bytes]]:
    """Mode and bytes of all files but the listing, which tells their times."""
    return {
        path: (path.stat().st_mode, path.read_bytes())
        for path in tree.rglob("*")
        if path.is_file() and path.name != ".sealift"
    }


def test_is_unpacked_once_into_a_private_folder(tmp_path: Path) -> None:
    made = make_zip(HELLO, tmp_path)
    assert made.run().stdout == "hello\n"
    (tree,) = made.trees
    assert (made.cache.stat().st_mode & 0o777, tree.stat().st_mode & 0o777) == (0o700, 0o700)
    before = inodes(tree)
    assert made.run().stdout == "hello\n"
    assert made.trees == [tree]
    assert inodes(tree) == before


def flip_a_byte(path: Path) -> None:
    """Change it and keep size and times, as a failing disk or a careless tool does."""
    times = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def become_a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


HARMS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "missing": ("app.py", Path.unlink),
    "truncated": ("app.py", lambda path: os.truncate(path, 3)),
    "edited": ("app.py", lambda path: path.write_text(HELLO.replace("e", "@"))),
    "flipped source": ("app.py", flip_a_byte),
    "flipped code": ("app.cpython-313.pyc", flip_a_byte),
    "unreadable": ("app.py", lambda path: path.chmod(0)),
    "linked": ("METADATA", become_a_link),
    "listing": (".sealift", lambda path: path.write_bytes(b"(")),
    "settings": ("pyvenv.cfg", Path.unlink),
    "python": ("python", Path.unlink),
}


@pytest.mark.parametrize("harm", HARMS)
def test_damage_is_healed(tmp_path: Path, harm: str) -> None:
    made = make_zip(HELLO, tmp_path)
    made.run()
    (tree,) = made.trees
    right = content(tree)
    name, do = HARMS[harm]
    (path,) = tree.rglob(name)
    do(path)
    done = made.run()
    assert (done.stdout, done.stderr) == ("hello\n", "")
    found = content(tree)
    assert {path: found[path] for path in right} == right
    before = inodes(tree)
    made.run()
    assert inodes(tree) == before, "it is right now"


def test_what_was_only_copied_is_not_written_again(tmp_path: Path) -> None:
    made = make_zip(HELLO, tmp_path)
    made.run()
    (tree,) = made.trees
    shutil.copytree(tree, tmp_path / "copy", symlinks=True)
    shutil.rmtree(tree)
    (tmp_path / "copy").rename(tree)
    before = inodes(tree)
    made.run()
    noted = inodes(tree)
    assert {path for path in before if noted[path] != before[path]} == {tree / ".sealift"}
    made.run()
    assert inodes(tree) == noted


def test_disk_that_cannot_be_written_to_serves(tmp_path: Path) -> None:
    made = make_zip("import sys\n\ndef main(): print(sys.prefix)\n", tmp_path)
    made.run()
    (tmp_path / "sitecustomize.py").write_text(
        "import os\n"
        "def refuse(*a, **k): raise OSError(30, 'Read-only file system')\n"
        "os.utime = os.mkdir = os.rename = refuse\n"
    )
    (tree,) = made.trees
    assert made.run(env={"PYTHONPATH": str(tmp_path)}).stdout == f"{tree}\n"


def test_place_may_be_named(tmp_path: Path) -> None:
    made = make_zip(HELLO, tmp_path)
    made.run(env={"SEALIFT_CACHE_DIR": str(tmp_path / "named")})
    assert (tmp_path / "named/pyz").is_dir()
    made.run(env={"XDG_CACHE_HOME": str(tmp_path / "xdg")})
    assert (tmp_path / "xdg/sealift/pyz").is_dir()
    assert not (made.home / ".cache").exists()


def test_place_that_others_can_change_is_not_used(tmp_path: Path) -> None:
    made = make_zip(HELLO, tmp_path)
    loose = tmp_path / "loose"
    loose.mkdir()
    loose.chmod(0o777)
    assert made.run(env={"XDG_CACHE_HOME": str(loose)}).stdout == "hello\n"
    assert list(loose.iterdir()) == []
    assert len(made.trees) == 1
    made.cache.chmod(0o755)
    done = made.run(env={"XDG_CACHE_HOME": str(tmp_path / "xdg")})
    assert done.stdout == "hello\n"
    assert (tmp_path / "xdg/sealift/pyz").is_dir()


def test_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    made = make_zip(HELLO, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    cache = tmp_path / "xdg"
    cache.mkdir()
    (cache / "sealift").symlink_to(tmp_path / "elsewhere")
    made.run(env={"XDG_CACHE_HOME": str(cache)})
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert len(made.trees) == 1


def test_folder_of_another_user_is_not_used(tmp_path: Path) -> None:
    require_root()
    made = make_zip(HELLO, tmp_path)
    cache = tmp_path / "xdg"
    (cache / "sealift").mkdir(parents=True, mode=0o700)
    os.chown(cache / "sealift", 12345, 12345)
    assert made.run(env={"XDG_CACHE_HOME": str(cache)}).stdout == "hello\n"
    assert list((cache / "sealift").iterdir()) == []
    assert len(made.trees) == 1


def test_without_any_place_all_are_named_with_the_reason(tmp_path: Path) -> None:
    made = make_zip(HELLO, tmp_path)
    # As a Python that finds every folder refused: nothing can be made anywhere.
    trap = tmp_path / "sitecustomize.py"
    trap.write_text(
        "import os\n"
        "def refuse(*a, **k): raise OSError(30, 'Read-only file system')\n"
        "os.mkdir = os.makedirs = os.lstat = refuse\n"
    )
    done = made.run(env={"PYTHONPATH": str(tmp_path), "SEALIFT_CACHE_DIR": "relative"})
    assert done.returncode == 1
    assert done.stderr.startswith("app: cannot find a place to unpack to\n")
    assert "  relative: it is not an absolute path\n" in done.stderr
    for place in (made.home / ".cache", "/var/tmp", "/tmp", "/dev/shm"):
        assert f"  {place}: Read-only file system\n" in done.stderr
    assert "hint: set SEALIFT_CACHE_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_places_are_trusted_in_a_user_namespace() -> None:
    require_root()
    boot = Path(sealift.pyz_boot.__file__).read_text(encoding="utf-8")
    done = subprocess.run(
        [
            require_tool("setpriv"), "--reuid=12345", "--regid=12345", "--clear-groups",
            require_tool("unshare"), "--user", "--map-user=1000",
            "/usr/bin/python3", "-c", f"{boot}\nprint(check_trusted('/var/tmp').st_uid != 0)",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "True\n", done.stderr

"""The cache of single files: made once, kept right, tidied."""

import os
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xxhash

from tests.support.launched import (
    FAILED,
    answer,
    environment,
    single_file,
    single_file_version,
    start,
    static_file,
    tree_of,
    trees,
)
from tests.support.tools import require_namespaces, require_tool

USE_EVERYTHING = "import json, decimal, _sealift; print(json.dumps(str(decimal.Decimal(2))))"
ORIGINALS: dict[str, bytes] = {}


def content(tree: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of all files of a tree but the stamp."""
    return {
        path.relative_to(tree).as_posix(): (path.stat().st_mode & 0o7777, path.read_bytes())
        for path in tree.rglob("*")
        if path.is_file() and path.name != ".stamp"
    }


def edit_stamp(tree: Path, edit: Callable[[bytearray], None]) -> None:
    """Change the stamp and make its checksum right again."""
    data = bytearray((tree / ".stamp").read_bytes())
    edit(data)
    struct.pack_into("<Q", data, 24, xxhash.xxh64_intdigest(bytes(data[32:])))
    (tree / ".stamp").write_bytes(data)


def test_the_tree_is_private_and_complete(tmp_path: Path) -> None:
    tree = tree_of(single_file(), tmp_path)
    for folder in (tmp_path / "apps", tree, tree / "lib"):
        assert folder.stat().st_mode & 0o777 == 0o700
    files = content(tree)
    assert files["bin/python3.13"][0] == 0o755
    assert single_file().read_bytes().startswith(files["bin/python3.13"][1])
    assert len(list((tmp_path / "apps").iterdir())) == 2, "the tree and its lock"


def test_an_odd_umask_changes_nothing(tmp_path: Path) -> None:
    for mask in ("0777", "0000"):
        cache = tmp_path / mask
        cache.mkdir()
        shell = f'umask {mask}; exec "$0" "$@"'
        done = start(single_file(), "eval", USE_EVERYTHING, cache=cache, prefix=("sh", "-c", shell))
        assert done.stdout == b'"2"\n'
        (tree,) = trees(cache)
        assert tree.stat().st_mode & 0o777 == 0o700


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x40
    path.write_bytes(data)


def flip_a_byte_and_keep_the_times(path: Path) -> None:
    before = path.stat()
    flip_a_byte(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def become_a_folder(path: Path) -> None:
    path.unlink()
    (path / "deep" / "er").mkdir(parents=True)


def become_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def become_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def lose_its_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def have_a_file_for_a_folder(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text("")


def become_writable(path: Path) -> None:
    path.chmod(0o666)


HARM = [
    Path.unlink, flip_a_byte, flip_a_byte_and_keep_the_times, cut, become_a_folder, become_a_link,
    become_a_pipe, lose_its_folder, have_a_file_for_a_folder, become_writable,
]  # fmt: skip


HARMED = [
    pytest.param(harm, name, id=f"{harm.__name__}-{name}")
    for harm in HARM
    for name in ("image.sealift", "lib/libpython3.13.so.1.0", "bin/python3.13")
    # Harm to the folder of a file needs one below the root.
    if "folder" not in harm.__name__ or "/" in name or "become" in harm.__name__
]


@pytest.mark.parametrize(("harm", "name"), HARMED)
def test_what_is_harmed_is_mended(harm: Callable[[Path], None], name: str, tmp_path: Path) -> None:
    tree = tree_of(single_file(), tmp_path)
    before = content(tree)
    harm(tree / name)
    assert answer(single_file(), USE_EVERYTHING, cache=tmp_path) == '"2"'
    assert content(tree) == before
    stamped = (tree / ".stamp").read_bytes()
    assert answer(single_file(), USE_EVERYTHING, cache=tmp_path) == '"2"'
    assert (tree / ".stamp").read_bytes() == stamped, "it was checked once"


def half_files(tree: Path) -> list[str]:
    return sorted(path.name for path in tree.glob(".*") if path.name != ".stamp")


def test_what_killed_menders_left_goes_but_nothing_that_lives(tmp_path: Path) -> None:
    tree = tree_of(single_file(), tmp_path)
    living = tree / ".mend.3.0123456789abcdef"
    for name in (
        ".mend.1.0123456789abcdef",
        ".stamp.0123456789abcdef",
        ".stamp.2.0123456789abcdef",
    ):
        (tree / name).write_text("half")
    living.write_text("half")
    (tree / ".mend.other").write_text("not ours")
    (tree / "lib" / ".mend.1.0123456789abcdef").write_text("not ours")
    flip_a_byte(tree / "image.sealift")
    with subprocess.Popen(["flock", living, "cat"], stdin=subprocess.PIPE) as holder:
        time.sleep(0.2)
        assert answer(single_file(), USE_EVERYTHING, cache=tmp_path) == '"2"'
        assert half_files(tree) == [".mend.3.0123456789abcdef", ".mend.other"]
        holder.communicate()
    assert (tree / "lib" / ".mend.1.0123456789abcdef").exists()


def test_menders_do_not_disturb_each_other(tmp_path: Path) -> None:
    variables = shim("slow_namer", tmp_path)
    tree = tree_of(single_file(), tmp_path)
    before = content(tree)
    for name in ("image.sealift", "bin/python3.13", "lib/libpython3.13.so.1.0"):
        flip_a_byte(tree / name)
    assert answers_at_once(6, USE_EVERYTHING, tmp_path, variables) == {(b'"2"\n', b"", 0)}
    assert content(tree) == before


def test_a_mended_program_can_be_started_at_once(tmp_path: Path) -> None:
    variables = shim("slow_namer", tmp_path)
    python = tree_of(single_file(), tmp_path) / "bin" / "python3.13"
    whole = python.read_bytes()
    flip_a_byte(python)
    with subprocess.Popen([single_file()], env=environment(tmp_path, variables)) as mender:
        while python.read_bytes() != whole:
            time.sleep(0.005)
        assert start(python, "-c", "print(1)", cache=None).stdout == b"1\n"
    assert mender.returncode == 0


def test_a_killed_mender_leaves_nothing(tmp_path: Path) -> None:
    variables = shim("slow_namer", tmp_path)
    tree = tree_of(single_file(), tmp_path)
    before = content(tree)
    flip_a_byte(tree / "image.sealift")
    with subprocess.Popen([single_file()], env=environment(tmp_path, variables)) as mender:
        while not half_files(tree):
            time.sleep(0.005)
        mender.kill()
    assert len(half_files(tree)) == 1
    assert answer(single_file(), USE_EVERYTHING, cache=tmp_path) == '"2"'
    assert content(tree) == before


@pytest.mark.parametrize("offset", [0xFFFFFFFF, 100_000])
def test_a_stamp_that_points_outside_is_none(offset: int, tmp_path: Path) -> None:
    tree = tree_of(single_file(), tmp_path)
    edit_stamp(tree, lambda data: struct.pack_into("<I", data, 256 + 32, offset))
    done = start(tree / "bin/python3.13", "-c", "print(1)", cache=None)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"1\n", b"")


@pytest.mark.parametrize("size", [0, 100, 5000, -1])
def test_a_damaged_stamp_is_written_again(size: int, tmp_path: Path) -> None:
    tree = tree_of(single_file(), tmp_path)
    stamp = tree / ".stamp"
    whole = stamp.read_bytes()
    flip_a_byte(tree / "image.sealift")
    if size < 0:
        stamp.unlink()
    else:
        stamp.write_bytes(whole[:size])
    assert answer(single_file(), USE_EVERYTHING, cache=tmp_path) == '"2"'
    assert len(stamp.read_bytes()) == len(whole)


def test_after_a_reboot_everything_is_checked_once_and_is_durable(tmp_path: Path) -> None:
    tree = tree_of(single_file(), tmp_path)
    before = content(tree)
    image = tree / "image.sealift"
    flip_a_byte(image)

    def another_boot(data: bytearray) -> None:
        # The times fit, as after a crash that lost the content but not the inode.
        found, at = image.stat(), 256
        count = struct.unpack_from("<I", data, 8)[0]
        paths = 256 + 40 * count
        while data[paths + struct.unpack_from("<I", data, at + 32)[0] :][:13] != b"image.sealift":
            at += 40
        struct.pack_into("<qq", data, at, found.st_mtime_ns, found.st_ctime_ns)
        data[64:100] = b"0" * 36

    edit_stamp(tree, another_boot)
    assert answer(single_file(), USE_EVERYTHING, cache=tmp_path) == '"2"'
    assert content(tree) == before
    assert struct.unpack_from("<I", (tree / ".stamp").read_bytes(), 12)[0] == 1


def test_python_in_the_tree_says_what_is_missing(tmp_path: Path) -> None:
    tree = tree_of(single_file(), tmp_path)
    flip_a_byte(tree / "image.sealift")
    done = start(tree / "bin/python3.13", "-c", "1", cache=None)
    assert done.returncode == FAILED
    assert done.stderr.decode() == (
        "python3.13: cannot start: image.sealift is missing or changed\n"
        "hint: start the program once to mend it\n"
    )


def answers_at_once(
    number: int, statements: str, cache: Path, extra: dict[str, str] | None = None
) -> set[tuple[Any, ...]]:
    """What so many starts at the same time print, and how they end."""
    running = [
        subprocess.Popen(
            [single_file(), "eval", statements],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(cache, extra),
        )
        for _ in range(number)
    ]  # fmt: skip
    return {(*process.communicate(), process.returncode) for process in running}


def shim(name: str, folder: Path) -> dict[str, str]:
    """The variable that puts ``tests/support/<name>.c`` before the C library."""
    source, library = Path(__file__).parents[1] / f"support/{name}.c", folder / f"{name}.so"
    subprocess.run(
        [require_tool("cc"), "-shared", "-fPIC", source, "-ldl", "-o", library], check=True
    )
    return {"LD_PRELOAD": str(library)}


def test_a_hundred_first_starts_at_once(tmp_path: Path) -> None:
    assert answers_at_once(100, USE_EVERYTHING, tmp_path) == {(b'"2"\n', b"", 0)}
    assert len(trees(tmp_path)) == 1
    assert len(list((tmp_path / "apps").iterdir())) == 2, "the tree and its lock"


def test_a_tree_is_everybodys_from_the_moment_it_has_its_name(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    variables = shim("slow_namer", tmp_path) | {"XDG_CACHE_HOME": str(other)}
    code = "import _sealift; print(_sealift.root)"
    answers = answers_at_once(8, code, one, variables)
    (tree,) = trees(one)
    assert answers == {(f"{tree}\n".encode(), b"", 0)}
    assert not other.exists()


def test_first_starts_without_locks_are_right_too(tmp_path: Path) -> None:
    tree = tree_of(single_file(), tmp_path)
    lock = tmp_path / "apps" / f".{tree.name}.lock"
    shutil.rmtree(tree)
    lock.unlink()
    lock.mkdir()  # cannot be opened for writing, as where locks do not work
    assert answers_at_once(10, USE_EVERYTHING, tmp_path) == {(b'"2"\n', b"", 0)}
    assert trees(tmp_path) == [tree]


def test_killed_first_starts_leave_nothing_wrong(tmp_path: Path) -> None:
    program = static_file()
    for delay in (0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04):
        process = subprocess.Popen(
            [program, "eval", "1"], env=environment(tmp_path), stderr=subprocess.DEVNULL
        )
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        shutil.copytree(tmp_path, tmp_path.with_name("copy"), dirs_exist_ok=True, symlinks=True)
    for tree in trees(tmp_path):
        shutil.rmtree(tree)
    leftover = tmp_path / "apps" / ".static-1.0-0123456789abcdef.1.0123456789abcdef"
    (leftover / "lib").mkdir(parents=True)
    (leftover / "lib" / "link").symlink_to(tmp_path.parent)
    assert answer(program, USE_EVERYTHING, cache=tmp_path) == '"2"'
    assert len(list((tmp_path / "apps").iterdir())) == 2, "leftovers are gone"
    assert tmp_path.parent.exists()


def test_a_stopped_first_start_does_not_lose_its_work(tmp_path: Path) -> None:
    base = tmp_path / "apps"
    tree_of(single_file(), tmp_path)
    (tree,) = trees(tmp_path)
    shutil.rmtree(tree)
    half_made = base / f".{tree.name}.77.0123456789abcdef"
    half_made.mkdir(0o700)
    with subprocess.Popen(["flock", half_made, "cat"], stdin=subprocess.PIPE) as holder:
        time.sleep(0.2)
        assert answer(single_file(), USE_EVERYTHING, cache=tmp_path) == '"2"'
        assert half_made.exists()
        holder.communicate()


def test_a_full_disk_goes_on_to_the_next_place_and_leaves_nothing(tmp_path: Path) -> None:
    require_namespaces()
    script = f"""
        mount -t tmpfs -o size=1m,mode=700 x {tmp_path}/small &&
        "$0" eval "import _sealift; print(_sealift.root)" &&
        find {tmp_path}/small -mindepth 1
    """
    for name in ("small", "big"):
        (tmp_path / name).mkdir()
    done = start(
        single_file(), cache=tmp_path / "small", env={"XDG_CACHE_HOME": str(tmp_path / "big")},
        prefix=("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script),
    )  # fmt: skip
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith(f"{tmp_path}/big/")
    assert {line.rpartition("/")[2].rpartition(".")[2] for line in lines[1:]} == {"apps", "lock"}


def test_a_disk_that_does_not_tell_its_size_is_used(tmp_path: Path) -> None:
    require_namespaces()
    unlimited = tmp_path / "unlimited"
    unlimited.mkdir()
    script = f'mount -t tmpfs -o size=0,mode=700 x {unlimited} && exec "$0" eval "$1"'
    done = start(
        single_file(), "import _sealift; print(_sealift.root)", cache=unlimited,
        env={"XDG_CACHE_HOME": str(tmp_path / "other")},
        prefix=("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script),
    )  # fmt: skip
    assert done.stdout.decode().startswith(f"{unlimited}/apps/"), done.stderr


def test_a_write_that_fails_midway_leaves_nothing(tmp_path: Path) -> None:
    done = start(
        single_file(), "eval", "import _sealift; print(_sealift.root)", cache=tmp_path / "a",
        env={"XDG_CACHE_HOME": str(tmp_path / "b")},
        prefix=("sh", "-c", 'ulimit -f 2000; exec "$0" "$@"'),
    )  # fmt: skip
    assert done.returncode == FAILED
    assert done.stderr.count(b": cannot write ") >= 2
    assert b"File too large" in done.stderr
    left = [path.name for name in "ab" for path in (tmp_path / name).rglob("*") if path.is_file()]
    assert all(name.endswith(".lock") for name in left)


def test_nowhere_to_write_names_every_place_and_reason(tmp_path: Path) -> None:
    require_namespaces()
    script = """
        mount --bind /tmp /tmp && mount -o remount,ro,bind /tmp || exit 1
        for place in /var/tmp /dev/shm /mnt; do mount -t tmpfs -o ro x $place || exit 1; done
        cp "$0" /tmp/.. 2>/dev/null; exec "$0"
    """
    home = tmp_path / "home"
    home.mkdir()
    (home / ".cache").write_text("a file")
    done = start(
        single_file(), cache=Path("relative"), env={"HOME": str(home), "XDG_CACHE_HOME": "/mnt/c"},
        prefix=("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script),
    )  # fmt: skip
    assert done.returncode == FAILED
    lines = done.stderr.decode().splitlines()
    assert lines[0].endswith("cannot start: it found no place for its files")
    assert lines[1] == "  relative: the path is not absolute"
    assert [line.split(":")[0].strip() for line in lines[2:-1]] == [
        "/mnt/c", f"{home}/.cache", "/var/tmp", "/tmp", "/dev/shm",
    ]  # fmt: skip
    assert "Read-only file system" in lines[4]
    assert lines[-1].startswith("hint: set SEALIFT_CACHE_DIR to a folder")


def test_a_read_only_cache_that_is_complete_serves(tmp_path: Path) -> None:
    require_namespaces()
    tree_of(single_file(), tmp_path)
    script = (
        f'mount --bind {tmp_path} {tmp_path} && mount -o remount,ro,bind {tmp_path} && "$0" "$@"'
    )
    done = start(
        single_file(), "eval", USE_EVERYTHING, cache=tmp_path,
        prefix=("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b'"2"\n'), done.stderr


def used_before(tree: Path, seconds: int) -> None:
    then = time.time() - seconds
    os.utime(tree / ".stamp", (then, then))


def test_old_versions_go_but_not_those_in_use(tmp_path: Path) -> None:
    running_one, *others = [single_file_version(f"1.{number}") for number in range(5)]
    code = "import time; print('ready', flush=True); time.sleep(60)"
    with subprocess.Popen(
        [running_one, "eval", code], stdout=subprocess.PIPE, env=environment(tmp_path)
    ) as running:
        assert running.stdout
        running.stdout.readline()
        used_before(trees(tmp_path)[0], 5000)
        for number, version in enumerate(others):
            used_before(tree_of(version, tmp_path), 1000 - number)
        assert [tree.name[:7] for tree in trees(tmp_path)] == [
            "app-1.0", "app-1.2", "app-1.3", "app-1.4",
        ]  # fmt: skip
        running.kill()
    tree_of(single_file_version("1.5"), tmp_path)
    assert [tree.name[:7] for tree in trees(tmp_path)] == ["app-1.3", "app-1.4", "app-1.5"]


def test_a_tree_that_was_made_again_meanwhile_is_not_deleted(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    (old, *others) = [tree_of(single_file_version(f"1.{number}"), cache) for number in range(3)]
    for age, tree in enumerate((*others, old)):
        used_before(tree, 1000 + age)
    done = subprocess.run(
        [single_file_version("1.3")], cwd=tmp_path, capture_output=True, check=False,
        env=environment(cache, shim("quick_rival", tmp_path)),
    )  # fmt: skip
    assert done.stdout == b"started\n", done.stderr
    assert (tmp_path / "gone" / "image.sealift").exists(), "the rival was there"
    assert old.is_dir()


def test_the_collector_tidies_what_it_keeps(tmp_path: Path) -> None:
    tree = tree_of(single_file_version("1.0"), tmp_path)
    (tree / ".mend.1.0123456789abcdef").write_text("half")
    tree_of(single_file_version("1.1"), tmp_path)
    assert half_files(tree) == []


def test_use_is_noted_once_a_day(tmp_path: Path) -> None:
    tree = tree_of(single_file(), tmp_path)
    for age, noted in ((3600, False), (100_000, True)):
        used_before(tree, age)
        before = (tree / ".stamp").stat().st_mtime
        tree_of(single_file(), tmp_path)
        assert ((tree / ".stamp").stat().st_mtime > before) is noted


def test_products_with_alike_names_do_not_collect_each_other(tmp_path: Path) -> None:
    from tests.support.interpreters import shared_interpreter
    from tests.support.launched import MAIN
    from tests.support.single_files import write_single_file

    def product(name: str, version: str) -> Path:
        out = tmp_path / f"{name}{version}"
        files = {"data.txt": version.encode()}
        return write_single_file(
            out, shared_interpreter(), MAIN, name=name, version=version, files=files
        )

    cache = tmp_path / "cache"
    for version in "1234":
        tree_of(product("tool-box", version), cache)
    for version in "1234":
        tree_of(product("tool", version), cache)
    names = [tree.name.rpartition("-")[0] for tree in trees(cache)]
    assert len([name for name in names if name.startswith("tool-box")]) == 3
    assert len([name for name in names if not name.startswith("tool-box")]) == 3


def test_a_scratch_folder_that_is_deleted_before_it_is_locked_is_made_again(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    variables = shim("fast_cleaner", tmp_path) | {"XDG_CACHE_HOME": str(cache)}
    root = "import _sealift; print(_sealift.root)"
    found = answer(single_file_version("5.0"), root, cache=None, env=variables)
    assert Path(found).parent == cache / "sealift" / "apps"

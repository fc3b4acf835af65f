"""Starts of application zips that meet: at once, killed, stopped, and while others are deleted."""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.zips import HELLO, Zip, app_image, make_zip, zip_of

# Unpacking takes a while, so that it can be met.
BULK = {f"bulk/{number}.txt": b"%d " % number * 500 for number in range(3000)}
KEY = "0123456789abcdef"


@pytest.fixture
def bulky(tmp_path: Path) -> Zip:
    return zip_of([app_image(HELLO, tmp_path, BULK)], tmp_path)


def scratch(made: Zip) -> list[Path]:
    """What is being unpacked at the moment, or was when its process died."""
    return list(made.cache.glob("*.new"))


def left(made: Zip) -> list[str]:
    """What else there is than trees and their locks."""
    known = {name for tree in made.trees for name in (tree.name, f"{tree.name}.lock")}
    return sorted({path.name for path in made.cache.iterdir()} - known)


def answers(starts: list[subprocess.Popen[str]]) -> list[tuple[str, str]]:
    return [start.communicate(timeout=120) for start in starts]


def stop(start: subprocess.Popen[str]) -> None:
    """Stop a process, if it has not ended, and wait until it has stopped."""
    start.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, start.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


def unpacks(start: subprocess.Popen[str]) -> bool:
    """Whether this is the process that fills, or deletes, a scratch folder."""
    try:
        opened = [path.readlink() for path in Path(f"/proc/{start.pid}/fd").iterdir()]
    except OSError:
        return False
    return any(part.endswith(".new") for path in opened for part in path.parts)


def stopped_while_unpacking(
    made: Zip, count: int, spoil: Callable[[], object]
) -> list[subprocess.Popen[str]]:
    """Starts at once, all of which were stopped when one was in the midst of unpacking.

    ``spoil`` makes that there is something to unpack.
    """
    for _ in range(20):
        spoil()
        starts = [made.start() for _ in range(count)]
        while not any(map(unpacks, starts)) and any(start.poll() is None for start in starts):
            time.sleep(0.001)
        for start in starts:
            stop(start)
        if any(map(unpacks, starts)):
            return starts
        for start in starts:  # it was too fast
            start.send_signal(signal.SIGCONT)
        answers(starts)
    pytest.fail("unpacking could not be met")


def make_idle(tree: Path) -> None:
    os.utime(tree / ".sealift", (time.time() - 60 * 86400,) * 2)


@contextmanager
def locked(folder: Path, kind: int) -> Iterator[None]:
    """Lock a folder as a running start or one that deletes does."""
    opened = os.open(folder, os.O_RDONLY)
    fcntl.flock(opened, kind)
    try:
        yield
    finally:
        os.close(opened)


def test_killed_starts_leave_nothing_while_an_old_version_is_deleted(
    tmp_path: Path, bulky: Zip
) -> None:
    (tmp_path / "old").mkdir()
    old = replace(make_zip(HELLO, tmp_path / "old"), home=bulky.home)
    assert old.run().stdout == "hello\n"
    (old_tree,) = old.trees
    make_idle(old_tree)

    def forget() -> None:
        for tree in {*bulky.trees} - {old_tree, *scratch(bulky)}:
            shutil.rmtree(tree)

    for _ in range(2):
        starts = stopped_while_unpacking(bulky, 8, forget)
        for start in starts:
            start.kill()
        answers(starts)
        assert scratch(bulky), "killed in the midst"
    starts = stopped_while_unpacking(bulky, 8, forget)
    (maker,) = filter(unpacks, starts)
    maker.kill()
    for start in starts:
        start.send_signal(signal.SIGCONT)
    survivors = [start for start in starts if start is not maker]
    assert answers(survivors) == [("hello\n", "")] * 7
    maker.communicate()
    assert answers([bulky.start() for _ in range(8)]) == [("hello\n", "")] * 8
    (tree,) = bulky.trees
    assert tree != old_tree
    assert left(bulky) == []


def test_repair_that_was_killed_leaves_nothing(bulky: Zip) -> None:
    bulky.run()
    (tree,) = bulky.trees
    right = {path for path in tree.rglob("*") if "__pycache__" not in path.parts}
    (bulk,) = tree.rglob("bulk")
    (repairer,) = stopped_while_unpacking(bulky, 1, lambda: shutil.rmtree(bulk))
    repairer.kill()
    answers([repairer])
    assert answers([bulky.start() for _ in range(4)]) == [("hello\n", "")] * 4
    assert {path for path in tree.rglob("*") if "__pycache__" not in path.parts} == right
    assert left(bulky) == []


def test_many_first_starts_at_once_make_one_tree(tmp_path: Path) -> None:
    made = make_zip(HELLO, tmp_path)
    assert answers([made.start() for _ in range(24)]) == [("hello\n", "")] * 24
    assert len(made.trees) == 1
    assert left(made) == []


def test_stopped_start_holds_up_no_other(bulky: Zip) -> None:
    (first,) = stopped_while_unpacking(bulky, 1, lambda: shutil.rmtree(bulky.cache, True))
    second = bulky.run()
    assert second.stdout == "hello\n"
    (tree,) = (path for path in bulky.trees if path not in scratch(bulky))
    assert second.stderr == (
        f"the process that unpacks {tree} has stopped; unpacking without waiting for it\n"
    )
    assert bulky.run().stderr == ""
    first.send_signal(signal.SIGCONT)
    assert answers([first]) == [("hello\n", "")]
    assert bulky.trees == [tree]
    assert left(bulky) == []


def test_start_that_found_another_place_holds_up_no_other(tmp_path: Path) -> None:
    made = make_zip("def main():\n    print('hello', flush=True)\n    input()\n", tmp_path)
    xdg = {"XDG_CACHE_HOME": str(tmp_path / "xdg")}
    (tmp_path / "sitecustomize.py").write_text(
        "import os\n"
        "rename = os.rename\n"
        "def full(old, new):\n"
        "    if '/xdg/' in new: raise OSError(28, 'No space left on device')\n"
        "    rename(old, new)\n"
        "os.rename = full\n"
    )
    with made.start(env={**xdg, "PYTHONPATH": str(tmp_path)}) as elsewhere:
        assert elsewhere.stdout
        assert elsewhere.stdout.readline() == "hello\n"
        done = made.run(env=xdg, input="\n")
        elsewhere.communicate("\n")
    assert (done.stdout, done.stderr) == ("hello\n", "")
    assert len(made.trees) == 1


def test_version_that_is_started_while_it_is_deleted_is_unpacked_again(bulky: Zip) -> None:
    bulky.run()
    (tree,) = bulky.trees
    dead = tree.with_name(f"{tree.name}.{KEY[:12]}.new")
    with locked(tree, fcntl.LOCK_EX):
        (start,) = stopped_while_unpacking(bulky, 1, lambda: None)
        tree.rename(dead)
    start.send_signal(signal.SIGCONT)
    assert answers([start]) == [("hello\n", "")]
    assert bulky.trees == [tree, dead]
    assert bulky.run().stdout == "hello\n"


def no_locks(folder: Path) -> dict[str, str]:
    """What makes Python find that a disk has no locks."""
    (folder / "sitecustomize.py").write_text(
        "import fcntl\n"
        "def refuse(*a, **k): raise OSError(37, 'No locks available')\n"
        "fcntl.flock = refuse\n"
    )
    return {"PYTHONPATH": str(folder)}


def test_without_locks_the_renaming_decides(tmp_path: Path, bulky: Zip) -> None:
    environment = no_locks(tmp_path)
    starts = [bulky.start(env=environment) for _ in range(8)]
    assert answers(starts) == [("hello\n", "")] * 8
    assert len(bulky.trees) == 1
    assert left(bulky) == []


def test_without_locks_only_what_is_old_is_taken_for_dead(tmp_path: Path) -> None:
    made = make_zip(HELLO, tmp_path)
    made.run()
    (tree,) = made.trees
    dead, alive = (tree.with_name(f"{tree.name}.{name * 12}.new") for name in "ab")
    for path in (dead, alive):
        path.mkdir()
    os.utime(dead, (time.time() - 7200,) * 2)
    idle = tree.with_name(f"app-0.1-{KEY}-cp313-{KEY}")
    shutil.copytree(tree, idle, symlinks=True)
    make_idle(idle)
    shutil.rmtree(tree)
    assert made.run(env=no_locks(tmp_path)).stdout == "hello\n"
    assert made.trees == sorted([idle, tree, alive])


def test_what_nobody_has_is_deleted_when_another_version_comes(tmp_path: Path) -> None:
    made = make_zip(HELLO, tmp_path)
    made.run()
    (tree,) = made.trees
    idle, running, recent, extra, other = (
        made.cache / f"{name}-{KEY}-cp313-{KEY}"
        for name in ("app-0.1", "app-0.2", "app-0.3", "app-extra-0.1", "other-0.1")
    )
    for path in (idle, running, recent, extra, other):
        shutil.copytree(tree, path, symlinks=True)
        path.with_name(f"{path.name}.lock").touch()
        if path != recent:
            make_idle(path)
    dead, alive, foreign = (
        path.with_name(f"{path.name}.{letter * 12}.new")
        for path, letter in ((recent, "a"), (recent, "b"), (extra, "c"))
    )
    for path in (dead, alive, foreign):
        shutil.copytree(tree, path, symlinks=True)
    orphan = made.cache / f"app-0.4-{KEY}-cp313-{KEY}.lock"
    orphan.touch()
    shutil.rmtree(tree)
    with locked(running, fcntl.LOCK_SH), locked(alive, fcntl.LOCK_EX):
        made.run()
    assert made.trees == sorted([tree, running, recent, extra, other, alive, foreign])
    assert left(made) == []

"""What the launcher refuses to trust."""

import os
import secrets
import shutil
from pathlib import Path

import pytest

from tests.support.launched import (
    FAILED,
    answer,
    folder_program,
    scratch,
    single_file,
    single_file_version,
    start,
    tree_of,
)
from tests.support.tools import require_namespaces, require_root, require_tool

ROOT = "import _sealift; print(_sealift.root)"
NOBODY = 65534


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """A good second place."""
    (tmp_path / "elsewhere").mkdir()
    return {"XDG_CACHE_HOME": str(tmp_path / "elsewhere")}


def passed_over(place: Path, elsewhere: dict[str, str]) -> bool:
    """Whether the tree went to the second place and nothing into the first."""
    before = sorted(place.rglob("*"))
    root = answer(single_file(), ROOT, cache=place, env=elsewhere)
    assert sorted(place.rglob("*")) == before
    return root.startswith(elsewhere["XDG_CACHE_HOME"])


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
@pytest.mark.parametrize("part", ["above", "above/place"])
def test_folders_that_others_can_write(
    part: str, mode: int, tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    place = tmp_path / "above" / "place"
    place.mkdir(parents=True)
    (tmp_path / part).chmod(mode)
    assert passed_over(place, elsewhere)


def test_sticky_folders_are_shared_safely(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    place.chmod(0o1777)
    root = answer(single_file(), ROOT, cache=place)
    assert root.startswith(f"{place}/sealift-{os.geteuid()}/apps/")


def test_our_own_folder_may_be_no_link_no_file_and_open_to_nobody(
    tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    place, target = tmp_path / "place", tmp_path / "target"
    place.mkdir()
    target.mkdir(mode=0o700)
    (place / "apps").symlink_to(target)
    assert passed_over(place, elsewhere)
    assert not list(target.iterdir())
    (place / "apps").unlink()
    (place / "apps").write_text("")
    assert passed_over(place, elsewhere)
    (place / "apps").unlink()
    (place / "apps").mkdir()
    (place / "apps").chmod(0o750)
    assert passed_over(place, elsewhere)


def test_a_place_behind_a_link_is_used_by_its_real_name(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    assert answer(single_file(), ROOT, cache=tmp_path / "link").startswith(str(real / "apps"))


def test_folders_of_other_users(tmp_path: Path, elsewhere: dict[str, str]) -> None:
    require_root()
    place = tmp_path / "place"
    (place / "apps").mkdir(parents=True)
    os.chown(place / "apps", NOBODY, NOBODY)
    assert passed_over(place, elsewhere)
    os.chown(place / "apps", 0, 0)
    os.chown(place, NOBODY, NOBODY)
    assert passed_over(place, elsewhere)


def test_without_a_home_the_password_entry_tells_it(tmp_path: Path) -> None:
    require_namespaces()
    require_root()
    home = Path.home()
    script = f'mount -t tmpfs -o mode=700 x {home} && unset HOME && exec "$0" eval "{ROOT}"'
    done = start(
        single_file(), cache=None, prefix=("unshare", "--mount", "sh", "-c", script),
    )  # fmt: skip
    assert done.stdout.decode().startswith(f"{home}/.cache/sealift/apps/"), done.stderr


def test_other_users_have_their_own() -> None:
    require_root()
    require_tool("setpriv")
    home = scratch() / "home of nobody"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    # A version of its own: a tree that an earlier run left in a shared place would serve as well.
    done = start(
        single_file_version(f"own-{secrets.token_hex(4)}"), "eval", ROOT,
        cache=None, env={"HOME": str(home)},
        prefix=("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    )  # fmt: skip
    tree = Path(done.stdout.decode().strip())
    assert tree.parent == home / ".cache" / "sealift" / "apps"
    assert tree.stat().st_uid == NOBODY


def test_set_user_id_programs_ignore_what_the_environment_names(tmp_path: Path) -> None:
    require_root()
    require_tool("setpriv")
    program = scratch() / "set-user-id"
    shutil.copy2(single_file(), program)
    program.chmod(0o4755)
    evil = tmp_path / "evil"
    evil.mkdir()
    os.chown(evil, NOBODY, NOBODY)
    home = Path.home()
    script = (
        f"mount -t tmpfs -o mode=700 x {home} && exec setpriv --reuid={NOBODY} --regid={NOBODY} "
        '--clear-groups "$0" eval "$1"'
    )
    code = "import os, _sealift; print(os.getuid(), os.geteuid(), _sealift.root)"
    names = ("HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")
    done = start(
        program, code, cache=evil, env=dict.fromkeys(names, str(evil)),
        prefix=("unshare", "--mount", "sh", "-c", script),
    )  # fmt: skip
    program.unlink()
    words = done.stdout.decode().split()
    assert words[:2] == [str(NOBODY), "0"], done.stderr
    assert words[2].startswith(f"{home}/.cache/sealift/apps/")
    assert not list(evil.iterdir())


def test_set_user_id_programs_without_proc_open_no_path_they_were_started_by() -> None:
    require_root()
    require_tool("setpriv")
    program = scratch() / "set-user-id"
    shutil.copy2(single_file(), program)
    hidden = "mount -t tmpfs x /proc && "
    own = f'exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups "$0" eval "$1"'
    for mode, status in ((0o755, 0), (0o4755, FAILED)):
        program.chmod(mode)
        done = start(
            program,
            "print('ran')",
            cache=None,
            prefix=("unshare", "--mount", "sh", "-c", hidden + own),
        )
        assert done.returncode == status, done.stderr
        assert (b"its own file" in done.stderr) == (status == FAILED)
    program.unlink()


PARTS = [
    ".", "bin", "bin/python3.13", "image.sealift", "lib", "lib/libpython3.13.so.1.0",
    "lib/python3.13", "lib/python3.13/lib-dynload",
]  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_python_refuses_a_tree_that_others_can_change(mode: int, part: str, tmp_path: Path) -> None:
    tree = tree_of(single_file(), tmp_path)
    (tree / ".stamp").unlink()
    (tree / part).chmod(mode)
    done = start(tree / "bin" / "python3.13", "-c", "print(1)", cache=None)
    assert (done.returncode, done.stdout) == (FAILED, b"")
    assert b"others can write to" in done.stderr
    assert b"chmod" in done.stderr


def test_a_part_of_a_folder_is_no_link(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(folder_program().parent, folder)
    (folder / "lib").rename(tmp_path / "lib")
    (folder / "lib").symlink_to(tmp_path / "lib")
    done = start(folder / "app", cache=None)
    assert done.returncode == FAILED
    assert done.stderr.decode() == f"app: cannot start: {folder}/lib is a link\n"


@pytest.mark.parametrize(("mode", "status"), [(0o755, 0), (0o1777, 0), (0o777, FAILED)])
def test_a_set_user_id_folder_lies_where_others_cannot_put_another(
    mode: int, status: int, tmp_path: Path
) -> None:
    require_root()
    require_tool("setpriv")
    above = scratch() / f"above-{mode:o}"
    shutil.copytree(folder_program().parent, above / "folder")
    above.chmod(mode)
    prefix = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    app = above / "folder" / "app"
    assert start(app, cache=None, prefix=prefix).returncode == 0, "with the user's own rights"
    app.chmod(0o4755)
    done = start(app, cache=None, prefix=prefix)
    assert done.returncode == status, done.stderr
    if status:
        assert f"others can write to {above}\n" in done.stderr.decode()


def test_a_folder_of_another_owner_runs_but_not_parts_of_it(tmp_path: Path) -> None:
    require_root()
    folder = tmp_path / "folder"
    shutil.copytree(folder_program().parent, folder)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    assert start(folder / "app", cache=None).stdout == b"started\n"
    os.chown(folder / "image.sealift", 1234, 1234)
    done = start(folder / "app", cache=None)
    assert done.returncode == FAILED
    assert b"image.sealift belongs to user 1234" in done.stderr


def test_no_variable_tells_the_root_or_the_mode(tmp_path: Path) -> None:
    tree = tree_of(single_file(), tmp_path)
    alone = tmp_path / "alone" / "bin" / "python3.13"
    alone.parent.mkdir(parents=True)
    shutil.copy2(tree / "bin" / "python3.13", alone)
    done = start(
        alone, "-c", "print(1)", cache=None,
        env={"SEALIFT_ROOT": str(tree), "_SEALIFT_ROOT": str(tree), "PYTHONHOME": str(tree)},
    )  # fmt: skip
    assert done.returncode == FAILED
    assert b"it has no content" in done.stderr

"""Copies of sources: what links lead to comes along, and git takes them for work trees."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sealift import process
from sealift.sources import Sources, folder_digest
from tests.support.tools import require_tool
from tests.unit.test_sources import project


def test_a_copy_has_what_links_lead_to(tmp_path: Path) -> None:
    folder = project(tmp_path / "one")
    (tmp_path / "LICENSE").write_text("free")
    (folder / "LICENSE").symlink_to("../LICENSE")
    (folder / "inside").symlink_to("src/app")
    with Sources(folder=folder).opened("test-links", copied=True) as copied:
        assert copied != folder
        assert (copied / "LICENSE").read_text() == "free"
        assert (copied / "inside").readlink() == Path("src/app")


def repository(folder: Path) -> Path:
    project(folder)
    for command in (["init"], ["add", "."], ["commit", "-m", "x"], ["tag", "v1.5"]):
        git(folder, *command)
    return folder


def git(folder: Path, *command: str) -> str:
    user = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    return process.run([require_tool("git"), *user, "-c", "protocol.file.allow=always", *command],
                       cwd=folder, action="try git")  # fmt: skip


def beside(tmp_path: Path) -> Path:
    git(repository(tmp_path / "one"), "worktree", "add", "../beside")
    return tmp_path / "beside"


def submodule(tmp_path: Path) -> Path:
    repository(tmp_path / "inner")
    git(repository(tmp_path / "one"), "submodule", "add", "../inner", "sub")
    git(tmp_path / "one/sub", "fetch", "--tags")
    return tmp_path / "one/sub"


@pytest.mark.parametrize(
    "make",
    [lambda path: repository(path / "one"), beside, submodule],
    ids=["first", "beside", "sub"],
)
def test_git_takes_a_copy_for_a_work_tree(make: Callable[[Path], Path], tmp_path: Path) -> None:
    folder = make(tmp_path)
    index = git(folder, "rev-parse", "--path-format=absolute", "--git-path", "index").strip()
    before, digest = Path(index).stat().st_mtime_ns, folder_digest(folder)
    with Sources(folder=folder).opened("test-git", copied=True) as copied:
        assert copied != folder
        assert git(copied, "rev-parse", "--show-toplevel").strip() == str(copied)
        assert git(copied, "describe", "--dirty", "--tags").strip() == "v1.5"
        (copied / "pyproject.toml").write_text("x = 2\n")
        assert git(copied, "describe", "--dirty", "--tags").strip() == "v1.5-dirty"
    assert Path(index).stat().st_mtime_ns == before
    git(folder, "tag", "release/2")
    assert folder_digest(folder) not in {digest, None}


def test_a_commit_has_its_tags_and_submodules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submodule(tmp_path)
    one = tmp_path / "one"
    git(one, "commit", "-m", "more")
    commit = git(one, "rev-parse", "HEAD").strip()
    git(one, "reset", "--hard", "v1.5")  # now it is on no branch
    for name, value in (("KEY_0", "protocol.file.allow"), ("VALUE_0", "always"), ("COUNT", "1")):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    location = f"git+{one.as_uri()}@{commit}#subdirectory=sub"
    with Sources(commit=location).opened("test-commit") as folder:
        assert (folder / "src/app/é.py").is_file()
        told = git(folder.parent, "describe", "--tags").strip()
    assert told == f"v1.5-1-g{commit[:7]}"

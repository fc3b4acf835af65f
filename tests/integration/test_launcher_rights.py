"""Lists of rights of macOS, as the launcher's own code judges them on a system that has none."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from sealift.launcher import compile as compiling
from tests.support.tools import require_tool

SUPPORT = Path(__file__).parents[1] / "support"
SOURCES = Path(compiling.__file__).parent
OTHERS = "its list of rights lets others write to the file"


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rights") / "rights"
    subprocess.run(
        [
            require_tool("cc"), "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
            "-I", SOURCES, "-isystem", SUPPORT / "darwin",
            SUPPORT / "rights.c", SOURCES / "acl_macos.c", SOURCES / "message.c", "-o", out,
        ],
        check=True,
    )  # fmt: skip
    return out


def said(judge: Path, path: Path, error: int, *entries: str) -> str:
    done = subprocess.run(
        [judge, path, str(error), *entries], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("error", [errno.ENOENT, errno.EOPNOTSUPP])
def test_a_file_without_a_list_is_trusted(judge: Path, error: int) -> None:
    assert said(judge, Path(__file__), error) == ""


@pytest.mark.parametrize("error", [errno.EIO, errno.EPERM, errno.ENOMEM])
def test_a_list_that_cannot_be_read_is_not_trusted(judge: Path, error: int) -> None:
    reason = f"cannot read the list of rights of the file: {os.strerror(error)}"
    assert said(judge, Path(__file__), error) == reason


def test_a_file_that_cannot_be_opened_is_not_trusted(judge: Path, tmp_path: Path) -> None:
    assert said(judge, tmp_path / "none", 0) == "cannot open the file: No such file or directory"
    (tmp_path / "link").symlink_to(__file__)
    assert said(judge, tmp_path / "link", 0).startswith("cannot open the file: ")


@pytest.mark.parametrize("entry", ["aws", "awr", "aro", "ar?", "dwo", "d??"])
def test_entries_that_do_no_harm(judge: Path, entry: str) -> None:
    assert said(judge, Path(__file__), 0, entry) == ""
    assert said(judge, Path(__file__), 0, entry, "awo") == OTHERS


@pytest.mark.parametrize("entry", ["awo", "aw?", "a?o", "?wo", "???"])
def test_entries_that_give_others_rights_or_cannot_be_told(judge: Path, entry: str) -> None:
    assert said(judge, Path(__file__), 0, entry) == OTHERS
    assert said(judge, Path(__file__), 0, "dwo", "aws", entry) == OTHERS

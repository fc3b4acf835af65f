"""Which Pythons a project can be locked for."""

from pathlib import Path

import pytest

from sealift import resolve
from sealift.errors import LockError
from sealift.project import load_project

TEXT = '[project]\nname = "x"\nversion = "1"\nrequires-python = "{}"\n'


@pytest.mark.parametrize("wanted", ["==3.13.0", "<=3.13.2", ">=3.13.5", "==3.13.*", "~=3.11", ""])
def test_one_release_that_fits_is_enough(wanted: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(TEXT.format(wanted))
    resolve._check_python(load_project(str(tmp_path)), "3.13")


@pytest.mark.parametrize("wanted", ["<3.13", ">=3.14", "==3.12.7", "!=3.13.*"])
def test_a_project_that_takes_no_release_is_refused(wanted: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(TEXT.format(wanted))
    with pytest.raises(LockError, match=r"requires Python .*, and 3\.13 is to be shipped"):
        resolve._check_python(load_project(str(tmp_path)), "3.13")

"""Provider debian: what it refuses without a network, and which packages it takes."""

import shutil
from pathlib import Path

import pytest

from sealift.config import Settings
from sealift.errors import FetchError, InterpreterError
from sealift.interpreters.debian import DebianInterpreters, select_interpreter
from sealift.target import load_targets
from tests.support.debian_archive import Deb, make_archive
from tests.support.tools import require_tool

PROVIDER = DebianInterpreters()
HERE = load_targets()["linux-x86_64"]
PYTHON = "3.11.2-6+deb12u8"
DEBS = (
    Deb(
        name="libpython3.11",
        version=PYTHON,
        fields={"Depends": "libc6 (>= 2.36), libpython3.11-stdlib, zlib1g, media-types"},
    ),
    Deb(name="libpython3.11-dev", version=PYTHON, fields={"Depends": "libexpat1-dev, zlib1g-dev"}),
    Deb(name="libpython3.11-stdlib", version=PYTHON, fields={"Depends": "libbz2-1.0, python3"}),
    Deb(name="python3-tk", fields={"Depends": "python3, libtk8.6, tk8.6-blt2.5, blt"}),
    *(Deb(name=name) for name in ("libgcc-s1", "libbz2-1.0", "libtk8.6", "tk8.6-blt2.5")),
    Deb(name="zlib1g", fields={"Depends": "libc6"}),
    Deb(name="libtk9.0"),
)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    require_tool("gpgv")
    made = make_archive(tmp_path / "archive", DEBS)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "cache"))
    return made.folder


@pytest.mark.parametrize(
    ("python", "target", "said"),
    [
        ("3.12", "linux-riscv64", "Debian has no 3.12 for linux-riscv64, only 3.13 of debian-13"),
        ("3.11", "linux-riscv64", "Debian has no 3.11 for linux-riscv64, only 3.13 of debian-13"),
        ("3.13t", "linux-aarch64", "no 3.13t for linux-aarch64, only 3.11 of debian-12, 3.13"),
        ("3.13", "linux-aarch64-musl", "Debian's interpreters are for Linux with glibc"),
        ("3.13", "windows-x86_64", "Debian's interpreters are for Linux with glibc"),
    ],
)
def test_a_refusal_says_what_there_is(python: str, target: str, said: str) -> None:
    reason = PROVIDER.refuses(python, load_targets()[target], Settings())
    assert reason is not None
    assert said in reason
    with pytest.raises(InterpreterError, match=f"cannot take CPython {python} from Debian"):
        PROVIDER.find(python, load_targets()[target], Settings())


def test_without_gpgv_nothing_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    reason = PROVIDER.refuses("3.13", load_targets()["linux-armv7l"], Settings())
    assert reason == "there is no gpgv, which checks Debian's signature (apt install gpgv)"


def test_the_libraries_that_python_needs_come_along_and_nothing_else(archive: Path) -> None:
    selection = select_interpreter("3.11", HERE)
    assert [package.name for package in selection.packages] == [
        "libbz2-1.0", "libgcc-s1", "libpython3.11", "libpython3.11-dev", "libpython3.11-stdlib",
        "libtk8.6", "python3-tk", "tk8.6-blt2.5", "zlib1g",
    ]  # fmt: skip
    assert selection.version("libpython3.11") == PYTHON
    # The index is read once.
    for path in archive.rglob("Packages.xz"):
        path.unlink()
    assert select_interpreter("3.11", HERE) == selection


def test_a_patch_that_the_release_does_not_have_is_told_before_it_is_downloaded(
    archive: Path,
) -> None:
    shutil.rmtree(archive / "pool")
    with pytest.raises(InterpreterError, match=r"from Debian: debian-12 has 3\.11\.2"):
        PROVIDER.find("3.11.9", HERE, Settings())
    with pytest.raises(FetchError, match="cannot download"):
        PROVIDER.find("3.11.2", HERE, Settings())


def test_packages_without_an_interpreter_in_them_are_refused(archive: Path) -> None:
    assert (archive / "pool").is_dir()
    with pytest.raises(InterpreterError, match="it has no _sysconfigdata"):
        PROVIDER.find("3.11", HERE, Settings())

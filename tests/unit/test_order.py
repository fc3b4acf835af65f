"""When a wheel that was made is found again, and when it is not."""

import sys
from pathlib import Path

import pytest

from sealift.backend import BuildPython
from sealift.building import make_wheel
from sealift.errors import BuildError
from sealift.order import Order, made_once
from sealift.sources import Sources
from sealift.target import current_target
from sealift.wheel import make_wheel as write

PYTHON = BuildPython(program=Path(sys.executable), version="3.13.0")


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "cache"))


def order(sources: Sources, name: str = "app", version: str | None = "1.0") -> Order:
    target = current_target()
    return Order(name=name, version=version, sources=sources, target=target, python=PYTHON)


def made(wanted: Order, *, name: str = "app", version: str = "1.0") -> Path:
    return made_once(wanted, (), lambda out, _: write(name, version, {}, out=out))


def reaching_out(folder: Path) -> Sources:
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nreadme = "../README.md"\n')
    return Sources(folder=folder)


def test_projects_whose_changes_cannot_be_told_are_told_apart(tmp_path: Path) -> None:
    one = made(order(reaching_out(tmp_path / "one")))
    other = made(order(reaching_out(tmp_path / "other")))
    assert one != other
    assert one.is_file()


def test_projects_of_one_name_do_not_write_into_one_log(tmp_path: Path) -> None:
    logs = {order(reaching_out(tmp_path / name)).log for name in ("one", "other")}
    assert len(logs) == 2


def test_the_time_that_builds_are_told_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = order(Sources(archive=tmp_path / "app-1.0.tar.gz", sha256="0" * 64))
    before = made(wanted)
    assert made(wanted) == before
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert made(wanted) != before


@pytest.mark.parametrize(
    ("name", "version"), [("other", "1.0"), ("app", "0.1.dev0"), ("unknown", "0.0.0")]
)
def test_another_release_than_that_of_the_sdist_is_refused(
    name: str, version: str, tmp_path: Path
) -> None:
    wanted = order(Sources(archive=tmp_path / "app-1.0.tar.gz", sha256="0" * 64))
    with pytest.raises(BuildError, match=f"of app-1.0: it is {name}-{version}-py3") as caught:
        made(wanted, name=name, version=version)
    assert "[tool.sealift.build.app]" in (caught.value.hint or "")
    assert made(wanted, version="1.0.0").is_file()


def test_an_order_of_a_damaged_build_system_is_refused(tmp_path: Path) -> None:
    for text in ("build-system = 3", "[build-system]\nrequires = 'setuptools'"):
        (tmp_path / "pyproject.toml").write_text(text)
        with pytest.raises(BuildError, match=r"pyproject\.toml is no "):
            make_wheel(order(Sources(folder=tmp_path)))

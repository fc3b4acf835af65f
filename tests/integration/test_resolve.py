"""Locks are honoured, or made with uv from an index on this machine."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.pylock import Pylock

from sealift import store
from sealift.credentials import keyring_login
from sealift.errors import LockError, OutputError
from sealift.fetch import Remote, fetch
from sealift.lockfile import load_lock
from sealift.project import load_project
from sealift.resolve import indexes_of, lock, save_lock
from sealift.tools import UV
from tests.support.index import Index, serve_index
from tests.support.jobs import package
from tests.support.sdists import project_files, write_project, write_sdist
from tests.support.wheels import honest_wheel, write_zip

PYTHON = "3.13"


@pytest.fixture(autouse=True)
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Files of an index: an app with a dependency on Windows and an extra."""
    folder = tmp_path / "files"
    requires = ["base>=1", "colour; sys_platform == 'win32'", "more; extra == 'x'"]
    honest_wheel(folder, "app", "2.0", requires=requires)
    honest_wheel(folder, "base", "1.0")
    honest_wheel(folder, "base", "1.5")
    honest_wheel(folder, "colour")
    honest_wheel(folder, "more")
    return folder


@pytest.fixture
def index(files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with serve_index(files) as served:
        monkeypatch.setenv("UV_DEFAULT_INDEX", served.url)
        yield served


def versions(found: Pylock) -> dict[str, str]:
    return {package.name: str(package.version) for package in found.packages}


def test_a_requirement_is_locked_for_every_machine(index: Index) -> None:
    found = lock(load_project("app"), python=PYTHON)
    assert versions(found) == {"app": "2.0", "base": "1.5", "colour": "1.0"}
    markers = {str(package.name): str(package.marker) for package in found.packages}
    assert markers["colour"] == 'sys_platform == "win32"'
    assert all(package.wheels for package in found.packages)


def test_extras_of_a_requirement_are_locked(index: Index) -> None:
    assert "more" in versions(lock(load_project("app[x]"), python=PYTHON))


def test_a_resolution_is_used_again_for_a_day(index: Index, files: Path, tmp_path: Path) -> None:
    first = lock(load_project("app"), python=PYTHON)
    asked = len(index.asked)
    honest_wheel(files, "base", "1.9")
    assert lock(load_project("app"), python=PYTHON) == first
    assert len(index.asked) == asked
    assert versions(lock(load_project("app"), python=PYTHON, update=True))["base"] == "1.9"
    honest_wheel(files, "base", "1.10")
    (stored,) = (store.store_root() / "locks").iterdir()
    os.utime(stored, (1, 1))
    assert versions(lock(load_project("app"), python=PYTHON))["base"] == "1.10"


def test_without_a_network_the_last_resolution_is_used(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve_index(files) as served:
        monkeypatch.setenv("UV_DEFAULT_INDEX", served.url)
        first = lock(load_project("app"), python=PYTHON)
    (stored,) = (store.store_root() / "locks").iterdir()
    os.utime(stored, (1, 1))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "other"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    assert lock(load_project("app"), python=PYTHON) == first
    assert "cannot be reached" in capsys.readouterr().err
    with pytest.raises(LockError) as caught:
        lock(load_project("base"), python=PYTHON)
    assert caught.value.message.startswith("cannot lock base: http://127.0.0.1:")
    assert caught.value.message.endswith("/simple/base/ cannot be reached: nothing answers there")
    assert "is the address of the index right" in (caught.value.hint or "")


def test_an_index_on_an_unknown_host_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://index.invalid/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(LockError) as caught:
        lock(load_project("app"), python=PYTHON)
    place, _, reason = caught.value.message.partition(" cannot be reached: ")
    assert place == "cannot lock app: https://index.invalid/simple/app/"
    assert reason in {"nobody knows a host of that name", "names cannot be looked up now"}


def test_what_uv_warns_of_is_passed_on(index: Index, capsys: pytest.CaptureFixture[str]) -> None:
    lock(load_project("app[nope]"), python=PYTHON)
    assert "does not have an extra named `nope`" in capsys.readouterr().err


def test_what_cannot_be_met_is_told_in_uvs_words(index: Index) -> None:
    with pytest.raises(LockError, match="cannot lock nosuch: no set of versions fits") as caught:
        lock(load_project("nosuch"), python=PYTHON)
    assert "nosuch was not found" in " ".join(caught.value.details)
    assert "is the name right" in (caught.value.hint or "")
    with pytest.raises(LockError, match="no set of versions fits") as caught:
        lock(load_project("base>7"), python=PYTHON)
    assert "base>7" in " ".join(caught.value.details)


def folder(tmp_path: Path, more: str = "", *, dependencies: str = '"app"') -> Path:
    files = project_files("demo")
    files["pyproject.toml"] = files["pyproject.toml"].replace(
        "[project.scripts]", f"dependencies = [{dependencies}]\n[project.scripts]"
    )
    files["pyproject.toml"] += more
    return write_project(tmp_path / "demo", files)


def test_a_folder_with_extras_and_groups(index: Index, tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        '[project.optional-dependencies]\nweb = ["more"]\n[dependency-groups]\nops = ["colour"]\n'
        '[tool.sealift]\nextras = ["web"]\ngroups = ["ops"]\n',
        dependencies='"base<1.5"',
    )
    found = versions(lock(load_project(str(path)), python=PYTHON))
    assert found == {"base": "1.0", "more": "1.0", "colour": "1.0"}


def test_dynamic_dependencies_are_asked_of_the_backend(index: Index, tmp_path: Path) -> None:
    files = project_files("demo", dynamic=True)
    files["pyproject.toml"] = files["pyproject.toml"].replace(
        '["version"]', '["version", "dependencies"]'
    )
    files["own.py"] = files["own.py"].replace(
        "Version: {VERSION}\\n", "Version: {VERSION}\\nRequires-Dist: base\\n"
    )
    path = write_project(tmp_path / "demo", files)
    assert versions(lock(load_project(str(path)), python=PYTHON)) == {"base": "1.5"}


def test_a_wheel_brings_its_requirements(index: Index, tmp_path: Path) -> None:
    path = honest_wheel(tmp_path / "é x", "own", requires=["base", "more; extra == 'big'"])
    assert set(versions(lock(load_project(str(path)), python=PYTHON))) == {"own", "base"}
    assert "more" in versions(lock(load_project(f"{path}[big]"), python=PYTHON))


def test_a_script_brings_its_requirements(index: Index, tmp_path: Path) -> None:
    (tmp_path / "run me.py").write_text("# /// script\n# dependencies = ['base']\n# ///\n")
    assert versions(lock(load_project("run me.py"), python=PYTHON)) == {"base": "1.5"}


def test_sources_of_a_script_are_heeded(index: Index, tmp_path: Path) -> None:
    write_project(tmp_path / "mine", project_files("base", "7.0"))
    (tmp_path / "run.py").write_text(
        "# /// script\n# dependencies = ['base']\n# [tool.uv.sources]\n"
        "# base = { path = 'mine' }\n# ///\n"
    )
    (found,) = lock(load_project("run.py"), python=PYTHON).packages
    assert found.directory is not None
    assert Path(found.directory.path) == tmp_path / "mine"


def test_the_date_a_script_stops_at_is_heeded(index: Index, tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(
        "# /// script\n# dependencies = ['base']\n# [tool.uv]\n"
        "# exclude-newer = '2001-01-01T00:00:00Z'\n# ///\n"
    )
    with pytest.raises(LockError, match="no set of versions"):
        lock(load_project("run.py"), python=PYTHON)


def script(tmp_path: Path, table: str, *, dependencies: str = "'base', 'colour'") -> str:
    lines = ["/// script", f"dependencies = [{dependencies}]", *table.splitlines(), "///"]
    (tmp_path / "run.py").write_text("".join(f"# {line}\n" for line in lines))
    return "run.py"


@pytest.mark.parametrize(
    ("table", "version"),
    [
        ("constraint-dependencies = ['base<1.5']", "1.0"),
        ("override-dependencies = ['base==1.0']", "1.0"),
        ("resolution = 'lowest'", "1.0"),
        ("prerelease = 'allow'", "2.0rc1"),
    ],
)
def test_what_a_script_asks_of_uv_is_heeded(
    index: Index, tmp_path: Path, table: str, version: str
) -> None:
    honest_wheel(tmp_path / "files", "base", "2.0rc1")
    given = script(tmp_path, f"[tool.uv]\n{table}")
    assert versions(lock(load_project(given), python=PYTHON))["base"] == version
    assert [path.name for path in tmp_path.glob("run.py*")] == ["run.py"]


def test_indexes_of_a_script_come_before_others(index: Index, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    honest_wheel(mine, "base", "9.0")
    with serve_index(mine, login=("me", "secret")) as own:
        url = own.url.replace("//", "//me:secret@")
        given = script(tmp_path, f"[[tool.uv.index]]\nurl = '{url}'")
        assert versions(lock(load_project(given), python=PYTHON))["base"] == "9.0"
        assert indexes_of(load_project(given)).logins[own.host] == ("me", "secret")
    given = script(
        tmp_path, "[tool.uv]\nno-index = true\nfind-links = ['mine']", dependencies="'base'"
    )
    assert versions(lock(load_project(given), python=PYTHON)) == {"base": "9.0"}


def test_pips_indexes_are_not_told_where_a_script_names_its_own(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.invalid/simple")
    given = script(tmp_path, "[tool.uv]\nindex-url = 'https://own.invalid/simple'")
    assert indexes_of(load_project(given)).options == ()


def test_wheels_and_sdists_that_a_script_rules_out_are_not_locked(
    index: Index, files: Path, tmp_path: Path
) -> None:
    write_sdist(files, "base", "3.0", project_files("base", "3.0"))
    honest_wheel(files, "base", "3.0")
    for table, has_wheels, has_sdist in (
        ("no-binary-package = ['Base']", False, True),
        ("no-build = true", True, False),
        ("link-mode = 'copy'", True, True),
    ):
        given = script(tmp_path, f"[tool.uv]\n{table}", dependencies="'base'")
        (found,) = lock(load_project(given), python=PYTHON).packages
        assert (bool(found.wheels), bool(found.sdist)) == (has_wheels, has_sdist), table


def test_what_uv_does_not_take_in_a_script_is_told(
    index: Index, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(LockError, match=r"uv does not take \[tool.uv\] of .*run.py") as caught:
        lock(load_project(script(tmp_path, "[tool.uv]\nmanaged = true")), python=PYTHON)
    assert caught.value.details == ("unknown field `managed`",)
    given = script(tmp_path, "[tool.uv]\nno-build-isolation = true")
    lock(load_project(given), python=PYTHON)
    assert "no-build-isolation of [tool.uv] hold" in capsys.readouterr().err


def test_a_password_in_the_keyring_opens_index_and_files(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/keyring"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\ntest "$1 $3" = "get me" && echo secret\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")  # for uv
    monkeypatch.setenv("SEALIFT_KEYRING", str(program))
    monkeypatch.setenv("UV_KEYRING_PROVIDER", "subprocess")
    keyring_login.cache_clear()
    with serve_index(files, login=("me", "secret")) as served:
        monkeypatch.setenv("UV_DEFAULT_INDEX", served.url.replace("//", "//me@"))
        project = load_project("base")
        (found,) = lock(project, python=PYTHON).packages
        (wheel,) = found.wheels or ()
        remote = Remote(wheel.url or "", wheel.hashes["sha256"])
        assert fetch(remote, logins=indexes_of(project).logins).is_file()


@pytest.mark.parametrize("table", ["tool = 3", "tool.uv = 3"])
def test_odd_tables_of_a_script_are_no_surprise(index: Index, tmp_path: Path, table: str) -> None:
    (tmp_path / "x.py").write_text(f"# /// script\n# dependencies = ['app']\n# {table}\n# ///\n")
    assert "app" in versions(lock(load_project("x.py"), python=PYTHON))
    (tmp_path / "x.py").write_text(
        "# /// script\n# dependencies = ['app']\n# tool.uv.sources.app = 3\n# ///\n"
    )
    with pytest.raises(LockError, match="cannot lock x: uv does not take"):
        lock(load_project("x.py"), python=PYTHON)


def test_a_zip_with_requirements(index: Index, tmp_path: Path) -> None:
    write_zip(tmp_path / "a.zip", {"__main__.py": b"", "requirements.txt": b"base\n"})
    assert versions(lock(load_project("a.zip"), python=PYTHON)) == {"base": "1.5"}


def test_nothing_required_asks_nobody(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text("print(1)")
    assert lock(load_project("run.py"), python=PYTHON).packages == []


def test_a_python_that_does_not_fit_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("# /// script\n# requires-python = '>=3.14'\n# ///\n")
    with pytest.raises(LockError, match=r"requires Python >=3\.14, and 3\.13 is to be shipped"):
        lock(load_project("x.py"), python=PYTHON)


def test_a_saved_lock_is_honoured_and_moves_with_its_folder(index: Index, tmp_path: Path) -> None:
    path = folder(tmp_path)
    save_lock(lock(load_project(str(path)), python=PYTHON), path / "pylock.toml")
    again = (path / "pylock.toml").read_bytes()
    save_lock(lock(load_project(str(path)), python=PYTHON), path / "pylock.toml")
    assert (path / "pylock.toml").read_bytes() == again
    asked = len(index.asked)
    moved = path.rename(tmp_path / "moved")
    assert set(versions(lock(load_project(str(moved)), python=PYTHON))) == {"app", "base", "colour"}
    assert len(index.asked) == asked


def test_a_lock_that_does_not_cover_the_project_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path, dependencies='"base>=1.5", "more", "colour; sys_platform == \'x\'"')
    (path / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "x"\n' + package("base", "py3-none-any")
    )
    with pytest.raises(LockError, match="does not cover what demo requires") as caught:
        lock(load_project(str(path)), python=PYTHON)
    assert caught.value.details == ("base>=1.5: the lock has 1.0", "more: the lock has none")


def test_a_named_lock_wins(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/pylock.prod.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "x"\n' + package("app", "py3-none-any")
    )
    project = load_project("app", overrides={"lock": "locks/pylock.prod.toml"})
    assert versions(lock(project, python=PYTHON)) == {"app": "1.0"}
    with pytest.raises(LockError, match=r"cannot read the lock gone\.toml"):
        lock(load_project("app", overrides={"lock": "gone.toml"}), python=PYTHON)


def test_a_uv_lock_is_honoured(index: Index, files: Path, tmp_path: Path) -> None:
    path = folder(tmp_path)
    subprocess.run([UV.require(), "lock", "--quiet"], cwd=path, check=True)
    honest_wheel(files, "base", "3.0")
    assert versions(lock(load_project(str(path)), python=PYTHON))["base"] == "1.5"
    assert versions(lock(load_project(str(path)), python=PYTHON, update=True))["base"] == "3.0"


def test_the_uv_lock_of_another_project_is_refused(tmp_path: Path) -> None:
    own, other = folder(tmp_path / "own"), folder(tmp_path / "other")
    for place in (own, other):
        (place / "uv.lock").write_text("")
    project = load_project(str(own), overrides={"lock": str(other / "uv.lock")})
    with pytest.raises(LockError, match="of the project or workspace it lies in") as caught:
        lock(project, python=PYTHON)
    assert "uv export" in (caught.value.hint or "")


def test_a_scripts_own_lock_is_honoured(index: Index, files: Path, tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text("# /// script\n# dependencies = ['base']\n# ///\n")
    subprocess.run([UV.require(), "lock", "--quiet", "--script", "run.py"], check=True)
    honest_wheel(files, "base", "3.0")
    assert versions(lock(load_project("run.py"), python=PYTHON)) == {"base": "1.5"}


def test_a_hashed_requirements_file_is_honoured(index: Index, files: Path, tmp_path: Path) -> None:
    path = folder(tmp_path, dependencies='"base"')
    digest = hashlib.sha256((files / "base-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    (path / "requirements.txt").write_text(f"base==1.0 \\\n    --hash=sha256:{digest}\n")
    assert versions(lock(load_project(str(path)), python=PYTHON)) == {"base": "1.0"}
    (path / "requirements.txt").write_text(f"base==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(LockError, match="no file of base has a hash"):
        lock(load_project(str(path)), python=PYTHON)
    (path / "requirements.txt").write_text("base==1.0\n")
    assert versions(lock(load_project(str(path)), python=PYTHON)) == {"base": "1.5"}


@pytest.mark.parametrize("where", ["url", "pip", "netrc"])
def test_a_private_index_lets_in_who_is_known(
    where: str, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_index(files, login=("me", "p@ss word")) as served:
        named = f"http://me:p%40ss%20word@{served.host}/simple"
        if where == "url":
            monkeypatch.setenv("UV_DEFAULT_INDEX", named)
        elif where == "pip":
            (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {named}\n")
            monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
        else:
            monkeypatch.setenv("UV_DEFAULT_INDEX", served.url)
            (tmp_path / "netrc").write_text('machine 127.0.0.1 login me password "p@ss word"\n')
        found = lock(load_project("base"), python=PYTHON)
        assert versions(found) == {"base": "1.5"}
        text = str(found.to_dict())
        assert "p@ss" not in text
        assert "p%40ss" not in text


def test_a_private_index_keeps_others_out(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_index(files, login=("me", "secret")) as served:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://me:wrong@{served.host}/simple")
        with pytest.raises(LockError) as caught:
            lock(load_project("base"), python=PYTHON)
        assert "credentials" in (caught.value.hint or "")
        assert "wrong" not in str(caught.value.details)


def test_folders_of_pip_answer_when_no_index_does(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    honest_wheel(tmp_path / "links", "local")
    with serve_index(files) as served:
        monkeypatch.setenv("PIP_INDEX_URL", served.url)
        monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path}/links /nowhere")
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "file:///nowhere/simple")
        assert versions(lock(load_project("base"), python=PYTHON)) == {"base": "1.5"}
        found = lock(load_project("local"), python=PYTHON)
    (wheel,) = found.packages[0].wheels or []
    assert (wheel.url or wheel.path or "").endswith("/links/local-1.0-py3-none-any.whl")


def test_a_lock_cannot_be_written_where_there_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text("print(1)")
    found = lock(load_project("run.py"), python=PYTHON)
    for place in ("gone/pylock.toml", "run.py/pylock.toml"):
        with pytest.raises(OutputError, match="cannot write"):
            save_lock(found, tmp_path / place)
    save_lock(found, tmp_path / "pylock.toml")
    assert load_lock(tmp_path / "pylock.toml").packages == []


@pytest.mark.network
def test_real_tools_are_locked() -> None:
    assert {"httpie", "requests", "colorama"} <= set(
        versions(lock(load_project("httpie"), python=PYTHON))
    )
    found = versions(lock(load_project("black[d]==25.1.0"), python=PYTHON))
    assert found["black"] == "25.1.0"
    assert "aiohttp" in found

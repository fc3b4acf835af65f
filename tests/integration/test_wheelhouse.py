"""Wheels are downloaded, verified, or built here, and found again."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.pylock import Pylock

from sealift import store
from sealift.errors import ArchiveError, BuildError, FetchError, LockError
from sealift.lockfile import parse_lock
from sealift.plan import Job
from sealift.project import load_project
from sealift.target import current_target
from sealift.tools import UV
from sealift.wheelhouse import Wheelhouse, collect
from tests.support.index import Index, serve_index
from tests.support.jobs import job_here, lock, package, plan_for, project, running_interpreter
from tests.support.sdists import project_files, write_project, write_sdist
from tests.support.tools import require_tool
from tests.support.wheels import honest_wheel, plain_files, recorded, write_zip


@pytest.fixture(autouse=True)
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    UV.require()
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


@pytest.fixture
def index(files: Path) -> Iterator[Index]:
    with serve_index(files) as served:
        yield served


def locked(*paths: Path, host: str | None = None, sha256: str | None = None) -> Pylock:
    """A lock of the files ``paths``, as URLs of an index or as they lie."""
    packages = []
    for path in paths:
        name, version = path.name.removesuffix(".tar.gz").split("-")[:2]
        digest = sha256 or hashlib.sha256(path.read_bytes()).hexdigest()
        where = f'url = "http://{host}/files/{path.name}"' if host else f'path = "{path}"'
        part = f'{{ {where}, hashes = {{ sha256 = "{digest}" }} }}'
        kind = "sdist = " + part if path.name.endswith(".tar.gz") else f"wheels = [{part}]"
        packages.append(
            f'[[packages]]\nname = "{name.replace("_", "-")}"\nversion = "{version}"\n{kind}'
        )
    return lock(*packages)


def folder_job(path: Path, found: Pylock | None = None) -> Job:
    return job_here(load_project(str(path)), found or lock())


def module_text(house: Wheelhouse, name: str = "demo") -> str:
    import zipfile

    (wheel,) = (wheel for wheel in house.wheels if wheel.name == name)
    return zipfile.ZipFile(wheel.path).read(f"{name}.py").decode()


def test_wheels_are_downloaded_once(files: Path, index: Index) -> None:
    paths = [honest_wheel(files, name) for name in ("demo", "é-x".replace("é", "e"), "third")]
    job = job_here(project(), locked(*paths, host=index.host))
    house = collect(job)
    assert [(w.name, w.version, w.built, w.is_project) for w in house.wheels] == [
        ("demo", "1.0", False, True),
        ("e-x", "1.0", False, False),
        ("third", "1.0", False, False),
    ]
    asked = len(index.asked)
    assert collect(job) == house
    assert len(index.asked) == asked == 3


def test_downloads_of_a_private_index_know_its_credentials(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = honest_wheel(files, "demo")
    monkeypatch.setenv("NETRC", os.devnull)
    with serve_index(files, login=("me", "p@ss")) as served:
        job = job_here(project(), locked(path, host=served.host))
        with pytest.raises(FetchError, match="the server answered 401") as caught:
            collect(job)
        assert "credentials" in (caught.value.hint or "")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://me:p%40ss@{served.host}/simple")
        assert len(collect(job).wheels) == 1


def test_a_busy_server_is_asked_again(
    files: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sealift.fetch._PAUSES", (0, 0))
    path = honest_wheel(files, "demo")
    index.failing = 2
    job = job_here(project(), locked(path, host=index.host))
    assert len(collect(job).wheels) == 1
    assert len(index.asked) == 3


def test_one_failure_stops_the_other_downloads(files: Path, index: Index, tmp_path: Path) -> None:
    slow = honest_wheel(files, "demo", files={"demo.py": os.urandom(5_000)})
    text = locked(slow, host=index.host).to_dict()["packages"][0]["wheels"][0]["url"]
    digest = hashlib.sha256(slow.read_bytes()).hexdigest()
    found = lock(
        f'[[packages]]\nname = "demo"\nversion = "1.0"\n'
        f'wheels = [{{ url = "{text}", hashes = {{ sha256 = "{digest}" }} }}]',
        package("third", "py3-none-any").replace("https://index.invalid", "ftp://x"),
    )
    index.slow = True
    with pytest.raises(FetchError, match="ftp scheme is not supported"):
        collect(job_here(project(), found))
    assert list((tmp_path / "store").rglob("*.whl")) == []


def test_what_stays_broken_is_told(
    files: Path, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sealift.fetch._PAUSES", (0,))
    path = honest_wheel(files, "demo")
    job = job_here(project(), locked(path, host=index.host))
    index.cut = True
    with pytest.raises(FetchError, match="it broke off after"):
        collect(job)
    index.cut, index.failing = False, 9
    with pytest.raises(FetchError, match="the server answered 503"):
        collect(job)
    assert len(index.asked) == 4
    assert list((tmp_path / "store").rglob("*.whl")) == []


@pytest.mark.parametrize("remote", [True, False])
def test_a_hash_that_differs_is_told(
    remote: bool,  # noqa: FBT001
    files: Path,
    index: Index,
    tmp_path: Path,
) -> None:
    path = honest_wheel(files, "demo")
    found = locked(path, host=index.host if remote else None, sha256="ab" * 32)
    with pytest.raises(FetchError, match="its SHA-256 is not the one promised") as caught:
        collect(job_here(project(), found))
    assert f"promised {'ab' * 32}" in caught.value.details
    assert list((tmp_path / "store").rglob("*.whl")) == []


def test_a_wheel_that_lies_is_told_before_anything_is_staged(files: Path, tmp_path: Path) -> None:
    content = recorded(plain_files(), "demo-1.0.dist-info") | {"demo.py": b"changed"}
    path = write_zip(files / "demo-1.0-py3-none-any.whl", content)
    with pytest.raises(ArchiveError, match=r"another hash for 'demo\.py'"):
        collect(job_here(project(), locked(path)))
    wheels = store.store_root() / "wheels"
    assert [p for p in wheels.iterdir() if not p.name.endswith(".lock")] == []


def test_a_wheel_of_another_name_is_told(files: Path) -> None:
    path = honest_wheel(files, "other")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    part = f'{{ path = "{path}", hashes = {{ sha256 = "{digest}" }} }}'
    found = lock(
        f'[[packages]]\nname = "demo"\narchive = {part}',
        f'[[packages]]\nname = "third"\narchive = {part}',
    )
    with pytest.raises(LockError, match="the lock has it as third"):
        collect(job_here(project(), found))


def test_what_was_refused_is_listed() -> None:
    found = lock(
        package("demo", "cp39-cp39-win32"), package("other", "cp39-cp39-win32"),
        package("fine", "py3-none-any"),
    )  # fmt: skip
    (job,) = plan_for(project(), found, "linux-aarch64").jobs
    with pytest.raises(LockError, match="2 of 3 distributions have none") as caught:
        collect(job)
    assert [line.split(":")[0] for line in caught.value.details] == ["demo 1.0", "other 1.0"]


def test_a_folder_is_built_and_found_again(tmp_path: Path) -> None:
    path = write_project(tmp_path / "my é project", project_files())
    first = collect(folder_job(path))
    (wheel,) = first.wheels
    assert (wheel.name, wheel.built, wheel.is_project) == ("demo", True, True)
    log = next((store.store_root() / "logs").iterdir())
    assert "building demo" in log.read_text()
    log.unlink()
    assert collect(folder_job(path)) == first
    assert list((store.store_root() / "logs").iterdir()) == []
    assert sorted(p.name for p in path.iterdir()) == ["demo.py", "own.py", "pyproject.toml"]


def test_an_edit_is_built_anew(tmp_path: Path) -> None:
    path = write_project(tmp_path / "demo", project_files())
    assert "hello" in module_text(collect(folder_job(path)))
    (path / "demo.py").write_text("def main(): print('edited')\n")
    assert "edited" in module_text(collect(folder_job(path)))


def test_sources_outside_are_built_every_time(tmp_path: Path) -> None:
    files = project_files(body="pathlib.Path('demo.py').write_text(open('../shared').read())")
    files["pyproject.toml"] += '[tool.own]\nfrom = "../shared"\n'
    path = write_project(tmp_path / "demo", files)
    for text in ("x = 1\n", "x = 2\n"):
        (tmp_path / "shared").write_text(text)
        assert module_text(collect(folder_job(path))) == text


def test_an_sdist_is_built_once(files: Path, tmp_path: Path) -> None:
    path = write_sdist(files, "demo", "1.0", project_files())
    job = job_here(project(), locked(path))
    first = collect(job)
    assert first.wheels[0].built
    (next((store.store_root() / "logs").iterdir())).unlink()
    assert collect(job) == first
    assert list((store.store_root() / "logs").iterdir()) == []
    assert list((store.store_root() / "scratch").iterdir()) == []


def test_an_sdist_as_input(tmp_path: Path) -> None:
    path = write_sdist(tmp_path / "given", "demo", "1.0", project_files())
    house = collect(folder_job(path))
    assert [(w.name, w.built, w.is_project) for w in house.wheels] == [("demo", True, True)]


def test_a_pure_project_serves_every_machine(tmp_path: Path) -> None:
    path = write_project(tmp_path / "demo", project_files())
    made = load_project(str(path))
    version = running_interpreter().version
    for name in ("windows-x86_64", "linux-aarch64", "macos-arm64"):
        plan = plan_for(made, lock(), name, version=version)
        job = with_running_python(plan.jobs[0])
        assert [w.path.name for w in collect(job).wheels] == ["demo-1.0-py3-none-any.whl"]


def with_running_python(job: Job) -> Job:
    import dataclasses

    interpreter = dataclasses.replace(job.require_interpreter(), program=Path(sys.executable))
    return dataclasses.replace(job, interpreter=interpreter)


def test_a_wheel_for_another_machine_than_was_asked_for_is_refused(tmp_path: Path) -> None:
    path = write_project(tmp_path / "demo", project_files(tag="cp311-cp311-linux_x86_64"))
    plan = plan_for(load_project(str(path)), lock(), "linux-aarch64")
    with pytest.raises(BuildError, match=r"cannot build demo-1\.0 for linux-aarch64") as caught:
        collect(with_running_python(plan.jobs[0]))
    assert "demo-1.0-cp311-cp311-linux_x86_64.whl" in caught.value.message


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("raise SystemExit('the backend gave up')", "the backend gave up"),
        ("raise ValueError('é bad value')", "ValueError: é bad value"),
        ("[print('line', n) for n in range(99)]; sys.exit(3)", "line 98"),
        ("import os; os.kill(os.getpid(), 9)", "building demo"),
        ("import os; os._exit(7)", "python ended with status 7"),
    ],
)
def test_a_backend_that_fails_shows_its_last_lines_and_its_log(
    body: str, line: str, tmp_path: Path
) -> None:
    path = write_project(tmp_path / "demo", project_files(body=body))
    with pytest.raises(
        BuildError, match=r"cannot build demo-1\.0: its build backend own failed"
    ) as e:
        collect(folder_job(path))
    assert any(line in told for told in e.value.details)
    assert len(e.value.details) <= 20
    assert e.value.log is not None
    assert "building demo" in e.value.log.read_text()
    built = store.store_root() / "built"
    assert [p for p in built.iterdir() if not p.name.endswith(".lock")] == []


def test_a_missing_header_names_the_package(tmp_path: Path) -> None:
    body = "sys.exit('x.c:1:10: fatal error: libpq-fe.h: No such file or directory')"
    path = write_project(tmp_path / "demo", project_files(body=body))
    with pytest.raises(BuildError) as caught:
        collect(folder_job(path))
    assert "apt install libpq-dev" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("system", "reason"),
    [
        ('build-backend = "nowhere"\nrequires = []', "cannot be imported"),
        ('build-backend = "json:nowhere"\nrequires = []', "cannot be imported"),
        ('build-backend = "own"\nbackend-path = ["."]\nrequires = ["gone-xyz"]', "gone-xyz"),
    ],
)
def test_a_build_system_that_cannot_be_is_told(system: str, reason: str, tmp_path: Path) -> None:
    files = project_files()
    _, _, rest = files["pyproject.toml"].partition("[project]")
    files["pyproject.toml"] = f"[build-system]\n{system}\n[project]{rest}"
    path = write_project(tmp_path / "demo", files)
    with pytest.raises(BuildError) as caught:
        collect(folder_job(path))
    assert reason in " ".join([caught.value.message, *caught.value.details])


def test_a_backend_may_ask_for_more(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest_wheel(files, "helper", files={"helper.py": b"WORD = 'helped'"})
    body = "import helper; pathlib.Path('demo.py').write_text(helper.WORD)"
    path = write_project(tmp_path / "demo", project_files(requires=("helper",), body=body))
    monkeypatch.setenv("UV_FIND_LINKS", str(files))
    assert module_text(collect(folder_job(path))) == "helped"


def test_the_environment_of_a_build_is_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("CC", "my-cc")
    body = (
        "import os; told = {k: os.environ.get(k, '') for k in "
        "('PYTHONPATH', 'CC', 'SOURCE_DATE_EPOCH', 'PYTHONHASHSEED', 'CFLAGS')}; "
        "pathlib.Path('demo.py').write_text(repr(told) + os.getcwd())"
    )
    path = write_project(tmp_path / "demo", project_files(body=body))
    text = module_text(collect(folder_job(path)))
    assert "'PYTHONPATH': ''" in text
    assert "'CC': 'my-cc'" in text
    assert "'SOURCE_DATE_EPOCH': '315532800'" in text
    assert "'PYTHONHASHSEED': '0'" in text
    assert "'CFLAGS': ''" in text
    assert text.endswith(str(path))


def test_an_sdist_without_its_native_code_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = project_files() | {"setup.py": "setup(ext_modules=[])", "fast.c": "int x;"}
    collect(folder_job(write_project(tmp_path / "demo", files)))
    assert "without the native code" in capsys.readouterr().err


def test_a_commit_is_cloned_and_built(tmp_path: Path) -> None:
    git = require_tool("git")
    path = write_project(tmp_path / "repo", {f"py/{k}": v for k, v in project_files().items()})
    who = ["-c", "user.name=x", "-c", "user.email=x@invalid"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "x"]):
        subprocess.run([git, *command], cwd=path, check=True)
    subprocess.run([git, "config", "uploadpack.allowAnySHA1InWant", "true"], cwd=path, check=True)
    run = subprocess.run([git, "rev-parse", "HEAD"], cwd=path, check=True, capture_output=True)
    commit = run.stdout.decode().strip()
    found = parse_lock(
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "demo"\n'
        f'vcs = {{ type = "git", url = "{path.as_uri()}", commit-id = "{commit}", '
        'subdirectory = "py" }',
        folder=tmp_path, source="test",
    )  # fmt: skip
    assert "hello" in module_text(collect(job_here(project(), found)))
    bad = parse_lock(
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "demo"\n'
        f'vcs = {{ type = "git", url = "{path.as_uri()}", commit-id = "{"0" * 40}" }}',
        folder=tmp_path, source="test",
    )  # fmt: skip
    with pytest.raises(BuildError, match="cannot clone"):
        collect(job_here(project(), bad))


SETUPTOOLS = {
    "pyproject.toml": (
        '[build-system]\nrequires = ["setuptools>=77"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "demo"\nversion = "1.0"\n'
    ),
    "setup.py": (
        "from setuptools import Extension, setup\n"
        "setup(ext_modules=[Extension('demo._fast', ['demo/fast.c'])], packages=['demo'])\n"
    ),
    "demo/__init__.py": "",
    "demo/fast.c": (
        "#include <Python.h>\n"
        'static struct PyModuleDef d = {PyModuleDef_HEAD_INIT, "_fast", __FILE__, -1, 0};\n'
        "PyMODINIT_FUNC PyInit__fast(void) { return PyModule_Create(&d); }\n"
    ),
}


@pytest.mark.network
def test_setuptools_leaves_nothing_in_the_folder_and_no_paths_in_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zipfile

    monkeypatch.delenv("UV_OFFLINE")
    path = write_project(tmp_path / "demo", SETUPTOOLS)
    before = sorted(path.rglob("*"))
    (wheel,) = collect(folder_job(path)).wheels
    assert sorted(path.rglob("*")) == before
    archive = zipfile.ZipFile(wheel.path)
    (native,) = (name for name in archive.namelist() if "_fast" in name)
    assert str(tmp_path).encode() not in archive.read(native)
    assert current_target().wheel in wheel.path.name
    again = store.store_root() / "built"
    again.rename(tmp_path / "first")
    (second,) = collect(folder_job(path)).wheels
    assert second.sha256 == wheel.sha256


@pytest.mark.network
@pytest.mark.parametrize(
    "requires", ["hatchling", "flit_core", "poetry-core", "pdm-backend", "uv_build"]
)
def test_other_backends_build(
    requires: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_OFFLINE")
    backend = {
        "hatchling": "hatchling.build", "flit_core": "flit_core.buildapi",
        "poetry-core": "poetry.core.masonry.api", "pdm-backend": "pdm.backend",
        "uv_build": "uv_build",
    }[requires]  # fmt: skip
    files = {
        "pyproject.toml": (
            f'[build-system]\nrequires = ["{requires}"]\nbuild-backend = "{backend}"\n'
            '[project]\nname = "demo"\nversion = "1.0"\ndescription = "x"\n'
            '[project.scripts]\ndemo = "demo:main"\n'
        ),
        "src/demo/__init__.py": '"""Demo."""\ndef main():\n    pass\n',
    }
    path = write_project(tmp_path / "demo", files)
    house = collect(folder_job(path))
    assert house.wheels[0].path.name.startswith("demo-1.0-py")
    assert collect(folder_job(path)) == house
    left = {entry.name for entry in path.iterdir()} - {"src", "pyproject.toml"}
    assert left <= {".pdm-build"}

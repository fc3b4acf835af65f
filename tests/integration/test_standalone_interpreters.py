"""Standalone interpreters and archives: fetched, checked, unpacked, pruned, and they run."""

import contextlib
import dataclasses
import functools
import json
import shutil
import socket
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from sealift.config import Config, Settings, TargetOptions
from sealift.errors import ArchiveError, ConfigError, FetchError, InterpreterError, SealiftError
from sealift.interpreter import Interpreter
from sealift.interpreters import standalone
from sealift.interpreters.archive import ArchiveInterpreters
from sealift.interpreters.local import LocalInterpreters
from sealift.interpreters.standalone import Release, StandaloneInterpreters
from sealift.interpreters.unpacked import load_table
from sealift.store import file_sha256, store_root
from sealift.target import Target, current_target, load_targets
from tests.support.bare_root import make_bare_root, run_in
from tests.support.elf_files import ElfSpec, make_elf
from tests.support.embedding import place_program
from tests.support.servers import Quiet, serving
from tests.support.standalone_archives import unix_archive, windows_archive
from tests.support.tools import missing, require_tool

WINDOWS = load_targets()["windows-x86_64"]


class Files(Quiet, SimpleHTTPRequestHandler):
    """Serves a folder; a file called ``short`` breaks off before its promised end."""

    def do_GET(self) -> None:
        if not self.path.endswith("short.tar.gz"):
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.wfile.write(b"x" * 1000)
        self.close_connection = True
        return None


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interpreter]:
    require_tool("patchelf")
    require_tool("cc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEALIFT_CACHE_DIR", str(tmp_path_factory.mktemp("store")))
        for feature in ("3.13", "3.12", "3.11"):
            with contextlib.suppress(SealiftError):
                yield LocalInterpreters().find(feature, current_target(), Settings())
                return
    missing("needs CPython with headers and a shared library")


@pytest.fixture(scope="module")
def served(
    local: Interpreter, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, str]]:
    """A folder of archives and the address it is served under."""
    folder = tmp_path_factory.mktemp("served")
    made = unix_archive(local, tmp_path_factory.mktemp("made"))
    (folder / "20260101").mkdir()
    shutil.move(made, folder / "20260101" / "this.tar.gz")
    windows_archive("3.13.2", folder / "20260101" / "windows.tar.gz")
    handler = functools.partial(Files, directory=str(folder))
    with serving(handler) as host:
        yield folder, f"http://{host}"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "store"))


class Table:
    """Releases there are in a test."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.releases: list[Release] = []
        patch.setattr(standalone, "load_releases", lambda: tuple(self.releases))

    def add(self, version: str, target: Target, name: str, sha256: str) -> None:
        row = load_table()["standalone"][target.name]
        url = f"{load_table()['releases']}/20260101/{name}"
        self.releases.append(Release(version, False, row["platform"], row["arch"], url, sha256))


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    if current_target().name not in load_table()["standalone"]:
        missing("needs a machine that standalone interpreters are released for")
    return Table(monkeypatch)


def from_mirror(url: str, **options: str) -> Settings:
    return Settings(config=Config(mirror=url, **options))  # type: ignore[arg-type]


def find(python: str, target: Target, url: str) -> Interpreter:
    return StandaloneInterpreters().find(python, target, from_mirror(url))


def names(root: Path) -> set[str]:
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}


def test_a_release_is_fetched_pruned_and_runs(
    table: Table, served: tuple[Path, str], local: Interpreter, tmp_path: Path
) -> None:
    folder, url = served
    table.add(
        local.version, current_target(), "this.tar.gz", file_sha256(folder / "20260101/this.tar.gz")
    )
    found = find(local.feature, current_target(), url)
    assert found.provider == "standalone"
    assert found.reason == "python-build-standalone 20260101"
    assert found.version == local.version
    assert (found.stdlib, found.library) == (local.stdlib, local.library)
    assert found.ext_suffix == local.ext_suffix
    assert found.floor == local.floor
    assert found.headers is not None
    assert (found.headers / "Python.h").is_file()
    assert found.program is not None
    assert found.program.name == f"python{local.feature}"
    shipped = names(found.root)
    assert f"{found.stdlib}/os.py" in shipped
    assert not {n for n in shipped if n.startswith(("bin/", "include/", "share/", "lib/pkgconfig"))}
    assert not {n for n in shipped if "/test/" in n or "site-packages" in n}
    assert f"lib/libpython{local.feature}.so" not in shipped
    root = make_bare_root(tmp_path / "bare")
    place_program(found, root / "app")
    code = "import json, ssl, sysconfig; print(json.dumps(sysconfig.get_config_var('LIBDIR')))"
    assert json.loads(run_in(root, ["/app/bin/python3", "-c", code]).stdout) == "/app/lib"


def test_the_second_time_needs_no_network(
    table: Table, served: tuple[Path, str], local: Interpreter
) -> None:
    folder, url = served
    table.add(
        local.version, current_target(), "this.tar.gz", file_sha256(folder / "20260101/this.tar.gz")
    )
    first = find(local.version, current_target(), url)
    assert find(local.version, current_target(), "http://127.0.0.1:1") == first


def test_windows_keeps_its_own_layout(table: Table, served: tuple[Path, str]) -> None:
    folder, url = served
    table.add("3.13.2", WINDOWS, "windows.tar.gz", file_sha256(folder / "20260101/windows.tar.gz"))
    found = find("3.13", WINDOWS, url)
    assert (found.version, found.stdlib, found.library) == ("3.13.2", "Lib", "python313.dll")
    assert found.ext_suffix == ".cp313-win_amd64.pyd"
    assert found.floor is None
    assert names(found.root) == {
        "python313.dll", "python3.dll", "vcruntime140.dll", "DLLs/_ssl.pyd", "DLLs/libssl-3.dll",
        "DLLs/_tkinter.pyd", "Lib/os.py", "tcl/tcl8.6/init.tcl",
    }  # fmt: skip
    assert found.headers is not None
    assert (found.headers / "Python.h").is_file()


def test_the_newest_release_that_fits_is_taken(table: Table, served: tuple[Path, str]) -> None:
    folder, url = served
    sha256 = file_sha256(folder / "20260101/windows.tar.gz")
    table.add("3.13.1", WINDOWS, "older.tar.gz", "0" * 64)
    table.add("3.13.2", WINDOWS, "windows.tar.gz", sha256)
    table.add("3.14.0", WINDOWS, "newer.tar.gz", "0" * 64)
    assert find("3.13", WINDOWS, url).version == "3.13.2"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("windows.tar.gz", "its SHA-256 is not the one promised"),
        ("absent.tar.gz", "the server answered 404"),
        ("short.tar.gz", "cannot"),
    ],
)
def test_a_bad_download_is_refused_and_leaves_nothing(
    table: Table, served: tuple[Path, str], name: str, said: str
) -> None:
    table.add("3.13.2", WINDOWS, name, "1" * 64)
    with pytest.raises(FetchError) as caught:
        find("3.13", WINDOWS, served[1])
    assert said in caught.value.message
    left = [path for path in store_root().rglob("*") if path.is_file()]
    assert [path for path in left if path.suffix != ".lock"] == []


def test_offline_is_said(table: Table) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    table.add("3.13.2", WINDOWS, "windows.tar.gz", "1" * 64)
    with pytest.raises(FetchError, match="cannot download windows") as caught:
        find("3.13", WINDOWS, f"http://127.0.0.1:{port}")
    assert caught.value.hint is not None
    assert "online" in caught.value.hint


def test_what_is_not_released_is_said_with_what_is(table: Table) -> None:
    table.add("3.12.1", WINDOWS, "x.tar.gz", "1" * 64)
    with pytest.raises(InterpreterError, match=r"there is no 3\.13 for windows-x86_64, only 3\.12"):
        find("3.13", WINDOWS, "http://127.0.0.1:1")


def configured(target: Target, **options: str) -> Settings:
    return Settings(targets={target.name: TargetOptions(**options)}, source="pyproject.toml")


def take(python: str, target: Target, **options: str) -> Interpreter:
    return ArchiveInterpreters().find(python, target, configured(target, **options))


def test_an_archive_is_taken_by_path_and_by_url(served: tuple[Path, str]) -> None:
    folder, url = served
    path = folder / "20260101" / "windows.tar.gz"
    by_path = take("3.13", WINDOWS, archive=str(path))
    assert (by_path.provider, by_path.version) == ("archive", "3.13.2")
    assert by_path.reason == "windows.tar.gz, as configured"
    by_url = take(
        "3.13.2",
        WINDOWS,
        archive=f"{url}/20260101/windows.tar.gz",
        archive_sha256=file_sha256(path),
    )
    assert dataclasses.replace(by_url, headers=by_path.headers) == by_path


def test_an_archive_must_be_what_it_is_taken_for(tmp_path: Path) -> None:
    path = windows_archive("3.12.4", tmp_path / "a.tar.gz")
    with pytest.raises(InterpreterError, match=r"it holds 3\.12\.4"):
        take("3.13", WINDOWS, archive=str(path))
    with pytest.raises(InterpreterError, match="holds no lib/python"):
        take("3.12", current_target(), archive=str(path))
    with pytest.raises(FetchError, match="not the one promised"):
        take("3.12", WINDOWS, archive=str(path), archive_sha256="0" * 64)
    with pytest.raises(InterpreterError, match="there is no such file"):
        take("3.12", WINDOWS, archive=str(tmp_path / "absent.zip"))
    with pytest.raises(ConfigError, match="archive-sha256` is missing"):
        take("3.12", WINDOWS, archive="https://example.org/a.tar.gz")


def test_a_damaged_or_unsafe_archive_is_refused(tmp_path: Path) -> None:
    whole = windows_archive("3.13.2", tmp_path / "a.tar.gz")
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole.read_bytes()[:-200])
    escaping = windows_archive("3.13.2", tmp_path / "b.tar.gz", extra={"../../evil": b"x"})
    for path in (cut, escaping):
        with pytest.raises(ArchiveError):
            take("3.13", WINDOWS, archive=str(path))
    assert not (tmp_path / "evil").exists()


def test_an_archive_for_another_cpu_is_refused(tmp_path: Path) -> None:
    target = load_targets()["linux-aarch64"]
    files = {
        "include/python3.13/patchlevel.h": b'#define PY_VERSION "3.13.2"\n',
        "include/python3.13/Python.h": b"",
        "lib/python3.13/os.py": b"",
        "lib/libpython3.13.so.1.0": make_elf(ElfSpec(machine="x86_64")),
    }
    path = windows_archive("3.13.2", tmp_path / "a.tar.gz", extra=files)
    with pytest.raises(InterpreterError, match=r"libpython3\.13\.so\.1\.0 is for x86_64"):
        take("3.13", target, archive=str(path))

"""Every kind of input becomes a project, or an error that says what was wrong with it."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from sealift.entry import EntryPoint
from sealift.entrypoint import choose_entry
from sealift.errors import ArchiveError, ConfigError, EntryPointError, ProjectError
from sealift.project import InputKind, Project, load_project
from sealift.wheel import verify_wheel
from tests.support.wheels import honest_wheel, write_zip

PYPROJECT = """
[project]
name = "Demo.App"
version = "1.2"
requires-python = ">=3.11"
dependencies = ["click>=8"]
[project.scripts]
demo = "demo.cli:main"
[project.gui-scripts]
demo-gui = "demo.gui:main"
[project.optional-dependencies]
web = []
Command_Line = []
[tool.sealift]
python = "3.13"
targets = ["linux-x86_64"]
"""
SCRIPT = """#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.12"
# dependencies = [
#     "rich",
# ]
# [tool.sealift]
# python = "3.12"
# ///
__version__ = "2.5"
print("hi")
"""


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "store"))


def load(tmp_path: Path, text: str) -> Project:
    return load_project(text, cwd=tmp_path)


def entry(project: Project) -> EntryPoint:
    assert project.archive is not None
    return choose_entry(verify_wheel(project.archive), explicit=project.settings.config.entry)


def folder(tmp_path: Path, text: str = PYPROJECT) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/pyproject.toml").write_text(text, encoding="utf-8")
    return tmp_path / "app"


def test_a_folder_tells_what_is_static(tmp_path: Path) -> None:
    path = folder(tmp_path)
    project = load(tmp_path, "app")
    assert (project.kind, project.name, project.version) == (InputKind.FOLDER, "Demo.App", "1.2")
    assert (project.path, project.archive) == (path, None)
    assert project.dependencies == ("click>=8",)
    assert project.entry_points == (
        EntryPoint("demo", "demo.cli", "main"),
        EntryPoint("demo-gui", "demo.gui", "main", gui=True),
    )
    assert project.settings.config.python == "3.13"
    assert load_project(".", cwd=path).name == "Demo.App"
    assert load_project("pyproject.toml", cwd=path).path == path


def test_extras_behind_a_path_are_taken(tmp_path: Path) -> None:
    folder(tmp_path)
    found = load(tmp_path, "./app[web, command-line]").settings.config.extras
    assert found == ("web", "command-line")


MORE = {"extras": ("Command.Line",)}


def test_extras_of_options_join_those_that_were_written(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/pyproject.toml").write_text(PYPROJECT)
    both = load_project("app[web]", cwd=tmp_path, overrides=MORE).settings.config.extras
    assert both == ("web", "command-line")
    given = load_project("black[A]==1", cwd=tmp_path, overrides=MORE)
    assert given.requirement == "black[a,command-line]==1"
    assert given.settings.config.extras == ("a", "command-line")


def test_an_unknown_extra_is_refused_with_those_there_are(tmp_path: Path) -> None:
    folder(tmp_path)
    honest_wheel(tmp_path, "lib", requires=["base; extra == 'One_more'"])
    (tmp_path / "job.py").write_text("print(1)\n")
    for text, hint in (
        ("app[web,nope]", "it has command-line, web"),
        ("lib-1.0-py3-none-any.whl[nope]", "it has one-more"),
        ("job.py[nope]", "job has no extras"),
    ):
        with pytest.raises(ConfigError, match="cannot ship extra 'nope' of") as caught:
            load(tmp_path, text)
        assert caught.value.hint == hint
    assert load(tmp_path, "lib-1.0-py3-none-any.whl[One.More]").settings.config.extras


def test_extras_that_only_the_built_wheel_tells_are_taken_for_now(tmp_path: Path) -> None:
    folder(tmp_path, "[project]\nname = 'x'\ndynamic = ['optional-dependencies']\n")
    assert load(tmp_path, "app[any]").settings.config.extras == ("any",)
    with pytest.raises(ConfigError, match="not a name"):
        load(tmp_path, "app[a b]")


def test_special_files_are_told_as_such(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "lost").symlink_to("nowhere")
    with pytest.raises(ProjectError, match="pipe: it is neither a file nor a folder"):
        load(tmp_path, "pipe")
    with pytest.raises(ProjectError, match="lost: its link leads nowhere"):
        load(tmp_path, "lost")


def test_a_suggestion_is_a_plain_path(tmp_path: Path) -> None:
    folder(tmp_path)
    with pytest.raises(ProjectError) as caught:
        load(tmp_path, "./app/../ap/")
    assert caught.value.hint == "did you mean app?"


def test_overrides_win(tmp_path: Path) -> None:
    folder(tmp_path)
    project = load_project("app", cwd=tmp_path, overrides={"python": "3.14"})
    assert project.settings.config.python == "3.14"


def test_a_folder_named_like_a_requirement_has_to_be_a_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "httpie").mkdir()
    assert load(tmp_path, "httpie").kind is InputKind.REQUIREMENT
    assert "write ./httpie" in "".join(capsys.readouterr().err.split("\n"))
    (tmp_path / "httpie/setup.py").write_text("setup(name='mine')")
    assert load(tmp_path, "httpie").name == "mine"


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"setup.py": "from setuptools import setup\nsetup(name='plain', x=1)"}, "plain"),
        ({"setup.cfg": "[metadata]\nname = configured\n", "setup.py": ""}, "configured"),
        ({"setup.py": "setup(name=NAME)"}, "legacy"),
        ({"pyproject.toml": "[tool.poetry]\nname = 'poem'\n"}, "poem"),
        ({"pyproject.toml": "[build-system]\nrequires = []\n", "setup.py": "setup("}, "legacy"),
    ],
)
def test_projects_without_a_project_table(files: dict[str, str], name: str, tmp_path: Path) -> None:
    (tmp_path / "legacy").mkdir()
    for file, text in files.items():
        (tmp_path / "legacy" / file).write_text(text)
    project = load(tmp_path, "legacy")
    assert (project.kind, project.name, project.version) == (InputKind.FOLDER, name, None)


def test_a_wheel(tmp_path: Path) -> None:
    point = EntryPoint("demo", "demo", "main")
    path = honest_wheel(tmp_path, "demo", entry_points=[point], requires=["click"])
    project = load(tmp_path, path.name)
    assert (project.kind, project.name, project.version) == (InputKind.WHEEL, "demo", "1.0")
    assert (project.archive, project.entry_points) == (path, (point,))
    assert project.sha256 is not None
    assert project.dependencies == ("click",)


def sdist(tmp_path: Path, name: str = "demo_app-1.2.tar.gz", **files: str) -> Path:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as out:
        for place, text in (files or {"demo_app-1.2/pyproject.toml": PYPROJECT}).items():
            info = tarfile.TarInfo(place)
            info.size = len(text.encode())
            out.addfile(info, io.BytesIO(text.encode()))
    (tmp_path / name).write_bytes(gzip.compress(buffer.getvalue()))
    return tmp_path / name


def test_an_sdist(tmp_path: Path) -> None:
    project = load(tmp_path, sdist(tmp_path).name)
    assert (project.kind, project.name, project.version) == (InputKind.SDIST, "demo-app", "1.2")
    assert project.dependencies == ("click>=8",)
    assert project.settings.config.python == "3.13"


def test_a_zip_with_a_project_in_it_is_an_sdist(tmp_path: Path) -> None:
    write_zip(tmp_path / "demo-main.zip", {"demo-main/pyproject.toml": PYPROJECT.encode()})
    project = load(tmp_path, "demo-main.zip")
    assert (project.kind, project.name, project.version) == (InputKind.SDIST, "Demo.App", "1.2")


def test_a_script_with_inline_metadata(tmp_path: Path) -> None:
    (tmp_path / "hello wörld é.py").write_text(SCRIPT, encoding="utf-8")
    project = load(tmp_path, "hello wörld é.py")
    assert (project.kind, project.name, project.version) == (
        InputKind.SCRIPT, "hello wörld é", "2.5",
    )  # fmt: skip
    assert project.dependencies == ("rich",)
    assert project.requires_python == ">=3.12"
    assert project.settings.config.python == "3.12"
    assert entry(project) == EntryPoint("hello wörld é", "hello_world_e_script")


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("requests.py", "requests_script"),
        ("1 try.py", "_1_try_script"),
        ("日本.py", "main_script"),
        ("a=b [x];.py", "a_b_x_script"),
        ("class.py", "class_script"),
    ],
)
def test_scripts_get_legal_names_that_shadow_nothing(
    name: str, module: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text("print('é')\r\n", encoding="utf-8")
    project = load(tmp_path, name)
    assert project.dependencies == ()
    assert entry(project).module == module


def test_a_script_without_a_suffix_is_known_by_its_first_line(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/usr/bin/env python3\nprint(1)\n")
    assert load(tmp_path, "tool").kind is InputKind.SCRIPT


def test_a_pyw_script_is_for_windows(tmp_path: Path) -> None:
    (tmp_path / "w.pyw").write_text("x = 1\n")
    assert load(tmp_path, "w.pyw").entry_points[0].gui


@pytest.mark.parametrize(
    ("files", "module"),
    [
        ({"__main__.py": b"import helper", "helper.py": b""}, "code_script"),
        ({"wrap-1/__main__.py": b"", "wrap-1/x.py": b""}, "code_script"),
        ({"app/__init__.py": b"", "app/__main__.py": b""}, "app"),
        ({"app/__main__.py": b"", "lib/__init__.py": b""}, "app"),
        ({"one.py": b"print(1)"}, "one"),
        ({"top/one.py": b"if __name__ == '__main__': pass", "top/two.py": b""}, "one"),
        ({"one.py": b"if __name__ == '__main__': pass", "two.py": b"x = 1"}, "one"),
        ({"p/__init__.py": b"if __name__ == '__main__': pass"}, "p.__init__"),
    ],
    ids=str,
)
def test_a_zip_of_code_starts_its_main_module(
    files: dict[str, bytes], module: str, tmp_path: Path
) -> None:
    write_zip(tmp_path / "code.zip", files)
    project = load(tmp_path, "code.zip")
    assert project.kind is InputKind.ZIP
    assert entry(project).module == module


def test_an_application_zip_with_a_first_line(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "app.pyz", {"__main__.py": b"print(1)"})
    path.write_bytes(path.read_bytes())
    import zipapp

    (tmp_path / "src").mkdir()
    (tmp_path / "src/__main__.py").write_text("print(1)")
    zipapp.create_archive(tmp_path / "src", path, interpreter="/usr/bin/env python3")
    assert entry(load(tmp_path, "app.pyz")).module == "app_script"


def test_several_main_modules_are_listed(tmp_path: Path) -> None:
    write_zip(tmp_path / "two.zip", {"a/__main__.py": b"", "b/__main__.py": b""})
    with pytest.raises(EntryPointError, match="it has 2 entry points") as caught:
        entry(load(tmp_path, "two.zip"))
    assert caught.value.details == ("a  python -m a", "b  python -m b")
    assert caught.value.hint == "choose one: --entry a"
    chosen = load_project("two.zip", cwd=tmp_path, overrides={"entry": "b"})
    assert entry(chosen).module == "b"


def test_requirements_in_a_zip_are_honoured(tmp_path: Path) -> None:
    text = b"# what it needs\nrich>=13 # tables\nclick==8.1.7 \\\n    --hash=sha256:00\n\n"
    write_zip(tmp_path / "code.zip", {"__main__.py": b"", "requirements.txt": text})
    project = load(tmp_path, "code.zip")
    assert project.dependencies == ("rich>=13", "click==8.1.7")
    write_zip(tmp_path / "other.zip", {"__main__.py": b"", "requirements.txt": b"-r more.txt\n"})
    with pytest.raises(ProjectError, match="option '-r' is not known"):
        load(tmp_path, "other.zip")


def test_the_same_code_gives_the_same_wheel(tmp_path: Path) -> None:
    write_zip(tmp_path / "code.zip", {"__main__.py": b"print(1)"})
    first = load(tmp_path, "code.zip")
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    assert load(tmp_path, "code.zip").sha256 == first.sha256


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("httpie", "httpie"),
        ("black[d]==25.1.0", "black"),
        ("demo @ https://example.invalid/demo-1.0.tar.gz", "demo"),
        ("https://example.invalid/x/demo-1.0-py3-none-any.whl#sha256=00", "demo"),
        ("demo @ git+https://example.invalid/demo", "demo"),
    ],
)
def test_a_requirement(text: str, name: str, tmp_path: Path) -> None:
    project = load(tmp_path, text)
    assert (project.kind, project.name) == (InputKind.REQUIREMENT, name)
    assert project.path is None


@pytest.mark.parametrize(
    ("text", "reason", "hint"),
    [
        ("app.py", "no such file", "did you mean"),
        ("./nowhere", "no such file", None),
        ("..\\nowhere", "no such file", None),
        ("gone.tar.gz", "no such file", None),
        ("a b", "neither a file, a folder nor a requirement", "examples"),
        ("git+https://example.invalid/x", "neither", "name it: NAME @"),
        ("x" * 5000 + "!", "neither", None),
        ("a\0b", "neither", None),
    ],
)
def test_what_is_not_there_is_told(
    text: str, reason: str, hint: str | None, tmp_path: Path
) -> None:
    (tmp_path / "apq.py").write_text("")
    with pytest.raises(ProjectError, match=reason) as caught:
        load(tmp_path, text)
    assert hint is None or hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("name", "content", "error", "reason"),
    [
        ("x.py", b"def (", ProjectError, "not a Python script"),
        ("x.py", b"\xff\xfe\x00", ProjectError, "not a Python script"),
        ("x.py", b"# coding: klingon\n", ProjectError, "not a Python script"),
        ("x.py", b"# /// script\n# a = \n# ///\n", ConfigError, "not valid TOML"),
        ("x.py", b"# /// script\n# dependencies = 1\n# ///\n", ConfigError, "list of strings"),
        ("x.zip", b"not a zip", ProjectError, "not a wheel, an sdist"),
        ("x.whl", b"not a zip", ArchiveError, "not a wheel's|not a zip"),
        ("x-1.0.tar.gz", b"not a tar", ArchiveError, "cannot read"),
        ("notes.txt", b"hello", ProjectError, "not a wheel, an sdist"),
    ],
)
def test_bad_files_are_told(
    tmp_path: Path, *, name: str, content: bytes, error: type[Exception], reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=reason):
        load(tmp_path, name)


def test_a_bad_requires_python_is_told(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text('# /// script\n# requires-python = "banana"\n# ///\n')
    with pytest.raises(ProjectError, match=r"app\.py: its requires-python 'banana'") as caught:
        load_project(str(path))
    assert ">=3.11" in (caught.value.hint or "")


def test_two_script_blocks_are_refused(tmp_path: Path) -> None:
    block = "# /// script\n# dependencies = []\n# ///\n"
    (tmp_path / "x.py").write_text(f"{block}\n{block}")
    with pytest.raises(ConfigError, match="2 `# /// script` blocks"):
        load(tmp_path, "x.py")


@pytest.mark.parametrize(
    ("text", "error", "reason"),
    [
        ("", ProjectError, r"no \[project\] table"),
        ("[project]\nversion = '1'\n", ProjectError, "needs a name"),
        ("[project\n", ConfigError, "not valid TOML"),
        ("[project]\nname = 'x'\ndependencies = 'y'\n", ConfigError, "list of strings"),
        ("[project]\nname = 'x'\nscripts = 1\n", ConfigError, "must be a table"),
        ("[project]\nname = 'x'\n[project.scripts]\na = 'b c'\n", EntryPointError, "entry point"),
        ("[project]\nname = 'x'\n[tool.sealift]\ntargts = []\n", ConfigError, "no key 'targts'"),
    ],
)
def test_bad_project_files_are_told(
    text: str, error: type[Exception], reason: str, tmp_path: Path
) -> None:
    folder(tmp_path, text)
    with pytest.raises(error, match=reason):
        load(tmp_path, "app")


def test_a_folder_without_a_project_is_told(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/run.py").write_text("")
    with pytest.raises(ProjectError, match=r"neither pyproject\.toml nor setup\.py") as caught:
        load(tmp_path, "./code")
    assert "run.py" in (caught.value.hint or "")


def test_an_sdist_without_a_project_is_told(tmp_path: Path) -> None:
    path = sdist(tmp_path, "x-1.0.tar.gz", **{"x-1.0/readme.txt": "hello"})
    with pytest.raises(ProjectError, match=r"it has neither pyproject\.toml nor"):
        load(tmp_path, path.name)


def test_a_zip_without_code_is_told(tmp_path: Path) -> None:
    write_zip(tmp_path / "photos.zip", {"a.jpg": b""})
    with pytest.raises(ProjectError, match="no Python code"):
        load(tmp_path, "photos.zip")


def test_json_reads_back(tmp_path: Path) -> None:
    from sealift import jsonform

    folder(tmp_path)
    project = load(tmp_path, "app")
    assert jsonform.load(Project, project.to_json(), where="x") == project

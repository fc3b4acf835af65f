"""``sealift build`` on every kind of input, and on bad ones, as a user meets it."""

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests.support.command import (
    Outcome,
    clean_environment,
    demo_project,
    run_file,
    sealift,
    write_tree,
)
from tests.support.tools import require_namespaces


def built(outcome: Outcome) -> Path:
    """The path of the one artifact that was built."""
    assert outcome.status == 0, outcome.err + outcome.out
    (artifact,) = outcome.result
    return Path(artifact["path"])


def build(given: str | Path, cwd: Path, *options: str) -> Path:
    return cwd / built(sealift("build", given, "--json", *options, cwd=cwd))


def test_a_folder_becomes_a_file(tmp_path: Path) -> None:
    demo_project(tmp_path)
    product = build(".", tmp_path)
    assert product == tmp_path / "dist" / "demo"
    outcome = run_file(product, "a b", "ü")
    assert (outcome.out, outcome.err, outcome.status) == ("hello a b ü\n", "", 0)


def test_the_record_tells_what_was_made(tmp_path: Path) -> None:
    outcome = sealift("build", demo_project(tmp_path), "--json", cwd=tmp_path)
    (artifact,) = outcome.result
    data = (tmp_path / artifact["path"]).read_bytes()
    assert artifact["size"] == len(data)
    assert artifact["distributions"] == 1
    assert artifact["floor"][0] == 2
    assert "asks for GLIBC_" in artifact["floor_because"]
    assert (tmp_path / "dist" / "artifacts.json").exists()


def test_people_see_one_line_a_stage_and_a_table(tmp_path: Path) -> None:
    outcome = sealift("build", demo_project(tmp_path), cwd=tmp_path)
    assert outcome.status == 0
    ticks = [line for line in outcome.err.splitlines() if line.startswith("✓")]
    assert len(ticks) >= 5
    assert "glibc ≥ 2." in outcome.out
    assert "\x1b" not in outcome.out + outcome.err
    assert len(next(word for word in outcome.out.split() if len(word) == 64)) == 64


def test_quiet_says_only_the_result(tmp_path: Path) -> None:
    outcome = sealift("build", demo_project(tmp_path), "--quiet", cwd=tmp_path)
    assert (outcome.status, outcome.err) == (0, "")


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    project = demo_project(tmp_path / "p")
    first = build(project, tmp_path, "--out", "one").read_bytes()
    (project / "src" / "demo" / "__init__.py").touch()
    assert build(project, tmp_path, "--out", "two").read_bytes() == first


def test_an_empty_cache_gives_the_same_bytes(tmp_path: Path) -> None:
    project = demo_project(tmp_path / "p")
    first = build(project, tmp_path, "--out", "one").read_bytes()
    outcome = sealift(
        "build", project, "--json", "--out", "two", cwd=tmp_path,
        SEALIFT_CACHE_DIR=str(tmp_path / "cache"),
    )  # fmt: skip
    assert (tmp_path / built(outcome)).read_bytes() == first


def test_a_wheel_and_an_sdist_become_files(tmp_path: Path) -> None:
    project = demo_project(tmp_path / "p")
    sys.path.insert(0, str(project))
    try:
        before = Path.cwd()
        os.chdir(project)
        import backend  # type: ignore[import-not-found]

        wheel, sdist = backend.build_wheel(str(tmp_path)), backend.build_sdist(str(tmp_path))
    finally:
        os.chdir(before)
        sys.path.remove(str(project))
    for name in (wheel, sdist):
        product = build(tmp_path / name, tmp_path, "--out", f"out-{name}")
        assert run_file(product, "x").out == "hello x\n"


def test_a_zip_of_code_runs_its_main(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "my tool.zip", "w") as archive:
        archive.writestr("tool/__init__.py", "")
        archive.writestr("tool/__main__.py", "from . import work; print(work.answer, __name__)")
        archive.writestr("tool/work.py", "answer = 42")
    product = build("my tool.zip", tmp_path)
    assert run_file(product).out == "42 __main__\n"


def test_a_script_runs_as_main_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "hello wörld-2.py").write_text(
        "# /// script\n# requires-python = '>=3.11'\n# dependencies = []\n# ///\n"
        "import sys\nif __name__ == '__main__':\n    print('main', sys.argv[1:])\n",
        encoding="utf-8",
    )
    product = build("hello wörld-2.py", tmp_path)
    assert run_file(product, "1").out == "main ['1']\n"


def test_an_empty_environment_has_a_utf8_locale(tmp_path: Path) -> None:
    (tmp_path / "codeset.py").write_text(
        "import locale, os, subprocess, sys\n"
        "print(locale.nl_langinfo(locale.CODESET), os.environ.get('LC_CTYPE'), flush=True)\n"
        "subprocess.run([sys.executable, '-c',\n"
        "    'import locale; print(locale.nl_langinfo(locale.CODESET))'])\n"
    )
    assert run_file(build("codeset.py", tmp_path)).out == "UTF-8 C.UTF-8\nUTF-8\n"


def test_a_python_module_entry_runs_as_dash_m(tmp_path: Path) -> None:
    demo_project(tmp_path, more=" ", **{"demo/__main__.py": "print(__name__, __spec__.name)"})
    product = build(".", tmp_path)
    assert run_file(product).out == "__main__ demo.__main__\n"


def test_other_formats_come_from_one_build(tmp_path: Path) -> None:
    demo_project(tmp_path)
    outcome = sealift("build", ".", "-f", "dir", "-f", "tar", "--json", cwd=tmp_path)
    folder, archive = (tmp_path / artifact["path"] for artifact in outcome.result)
    assert run_file(folder / "demo", "x").out == "hello x\n"
    assert archive.name.endswith(".tar.zst")


def test_nothing_of_this_machine_is_in_it(tmp_path: Path) -> None:
    folder = build(demo_project(tmp_path / "p"), tmp_path, "-f", "dir")
    telling = [str(tmp_path), f"{Path.home()}/", sys.prefix, sys.base_prefix]
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        assert [text for text in telling if text.encode() in data] == [], path


def test_the_standard_library_becomes_real_files_when_asked(tmp_path: Path) -> None:
    demo_project(
        tmp_path,
        more='[project.scripts]\ndemo = "demo:main"\n[tool.sealift]\nmaterialize = ["python"]',
        **{"demo/__init__.py": "import json\ndef main(): print(open(json.__file__).read(3))"},
    )
    assert run_file(build(".", tmp_path)).out == 'r""\n'


def test_settings_are_taken_from_pyproject(tmp_path: Path) -> None:
    more = (
        '[project.scripts]\ndemo = "demo:main"\nother = "demo:other"\n'
        '[tool.sealift]\nname = "Mein Programm"\nentry = "other"'
    )
    demo_project(tmp_path, more=more, **{"demo/__init__.py": "def other(): print('other')"})
    product = build(".", tmp_path)
    assert product.name == "Mein Programm"
    assert run_file(product).out == "other\n"


def test_a_staged_image_is_exported_later(tmp_path: Path) -> None:
    demo_project(tmp_path)
    assert sealift("stage", ".", cwd=tmp_path).status == 0
    (image,) = (tmp_path / "dist").glob("image-*.json")
    product = tmp_path / built(sealift("export", image, "--json", cwd=tmp_path))
    assert run_file(product, "y").out == "hello y\n"


@pytest.mark.parametrize("command", ["plan", "collect", "stage"])
def test_each_part_of_the_line_runs_alone(tmp_path: Path, command: str) -> None:
    outcome = sealift(command, demo_project(tmp_path), "--json", cwd=tmp_path)
    assert outcome.status == 0, outcome.err
    assert outcome.result


FAILURES = {
    "no-pyproject": ({"readme.txt": ""}, ["."], 4, "pyproject.toml"),
    "no-input": ({}, ["./gone"], 4, "gone"),
    "not-a-requirement": ({}, ["what is this?"], 4, "what is this?"),
    "bad-toml": ({"pyproject.toml": "[project"}, ["."], 3, "pyproject.toml"),
    "unknown-target": ({}, [".", "-t", "linux-arm64"], 3, "linux-arm64"),
    "unknown-format": ({}, [".", "-f", "onefil"], 3, "onefil"),
    "refused-format": ({}, [".", "-t", "windows-x86_64", "-f", "dmg"], 11, "macOS alone"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_bad_input_is_named_and_nothing_is_left(tmp_path: Path, case: str) -> None:
    files, arguments, status, named = FAILURES[case]
    if arguments[0] == "." and not files:
        demo_project(tmp_path)
    write_tree(tmp_path, files)
    before = sorted(tmp_path.rglob("*"))
    outcome = sealift("build", *arguments, cwd=tmp_path)
    assert outcome.status == status, outcome.err
    assert named in outcome.err
    assert "Traceback" not in outcome.err
    assert sorted(tmp_path.rglob("*")) == before


def test_several_scripts_are_listed(tmp_path: Path) -> None:
    more = '[project.scripts]\none = "demo:main"\ntwo = "demo:main"'
    outcome = sealift("build", demo_project(tmp_path, more=more), cwd=tmp_path)
    assert outcome.status == 5
    assert "one" in outcome.err
    assert "two" in outcome.err
    assert "--entry" in outcome.err


@pytest.mark.parametrize(
    ("entry", "named"), [("demo:mian", "mian"), ("dmeo:main", "dmeo"), ("nothing", "nothing")]
)
def test_an_entry_that_does_not_exist_is_refused(tmp_path: Path, entry: str, named: str) -> None:
    outcome = sealift("build", demo_project(tmp_path), "--entry", entry, cwd=tmp_path)
    assert outcome.status == 5
    assert named in outcome.err


def test_a_failing_backend_shows_its_last_lines_and_a_log(tmp_path: Path) -> None:
    project = demo_project(tmp_path)
    (project / "backend.py").write_text(
        "def build_wheel(*a, **k):\n    raise SystemExit('the sky is falling')\n"
    )
    outcome = sealift("build", project, cwd=tmp_path)
    assert outcome.status == 9
    assert "the sky is falling" in outcome.err
    assert "log:" in outcome.err
    log = Path(outcome.err.partition("log:")[2].split("\n")[0].strip())
    assert "the sky is falling" in log.read_text()


def test_a_folder_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "dist" / "demo").mkdir(parents=True)
    (tmp_path / "dist" / "demo" / "precious").write_text("x")
    outcome = sealift("build", demo_project(tmp_path), cwd=tmp_path)
    assert outcome.status == 12
    assert (tmp_path / "dist" / "demo" / "precious").read_text() == "x"


def test_an_output_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "dist").write_text("")
    outcome = sealift("build", demo_project(tmp_path), cwd=tmp_path)
    assert outcome.status in {2, 12}
    assert "dist" in outcome.err


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    require_namespaces()
    project = demo_project(tmp_path)
    assert sealift("build", project, cwd=tmp_path).status == 0
    (tmp_path / "small").mkdir()
    script = (
        f"mount -t tmpfs -o size=1m x {tmp_path}/small && "
        f"{{ {sys.executable} -m sealift build {project} --out {tmp_path}/small; "
        f"echo status $?; ls -A {tmp_path}/small; }}"
    )
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        env=clean_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "status 12" in done.stdout, done.stderr
    assert done.stdout.splitlines()[-1] == "status 12"
    assert "No space left" in done.stderr
    assert "free some space" in done.stderr


def test_an_interrupted_build_leaves_no_half_file(tmp_path: Path) -> None:
    project = demo_project(tmp_path)
    (project / "backend.py").write_text(
        "import pathlib, time\n"
        "def build_wheel(*a, **k):\n"
        f"    pathlib.Path({str(tmp_path / 'begun')!r}).touch()\n"
        "    time.sleep(60)\n"
    )
    running = subprocess.Popen(
        [sys.executable, "-m", "sealift", "build", str(project)],
        cwd=tmp_path, env=clean_environment(), stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    while not (tmp_path / "begun").exists() and running.poll() is None:
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    assert "Traceback" not in err
    assert not (tmp_path / "dist").exists() or list((tmp_path / "dist").iterdir()) == []


def test_a_lock_with_another_hash_is_refused(tmp_path: Path) -> None:
    wheel_project = demo_project(tmp_path / "dep", name="dep")
    project = demo_project(
        tmp_path / "p",
        more='dependencies = ["dep"]\n[project.scripts]\ndemo = "demo:main"',
    )
    os.chdir(tmp_path)
    sealift("collect", wheel_project, "--out", "wheels", cwd=tmp_path)
    (wheel,) = (tmp_path / "wheels").rglob("dep-1.0*.whl")
    (project / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "dep"\nversion = "1.0"\n'
        f'wheels = [{{ name = "{wheel.name}", path = "{wheel}", '
        f'hashes = {{ sha256 = "{"0" * 64}" }} }}]\n'
    )
    outcome = sealift("build", project, cwd=tmp_path)
    assert outcome.status in {7, 8}
    assert wheel.name in outcome.err
    assert "0" * 64 in outcome.err

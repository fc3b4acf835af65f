"""Python inside the built file behaves like Python in a normal environment."""

import dataclasses
import json
import os
import signal
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sealift.formats.onefile import OneFile
from sealift.launcher.product import CompressedOptions
from tests.support.products import BEHAVIOUR, behaviour_wheels, local_interpreter, make_image
from tests.support.running import Product
from tests.support.tools import missing

FEATURES = ("3.11", "3.12", "3.13")
SITE = "lib/python{}/site-packages"


@dataclass(frozen=True, kw_only=True)
class Built(Product):
    """A single file, and which Python is in it."""

    feature: str
    variables: ClassVar[Mapping[str, str]] = {
        "PYTHONPATH": "/nonexistent",
        "PYTHONHOME": "/nonexistent",
    }

    @property
    def site(self) -> str:
        return SITE.format(self.feature)


@pytest.fixture(scope="session", params=FEATURES)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    feature = request.param
    folder = tmp_path_factory.mktemp(f"Gerät mit Leerraum {feature}")
    return build(feature, folder, "behaviour.cli:main")


def build(feature: str, folder: Path, entry: str, **options: Any) -> Built:
    interpreter = local_interpreter(feature)
    config = {"name": "Prüfung é", **options.pop("config", {})}
    image = make_image(interpreter, behaviour_wheels(folder), entry, **config)
    # Reading own sources makes them real files; here they are to come from the image.
    entries = tuple(dataclasses.replace(file, real=False) for file in image.entries)
    image = dataclasses.replace(image, entries=entries).with_key()
    home = folder / "Heimat ü"
    home.mkdir()
    path = folder / OneFile().filename(image)
    OneFile().write([image], CompressedOptions(compression="fast", **options), path)
    return Built(path=path, home=home, feature=feature)


def test_files_are_where_modules_say(built: Built) -> None:
    found = built.ask("imports.files")
    root = found["root"]
    package = f"{root}/{built.site}/behaviour"
    assert found["package"] == f"{package}/__init__.py"
    assert found["path"] == [package]
    assert found["module"] == found["origin"] == found["code"] == f"{package}/imports.py"
    assert found["stdlib"] == f"{root}/lib/python{built.feature}/json/decoder.py"
    assert found["frozen"] == f"{root}/lib/python{built.feature}/os.py"
    assert found["is_source_loader"]
    assert found["main"] is None
    assert found["sys_path"] == [
        f"{root}/lib/python{built.feature}",
        f"{root}/lib/python{built.feature}/lib-dynload",
        f"{root}/{built.site}",
        f"{root}/{built.site}/behaviour_more",
    ]
    assert found["folder_exists"]
    assert found["up"]


def test_resources_are_data_on_disk_and_sources_of_the_image(built: Built) -> None:
    found = built.ask("imports.resources")
    source = (BEHAVIOUR / "src/behaviour/resources/readable.py").read_text(encoding="utf-8")
    text = (BEHAVIOUR / "src/behaviour/resources/text.txt").read_text(encoding="utf-8")
    assert found["is_path"]
    assert found["is_real"]
    assert found["text"] == found["get_data"] == text
    assert found["nested"] == found["joined"] == [0, 1, 255]
    assert found["source"] == found["get_source"] == source
    assert found["copied"] == [True, source]
    assert found["source_is_file"]
    assert not found["missing"]
    assert found["names"] == ["__init__.py", "nested", "readable.py", "text.txt"]
    own = {path.name for path in (BEHAVIOUR / "src/behaviour").iterdir()} - {"__pycache__"}
    assert set(found["below"]) == own
    assert found["folder_of_data"] == "<h1>{{ title }}</h1>\n"


def test_sources_of_the_image_are_found_by_searching(built: Built) -> None:
    program = local_interpreter(built.feature).program
    assert program
    ordinary = subprocess.run(
        [program, "-m", "behaviour", "imports.searched"],
        env={"PYTHONPATH": str(BEHAVIOUR / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=True,
    )
    assert built.ask("imports.searched") == json.loads(ordinary.stdout)


def test_metadata_and_entry_points_are_found(built: Built) -> None:
    found = built.ask("imports.metadata")
    assert found["version"] == "1.2.3"
    assert found["name"] == "behaviour"
    assert found["scripts"] == ["behaviour.cli:main"]
    assert found["plugins"] == {"first": "alpha", "second": "beta"}
    assert "behaviour/cli.py" in found["files"]
    assert "behaviour/templates/page.html" in found["files"]
    assert {"behaviour", "shapes", "behaviour_start"} <= set(found["packages"])


def test_pkgutil_lists_packages(built: Built) -> None:
    found = built.ask("imports.packages")
    assert found["iter"] == [["alpha", False], ["beta", False], ["deep", True]]
    assert found["walk"] == [
        f"behaviour.plugins.{name}" for name in ("alpha", "beta", "deep", "deep.leaf")
    ]
    assert found["top"] == ["behaviour", "json"]
    assert found["loaded"][-1] == "behaviour.plugins.deep"
    assert found["resolved"] == "alpha"


def test_sources_can_be_inspected(built: Built) -> None:
    found = built.ask("imports.sources")
    assert found["function"] == "def sources():"
    assert found["class"] == "class Local:"
    assert found["module"] == (BEHAVIOUR / "src/behaviour/__init__.py").read_text(encoding="utf-8")
    assert found["stdlib"] == "class JSONDecoder(object):"
    assert found["file"].endswith("behaviour/imports.py")
    assert found["doc"] == "Looks at Python from inside a product."


def test_namespace_packages_span_folders(built: Built) -> None:
    found = built.ask("imports.namespaces")
    assert found["sides"] == [1, 4]
    assert found["file"] is None
    assert found["origin"] is None
    assert [path.rpartition("/site-packages/")[2] for path in found["path"]] == [
        "shapes",
        "behaviour_more/shapes",
    ]
    assert found["names"] == ["circle", "square"]


def test_pth_files_act_as_in_an_environment(built: Built) -> None:
    found = built.ask("imports.startup")
    assert found["ran"] == 1
    assert found["folder"].endswith(built.site)


def test_modules_can_be_reloaded_and_added(built: Built) -> None:
    assert built.ask("imports.reloading") == {"name": "alpha", "late": "late", "spec": True}
    assert built.ask("imports.lazily") == {"lazy": True, "name": "beta"}


def test_modules_outside_the_product_are_imported_as_ever(built: Built, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("NAME = 'outside'\n")
    (tmp_path / "inside_folder.py").write_text("NAME = 'folder'\n")
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("inside_zip.py", "NAME = 'zip'\n")
    found = built.ask("imports.by_location", str(tmp_path))
    assert found == ["outside", "folder", "zip", "zipimporter"]


def test_python_is_configured_as_an_environment(built: Built) -> None:
    found = built.ask("imports.site")
    assert found["names"] == [True] * 4
    assert found["exit"].startswith("Use exit() or Ctrl-D")
    assert found["prefixes"] == [True, True]
    assert found["executable"] == f"bin/python{built.feature}"
    assert found["flags"] == [1, 1, 1]
    assert built.ask("running.hashing") == {"random": 1, "gc": True}


@pytest.mark.parametrize(
    ("command", "last"),
    [
        ("uncaught", "ValueError: told with its line"),
        ("caught_cause", "RuntimeError: the second"),
        ("in_thread", "ValueError: told with its line"),
        ("logged", "ValueError: told with its line"),
    ],
)
def test_tracebacks_show_source_lines(built: Built, command: str, last: str) -> None:
    done = built.run(f"failing.{command}")
    assert "# the line that fails" in done.stderr
    assert f'{built.site}/behaviour/failing.py", line ' in done.stderr
    assert done.stderr.splitlines()[-1] == last
    assert "importlib" not in done.stderr


def test_tracebacks_through_the_standard_library_show_its_lines(built: Built) -> None:
    done = built.run("failing.standard_library")
    assert "return _default_decoder.decode(s)" in done.stderr
    assert done.returncode == 1


def test_form_feeds_do_not_move_lines(built: Built) -> None:
    done = built.run("failing.in_pages")
    assert 'raise ValueError("second page")  # the line that fails' in done.stderr
    assert built.ask("imports.lines_of_pages") == [
        ["def fail():\n", '    raise ValueError("second page")  # the line that fails\n'],
        "",
    ]


def test_failing_imports_tell_of_the_module_alone(built: Built) -> None:
    done = built.run("failing.old_syntax")
    assert 'print "Python 2"' in done.stderr
    assert "behaviour/broken/old.py" in done.stderr
    assert "SyntaxError: Missing parentheses" in done.stderr
    done = built.run("failing.missing_module")
    assert "import does_not_exist_anywhere" in done.stderr
    assert "importer" not in done.stderr.replace("_sealift_importer", "", 2)
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: No module named 'does_not_exist_anywhere'"
    )


def test_warnings_show_the_line(built: Built) -> None:
    done = built.run("imports.warned")
    assert 'warnings.warn("look here")  # the line that warns' in done.stderr


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [("0", 0, ""), ("3", 3, ""), ("-1", 255, ""), ("300", 44, ""), ("sorry", 1, "sorry\n")],
)
def test_exit_codes(built: Built, status: str, code: int, told: str) -> None:
    done = built.run("failing.exit_with", status)
    assert (done.returncode, done.stderr) == (code, told)


def test_returned_status_is_the_exit_code(built: Built) -> None:
    assert built.run("failing.return_status").returncode == 9
    assert built.run("failing.exit_by_builtin").returncode == 7


def test_what_runs_at_exit_runs(built: Built) -> None:
    done = built.run("failing.at_exit")
    assert (done.returncode, done.stdout) == (5, "written, thread\nat exit\n")


def test_signals(built: Built) -> None:
    done = built.run("failing.interrupted")
    assert done.returncode == -signal.SIGINT
    assert done.stderr.splitlines()[-1] == "KeyboardInterrupt"
    done = built.run("failing.terminated")
    assert (done.returncode, done.stdout) == (3, "stopping\n")


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_multiprocessing(built: Built, method: str) -> None:
    environment = {"PYTHONWARNINGS": "ignore"}
    assert built.ask("processes.start_method", method, env=environment) == {
        "squares": [0, 1, 4, 9, 16],
        "child": "child",
        "other": True,
        "argv": ["processes.start_method"],
        "status": 0,
    }


def test_executors_and_shared_state(built: Built) -> None:
    assert built.ask("processes.futures") == [[0, 1, 4, 9], [0, 1, 4, 9]]
    assert built.ask("processes.shared_memory") == "abc"
    assert built.ask("processes.manager") == {"a": 1, "b": 2}


def test_subinterpreters_import_as_the_main_one(built: Built) -> None:
    assert json.loads(built.ask("processes.subinterpreter")) == ["grüße", 1]


def test_sys_executable_is_python_over_the_same_image(built: Built) -> None:
    found = built.ask("processes.python")
    assert found["code"] == [0, "grüße ['-c', 'é']\n", ""]
    assert json.loads(found["module"][1])["version"] == "1.2.3"
    assert found["stdlib"] == [0, '{\n    "a": 1\n}\n', ""]
    assert found["stdin"] == [0, "1\n", ""]
    assert found["executable"]
    assert found["prefix"]
    assert found["isolated"] == found["plain"] == [0, "behaviour\n", ""]
    assert found["failure"][0] == 1
    assert "# the line that fails" in found["failure"][2]
    assert found["status"] == 4
    assert found["version"] == "Python"


def test_scripts_run_by_sys_executable(built: Built, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    (tmp_path / "beside.py").write_text("NAME = 'beside'\n")
    script.write_text("import sys, beside, behaviour\nprint(beside.NAME, sys.argv[1:], __name__)\n")
    assert built.ask("processes.script", str(script)) == [0, "beside ['argument'] __main__\n", ""]


def test_the_working_directory_is_not_searched(built: Built) -> None:
    trap = built.home / "json.py"
    trap.write_text("raise SystemExit('trapped')\n")
    try:
        assert built.ask("running.threads") == list(range(8))
        assert built.ask("processes.python")["stdlib"][0] == 0
    finally:
        trap.unlink()


def test_threads_and_tasks(built: Built) -> None:
    assert built.ask("running.threads") == list(range(8))
    assert built.ask("running.tasks") == [[0, 1, 2], "child"]


def test_standard_input_and_binary_pipes(built: Built) -> None:
    assert built.ask("running.lines", input="eins\nzwei ü\n") == ["eins", "zwei ü"]
    data = bytes(range(256)) * 5000
    done = built.run("running.copy", input=data, text=False, encoding=None)
    copied: Any = done.stdout
    assert copied == data


def test_output_to_a_closed_pipe_ends_quietly(built: Built) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [built.path, "running.slow_output"],
        stdout=write, stderr=subprocess.PIPE, env=built.environment(), check=False, timeout=60,
    )  # fmt: skip
    os.close(write)
    assert done.returncode == 120
    assert b"BrokenPipeError" in done.stderr


def test_arguments_of_any_kind(built: Built) -> None:
    given = ["--flag", "ä ✓", "", "a\nb", b"\xff\xfe".decode("utf-8", "surrogateescape")]
    found = built.ask("running.arguments", *given)
    assert found["same"]
    assert found["given"] == [os.fsencode(text).hex() for text in given]


@pytest.mark.parametrize("language", ["C", "POSIX", "C.UTF-8", "de_DE.ISO-8859-1", ""])
def test_text_is_utf8_whatever_the_locale(built: Built, language: str) -> None:
    found = built.ask("running.encodings", env={"LC_ALL": language, "PYTHONIOENCODING": "latin-1"})
    assert found == {
        "stdout": "utf-8",
        "files": "utf-8",
        "preferred": "utf-8",
        "utf8": 1,
        "text": "äöü ✓ 日本",
        "upper": "STRASSE",
        "codecs": ["e9", "xn--bcher-kva.de"],
    }


def test_locale_functions_work(built: Built) -> None:
    assert built.ask("running.localized") == {"name": "C.UTF-8", "number": "1.5"}


def test_libraries(built: Built) -> None:
    assert built.ask("libraries.database") == ["b", "ä"]
    assert built.ask("libraries.foreign") == {"length": 5, "callback": 42, "api": 1}
    assert built.ask("libraries.compression") == [True] * 4
    found = built.ask("libraries.others")
    assert found["decimal"] == "0.3"
    assert found["modules"] == [True] * 3
    assert built.ask("running.wide_stack") == {"depth": 900}


def test_zones(built: Built) -> None:
    if not Path("/usr/share/zoneinfo").is_dir():
        missing("needs the system's zones")
    assert built.ask("libraries.zones") == "2:00:00"

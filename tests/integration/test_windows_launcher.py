"""Products for Windows under wine: Python in them behaves, and the launcher keeps its laws."""

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sealift.binary.pe import facts_of, read_pe
from sealift.binary.pe_layout import Image as PeImage
from sealift.binary.view import View
from sealift.formats.folder import Folder
from sealift.formats.onefile import OneFile
from sealift.image import Image
from sealift.interpreters.candidates import search
from sealift.interpreters.headers import headers_for
from sealift.launcher.payload import payload_offset
from sealift.launcher.product import CompressedOptions, RuntimeOptions
from sealift.target import parse_target
from tests.support.image_reader import read_payload
from tests.support.products import BEHAVIOUR, behaviour_wheels, make_image, wheel_of
from tests.support.tools import require_tool
from tests.support.wine import Wine, running_wine
from tests.support.wine_products import WindowsProduct, windows_interpreter, windows_path

SITE = "Lib\\site-packages"
FAILED = 71
NAME = "Prüfung é"


class Built(WindowsProduct):
    variables: ClassVar[dict[str, str]] = {
        "PYTHONPATH": "C:\\nowhere",
        "PYTHONHOME": "C:\\nowhere",
        "PYTHONWARNINGS": "ignore",
    }

    def answers(self, *commands: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("several.answers", *commands)
        return found


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    require_tool("x86_64-w64-mingw32-gcc")
    with running_wine(tmp_path_factory.mktemp("windows")) as wine:
        (wine.drive / "Gerät mit Leerraum").mkdir()
        yield wine


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    wheels = behaviour_wheels(tmp_path_factory.mktemp("wheels"))
    made = make_image(windows_interpreter(), wheels, "behaviour.cli:main", name=NAME)
    # Reading own sources makes them real files; here they are to come from the image.
    entries = tuple(dataclasses.replace(entry, real=False) for entry in made.entries)
    return dataclasses.replace(made, entries=entries).with_key()


def product(windows: Wine, path: Path) -> Built:
    return Built(path=path, home=path.parent, wine=windows)


@pytest.fixture(scope="module")
def onefile(windows: Wine, image: Image) -> Built:
    path = windows.drive / "Gerät mit Leerraum" / OneFile().filename(image)
    OneFile().write([image], CompressedOptions(compression="fast"), path)
    return product(windows, path)


@pytest.fixture(scope="module")
def folder(windows: Wine, image: Image) -> Built:
    path = windows.drive / "Gerät mit Leerraum" / "folder"
    Folder().write([image], RuntimeOptions(), path)
    return product(windows, path / "Prüfung é.exe")


@pytest.mark.parametrize("shape", ["onefile", "folder"])
def test_python_behaves(shape: str, request: pytest.FixtureRequest) -> None:
    built: Built = request.getfixturevalue(shape)
    found = built.answers(
        "imports.files", "imports.resources", "imports.metadata", "imports.packages",
        "imports.sources", "imports.namespaces", "imports.startup", "imports.reloading",
        "imports.site", "imports.lines_of_pages", "libraries.compression", "libraries.database",
        "processes.subinterpreter", "running.encodings", "running.hashing", "running.threads",
        "running.wide_stack",
    )  # fmt: skip
    check_places(found["imports.files"])
    check_resources(found["imports.resources"])
    assert found["imports.metadata"]["plugins"] == {"first": "alpha", "second": "beta"}
    assert "behaviour/cli.py" in found["imports.metadata"]["files"]
    assert found["imports.packages"]["iter"] == [["alpha", False], ["beta", False], ["deep", True]]
    assert found["imports.packages"]["top"] == ["behaviour", "json"]
    assert found["imports.sources"]["function"] == "def sources():"
    assert found["imports.sources"]["stdlib"] == "class JSONDecoder(object):"
    assert found["imports.namespaces"]["sides"] == [1, 4]
    assert [path.rpartition(SITE)[2] for path in found["imports.namespaces"]["path"]] == [
        "\\shapes",
        "\\behaviour_more\\shapes",
    ]
    assert found["imports.startup"]["folder"].endswith(SITE)
    assert found["imports.reloading"] == {"name": "alpha", "late": "late", "spec": True}
    assert found["imports.site"]["executable"] == "python.exe"
    assert found["imports.site"]["flags"] == [1, 1, 1]
    assert found["imports.lines_of_pages"][0][0] == "def fail():\n"
    assert found["libraries.compression"] == [True] * 4
    assert found["libraries.database"] == ["b", "ä"]
    assert json.loads(found["processes.subinterpreter"]) == ["grüße", 1]
    assert found["running.encodings"]["stdout"] == found["running.encodings"]["files"] == "utf-8"
    assert found["running.encodings"]["text"] == "äöü ✓ 日本"
    assert found["running.hashing"] == {"random": 1, "gc": True}
    assert found["running.threads"] == list(range(8))
    assert found["running.wide_stack"] == {"depth": 900}


def check_places(found: dict[str, Any]) -> None:
    root = found["root"]
    package = f"{root}\\{SITE}\\behaviour"
    assert found["package"] == f"{package}\\__init__.py"
    assert found["path"] == [package]
    assert found["module"] == found["origin"] == found["code"] == f"{package}\\imports.py"
    assert found["stdlib"] == f"{root}\\Lib\\json\\decoder.py"
    assert found["sys_path"] == [
        f"{root}\\Lib",
        f"{root}\\DLLs",
        f"{root}\\{SITE}",
        f"{root}\\{SITE}\\behaviour_more",
    ]
    assert found["folder_exists"]
    assert found["up"]


def check_resources(found: dict[str, Any]) -> None:
    source = (BEHAVIOUR / "src/behaviour/resources/readable.py").read_text(encoding="utf-8")
    text = (BEHAVIOUR / "src/behaviour/resources/text.txt").read_text(encoding="utf-8")
    assert found["text"] == found["get_data"] == text
    assert found["source"] == found["get_source"] == source
    assert found["names"] == ["__init__.py", "nested", "readable.py", "text.txt"]
    assert found["folder_of_data"] == "<h1>{{ title }}</h1>\n"


def test_other_processes_are_python_over_the_same_image(onefile: Built) -> None:
    """A launcher that took these for starts of the product would start itself for ever."""
    found = onefile.answers(
        "processes.futures", "processes.manager", "processes.shared_memory", "processes.python",
        "running.tasks",
    )  # fmt: skip
    assert found["processes.futures"] == [[0, 1, 4, 9], [0, 1, 4, 9]]
    assert found["processes.manager"] == {"a": 1, "b": 2}
    assert found["processes.shared_memory"] == "abc"
    python = found["processes.python"]
    assert python["code"] == [0, "grüße ['-c', 'é']\n", ""]
    assert python["stdlib"] == [0, '{\n    "a": 1\n}\n', ""]
    assert python["stdin"] == [0, "1\n", ""]
    assert python["isolated"] == python["plain"] == [0, "behaviour\n", ""]
    assert "# the line that fails" in python["failure"][2]
    assert python["executable"]
    assert python["status"] == 4
    assert found["running.tasks"] == [[0, 1, 2], "child"]
    spawned = onefile.ask("processes.start_method", "spawn")
    assert spawned["squares"] == [0, 1, 4, 9, 16]
    assert spawned["status"] == 0


STATUSES = """
import json, subprocess, sys
def status(*command):
    done = subprocess.run(command, capture_output=True)
    return [done.returncode, done.stderr.decode()]
product = sys.argv[1]
print(json.dumps([
    *(status(product, "failing.exit_with", text) for text in ("300", "-1", "3221225786", "sorry")),
    status(product, "failing.return_status"),
    status(sys.executable, product, "failing.exit_with", "301"),
]))
"""


def test_exit_codes_are_whole(onefile: Built, folder: Built) -> None:
    python = dataclasses.replace(folder, path=folder.path.with_name("python.exe"))
    found = python.ask("-c", STATUSES, windows_path(onefile.wine, onefile.path))
    assert found == [
        [300, ""],
        [2**32 - 1, ""],
        [3221225786, ""],
        [1, "sorry\r\n"],
        [9, ""],
        [301, ""],
    ]


def test_arguments_of_any_kind(onefile: Built) -> None:
    given = ["--flag", "ä ✓ 日本", "", "a\nb", 'q"u\\"o\\\\', "*.exe", "a b\\", "\t"]
    found = onefile.ask("running.arguments", *given)
    assert found["same"]
    assert found["given"] == [text.encode().hex() for text in given]


def test_the_program_is_called_as_a_script_is(onefile: Built) -> None:
    windows = onefile.wine
    command = b"import sys; print(sys.argv)"
    wheel = wheel_of("named", {"named.py": command}, onefile.path.parent.parent / "wheels")
    path = windows.drive / "Named.EXE"
    made = make_image(windows_interpreter(), [wheel], "named")
    OneFile().write([made], CompressedOptions(compression="fast"), path)
    done = product(windows, path).run()
    assert done.stdout == "['C:\\\\Named']\n"


def test_uncaught_exceptions_show_source_lines(onefile: Built) -> None:
    done = onefile.run("failing.uncaught")
    assert done.returncode == 1
    assert "# the line that fails" in done.stderr
    assert f'{SITE}\\behaviour\\failing.py", line ' in done.stderr
    assert done.stderr.splitlines()[-1] == "ValueError: told with its line"


def test_standard_input_and_binary_pipes(onefile: Built) -> None:
    data = bytes(range(256)) * 500
    done = onefile.run("running.copy", input=data, text=False, encoding=None, errors=None)
    assert done.stdout == data


SPELLINGS = """
import importlib.util, json, linecache, os, sys
import behaviour.plugins
folder = os.path.dirname(behaviour.plugins.__file__)
found = {}
for name, path in {"lower": folder.lower(), "slashes": folder.replace("\\\\", "/"),
                   "upper": folder.upper() + "\\\\", "up": folder + "\\\\..\\\\plugins"}.items():
    sys.path.insert(0, path)
    sys.modules.pop("alpha", None)
    import alpha
    found[name] = alpha.NAME
    sys.path.remove(path)
found["line"] = linecache.getline(os.path.join(folder, "alpha.py").upper().replace(".PY", ".py"), 1)
sys.path.insert(0, folder)
found["case"] = importlib.util.find_spec("Alpha") is None
print(json.dumps(found))
"""


def test_paths_are_understood_in_any_spelling(folder: Built) -> None:
    python = dataclasses.replace(folder, path=folder.path.with_name("python.exe"))
    found = python.ask("-c", SPELLINGS)
    first = (BEHAVIOUR / "src/behaviour/plugins/alpha.py").read_text("utf-8").splitlines()[0]
    assert found == {
        "lower": "alpha", "slashes": "alpha", "upper": "alpha", "up": "alpha",
        "line": f"{first}\n", "case": True,
    }  # fmt: skip


def test_nothing_comes_from_the_working_directory(onefile: Built) -> None:
    traps = [onefile.home / name for name in ("json.py", "python3.dll", "vcruntime140.dll")]
    for trap in traps:
        trap.write_text("raise SystemExit('trapped')\n")
    try:
        assert onefile.ask("running.threads") == list(range(8))
    finally:
        for trap in traps:
            trap.unlink()


def test_a_harmed_tree_is_mended(onefile: Built) -> None:
    onefile.ask("running.threads")
    (tree,) = onefile.trees(NAME)
    harmed, gone, short = tree / "image.sealift", tree / "DLLs/_socket.pyd", tree / "python.exe"
    whole = {path: path.read_bytes() for path in (harmed, gone, short)}
    flipped = bytearray(whole[harmed])
    flipped[len(flipped) // 2] ^= 1
    harmed.write_bytes(flipped)
    gone.unlink()
    short.write_bytes(whole[short][:1000])
    assert onefile.ask("running.tasks") == [[0, 1, 2], "child"]
    assert {path: path.read_bytes() for path in whole} == whole
    assert list(tree.rglob(".mend.*")) == []


def test_first_starts_at_the_same_time_make_one_tree(onefile: Built) -> None:
    shutil.rmtree(onefile.local_data / "sealift")
    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(lambda _: onefile.ask("running.threads"), range(5)))
    assert found == [list(range(8))] * 5
    assert len(onefile.trees(NAME)) == 1
    apps = onefile.local_data / "sealift" / "apps"
    assert [path.name for path in apps.iterdir() if path.is_dir()] == [onefile.trees(NAME)[0].name]
    # Wine shows lists of rights as modes: the system's are the group's.
    assert [path.stat().st_mode & 0o007 for path in (apps, apps.parent, *onefile.trees(NAME))] == [
        0
    ] * 3


def test_what_dead_processes_left_goes_with_the_next_tree(onefile: Built) -> None:
    onefile.ask("running.threads")
    (tree,) = onefile.trees(NAME)
    shutil.rmtree(tree)
    left = tree.with_name(f".{tree.name}.4711.{'0' * 16}")
    (left / "Lib").mkdir(parents=True)
    (left / "Lib" / "half").write_text("written")
    assert onefile.ask("running.threads") == list(range(8))
    assert not left.exists()


def test_places_that_others_can_change_are_refused(onefile: Built) -> None:
    open_place = onefile.wine.drive / "open"
    open_place.mkdir()
    open_place.chmod(0o777)
    own = open_place / "apps"
    own.mkdir()
    own.chmod(0o777)
    (temporary,) = onefile.wine.drive.glob("users/*/Temp")
    in_the_way = [folder / "sealift" for folder in (onefile.local_data, temporary)]
    for path in in_the_way:
        shutil.rmtree(path, ignore_errors=True)
        path.write_text("in the way")
    done = onefile.run("running.threads", env={"SEALIFT_CACHE_DIR": "C:\\open"})
    for path in in_the_way:
        path.unlink()
    assert done.returncode == FAILED
    assert "cannot start: it found no place for its files" in done.stderr
    assert "C:\\open: others have rights to change" in done.stderr
    assert "AppData\\Local: cannot make sealift: Not a directory" in done.stderr
    assert "hint: set SEALIFT_CACHE_DIR" in done.stderr


def test_a_named_place_with_a_very_long_path(onefile: Built) -> None:
    path = "C:\\" + "\\".join(["a rather long name of a folder"] * 8)
    found = onefile.ask("imports.files", env={"SEALIFT_CACHE_DIR": path})
    assert found["root"].startswith(f"{path}\\apps\\")
    assert len(found["stdlib"]) > 260


def test_a_signed_file_starts_and_its_python_is_as_it_was(onefile: Built, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [require_tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=Sealift", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    signed = onefile.path.with_name("signed.exe")
    subprocess.run(
        [require_tool("osslsigncode"), "sign", "-certs", certificate, "-key", key,
         "-in", onefile.path, "-out", signed],
        check=True, capture_output=True,
    )  # fmt: skip
    assert signed.stat().st_size > onefile.path.stat().st_size
    found = dataclasses.replace(onefile, path=signed).ask("running.tasks")
    assert found == [[0, 1, 2], "child"]
    assert onefile.trees(NAME)
    for tree in onefile.trees(NAME):
        own = PeImage(View((tree / "python.exe").read_bytes(), "python.exe"))
        assert own.certificates == (0, 0)


def test_a_damaged_file_says_so(onefile: Built) -> None:
    broken = onefile.path.with_name("broken.exe")
    broken.write_bytes(onefile.path.read_bytes()[:-5000])
    done = dataclasses.replace(onefile, path=broken).run("running.threads")
    assert done.returncode == FAILED
    assert "broken.exe: cannot start: this file is damaged: it ends too early" in done.stderr


VERSION = """
import sys
print({number}, flush=True)
sys.stdin.read()
"""


def test_old_versions_go_when_nobody_uses_them(windows: Wine, tmp_path: Path) -> None:
    def build(number: int) -> Built:
        source = VERSION.format(number=number).encode()
        wheel = wheel_of("versions", {"versions.py": source}, tmp_path / str(number))
        made = make_image(windows_interpreter(), [wheel], "versions")
        path = windows.drive / f"versions{number}.exe"
        OneFile().write([made], CompressedOptions(compression="fast"), path)
        return product(windows, path)

    def trees(built: Built) -> set[str]:
        return {path.name for path in built.trees("versions")}

    first = build(0)
    with first.start() as running:
        assert running.stdout is not None
        assert running.stdout.readline().strip() == "0"
        used = trees(first)
        for number in range(1, 5):
            assert build(number).ask(input="") == number
        assert used < trees(first)
        assert len(trees(first)) == 4
        running.communicate("")
    assert running.returncode == 0
    assert build(5).ask(input="") == 5
    assert used.isdisjoint(trees(first))
    assert len(trees(first)) == 3


def test_a_launcher_for_arm_is_a_program_for_it(image: Image, tmp_path: Path) -> None:
    """Nothing here runs it; readers find what Windows would."""
    target = parse_target("windows-arm64")
    found = search("3.13").found
    assert found is not None
    interpreter = dataclasses.replace(
        image.interpreter, target=target, headers=headers_for(found, target)
    )
    made = dataclasses.replace(image, target=target, interpreter=interpreter).with_key()
    path = tmp_path / "app.exe"
    OneFile().write([made], CompressedOptions(compression="fast"), path)
    facts = read_pe(path)
    assert facts is not None
    assert (facts.machine, facts.subsystem, facts.timestamp) == ("arm64", "console", 0)
    assert facts.has_aslr
    assert facts.has_nx
    libraries = {name.lower() for name in facts.imports if not name.startswith("api-ms-win-crt-")}
    assert libraries == {"advapi32.dll", "kernel32.dll", "ntdll.dll"}
    program = path.read_bytes()
    start = payload_offset(program[: PeImage(View(program, "app.exe")).sections_end])
    content = read_payload(program[start:])
    assert content["Lib/site-packages/behaviour/resources/text.txt"].content
    assert facts_of(View(content["python.exe"].content, "python.exe")).machine == "arm64"

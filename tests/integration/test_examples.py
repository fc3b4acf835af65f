"""The examples, built with ``sealift build`` and used as their users would."""

import json
import re
import signal
import struct
import subprocess
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from sealift.bench.measure import Subject, measure
from tests.support.bare_root import make_bare_root, run_in
from tests.support.command import run_file, write_tree
from tests.support.examples import build, example, lines_of, virtual_display
from tests.support.interpreters import shared_interpreter
from tests.support.servers import Quiet, serving
from tests.support.tools import require_tool

pytestmark = [pytest.mark.network, pytest.mark.slow]

PATIENT_SAYS = ["psycopg2 works!", "pycurl works!", "myextension works!"]


def built_once(name: str) -> Callable[..., Path]:
    """A fixture: the example as the user gets it, for all tests."""

    @pytest.fixture(scope="session")
    def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp(name)
        return build(example(name, folder), folder)

    return product


patient = built_once("patient")
webcli = built_once("webcli")
datacli = built_once("datacli")
guestbook = built_once("server")
window = built_once("window")


# The patient


def test_patient_works(patient: Path) -> None:
    assert lines_of(patient, "run") == PATIENT_SAYS
    assert lines_of(patient, "versions")[1].startswith("PycURL/")
    assert lines_of(patient, "--version") == ["myapp, version 1.0"]
    assert lines_of(patient, "--help")[0] == "Usage: myapp [OPTIONS] COMMAND [ARGS]..."
    assert run_file(patient, "nonsense").status == 2


def test_patient_works_where_there_is_nothing_but_the_c_library(
    patient: Path, tmp_path: Path
) -> None:
    root = make_bare_root(tmp_path / "root")
    (root / "app").write_bytes(patient.read_bytes())
    (root / "app").chmod(0o755)
    assert run_in(root, ["/app", "run"]).stdout.splitlines() == PATIENT_SAYS


def test_patient_built_against_libraries_of_this_machine_takes_them_along(tmp_path: Path) -> None:
    require_tool("pg_config")
    project = example("patient", tmp_path)
    settings = project / "pyproject.toml"
    settings.write_text(settings.read_text().replace("psycopg2-binary", "psycopg2"))
    made = build(project, tmp_path)
    assert lines_of(made, "run") == PATIENT_SAYS
    root = make_bare_root(tmp_path / "root")
    (root / "app").write_bytes(made.read_bytes())
    (root / "app").chmod(0o755)
    assert run_in(root, ["/app", "run"]).stdout.splitlines() == PATIENT_SAYS


@pytest.mark.parametrize("form", ["dir", "pyz", "tar"])
def test_patient_works_in_other_formats(form: str, tmp_path: Path) -> None:
    made = build(example("patient", tmp_path), tmp_path, "-f", form, "--python", "3.13")
    if form == "tar":
        unpacked = tmp_path / "unpacked"
        unpacked.mkdir()
        require_tool("zstd")
        subprocess.run(["tar", "-xf", made, "-C", unpacked], check=True)
        (made,) = unpacked.iterdir()
    if form == "pyz":
        program = shared_interpreter("3.13").program
        assert program
        out = subprocess.check_output([program, made, "run"], text=True)
        assert out.splitlines() == PATIENT_SAYS
    else:
        assert lines_of(made / "myapp", "run") == PATIENT_SAYS


def test_patient_can_be_started_by_its_module(tmp_path: Path) -> None:
    made = build(
        example("patient", tmp_path), tmp_path, "--entry", "myapp.myapp", "--name", "moved"
    )
    assert made.name == "moved"
    assert lines_of(made, "run") == PATIENT_SAYS


def test_patient_can_be_measured(patient: Path) -> None:
    report = measure([Subject("patient", (str(patient), "--help"))], rounds=2, warm_ups=1)
    assert report.results[0].minimum > 0


# The web command


class _Answers(Quiet, BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = 404 if self.path == "/absent" else 200
        kind, body = ("application/json", b'{"b": 1, "a": 2}')
        if self.path == "/page":
            kind, body = "text/html; charset=utf-8", "grün".encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def address() -> Iterator[str]:
    with serving(_Answers) as host:
        yield f"http://{host}"


def test_webcli_checks_addresses(webcli: Path, address: str) -> None:
    out = "\n".join(lines_of(webcli, "check", "--json", f"{address}/data", f"{address}/page"))
    document, page = json.loads(out)
    assert (document["status"], document["shape"]) == (200, "object of a, b")
    assert (page["media_type"], page["size"]) == ("text/html", len("grün".encode()))


def test_webcli_tells_by_its_status(webcli: Path, address: str) -> None:
    outcome = run_file(webcli, "check", f"{address}/absent")
    assert outcome.status == 1
    assert re.search(r"✗\s+http\S+/absent\s+404", outcome.out)
    assert lines_of(webcli, "check", f"{address}/absent", "--expect", "404")
    assert run_file(webcli, "check", "http://127.0.0.1:9/").status == 1


def test_webcli_explains_bad_input(webcli: Path) -> None:
    outcome = run_file(webcli, "check", "nonsense")
    assert outcome.status == 2
    assert "valid URL" in outcome.err
    assert "pydantic 2" in "\n".join(lines_of(webcli, "versions"))


# Data


def test_datacli_reads_the_data_of_its_package(datacli: Path) -> None:
    found = json.loads("\n".join(lines_of(datacli, "summary", "--json")))
    assert list(found) == ["Bergen", "Cairo", "Göteborg", "Nairobi", "Punta Arenas", "Tromsø"]
    assert found["Cairo"]["months"] == 240
    assert 22 < found["Cairo"]["mean"] < 23
    assert lines_of(datacli, "summary")[0].split() == [
        "months", "mean", "spread", "trend", "warmest",
    ]  # fmt: skip


def test_datacli_reads_a_file_of_the_user(datacli: Path, tmp_path: Path) -> None:
    months = (f"here,2020-{month:02}-01,{month}" for month in range(1, 13))
    table = tmp_path / "mine.csv"
    table.write_text("\n".join(["station,month,celsius", *months, *months]) + "\n")
    found = json.loads("\n".join(lines_of(datacli, "summary", "--json", str(table))))
    assert found["here"]["mean"] == 6.5
    table.write_text("station,month\nhere,2020-01\n")
    outcome = run_file(datacli, "summary", str(table))
    assert outcome.status == 1
    assert "no column celsius" in outcome.err


# The server


@contextmanager
def served(program: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [str(program), "--port", "0", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().split()[-1], process
        finally:
            process.terminate()


def read(address: str, data: bytes | None = None) -> tuple[str, str]:
    with urllib.request.urlopen(address, data, timeout=30) as answer:  # noqa: S310  (our own)
        return answer.headers["Content-Type"], answer.read().decode()


def test_server_serves_templates_and_static_files(guestbook: Path, tmp_path: Path) -> None:
    with served(guestbook, "--file", str(tmp_path / "book.db")) as (address, process):
        kind, page = read(address)
        assert kind == "text/html; charset=utf-8"
        assert "<h1>Guest book</h1>" in page
        assert "guestbook 1.0" in page
        kind, style = read(f"{address}static/style.css")
        assert kind.startswith("text/css")
        assert "font:" in style
        assert "&lt;b&gt;" in read(address, b"name=Ann&text=%3Cb%3E")[1]
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=30)[0] == "stopped\n"
        assert process.returncode == 0
    with served(guestbook, "--file", str(tmp_path / "book.db")) as (address, process):
        entries = json.loads(read(f"{address}entries.json")[1])
        assert entries == [{"name": "Ann", "text": "<b>"}]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


# The window


def picture_size(path: Path) -> tuple[int, int]:
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def test_window_opens_and_answers(window: Path, tmp_path: Path) -> None:
    with virtual_display() as display:
        for presses in ("0", "3"):
            picture = str(tmp_path / f"{presses}.png")
            lines_of(window, "--press", presses, "--screenshot", picture, DISPLAY=display)
        lines_of(window, "--close-after", "50", DISPLAY=display)
    width, height = picture_size(tmp_path / "0.png")
    assert width > 150
    assert height > 200
    # Text, button and the picture are there: an empty window would compress to next to nothing.
    assert (tmp_path / "0.png").stat().st_size > 1500
    assert (tmp_path / "3.png").read_bytes() != (tmp_path / "0.png").read_bytes()


def test_window_without_a_display_fails_as_it_does_everywhere(window: Path) -> None:
    outcome = run_file(window)
    assert outcome.status == 1
    assert "TclError: no display name" in outcome.err


# Code without a project


def test_script_with_its_requirements_in_a_comment(tmp_path: Path) -> None:
    made = build(example("script", tmp_path) / "columns.py", tmp_path)
    assert made.name == "columns"
    table = write_tree(tmp_path, {"table.csv": "name,size\nbär,3\nfox,2\n"}) / "table.csv"
    out = "\n".join(lines_of(made, str(table)))
    assert "bär" in out
    assert "2 rows" in out
    outcome = run_file(made, str(table), "--only", "colour")
    assert (outcome.status, outcome.err) == (1, "columns: there is no column colour\n")


def test_zip_of_code_without_metadata(tmp_path: Path) -> None:
    code = write_tree(
        tmp_path / "code",
        {
            "__main__.py": "from greeter.words import greeting\n\nprint(greeting())\n",
            "greeter/__init__.py": "",
            "greeter/words.py": (
                "from importlib import resources\n\n\n"
                "def greeting():\n"
                "    text = resources.files(__package__).joinpath('greeting.txt')\n"
                "    return text.read_text(encoding='utf-8').strip()\n"
            ),
            "greeter/greeting.txt": "grüß Gott\n",
        },
    )
    with zipfile.ZipFile(tmp_path / "greeter.zip", "w") as archive:
        for path in sorted(code.rglob("*")):
            archive.write(path, path.relative_to(code))
    assert lines_of(build(tmp_path / "greeter.zip", tmp_path)) == ["grüß Gott"]

"""Command-line tools of other people, shipped by name from the index and put to work."""

import functools
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.support.command import Outcome, run_file, write_tree
from tests.support.examples import build
from tests.support.servers import Quiet, serving

pytestmark = [pytest.mark.network, pytest.mark.slow]

Ship = Callable[..., Path]


@pytest.fixture
def ship(tmp_path: Path) -> Ship:
    """Builds a tool by name; the product's path."""
    return functools.partial(_ship, tmp_path)


def _ship(folder: Path, requirement: str, *, script: str | None = None) -> Path:
    return build(requirement, folder, *(("--entry", script, "--name", script) if script else ()))


def run(path: Path, *arguments: str | Path, home: Path) -> Outcome:
    return run_file(path, *map(str, arguments), HOME=str(home), LANG="C.UTF-8")


class Echo(Quiet, BaseHTTPRequestHandler):
    """Answers with what it is given."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def address() -> Iterator[str]:
    with serving(Echo) as host:
        yield f"http://{host}/"


def test_httpie_talks_to_a_server(ship: Ship, tmp_path: Path, address: str) -> None:
    http_client = ship("httpie", script="http")
    done = run(
        http_client,
        "--ignore-stdin",
        "--pretty=all",
        "POST",
        address,
        "name=Zoë",
        "n:=2",
        home=tmp_path,
    )
    assert done.status == 0, done.err
    assert "\x1b[" in done.out  # colours: pygments and its plug-ins are found
    plain = run(http_client, "--ignore-stdin", "--body", "POST", address, "name=Zoë", home=tmp_path)
    assert json.loads(plain.out) == {"name": "Zoë"}


def test_black_formats_with_compiled_modules_and_several_processes(
    ship: Ship, tmp_path: Path
) -> None:
    black = ship("black")
    assert "compiled: yes" in run(black, "--version", home=tmp_path).out
    sources = {f"code/m{number}.py": "x = {  'a':1 }\n" for number in range(4)}
    write_tree(tmp_path, {**sources, "code/broken.py": "def (:\n"})
    done = run(black, "--workers", "2", tmp_path / "code", home=tmp_path)
    assert done.status == 123
    assert "4 files reformatted, 1 file failed to reformat" in done.err
    assert (tmp_path / "code/m3.py").read_text() == 'x = {"a": 1}\n'


def test_mkdocs_builds_a_site_with_its_theme(ship: Ship, tmp_path: Path) -> None:
    mkdocs = ship("mkdocs")
    assert run(mkdocs, "new", tmp_path / "site", home=tmp_path).status == 0
    done = run(mkdocs, "build", "-f", tmp_path / "site/mkdocs.yml", home=tmp_path)
    assert done.status == 0, done.err
    page = (tmp_path / "site/site/index.html").read_text()
    assert "Welcome to MkDocs" in page
    assert (tmp_path / "site/site/css/bootstrap.min.css").stat().st_size > 1000
    refused = run(mkdocs, "build", "-f", tmp_path / "site/mkdocs.yml", "-t", "none", home=tmp_path)
    assert refused.status != 0
    assert "readthedocs" in refused.err + refused.out  # themes are entry points


def test_sphinx_builds_documents_in_another_language(ship: Ship, tmp_path: Path) -> None:
    sphinx = ship("sphinx", script="sphinx-build")
    source = "Titel\n=====\n\n.. note:: Text\n\n.. code-block:: python\n\n   import os\n"
    write_tree(tmp_path, {"in/index.rst": source})
    options = ("-q", "-C", "-D", "project=Demo", "-D", "language=de", "-j", "2")
    done = run(sphinx, *options, tmp_path / "in", tmp_path / "out", home=tmp_path)
    assert (done.status, done.err) == (0, "")
    page = (tmp_path / "out/index.html").read_text()
    assert "Bemerkung" in page
    assert '<span class="kn">import</span>' in page
    assert (tmp_path / "out/_static/alabaster.css").exists()


PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: true
  tasks:
    - copy:
        content: "{{ [3, 1, 2] | sort | join('-') }} {{ ansible_facts['system'] }}"
        dest: "{{ playbook_dir }}/made"
"""


def test_ansible_sends_its_own_sources_to_another_python(ship: Ship, tmp_path: Path) -> None:
    ansible = ship("ansible-core", script="ansible-playbook")
    write_tree(tmp_path, {"play.yml": PLAYBOOK})
    done = run(ansible, "-i", "localhost,", tmp_path / "play.yml", home=tmp_path)
    assert done.status == 0, done.out + done.err
    assert "ok=2    changed=1" in done.out
    assert (tmp_path / "made").read_text() == "1-2-3 Linux"


def test_pylint_checks_code_with_its_plug_ins(ship: Ship, tmp_path: Path) -> None:
    pylint = ship("pylint")
    code = '"""Doc."""\n\nimport os\n\nprint(os.sep, undefined_name)\n'
    write_tree(tmp_path, {"a.py": code, "b.py": code})
    options = ("-j", "2", "--output-format=json", "--load-plugins=pylint.extensions.for_any_all")
    done = run(pylint, *options, tmp_path / "a.py", tmp_path / "b.py", home=tmp_path)
    found = {(each["module"], each["symbol"]) for each in json.loads(done.out)}
    assert ("a", "undefined-variable") in found
    assert ("b", "undefined-variable") in found
    assert ("a", "import-error") not in found

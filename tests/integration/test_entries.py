"""What a product starts, how it ends, and what of that can be chosen."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sealift.formats.onefile import OneFile
from sealift.launcher.product import CompressedOptions
from tests.support.products import local_interpreter, make_image, wheel_of
from tests.support.tools import require_namespaces, require_tool

MAIN = """
import json, os, sys
import app.helper
from app import helper as other
from . import helper
import gc
print(json.dumps({
    "name": __name__, "package": __package__, "spec": __spec__.name, "file": __file__,
    "gc_at_import": app.helper.COLLECTING, "gc": gc.isenabled(), "argv": sys.argv[1:],
    "main": sys.modules["__main__"].__file__ == __file__, "frozen": gc.get_freeze_count() > 0,
}))
"""
FILES: Mapping[str, bytes] = {
    "app/__init__.py": b"",
    "app/__main__.py": MAIN.encode(),
    "app/helper.py": b"import gc\nCOLLECTING = gc.isenabled()\n",
    "app/tool.py": b"import sys\nprint(__name__, __spec__.name, sys.argv[1:])\n",
    "app/cli.py": b"""
import atexit, gc, json, sys, threading
COLLECTING = gc.isenabled()
class Commands:
    @staticmethod
    def run():
        print(json.dumps([COLLECTING, gc.isenabled(), sys.argv[1:]]))
        return 3
def busy():
    atexit.register(print, "at exit")
    threading.Thread(target=lambda: (threading.Event().wait(0.1), print("thread"))).start()
    sys.stdout.write("main ")
    if sys.argv[1:] == ["fail"]:
        raise LookupError("uncaught")
    sys.exit(" ".join(sys.argv[1:]) or None)
def speechless():
    class Closed:
        def write(self, text):
            raise ValueError("closed")
        def flush(self):
            pass
    atexit.register(print, "at exit")
    sys.stderr = {"None": None, "Closed": Closed(), "sys.stderr": sys.stderr}[sys.argv[1]]
    sys.exit("last words")
def certificates():
    import ssl
    print(len(ssl.create_default_context().get_ca_certs()))
def connect():
    import socket, ssl
    context = ssl.create_default_context()
    with socket.create_connection(("localhost", int(sys.argv[1]))) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            print(secured.recv(16).decode())
def files():
    import app, os
    print(os.path.isfile(app.helper.__file__) if hasattr(app, "helper") else
          os.path.isfile(os.path.join(os.path.dirname(app.__file__), "helper.py")))
""",
    "app/broken.py": b"def main(:\n",
    "app/reader.py": b"import os\nfor name in os.listdir(os.path.dirname(__file__)): pass\n",
}


def built(folder: Path, entry: str, **options: Any) -> Path:
    files = dict(options.pop("files", FILES))
    image = make_image(
        local_interpreter("3.13"), [wheel_of("app", files, folder)], entry,
        **options.pop("config", {}),
    )  # fmt: skip
    out = folder / "app"
    OneFile().write([image], CompressedOptions(compression="fast", **options), out)
    return out


def run(program: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    home = program.parent / "home"
    home.mkdir(exist_ok=True)
    variables = {"PATH": os.environ["PATH"], "HOME": str(home), **environment}
    return subprocess.run(
        [program, *arguments], env=variables, capture_output=True, text=True, check=False,
        timeout=120, cwd=home,
    )  # fmt: skip


def test_a_package_starts_as_python_m_does(tmp_path: Path) -> None:
    done = run(built(tmp_path, "app"), "one", "two")
    found = json.loads(done.stdout)
    assert found.pop("file").endswith("site-packages/app/__main__.py")
    assert found == {
        "name": "__main__", "package": "app", "spec": "app.__main__", "gc_at_import": False,
        "gc": True, "argv": ["one", "two"], "main": True, "frozen": True,
    }  # fmt: skip


def test_a_module_starts_as_python_m_does(tmp_path: Path) -> None:
    done = run(built(tmp_path, "app.tool"), "x")
    assert (done.returncode, done.stdout) == (0, "__main__ app.tool ['x']\n")


def test_a_dotted_function_starts_and_its_result_is_the_status(tmp_path: Path) -> None:
    done = run(built(tmp_path, "app.cli:Commands.run"), "x")
    assert (done.returncode, json.loads(done.stdout)) == (3, [False, True, ["x"]])


def test_garbage_collection_can_be_left_as_it_is(tmp_path: Path) -> None:
    done = run(built(tmp_path, "app.cli:Commands.run", gc="normal"))
    assert json.loads(done.stdout) == [True, True, []]


@pytest.mark.parametrize("fast_exit", [False, True])
def test_ends_are_orderly_however_fast(tmp_path: Path, *, fast_exit: bool) -> None:
    program = built(tmp_path, "app.cli:busy", fast_exit=fast_exit)
    done = run(program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "main thread\nat exit\n", "")
    done = run(program, "no", "luck")
    assert (done.returncode, done.stderr) == (1, "no luck\n")
    done = run(program, "fail")
    assert done.returncode == 1
    assert done.stdout.endswith("thread\nat exit\n")
    assert done.stderr.splitlines()[-1] == "LookupError: uncaught"


@pytest.mark.parametrize("fast_exit", [False, True])
def test_the_last_words_need_no_standard_error(tmp_path: Path, *, fast_exit: bool) -> None:
    program = built(tmp_path, "app.cli:speechless", fast_exit=fast_exit)
    done = run(program, "None")
    assert (done.returncode, done.stdout, done.stderr) == (1, "at exit\n", "last words\n")
    done = run(program, "Closed")
    assert (done.returncode, done.stdout, done.stderr.strip()) == (1, "at exit\n", "")
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" sys.stderr 2>&-', program], capture_output=True, check=False,
        text=True, env={"HOME": str(tmp_path / "home")},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (1, "at exit\n", "")


def test_a_fast_end_tells_that_output_was_lost(tmp_path: Path) -> None:
    program = built(tmp_path, "app.cli:busy", fast_exit=True)
    run(program)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [program], stdout=full, stderr=subprocess.DEVNULL, check=False,
            env={"HOME": str(tmp_path / "home")},
        )  # fmt: skip
    assert done.returncode == 120


def test_an_entry_that_does_not_compile_tells_where(tmp_path: Path) -> None:
    done = run(built(tmp_path, "app.broken"))
    assert done.returncode == 1
    assert "def main(:" in done.stderr
    assert "SyntaxError" in done.stderr


def test_an_attribute_that_goes_missing_is_told_in_one_line(tmp_path: Path) -> None:
    files = {**FILES, "app/late.py": b"def main(): pass\ndel main\n"}
    done = run(built(tmp_path, "app.late:main", files=files))
    assert (done.returncode, done.stderr) == (1, "cannot start app: app.late has no main\n")


def test_failing_startup_code_stops_nothing(tmp_path: Path) -> None:
    files = {**FILES, "app.pth": b"import no_such_module\nimport sys; sys.flag = 1\n"}
    done = run(built(tmp_path, "app.tool", files=files))
    assert done.returncode == 0
    assert "import no_such_module" in done.stderr
    assert "ModuleNotFoundError: No module named 'no_such_module'" in done.stderr


def test_sitecustomize_runs_when_it_is_shipped(tmp_path: Path) -> None:
    files = {**FILES, "sitecustomize.py": b"print('customized')\n"}
    done = run(built(tmp_path, "app.tool", files=files))
    assert done.stdout.startswith("customized\n")


def test_sources_are_files_where_a_distribution_reads_them(tmp_path: Path) -> None:
    assert run(built(tmp_path, "app.cli:files")).stdout == "True\n"


def test_sources_are_files_where_the_project_asks_for_it(tmp_path: Path) -> None:
    files = {path: text for path, text in FILES.items() if path != "app/reader.py"}
    for number, (config, told) in enumerate(
        [
            ({}, "False\n"),
            ({"materialize": ("app",)}, "True\n"),
            ({"materialize": ("*",)}, "True\n"),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = run(built(folder, "app.cli:files", files=files, config=config))
        assert done.stdout == told


def test_without_sources_tracebacks_have_none(tmp_path: Path) -> None:
    files = {path: text for path, text in FILES.items() if path != "app/reader.py"}
    done = run(built(tmp_path, "app.cli:busy", files=files, config={"sources": False}), "fail")
    assert 'app/cli.py", line ' in done.stderr
    assert 'raise LookupError("uncaught")' not in done.stderr
    assert done.stderr.splitlines()[-1] == "LookupError: uncaught"


def test_the_same_image_gives_the_same_file(tmp_path: Path) -> None:
    first = built(tmp_path, "app").read_bytes()
    (tmp_path / "again").mkdir()
    assert built(tmp_path / "again", "app").read_bytes() == first


def _bundled() -> int:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    import certifi

    context.load_verify_locations(certifi.where())
    return len(context.get_ca_certs())


def test_certificates_can_be_the_bundled_ones(tmp_path: Path) -> None:
    program = built(tmp_path, "app.cli:certificates", config={"certificates": "bundled"})
    assert int(run(program).stdout) == _bundled()


def test_certificates_are_those_python_finds_outside(tmp_path: Path) -> None:
    program = built(tmp_path, "app.cli:certificates")
    script = "import ssl; print(len(ssl.create_default_context().get_ca_certs()))"
    python = local_interpreter("3.13").program
    assert python
    outside = subprocess.run(
        [python, "-I", "-c", script], env={}, capture_output=True, text=True, check=True
    )
    found = int(run(program).stdout)
    assert found == int(outside.stdout) or int(outside.stdout) == 0


def test_certificates_are_bundled_ones_where_the_system_has_none(tmp_path: Path) -> None:
    require_namespaces()
    program = built(tmp_path, "app.cli:certificates")
    paths = ssl.get_default_verify_paths()
    folders = {str(Path(paths.openssl_cafile).parent), "/etc/ssl", "/etc/pki", "/var/lib"}
    hide = "; ".join(f"mount -t tmpfs x {path}" for path in folders if Path(path).is_dir())
    script = f'{hide}; exec "$0"'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, program],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) == _bundled()


@pytest.fixture
def authority(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate that trusts itself, and its key."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [require_tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@pytest.mark.parametrize("certificates", ["system", "bundled"])
def test_roots_named_by_the_user_win(
    tmp_path: Path, authority: tuple[Path, Path], certificates: str
) -> None:
    program = built(tmp_path, "app.cli:connect", config={"certificates": certificates})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority)
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(server, context), daemon=True)
        thread.start()
        refused = run(program, str(port))
        assert "CERTIFICATE_VERIFY_FAILED" in refused.stderr
        done = run(program, str(port), SSL_CERT_FILE=str(authority[0]))
        assert (done.stdout, done.stderr) == ("welcome\n", "")
        thread.join(10)


def _serve(server: socket.socket, context: ssl.SSLContext) -> None:
    for _ in range(2):
        connection, _ = server.accept()
        try:
            with context.wrap_socket(connection, server_side=True) as secured:
                secured.sendall(b"welcome")
        except (ssl.SSLError, OSError):
            connection.close()


def test_a_moved_and_deleted_file_still_has_its_python(tmp_path: Path) -> None:
    files = {
        **FILES,
        "app/again.py": b"""
import os, subprocess, sys
def main():
    os.unlink(sys.argv[1])
    print(subprocess.run([sys.executable, "-c", "import app.helper; print(app.helper.__name__)"],
                         capture_output=True, text=True, check=True).stdout, end="")
""",
    }
    program = built(tmp_path, "app.again:main", files=files)
    moved = tmp_path / "elsewhere ü"
    moved.mkdir()
    copy = Path(shutil.move(program, moved / "renamed"))
    assert run(copy, str(copy)).stdout == "app.helper\n"
    assert not copy.exists()


RESTART = b"""
import os, sys
def main():
    if len(sys.argv) < 3:
        command = sys.argv if sys.argv[1] == "argv" else sys.orig_argv[1:]
        os.execv(sys.executable, [sys.executable, "-W", "ignore", *command, "again"])
    print(sys.argv, sys.orig_argv[0] == sys.executable)
"""


def test_programs_can_restart_themselves(tmp_path: Path) -> None:
    program = built(tmp_path, "app.restart:main", files={**FILES, "app/restart.py": RESTART})
    for way in ("argv", "orig_argv"):
        assert run(program, way).stdout == f"{[str(program), way, 'again']} True\n"
        path = f"{tmp_path}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-c", f"app {way}"], env={"PATH": path, "HOME": str(tmp_path / "home")},
            capture_output=True, text=True, check=True, cwd="/",
        )  # fmt: skip
        assert done.stdout == f"{[str(program), way, 'again']} True\n"


POOL = b"""
import multiprocessing
class Number:
    def __init__(self, value):
        self.value = value
def double(number):
    return Number(number.value * 2)
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print([number.value for number in pool.map(double, map(Number, range(3)))])
"""


def test_spawned_processes_find_what_a_module_entry_defines(tmp_path: Path) -> None:
    done = run(built(tmp_path, "app.pool", files={**FILES, "app/pool.py": POOL}))
    assert (done.stdout, done.stderr) == ("[0, 2, 4]\n", "")


def test_imports_at_the_start_happen_as_in_an_environment(tmp_path: Path) -> None:
    files = {
        "sitecustomize.py": b"raise LookupError('broken')\n",
        "app/__init__.py": b"",
        "app/__main__.py": b"from . import early as e\nprint(e.MAIN == __file__, e.SLASH)\n",
        "app/early.py": b"""
import importlib, sys
MAIN = getattr(sys.modules["__main__"], "__file__", None)
try:
    SLASH = importlib.import_module("app/other")
except ModuleNotFoundError as problem:
    SLASH = problem
""",
        "app/other.py": b"",
    }
    done = run(built(tmp_path, "app", files=files))
    assert (done.returncode, done.stdout) == (0, "True No module named 'app/other'\n")
    assert "LookupError: broken" in done.stderr

"""Products run where there is the C library and nothing else."""

import shutil
from pathlib import Path

import pytest

from tests.support.bare_root import make_bare_root, run_in
from tests.support.command import sealift
from tests.support.tools import require_tool

EXAMPLES = Path(__file__).parents[2] / "examples"

THREADS = """
import threading, time
def forever():
    while True:
        time.sleep(0.001)
for _ in range(3):
    threading.Thread(target=forever, daemon=True).start()
time.sleep(0.05)
print("done")
"""

STANDARD_LIBRARY = """
import bz2, ctypes, decimal, hashlib, lzma, readline, sqlite3, ssl, uuid, zlib
print(sqlite3.connect(":memory:").execute("select 42").fetchone()[0])
print(len(ssl.create_default_context().get_ca_certs()) > 100)
"""


def built_into(root: Path, given: Path, cwd: Path) -> str:
    outcome = sealift("build", given, "--json", cwd=cwd)
    assert outcome.status == 0, outcome.err
    (artifact,) = outcome.result
    product = cwd / artifact["path"]
    shutil.copy2(product, root / product.name)
    return f"/{product.name}"


def test_threads_end_without_the_systems_unwinder(tmp_path: Path) -> None:
    root = make_bare_root(tmp_path / "root")
    assert not list(root.rglob("libgcc_s*"))
    (tmp_path / "threads.py").write_text(THREADS)
    done = run_in(root, [built_into(root, tmp_path / "threads.py", tmp_path)], check=False)
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr


def test_the_standard_library_brings_its_libraries_and_roots(tmp_path: Path) -> None:
    root = make_bare_root(tmp_path / "root")
    (tmp_path / "stdlib.py").write_text(STANDARD_LIBRARY)
    done = run_in(root, [built_into(root, tmp_path / "stdlib.py", tmp_path)], check=False)
    assert (done.stdout, done.returncode) == ("42\nTrue\n", 0), done.stderr


@pytest.mark.network
def test_what_is_built_here_brings_its_libraries(tmp_path: Path) -> None:
    require_tool("pg_config")
    root = make_bare_root(tmp_path / "root")
    script = tmp_path / "query.py"
    script.write_text(
        '# /// script\n# dependencies = ["psycopg2==2.9.10"]\n# ///\n'
        "import psycopg2, psycopg2.extensions\n"
        'print(psycopg2.extensions.make_dsn(host="h", dbname="d"))\n'
        "print(psycopg2.extensions.libpq_version() > 90000)\n"
    )
    done = run_in(root, [built_into(root, script, tmp_path)], check=False)
    assert (done.stdout, done.returncode) == ("host=h dbname=d\nTrue\n", 0), done.stderr

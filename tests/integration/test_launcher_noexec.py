"""Where nothing in the cache may be executed, native files run from memory."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.interpreters import shared_interpreter
from tests.support.launched import MAIN, single_file, start, static_file
from tests.support.single_files import write_single_file
from tests.support.tools import require_namespaces, require_tool

# The program is copied to where no cache may lie; all places for one forbid to execute.
ENTER = """
mount -t tmpfs x /mnt && cp "$0" /mnt/program || exit 1
for place in /var/tmp /dev/shm /tmp; do
    mount -t tmpfs -o noexec,mode=1777 x $place || exit 1
done
export HOME=/tmp/home; mkdir /tmp/home; cd /
exec /mnt/program "$@" """

CHILDREN = r"""
import decimal, json, ssl, subprocess, multiprocessing, operator, _sealift
child = "import sys, decimal, subprocess; " \
    "print(subprocess.run([sys.executable, '-c', 'import ssl; print(3)'], stdout=-1).stdout)"
print(subprocess.run([sys.executable, "-c", child], stdout=subprocess.PIPE).stdout.decode(), end="")
for method in ("spawn", "forkserver"):
    with multiprocessing.get_context(method).Pool(2) as pool:
        print(pool.map(operator.neg, [1, 2]))
print(sys.executable.startswith("/proc/"), decimal.__file__.startswith(_sealift.root))
print(_sealift.root.startswith("/tmp/home/.cache/sealift/apps/"))
"""


@pytest.mark.parametrize("program", [single_file, static_file])
@pytest.mark.parametrize("closed", ["", "0<&-"])
def test_everything_works_from_memory(program: Callable[[], Path], closed: str) -> None:
    require_namespaces()
    script = ENTER + closed
    done = start(
        program(), "eval", CHILDREN, cache=None,
        prefix=("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().splitlines() == [
        r"b'3\n'",
        "[-1, -2]",
        "[-1, -2]",
        "True True",
        "True",
    ]


def test_a_place_that_executes_is_preferred(tmp_path: Path) -> None:
    require_namespaces()
    script = f'mount -t tmpfs -o noexec x {tmp_path}/no && exec "$0" "$@"'
    for name in ("no", "yes"):
        (tmp_path / name).mkdir()
    code = "import _sealift; print(_sealift.root)"
    done = start(
        single_file(), "eval", code, cache=tmp_path / "no",
        env={"XDG_CACHE_HOME": str(tmp_path / "yes")},
        prefix=("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script),
    )  # fmt: skip
    assert done.stdout.decode().startswith(f"{tmp_path}/yes/"), done.stderr


def test_libraries_in_the_tree_are_found_from_memory(tmp_path: Path) -> None:
    require_namespaces()
    compiler = require_tool("cc")
    for name, source, options in (
        ("base", "int base(void) { return 20; }", []),
        ("middle", "int base(void); int middle(void) { return base() * 2; }", ["-lbase"]),
        ("top", "int middle(void); int top(void) { return middle() + 2; }", ["-lmiddle"]),
    ):
        command = [
            str(compiler), "-shared", "-fPIC", "-x", "c", "-", "-o", f"lib{name}.so", "-L.",
            f"-Wl,-soname,lib{name}.so", "-Wl,-rpath,$ORIGIN/../shared", *options,
        ]  # fmt: skip
        subprocess.run(command, input=source.encode(), cwd=tmp_path, check=True)
    files = {
        "native/libtop.so": (tmp_path / "libtop.so").read_bytes(),
        "shared/libmiddle.so": (tmp_path / "libmiddle.so").read_bytes(),
        "shared/libbase.so": (tmp_path / "libbase.so").read_bytes(),
    }
    program = write_single_file(tmp_path / "grafted", shared_interpreter(), MAIN, files=files)
    code = """
import ctypes, _sealift
path = _sealift.native(_sealift.root + "/native/libtop.so")
print(ctypes.CDLL(path).top(), _sealift.native(_sealift.root + "/native/libtop.so") == path)
try:
    _sealift.native(_sealift.root + "/native/absent.so")
except ImportError as problem:
    print(problem)
"""
    seen = start(
        program, "eval", code, cache=None,
        prefix=("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", ENTER),
    )  # fmt: skip
    assert seen.returncode == 0, seen.stderr
    first, second = seen.stdout.decode().splitlines()
    assert first == "42 True"
    assert second.startswith("cannot copy to memory ")
    assert second.endswith("/native/absent.so: No such file or directory")

"""Where nothing in the cache may be executed, native files run from memory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.launched import single_file, start, static_file
from tests.support.tools import require_namespaces

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
    assert done.stdout.decode().splitlines() == [r"b'3\n'", "[-1, -2]", "[-1, -2]", "True True", "True"]


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

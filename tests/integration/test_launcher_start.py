"""What programs see that the launcher starts, and Python in its tree."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.launched import (
    FAILED,
    answer,
    environment,
    folder_program,
    scratch,
    single_file,
    start,
    static_file,
    tree_of,
)
from tests.support.tools import require_namespaces, require_root, require_tool


@pytest.fixture(scope="module")
def cache() -> Path:
    return scratch() / "cache-start"


@pytest.mark.parametrize("feature", ["3.11", "3.12", "3.13"])
def test_every_feature_version_starts(feature: str, cache: Path) -> None:
    version = answer(single_file(feature), "print(*sys.version_info[:2], sep='.')", cache=cache)
    assert version == feature


def test_arguments_arrive_as_they_are(cache: Path) -> None:
    odd = [
        b"",
        b" ",
        b"--help",
        b"-c",
        b"\xff\xfe\x80",
        "žluť 😀".encode(),
        b"a\nb",
        b"x" * 100_000,
    ]
    code = "import os; sys.stdout.buffer.write(b'\\0'.join(map(os.fsencode, sys.argv[3:])))"
    done = start(single_file(), "eval", code, *odd, cache=cache)
    assert done.stdout.split(b"\0") == odd
    assert done.returncode == 0


def test_an_empty_name(cache: Path) -> None:
    done = start(single_file(), cache=cache, prefix=("bash", "-c", 'exec -a "" "$0"'))
    assert (done.returncode, done.stdout) == (0, b"started\n")


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("sys.exit(7)", 7, b""),
        ("sys.exit()", 0, b""),
        ("sys.exit('reason')", 1, b"reason\n"),
        ("1/0", 1, b"ZeroDivisionError: division by zero\n"),
        ("import os; os._exit(3)", 3, b""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, b""),
        ("raise KeyboardInterrupt", -signal.SIGINT, b"KeyboardInterrupt\n"),
        ("sys.excepthook = lambda *a: print('hook', file=sys.stderr); 1/0", 1, b"hook\n"),
    ],
)
def test_the_end_is_that_of_python(code: str, status: int, said: bytes, cache: Path) -> None:
    done = start(single_file(), "eval", code, cache=cache)
    assert done.returncode == status
    assert done.stderr.endswith(said)


def test_output_that_cannot_be_flushed_is_status_120(cache: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [single_file(), "eval", "print('x')"],
            stdout=full, stderr=subprocess.PIPE, env=environment(cache), check=False,
        )  # fmt: skip
    assert done.returncode == 120


def test_ctrl_c_interrupts(cache: Path) -> None:
    code = "import time; print('ready', flush=True); time.sleep(60)"
    with subprocess.Popen(
        [single_file(), "eval", code],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(cache),
    ) as running:  # fmt: skip
        assert running.stdout
        assert running.stdout.readline() == b"ready\n"
        running.send_signal(signal.SIGINT)
        _, said = running.communicate()
    assert running.returncode == -signal.SIGINT
    assert said.endswith(b"KeyboardInterrupt\n")


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
@pytest.mark.parametrize("state", ["first", "again"])
def test_closed_standard_streams_are_none(
    closed: tuple[int, ...], state: str, tmp_path: Path, cache: Path
) -> None:
    if state == "first":
        cache = tmp_path / "cache"
    code = f"open({str(tmp_path / 'out')!r}, 'w').write(repr((sys.stdin, sys.stdout, sys.stderr)))"
    shell = " ".join((f'exec "$0" eval "{code}"', *(f"{number}>&-" for number in closed)))
    done = start(single_file(), cache=cache, prefix=("sh", "-c", shell))
    assert done.returncode == 0
    seen = (tmp_path / "out").read_text().strip("()").split(", ")
    assert [number for number, stream in enumerate(seen) if stream == "None"] == list(closed)


def test_nothing_of_the_environment_is_heard(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('evil')")
    (tmp_path / "json.py").write_text("print('evil')")
    evil = {
        "PYTHONPATH": str(tmp_path),
        "PYTHONHOME": str(tmp_path),
        "PYTHONSTARTUP": str(tmp_path / "json.py"),
        "PYTHONINSPECT": "1",
        "PYTHONWARNINGS": "error",
        "PYTHONIOENCODING": "latin-1",
        "PYTHONUTF8": "0",
        "PYTHONHASHSEED": "nonsense",
        "PYTHONMALLOC": "debug",
        "LC_ALL": "C",
    }
    code = (
        "import json; print('ä', sys.flags.utf8_mode, sys.flags.ignore_environment, json.__file__)"
    )
    done = subprocess.run(
        [single_file(), "eval", code],
        cwd=tmp_path, env=environment(cache, evil), capture_output=True, check=False,
    )  # fmt: skip
    words = done.stdout.decode().split()
    assert words[:3] == ["ä", "1", "1"]
    assert words[3].startswith(str(cache))
    python = tree_of(single_file(), cache) / "bin/python3.13"
    for arguments in (["-c", f"import sys; {code}"], ["-m", "json.tool", "--help"]):
        done = subprocess.run(
            [python, *arguments],
            cwd=tmp_path, env=environment(None, evil), capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0
        assert b"evil" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["with space", "žluť", "x" * 200])
def test_odd_names_of_the_file_and_of_the_cache(name: str, tmp_path: Path) -> None:
    program = tmp_path / name / name
    program.parent.mkdir()
    shutil.copy2(single_file(), program)
    cache = tmp_path / "cache" / name
    code = "print(child('import decimal; print(sys.executable)'))"
    done = start(program, "eval", code, cache=cache)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(os.fsencode(cache))


def test_a_cache_whose_name_is_not_utf8_is_passed_over(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"\xff\xfe")
    other = tmp_path / "other"
    code = "import _sealift; print(_sealift.root)"
    root = answer(single_file(), code, cache=odd, env={"XDG_CACHE_HOME": str(other)})
    assert root.startswith(str(other / "sealift" / "apps"))


def test_moved_and_deleted_files_go_on(tmp_path: Path, cache: Path) -> None:
    program = tmp_path / "program"
    shutil.copy2(single_file(), program)
    code = "import os; os.unlink(sys.argv[0]); print(child('import decimal; print(42)'))"
    assert answer(program, code, cache=cache) == "42"


def test_a_small_stack_is_enough(cache: Path, tmp_path: Path) -> None:
    for place in (tmp_path / "new", cache):
        done = start(
            single_file(), "eval", "import json", cache=place,
            prefix=("sh", "-c", 'ulimit -s 128; exec "$0" "$@"'),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "data", "expected"),
    [
        (
            ["-c", "import sys; print(sys.argv, sys.path[0][-11:])", "x"],
            b"",
            "['-c', 'x'] /python3.13",
        ),
        (["-I", "-c", "import sys; print(sys.flags.isolated)"], b"", "1"),
        (["-X", "dev", "-c", "import sys; print(sys.flags.dev_mode)"], b"", "True"),
        (["-W", "error", "-c", "import sys; print(sys.warnoptions)"], b"", "['error']"),
        (["-u", "-"], b"print(__name__)", "__main__"),
        ([], b"print(6 * 7)", "42"),
        (["-m", "json.tool", "--compact"], b'{"a": 1}', '{"a":1}'),
        (["-V"], b"", "Python 3.13"),
    ],
)
def test_python_in_the_tree(arguments: list[str], data: bytes, expected: str, cache: Path) -> None:
    python = tree_of(single_file(), cache) / "bin/python3.13"
    done = start(python, *arguments, cache=None, data=data)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().strip().startswith(expected)


def test_scripts_see_their_own_folder(tmp_path: Path, cache: Path) -> None:
    python = tree_of(single_file(), cache) / "bin/python3.13"
    (tmp_path / "beside.py").write_text("value = 5")
    script = tmp_path / "script.py"
    script.write_text("import sys, beside; print(beside.value, sys.argv)")
    done = start(python, str(script), "a", cache=None)
    assert done.stdout.decode() == f"5 {[str(script), 'a']}\n"


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_processes_start_in_every_way(method: str, cache: Path) -> None:
    code = f"""
import multiprocessing, operator
context = multiprocessing.get_context({method!r})
with context.Pool(2) as pool:
    print(pool.map(operator.neg, range(3)))
with context.Manager() as manager:
    print(manager.list([1]))
"""
    assert answer(single_file(), code, cache=cache) == "[0, -1, -2]\n[1]"


def test_a_folder_runs_where_it_is_put(tmp_path: Path) -> None:
    moved = tmp_path / "žluť moved"
    shutil.copytree(folder_program().parent, moved)
    code = "import _sealift; print(_sealift.mode, sys.executable); "
    code += "print(child('import _sealift, ssl; print(_sealift.mode)'))"
    seen = answer(moved / "app", code, cache=None).splitlines()
    assert seen == [f"app {moved}/bin/python3.13", "python"]
    assert not (moved / ".stamp").exists()


def test_a_static_libpython_acts_alike(tmp_path: Path) -> None:
    code = "import ssl, decimal; print(child('import ssl, _sealift; print(_sealift.mode)'))"
    assert answer(static_file(), code, cache=tmp_path) == "python"


@pytest.mark.parametrize("program", [single_file, folder_program])
def test_programs_can_start_themselves_anew(program: Callable[[], Path], cache: Path) -> None:
    code = """
import os
if sys.argv[-1] == "once":
    sys.argv[-1] = "twice"
    os.execv(sys.executable, [sys.executable, *sys.argv])
import _sealift
print(_sealift.mode, sys.argv[-1])
"""
    done = start(program(), "eval", code, "once", cache=cache)
    assert (done.stdout, done.stderr) == (b"app twice\n", b"")


def test_found_on_the_path_it_knows_where_it_is(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "tool").symlink_to(single_file())
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for command, expected in (
        ("tool eval 'print(sys.argv[0])'", str(tmp_path / "tool")),
        (f"cd {tmp_path}; ./tool eval 'print(sys.argv[0])'", "./tool"),
        ("exec -a other tool eval 'print(sys.argv[0])'", "other"),
    ):
        done = start(Path("bash"), "-c", command, cache=cache, env=path)
        assert done.stdout.decode().strip() == expected, done.stderr


def test_without_proc_it_goes_by_how_it_was_started(tmp_path: Path) -> None:
    require_namespaces()
    code = "print(child('import decimal; print(sys.executable)'))"
    for _ in range(2):
        done = start(
            single_file(), "eval", code, cache=tmp_path,
            prefix=("unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                    'mount -t tmpfs x /proc && exec "$0" "$@"'),
        )  # fmt: skip
        assert done.stdout.decode().startswith(str(tmp_path)), done.stderr


def test_few_descriptors_and_no_threads_are_enough(tmp_path: Path) -> None:
    for limit in ("-n 24", "-v 400000"):
        done = start(
            single_file(), cache=tmp_path / limit, prefix=("sh", "-c", f'ulimit {limit}; exec "$0"')
        )
        assert done.stdout == b"started\n", done.stderr


@pytest.mark.parametrize("name", ["pythonista", "python3.13", "python", "app"])
def test_a_folder_may_be_called_bin_and_a_program_like_python(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    shutil.copytree(folder_program().parent, folder)
    (folder / "app").rename(folder / name)
    found = answer(
        folder / name, "import _sealift; print(_sealift.mode, _sealift.root)", cache=None
    )
    assert found == f"app {folder}"
    child = "print(child('import _sealift; print(_sealift.mode, _sealift.root)').strip())"
    assert answer(folder / name, child, cache=None) == f"python {folder}"


def test_a_program_that_lost_its_content_says_where_it_looked(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "app"
    program.parent.mkdir()
    shutil.copy2(folder_program(), program)
    done = start(program, cache=None)
    assert done.returncode == FAILED
    assert f"it has no content, neither in itself nor as {program.parent}/image.sealift" in (
        done.stderr.decode()
    )


@pytest.mark.parametrize("mask", ["0777", "0277"])
def test_a_umask_that_takes_everything_takes_nothing_here(mask: str, tmp_path: Path) -> None:
    require_root()
    require_tool("setpriv")
    cache = scratch() / f"cache of nobody {mask}"
    cache.mkdir()
    os.chown(cache, 65534, 65534)
    shell = f'umask {mask}; exec setpriv --reuid=65534 --regid=65534 --clear-groups "$0" "$@"'
    code = "import os, _sealift; print(_sealift.root, oct(os.umask(0)))"
    for _ in range(2):
        done = start(single_file(), "eval", code, cache=cache, prefix=("sh", "-c", shell))
        root, found = done.stdout.decode().rsplit(None, 1)
        assert root.startswith(f"{cache}/apps/"), done.stderr
        assert int(found, 8) == int(mask, 8)

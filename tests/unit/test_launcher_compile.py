"""How compiling a launcher reads what it is given."""

import dataclasses
from pathlib import Path

import pytest

from sealift import index
from sealift.errors import InterpreterError
from sealift.interpreter import Interpreter
from sealift.launcher import compile as compiling
from sealift.launcher.linking import likely
from sealift.target import load_targets

DATA = """# system configuration generated and used by the sysconfig module
build_time_vars = {'LIBS': '-ldl -L/opt/x/lib -Wl,-rpath,/opt/x/lib',
 'MODLIBS': '-lm   -lz -lm  -lexpat -lz',
 'SYSLIBS': '-lm', 'HAVE_FORK': 1}
"""


@pytest.fixture
def static(tmp_path: Path) -> Interpreter:
    stdlib = tmp_path / "lib/python3.13"
    stdlib.mkdir(parents=True)
    (stdlib / "_sysconfigdata__x86_64-linux-gnu.py").write_text(DATA)
    return Interpreter(
        provider="test", version="3.13.1", target=load_targets()["linux-x86_64"], root=tmp_path,
        stdlib="lib/python3.13", library=None, static_library=tmp_path / "libpython3.13.a",
        headers=tmp_path, program=None, ext_suffix=".so", free_threaded=False, floor=None,
        key="test", reason="for tests",
    )  # fmt: skip


def test_libraries_of_python_are_linked_statically_those_of_the_system_not(
    static: Interpreter,
) -> None:
    assert list(compiling._static_link(static)) == [
        "-Wl,--whole-archive", str(static.static_library), "-Wl,--no-whole-archive",
        "-Wl,--export-dynamic", "-Wl,-Bstatic", "-lz", "-lexpat", "-Wl,-Bdynamic",
        "-Wl,--exclude-libs,libz.a:libexpat.a", "-lm", "-ldl",
    ]  # fmt: skip


def test_a_shared_library_is_not_linked_but_named(static: Interpreter) -> None:
    shared = dataclasses.replace(static, library="lib/libpython3.13.so.1.0")
    assert list(compiling._static_link(shared)) == []
    assert list(compiling._defines(shared)) == [
        'SEALIFT_LIBRARY="lib/libpython3.13.so.1.0"',
        'SEALIFT_STDLIB="lib/python3.13"',
        'SEALIFT_DYNLOAD="lib/python3.13/lib-dynload"',
        'SEALIFT_PROGRAM="bin/python3.13"',
        'SEALIFT_PLATLIBDIR="lib"',
    ]
    own = list(compiling._defines(static))
    assert (own[0], own[-1]) == ('SEALIFT_LIBRARY=""', "SEALIFT_STATIC")


def test_a_static_library_is_chosen_where_linkers_take_it(static: Interpreter) -> None:
    both = dataclasses.replace(static, library="lib/libpython3.13.so.1.0")
    assert likely(both) == static
    mac = dataclasses.replace(
        both, target=load_targets()["macos-arm64"], library="lib/libpython3.13.dylib"
    )
    assert likely(mac) == mac
    only_shared = dataclasses.replace(both, static_library=None)
    assert likely(only_shared) == only_shared


def test_neither_library_nor_headers(static: Interpreter) -> None:
    with pytest.raises(InterpreterError, match="has no libpython"):
        list(compiling._static_link(dataclasses.replace(static, static_library=None)))
    with pytest.raises(InterpreterError, match="has no C headers"):
        compiling.launcher_for(dataclasses.replace(static, headers=None))


def test_a_locked_sdist_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a b.tar.gz"
    remote = index._remote({"path": str(path), "hashes": {"sha256": "00"}})
    assert remote.url == path.as_uri()
    assert remote.name == "a b.tar.gz"
    assert remote.size is None
    remote = index._remote({"url": "https://x/y.tar.gz", "size": 7, "hashes": {"sha256": "00"}})
    assert (remote.url, remote.size) == ("https://x/y.tar.gz", 7)

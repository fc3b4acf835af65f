"""Code is compiled by the interpreter that is shipped, the same bytes every time."""

import dataclasses
import json
import marshal
import subprocess
import types
from pathlib import Path

import pytest

from sealift.bytecode import code_range, compile_sources, read_pack
from sealift.errors import BuildError, InterpreterError, SealiftError
from sealift.image import CodePack
from sealift.interpreter import Interpreter
from tests.support.entries import an_interpreter
from tests.support.interpreters import shared_interpreter


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "store"))


def sources_of(folder: Path, **texts: str) -> list[tuple[str, Path]]:
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return [(f"lib/{name}.py", folder / f"{name}.py") for name in texts]


def codes(pack: CodePack) -> dict[str, bytes]:
    data = pack.path.read_bytes()
    return {code.path: data[code.offset : code.offset + code.size] for code in read_pack(pack.path)}


def test_code_is_what_the_interpreter_would_cache(tmp_path: Path) -> None:
    interpreter = shared_interpreter("3.11")
    pack = compile_sources(
        interpreter,
        "demo",
        sources_of(tmp_path, b="X = 'größe'\n", a="def f():\n    '''doc'''\n"),
        "k",
    )
    found = codes(pack)
    assert list(found) == ["lib/a.py", "lib/b.py"]
    start, size = code_range(read_pack(pack.path))
    assert pack.path.read_bytes()[start : start + size] == b"".join(found.values())
    code = _loaded(interpreter, found["lib/a.py"])
    assert code == ["lib/a.py", "doc"]


def _loaded(interpreter: Interpreter, code: bytes) -> object:
    assert interpreter.program
    script = (
        "import json, marshal, sys; c = marshal.loads(sys.stdin.buffer.read()); n = {}; "
        "exec(c, n); print(json.dumps([c.co_filename, n['f'].__doc__]))"
    )
    done = subprocess.run(
        [interpreter.program, "-I", "-c", script], input=code, capture_output=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("feature", ["3.11", "3.12", "3.13"])
def test_same_bytes_whatever_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, feature: str
) -> None:
    interpreter = shared_interpreter(feature)
    text = "SET = {'a', 'b', 'c'}\ndef f(x):\n    return x in {'one', 'two', 'three', 'four'}\n"
    names = {f"m{n}": text + f"N{n} = 'encode'\nclass Section: pass\n" for n in range(40)}
    sources = sources_of(tmp_path, **names)
    first = compile_sources(interpreter, "demo", sources, "1")
    monkeypatch.setenv("PYTHONHASHSEED", "77")
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.setenv("ENCODE", "encode")
    second = compile_sources(interpreter, "demo", list(reversed(sources)), "2")
    assert first.path != second.path
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.sha256 == second.sha256


def test_chunks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter = shared_interpreter("3.13")
    names = {f"m{n}": f"VALUE = {n}\n" * 50 for n in range(30)}
    sources = sources_of(tmp_path, **names)
    whole = codes(compile_sources(interpreter, "demo", sources, "1"))
    monkeypatch.setattr("sealift.bytecode._CHUNK", 2000)
    assert codes(compile_sources(interpreter, "demo", sources, "2")) == whole


def test_what_does_not_compile_is_left_without_code(tmp_path: Path) -> None:
    sources = sources_of(
        tmp_path, good="X = 1\n", python2="print 'x'\n", nul="X = '\0'\n",
        coding="# coding: ebcdic-x\n", deep="(" * 5000 + ")" * 5000,
    )  # fmt: skip
    assert list(codes(compile_sources(shared_interpreter("3.12"), "demo", sources, "k"))) == [
        "lib/good.py"
    ]


def test_a_distribution_without_sources_has_an_empty_pack() -> None:
    pack = compile_sources(shared_interpreter("3.13"), "demo", [], "k")
    assert read_pack(pack.path) == ()
    assert code_range(()) == (0, 0)


def test_a_finished_pack_is_found_by_key(tmp_path: Path) -> None:
    interpreter = shared_interpreter("3.13")
    sources = sources_of(tmp_path, a="X = 1\n")
    first = compile_sources(interpreter, "demo", sources, "k")
    (tmp_path / "a.py").unlink()
    assert compile_sources(interpreter, "demo", sources, "k") == first
    other = dataclasses.replace(interpreter, version="3.13.99")
    with pytest.raises(SealiftError, match=r"cannot read .*a\.py"):
        compile_sources(other, "demo", sources, "k")


def test_without_a_program_nothing_is_compiled(tmp_path: Path) -> None:
    with pytest.raises(InterpreterError, match=r"no CPython 3\.13 runs on this machine") as caught:
        compile_sources(an_interpreter(tmp_path), "demo", sources_of(tmp_path, a=""), "k")
    assert caught.value.hint


def test_another_file_is_no_pack(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"PK" + bytes(100))
    with pytest.raises(BuildError, match="not a code pack"):
        read_pack(tmp_path / "x")


def test_code_of_this_interpreter_can_be_run_here(tmp_path: Path) -> None:
    interpreter = shared_interpreter("3.11")
    pack = compile_sources(interpreter, "demo", sources_of(tmp_path, a="X = 6 * 7\n"), "k")
    import sys

    if sys.version_info[:2] == (3, 11):
        (code,) = codes(pack).values()
        loaded = marshal.loads(code)  # noqa: S302  (made by the test)
        assert isinstance(loaded, types.CodeType)

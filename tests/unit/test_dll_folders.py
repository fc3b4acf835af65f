"""Python source that tells Windows of folders, put into sources of all kinds."""

import ast
import ctypes
import os
from pathlib import Path

import pytest

from sealift.repair.dll_folders import Told, tell

TOLD = Told(folders=("../demo.libs",))


def run(
    source: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[str], dict[str, object]]:
    """What Windows is told of and asked to load by ``source``, and the names it leaves."""
    told: list[str] = []

    def load(path: str) -> None:
        told.append(path)
        raise OSError(path)

    monkeypatch.setattr(ctypes, "WinDLL", load, raising=False)
    monkeypatch.setattr(os, "add_dll_directory", told.append, raising=False)
    names: dict[str, object] = {"__file__": str(folder / "demo/__init__.py"), "__name__": "demo"}
    exec(compile(source, "__init__.py", "exec", dont_inherit=True), names)  # noqa: S102
    return told, names


@pytest.mark.parametrize(
    ("source", "before"),
    [
        (b"", ""),
        (b"import json\n", ""),
        (b'"""Doc."""\n', '"""Doc."""'),
        (b'"""Doc\n\nof lines."""\nimport json\n', 'of lines."""'),
        (b"#!/usr/bin/python\n# -*- coding: latin-1 -*-\nx = '\xe9'\n", "latin-1 -*-"),
        (b"# Licence\n\nimport json\n", "# Licence"),
        (b"# Licence\n'Doc'\nfrom __future__ import annotations\nimport json\n", "annotations"),
        (b"'Doc'; import json\n", "'Doc';"),
        ("'Öl'; import json\n".encode(), "'Öl';"),
        (b"from __future__ import annotations; import json\n", "annotations;"),
        (b"from __future__ import (\n    annotations,\n    division,\n)\nx = 1\n", ")"),
        (b"import json", ""),
        (b'"""Doc."""', '"""Doc."""'),
        (b"\xef\xbb\xbf'''Doc'''\nx = 1\n", "'''Doc'''"),
        (b"import functools\n@functools.cache\ndef f(): return 1\n", ""),
        (b"'''A''' 'B'\nx = 1\n", "'B'"),
        (b"'Doc'\n'no doc'\n", "'Doc'"),
    ],
)  # fmt: skip
def test_it_stands_behind_what_has_to_come_first(
    source: bytes, before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tell(source, TOLD)
    assert result is not None
    encoding = "latin-1" if b"latin-1" in source else "utf-8-sig"
    text = result.decode(encoding)
    assert text.partition("# sealift: DLLs")[0].rstrip().endswith(before)
    assert ast.get_docstring(ast.parse(result)) == ast.get_docstring(ast.parse(source))
    (tmp_path / "demo.libs").mkdir()
    told, names = run(result, tmp_path, monkeypatch)
    assert told == [str(tmp_path / "demo.libs")]
    assert not [name for name in names if "sealift" in name]
    assert tell(result, TOLD) == result


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_all_other_bytes_stay(end: str) -> None:
    source = f'"""Doc."""{end}{end}x = 1  {end}\x0c{end}y = """a{end}"""'.encode()
    result = tell(source, TOLD)
    assert result is not None
    start, stop = result.index(b"# sealift: DLLs"), result.index(b"# sealift: end")
    rest = result[:start] + result[stop + len(b"# sealift: end") :]
    assert rest.replace(end.encode(), b"") == source.replace(end.encode(), b"")
    others = {"\n", "\r\n", "\r"} - {end}
    bare = result.decode().replace(end, "")
    assert not any(other in bare for other in others)


def test_what_was_told_before_stays_and_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tell(b"'Doc'\r\nx = 1\r\n", Told(folders=("lib",), late=("lib/a.dll",)))
    assert first is not None
    second = tell(first, TOLD)
    assert second is not None
    assert second.count(b"# sealift: DLLs") == 1
    for folder in ("demo/lib", "demo.libs"):
        (tmp_path / folder).mkdir(parents=True)
    told, names = run(second, tmp_path, monkeypatch)
    folders = [tmp_path / "demo.libs", tmp_path / "demo/lib"]
    assert told == [str(path) for path in (*folders, tmp_path / "demo/lib/a.dll")]
    assert names["x"] == 1
    assert tell(second, Told(folders=("lib",))) == second


def test_nothing_is_told_where_it_is_not_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tell(b"", Told(folders=(".",), late=("a.dll",)))
    assert result is not None
    monkeypatch.delattr(os, "add_dll_directory", raising=False)
    exec(result, {"__file__": str(tmp_path / "__init__.py")})  # noqa: S102


def test_a_folder_that_is_not_there_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tell(b"", TOLD)
    assert result is not None
    assert run(result, tmp_path, monkeypatch)[0] == []


@pytest.mark.parametrize(
    "source",
    [
        b"print 'two'\n",
        b"# coding: klingon\n",
        b"x = '\xff'\n",
        b"__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
        b"__import__('pkg_resources').declare_namespace(__name__)\n",
        b"'Doc'; \\\n  x = 1\n",
        b'"""\n# sealift: DLLs of this wheel\n# sealift: end\n"""\n',
    ],
)
def test_what_cannot_be_changed_is_told(source: bytes) -> None:
    assert tell(source, TOLD) is None


def test_a_crafted_block_breaks_nothing() -> None:
    block = tell(b"", TOLD)
    assert block is not None
    source = block.replace(b"['../demo.libs']", b"[1, {'x'}, open('f')]")
    result = tell(source, TOLD)
    assert result is not None
    assert b"open" not in result
    ast.parse(result)

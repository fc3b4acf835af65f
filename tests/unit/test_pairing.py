"""A standard library is joined with a CPython only where nothing it asks for is missing."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from sealift.errors import InterpreterError
from sealift.interpreters.pairing import check_pairing

ENGINE = 20230502
LIBRARY = b"\x90\xb8" + ENGINE.to_bytes(4, "little") + b"_thread\0start_new_thread\0Context\0"


def check(
    tmp_path: Path, sources: Mapping[str, str], *, engine: int = ENGINE, library: bytes = LIBRARY
) -> None:
    texts = {"re/_constants.py": f"MAGIC = {engine}\n", **sources}
    files = {}
    for name, text in texts.items():
        files[name] = tmp_path / name
        files[name].parent.mkdir(parents=True, exist_ok=True)
        files[name].write_text(text)
    (tmp_path / "python.dll").write_bytes(library)
    (tmp_path / "_ssl.pyd").write_bytes(b"MZ..SSLContext\0txt2obj\0")
    check_pairing(
        files, tmp_path / "python.dll", {"_ssl": tmp_path / "_ssl.pyd"},
        absent=["_posixsubprocess"], program=Path(sys.executable), told="both",
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "from _ssl import SSLContext, txt2obj as again\n",
        "import _thread\nstart = _thread.start_new_thread\n",
        "from _ssl import Context\n",  # one of CPython's own types
        "from _posixsubprocess import fork_exec\n",  # for other systems, as the file is
        "try:\n    from _ssl import RAND_egd\nexcept ImportError:\n    pass\n",
        "def late():\n    from _ssl import RAND_egd\n",
        "from _ssl import *\nfrom . import _ssl\nfrom time import absent\n",
        "import _own\nfrom _own import anything\n",
    ],
)
def test_what_is_there_or_not_needed_is_no_matter(tmp_path: Path, text: str) -> None:
    check(tmp_path, {"x.py": text, "_own.py": ""})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("from _ssl import SSLContext, RAND_egd\n", r"x\.py asks for _ssl\.RAND_egd"),
        ("import _thread as t\nstart = t.start_joinable_thread\n", "start_joinable_thread"),
        ("from _new import name\n", r"_new\.name"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InterpreterError, match=rf"cannot join both: .*{told}") as caught:
        check(tmp_path, {"x.py": text})
    assert "nearer" in str(caught.value.hint)


def test_the_engine_of_regular_expressions_is_of_one_version(tmp_path: Path) -> None:
    with pytest.raises(InterpreterError, match="re is for version 20221023 of the engine"):
        check(tmp_path, {}, engine=20221023)

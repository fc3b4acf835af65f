"""What of the standard library is shipped is a list, and the list holds for all versions."""

import pytest

from sealift.stdlib import load_rules

RULES = load_rules()


@pytest.mark.parametrize(
    "path",
    ["os.py", "unittest/mock.py", "ctypes/__init__.py", "lib-dynload/_ssl.cpython-313.so",
     "test.py", "testing/x.py", "lib2to3/Grammar.txt", "pydoc_data/__init__.py", "venv/__main__.py",
     "lib-dynload/_ctypes.cpython-313-x86_64-linux-gnu.so", "LICENSE.txt", "_sysconfigdata_x.py",
     "email/mime/text.py", "importlib/metadata/__init__.py", "configparser.py"],
)  # fmt: skip
def test_libraries_are_shipped(path: str) -> None:
    assert RULES.ships(path)


@pytest.mark.parametrize(
    "path",
    ["test/support/__init__.py", "unittest/test/x.py", "sqlite3/test/a/b.py", "idlelib/pyshell.py",
     "lib-dynload/_testcapi.cpython-313-x86_64-linux-gnu.so", "ensurepip/__init__.py",
     "tkinter/test/support.py", "lib2to3/tests/data/x.py", "turtledemo/clock.py"],
)  # fmt: skip
def test_tests_and_programs_are_shipped_only_on_request(path: str) -> None:
    assert not RULES.ships(path)
    assert RULES.ships(path, everything=True)


@pytest.mark.parametrize(
    "path",
    ["site-packages/pip/__init__.py", "dist-packages/x.py", "json/__pycache__/x.pyc",
     "config-3.13-x86_64-linux-gnu/Makefile", "sitecustomize.py", "build-details.json",
     "lib2to3/Grammar3.11.7.final.0.pickle", "EXTERNALLY-MANAGED"],
)  # fmt: skip
def test_what_is_the_machine_s_is_never_shipped(path: str) -> None:
    assert not RULES.ships(path, everything=True)


@pytest.mark.parametrize(
    "path",
    ["lib/python3.13/tkinter/ttk.py", "lib/python3.13t/turtle.py", "lib/tcl8.6/init.tcl",
     "lib/python3.11/lib-dynload/_tkinter.cpython-311-x86_64-linux-gnu.so", "lib/tk8.6/tk.tcl",
     "lib/tk/libX11.so.6", "lib/libtcl9.0.so", "DLLs/tk86t.dll", "tcl/tcl8.6/init.tcl"],
)  # fmt: skip
def test_tk_is_a_part_of_its_own(path: str) -> None:
    group = RULES.group_of(path)
    assert group is not None
    assert group.name == "tk"
    assert "tkinter" in group.modules


@pytest.mark.parametrize(
    "path", ["lib/python3.13/os.py", "lib/libssl.so.3", "lib/python3.13/token.py", "Lib/os.py"]
)
def test_the_rest_is_in_no_part(path: str) -> None:
    assert RULES.group_of(path) is None

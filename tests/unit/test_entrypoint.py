"""The entry point that is meant, or an error that says what there is."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from sealift.entry import EntryPoint, is_guarded, parse_entry_point
from sealift.entrypoint import choose_entry
from sealift.errors import EntryPointError
from sealift.wheel import WheelFile, read_wheel
from tests.support.wheels import honest_wheel

CODE = b"from other import *\n"
MAIN = b"def main(): pass\nclass App:\n    def run(self): pass\n"
FILES = {"pkg/__init__.py": b"", "pkg/cli.py": MAIN, "pkg/star.py": CODE, "pkg/native.abi3.so": b""}


def wheel(
    tmp_path: Path, *points: EntryPoint, files: Mapping[str, bytes] = FILES, name: str = "demo"
) -> WheelFile:
    return read_wheel(honest_wheel(tmp_path, name, files=dict(files), entry_points=points))


CLI = EntryPoint("run", "pkg.cli", "main")
GUI = EntryPoint("window", "pkg.cli", "App.run", gui=True)


def test_the_only_console_script_is_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert choose_entry(wheel(tmp_path, CLI, GUI)) == CLI
    assert "it starts run; --entry chooses window instead" in capsys.readouterr().err


def test_the_only_gui_script_is_meant(tmp_path: Path) -> None:
    assert choose_entry(wheel(tmp_path, GUI)) == GUI


def test_the_script_named_as_the_project_is_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = EntryPoint("De.Mo", "pkg.cli", "main")
    given = wheel(tmp_path, CLI, own, name="de-mo")
    assert choose_entry(given) == own
    assert "it starts De.Mo; --entry chooses run instead" in capsys.readouterr().err
    assert choose_entry(given, explicit="De.Mo") == own
    assert capsys.readouterr().err == ""


def test_the_only_package_with_main_is_meant(tmp_path: Path) -> None:
    found = choose_entry(wheel(tmp_path, files=FILES | {"pkg/__main__.py": b""}))
    assert found == EntryPoint("pkg", "pkg")


def test_several_are_listed(tmp_path: Path) -> None:
    other = EntryPoint("walk", "pkg.cli", "App")
    files = FILES | {"pkg/__main__.py": b""}
    with pytest.raises(EntryPointError, match="it has 3 entry points") as caught:
        choose_entry(wheel(tmp_path, CLI, other, files=files))
    assert caught.value.details == (
        "run   pkg.cli:main",
        "walk  pkg.cli:App",
        "pkg   python -m pkg",
    )
    assert caught.value.hint == "choose one: --entry run"


@pytest.mark.parametrize(
    ("source", "hint"), [(MAIN, '--entry "pkg:main"'), (b"", '--entry "package.module:function"')]
)
def test_a_function_is_proposed_only_where_it_is(tmp_path: Path, source: bytes, hint: str) -> None:
    with pytest.raises(EntryPointError, match="a package without a __main__") as caught:
        choose_entry(wheel(tmp_path, files={"pkg/__init__.py": source}), explicit="pkg")
    assert caught.value.hint == f"name a function: {hint}"


def test_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(EntryPointError, match="no console script and no __main__"):
        choose_entry(wheel(tmp_path))


@pytest.mark.parametrize(
    ("explicit", "expected"),
    [
        ("run", CLI),
        ("window", GUI),
        ("pkg.cli:main", CLI),
        ("pkg.cli:App.run", GUI),
        ("pkg.cli:App", EntryPoint("demo", "pkg.cli", "App")),
        ("pkg.cli", EntryPoint("demo", "pkg.cli")),
        ("pkg/cli.py", EntryPoint("demo", "pkg.cli")),
        ("pkg.star:anything", EntryPoint("demo", "pkg.star", "anything")),
        ("pkg.native:start", EntryPoint("demo", "pkg.native", "start")),
        ("pkg:cli", EntryPoint("demo", "pkg", "cli")),
    ],
)
def test_an_explicit_entry_is_found(explicit: str, expected: EntryPoint, tmp_path: Path) -> None:
    assert choose_entry(wheel(tmp_path, CLI, GUI), explicit=explicit) == expected


@pytest.mark.parametrize(
    ("explicit", "reason", "hint"),
    [
        ("pkg.cly:main", "no module 'pkg.cly'", "did you mean pkg.cli"),
        ("cli", "no module 'cli'", "pkg.cli"),
        ("pkg.cli:mian", "has no 'mian'", "did you mean pkg.cli:main"),
        ("pkg", "without a __main__", "package.module:function"),
        ("my-run", "no script 'my-run'", "did you mean 'run'"),
        ("rum", "no module 'rum'", "run"),
        ("pkg.cli:2", "no script", None),
        ("elsewhere:begin", "no module 'elsewhere'", "it starts run, window"),
    ],
)
def test_an_entry_that_is_not_there_names_the_nearest(
    explicit: str, reason: str, hint: str | None, tmp_path: Path
) -> None:
    with pytest.raises(EntryPointError, match=reason) as caught:
        choose_entry(wheel(tmp_path, CLI, GUI), explicit=explicit)
    assert hint is None or hint in (caught.value.hint or "")


def test_a_module_of_another_distribution_is_found(tmp_path: Path) -> None:
    server = wheel(
        tmp_path / "s",
        EntryPoint("serve", "server", "main"),
        files={"server.py": MAIN},
        name="server",
    )
    own = wheel(tmp_path, CLI)
    assert (
        choose_entry(own, explicit="server:main", among=[own.path, server.path]).module == "server"
    )
    assert choose_entry(own, explicit="serve", among=[server.path]).function == "main"
    with pytest.raises(EntryPointError, match="no module 'server'"):
        choose_entry(own, explicit="server:main")
    with pytest.raises(EntryPointError, match="no module 'sever'") as caught:
        choose_entry(own, explicit="sever:main", among=[server.path])
    assert "server" in (caught.value.hint or "")


def test_a_script_may_lead_to_another_distribution(tmp_path: Path) -> None:
    server = wheel(tmp_path / "s", files={"server.py": MAIN}, name="server")
    own = wheel(tmp_path, EntryPoint("demo", "server", "main"))
    assert choose_entry(own, among=[own.path, server.path]).module == "server"


def test_a_module_of_the_standard_library_may_be_started(tmp_path: Path) -> None:
    assert choose_entry(wheel(tmp_path, CLI), explicit="http.server").module == "http.server"


def test_modules_in_data_schemes_count(tmp_path: Path) -> None:
    files = {"demo-1.0.data/purelib/deep.py": MAIN}
    assert choose_entry(wheel(tmp_path, files=files), explicit="deep:main").module == "deep"


@pytest.mark.parametrize("text", ["", "a b:c", "a:b:c", "a..b", "a:b.", "1a:b", ":main"])
def test_what_is_no_entry_point_is_refused(text: str) -> None:
    with pytest.raises(EntryPointError, match="cannot use entry point"):
        parse_entry_point("x", text)


@pytest.mark.parametrize(
    ("source", "guarded"),
    [
        ("if __name__ == '__main__': pass", True),
        ('if "__main__" == __name__:\n    pass', True),
        ("if __name__ != '__main__': pass", False),
        ("def f():\n    if __name__ == '__main__': pass", False),
        ("x = '''if __name__ == '__main__':'''", False),
        ("print 'python 2'", False),
    ],
)
def test_guards_are_recognised(source: str, guarded: bool) -> None:  # noqa: FBT001
    assert is_guarded(source) is guarded

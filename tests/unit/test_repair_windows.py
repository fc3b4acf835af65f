"""Windows wheels repaired: what comes along, where it lies, and who asks for it by which name."""

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sealift.binary.pe import PeFacts, facts_of
from sealift.binary.view import View
from sealift.errors import ConfigError, RefusedError
from sealift.repair.plan import Options
from sealift.repair.wheel import Repaired, repair_wheel
from sealift.wheel import make_wheel
from tests.support.pe_files import Dll, PeSpec, make_pe

SYSTEM = ("KERNEL32.dll", "api-ms-win-crt-runtime-l1-1-0.dll", "VCRUNTIME140.dll")
INIT = {"app/__init__.py": b""}


def pe(*asks: str, **fields: object) -> bytes:
    """A DLL for amd64 that asks for ``asks``."""
    spec = PeSpec(dlls=[Dll(name=name) for name in (*SYSTEM, *asks)], name="x.dll")
    return make_pe(replace(spec, **fields))  # type: ignore[arg-type]


def module(*asks: str, **fields: object) -> bytes:
    return pe("python313.dll", *asks, **fields)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with a chain of DLLs."""
    return put(tmp_path / "dlls", {"Outer.dll": pe("inner.dll"), "inner.dll": pe()})


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def wheel(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    name: str = "app",
    tag: str = "cp313-cp313-win_amd64",
) -> Path:
    return make_wheel(name, "1.0", files, out=folder / "made", tag=tag)


def repaired(
    folder: Path, files: Mapping[str, bytes], *search: Path, **wheel_fields: str
) -> Repaired:
    made = wheel(folder, files, **wheel_fields)
    return repair_wheel(made, Options(search=search), folder / "out")


def refusal(
    folder: Path, files: Mapping[str, bytes], *search: Path, **wheel_fields: str
) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        repaired(folder, files, *search, **wheel_fields)
    assert not list((folder / "out").iterdir())
    return caught.value


def contents(made: Repaired) -> dict[str, bytes]:
    with zipfile.ZipFile(made.path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def facts(made: Repaired) -> dict[str, PeFacts]:
    return {
        name: facts_of(View(data, name))
        for name, data in contents(made).items()
        if name.endswith((".dll", ".pyd", ".exe"))
    }


def outside(found: PeFacts) -> list[str]:
    """What it asks for that is not everywhere."""
    return [name for name in found.needed if name not in SYSTEM and "python" not in name]


def grafts(made: Repaired) -> dict[str, str]:
    return {graft.asked: graft.path for graft in made.grafts}


def test_a_chain_of_dlls_comes_with_the_wheel(shelf: Path, tmp_path: Path) -> None:
    made = repaired(tmp_path, {**INIT, "app/_x.pyd": module("OUTER.DLL")}, shelf)
    assert made.path.name == "app-1.0-cp313-cp313-win_amd64.whl"
    paths = grafts(made)
    assert set(paths) == {"Outer.dll", "inner.dll"}
    found = facts(made)
    assert outside(found["app/_x.pyd"]) == [paths["Outer.dll"].removeprefix("app.libs/")]
    assert outside(found[paths["Outer.dll"]]) == [paths["inner.dll"].removeprefix("app.libs/")]
    assert paths["inner.dll"] == f"app.libs/inner-{made.grafts[1].sha256[:8]}.dll"
    assert b"'../app.libs'" in contents(made)["app/__init__.py"]
    assert made.verdict.best == "win_amd64"
    assert not [it for it in made.verdict.externals if not it.promised_by]


def test_the_same_wheel_gives_the_same_bytes_and_a_repaired_one_stays(
    shelf: Path, tmp_path: Path
) -> None:
    made = wheel(tmp_path, {**INIT, "app/_x.pyd": module("Outer.dll")})
    options = Options(search=(shelf,))
    first, second = (repair_wheel(made, options, tmp_path / name) for name in ("one", "two"))
    assert first.path.read_bytes() == second.path.read_bytes()
    again = repair_wheel(first.path, options, tmp_path / "three")
    assert not again.is_changed
    assert again.path.read_bytes() == first.path.read_bytes()


def test_what_is_there_without_the_wheel_is_left(tmp_path: Path) -> None:
    asks = ("ws2_32.dll", "python3.dll", "VCRUNTIME140_1.dll", "ucrtbase.dll")
    made = repaired(tmp_path, {**INIT, "app/_x.pyd": module(*asks)})
    assert not made.is_changed


def test_the_runtime_that_python_lacks_comes_along_under_a_name_of_its_own(tmp_path: Path) -> None:
    late = Dll(name="CONCRT140.dll", is_delayed=True)
    runtime = pe(name="MSVCP140.dll", dlls=[Dll(name="VCRUNTIME140.dll"), late])
    shelf = put(tmp_path / "dlls", {"msvcp140.dll": runtime})
    made = repaired(tmp_path, {**INIT, "app/_x.pyd": module("MSVCP140.dll")}, shelf)
    (path,) = grafts(made).values()
    assert path.startswith("app.libs/msvcp140-")
    assert contents(made)[path] == runtime


def test_an_old_runtime_for_new_code_is_told(tmp_path: Path) -> None:
    shelf = put(tmp_path / "dlls", {"msvcp140.dll": linked_by(pe(), 14, 29)})
    told = {}
    for minor in (20, 29, 44):
        code = linked_by(module("msvcp140.dll"), 14, minor)
        told[minor] = repaired(tmp_path, {**INIT, "app/_x.pyd": code}, shelf).notes
    assert (told[20], told[29]) == ((), ())
    assert told[44][0].startswith("app/_x.pyd was linked by newer tools than ")


def linked_by(content: bytes, major: int, minor: int) -> bytes:
    at = int.from_bytes(content[0x3C:0x40], "little") + 24 + 2
    return content[:at] + bytes((major, minor)) + content[at + 2 :]


def test_a_copy_that_asks_for_another_copy_is_another(tmp_path: Path) -> None:
    names = set()
    for number in (1, 2):
        folder = tmp_path / str(number)
        shelf = put(tmp_path / f"dlls{number}", {
            "outer.dll": pe("inner.dll"), "inner.dll": pe(timestamp=number),
        })  # fmt: skip
        folder.mkdir()
        made = repaired(folder, {**INIT, "app/_x.pyd": module("outer.dll")}, shelf)
        names.add(grafts(made)["outer.dll"])
    assert len(names) == 2


def test_dlls_that_ask_for_each_other_come_along(tmp_path: Path) -> None:
    shelf = put(tmp_path / "dlls", {"a.dll": pe("b.dll"), "b.dll": pe("a.dll")})
    made = repaired(tmp_path, {**INIT, "app/_x.pyd": module("a.dll")}, shelf)
    found, paths = facts(made), grafts(made)
    assert outside(found[paths["a.dll"]]) == [paths["b.dll"].removeprefix("app.libs/")]
    assert outside(found[paths["b.dll"]]) == [paths["a.dll"].removeprefix("app.libs/")]


def test_passed_on_and_late_dlls_are_renamed_and_the_late_are_loaded(tmp_path: Path) -> None:
    shelf = put(tmp_path / "dlls", {
        "pass.dll": pe(exports={"f": "target.f"}), "target.dll": pe(), "late.dll": pe(),
    })  # fmt: skip
    asks = [Dll(name="pass.dll"), Dll(name="late.dll", is_delayed=True)]
    made = repaired(tmp_path, {**INIT, "app/_x.pyd": pe(dlls=asks)}, shelf)
    found, paths = facts(made), grafts(made)
    names = {asked: path.removeprefix("app.libs/") for asked, path in paths.items()}
    assert found[paths["pass.dll"]].forwards == (names["target.dll"],)
    assert found["app/_x.pyd"].delay_imports == (names["late.dll"],)
    source = contents(made)["app/__init__.py"].decode()
    assert f"late = ['../app.libs/{names['late.dll']}']" in source


@pytest.mark.parametrize(
    ("files", "path", "tag"),
    [
        ({"_x.pyd": "top"}, "", "cp313-cp313-win_amd64"),
        ({"space/_x.pyd": "namespace"}, "space/", "cp313-cp313-win_amd64"),
        ({"app/__init__.py": "extend_path", "app/_x.pyd": ""}, "app/", "cp313-cp313-win_amd64"),
        ({"app/__init__.cp313-win_amd64.pyd": "", "app/__init__.py": ""}, "app/",
         "cp313-cp313-win_amd64"),
        ({"app/__init__.py": "print 'two'", "app/_x.pyd": ""}, "app/", "cp313-cp313-win_amd64"),
        ({"app/__init__.py": "", "app/_x.pyd": ""}, "app/", "cp37-cp37m-win_amd64"),
        ({"app-1.0.data/platlib/_x.pyd": ""}, "app-1.0.data/platlib/", "cp313-cp313-win_amd64"),
    ],
    ids=["top level", "no init", "pkgutil", "compiled", "unreadable", "before 3.8", "platlib"],
)  # fmt: skip
def test_dlls_lie_beside_modules_that_no_package_can_tell_of_them(
    files: Mapping[str, str], path: str, tag: str, tmp_path: Path
) -> None:
    shelf = put(tmp_path / "dlls", {"own.dll": pe("inner.dll"), "inner.dll": pe()})
    content = {
        name: module("own.dll") if name.endswith(".pyd") else text.encode()
        for name, text in files.items()
    }
    made = repaired(tmp_path, content, shelf, tag=tag)
    assert {graft.path.rpartition("/")[0] for graft in made.grafts} >= {path.rstrip("/")}
    sources = {name: data for name, data in contents(made).items() if name.endswith(".py")}
    assert sources == {name: content[name] for name in sources}
    again = repair_wheel(made.path, Options(), tmp_path / "again")
    assert not again.is_changed


def test_the_first_package_that_can_tells(shelf: Path, tmp_path: Path) -> None:
    files = {
        "space/one/__init__.py": b"", "space/one/deep/__init__.py": b"",
        "space/one/deep/_x.pyd": module("outer.dll"),
        "app-1.0.data/purelib/two/__init__.py": b"",
        "app-1.0.data/platlib/two/_x.pyd": module("outer.dll"),
    }  # fmt: skip
    made = repaired(tmp_path, files, shelf)
    assert {graft.path.partition("/")[0] for graft in made.grafts} == {"app.libs"}
    found = contents(made)
    assert b"['../../app.libs']" in found["space/one/__init__.py"]
    assert b"['../app.libs']" in found["app-1.0.data/purelib/two/__init__.py"]
    assert found["space/one/deep/__init__.py"] == b""


def test_programs_find_theirs_beside_themselves(shelf: Path, tmp_path: Path) -> None:
    files = {**INIT, "app/bin/tool.exe": pe("helper.dll", is_dll=False, exports=None, name=None),
             "app/bin/helper.dll": pe("outer.dll"), "app/_x.pyd": module("outer.dll")}  # fmt: skip
    made = repaired(tmp_path, files, shelf)
    folders = {graft.path.rpartition("/")[0] for graft in made.grafts}
    assert folders == {"app/bin", "app.libs"}
    files = {"app-1.0.data/data/Library/bin/app.dll": pe("outer.dll")}
    made = repaired(tmp_path, files, shelf)
    assert {path.rpartition("/")[0] for path in grafts(made).values()} == {
        "app-1.0.data/data/Library/bin"
    }
    assert not repair_wheel(made.path, Options(), tmp_path / "again").is_changed
    files = {"app-1.0.data/scripts/tool.exe": pe("outer.dll", is_dll=False)}
    error = refusal(tmp_path / "out", files, shelf)
    assert "scripts/tool.exe asks for outer.dll" in error.message
    assert error.hint
    files = {
        f"app-1.0.data/data/bin/{name}": pe(*asks, is_dll=name.endswith(".dll"))
        for name, asks in {"tool.exe": ["a.dll"], "a.dll": ["b.dll"], "b.dll": []}.items()
    }
    assert not repaired(tmp_path, files).is_changed


def test_a_dll_of_the_wheels_own_keeps_its_name_and_place(tmp_path: Path) -> None:
    shelf = put(tmp_path / "dlls", {"own.dll": pe(), "outer.dll": pe("own.dll")})
    files = {**INIT, "app/_x.pyd": module("own.dll", "outer.dll"), "app/own.dll": pe()}
    made = repaired(tmp_path, files, shelf)
    assert set(grafts(made)) == {"outer.dll"}
    assert outside(facts(made)[grafts(made)["outer.dll"]]) == ["own.dll"]
    assert b"folders = ['../app.libs']" in contents(made)["app/__init__.py"]


def test_a_folder_of_the_wheels_own_that_nobody_tells_of_is_told(tmp_path: Path) -> None:
    files = {**INIT, "app/_x.pyd": module("own.dll"), "app/lib/own.dll": pe()}
    made = repaired(tmp_path, files)
    assert b"folders = ['lib']" in contents(made)["app/__init__.py"]
    assert not repair_wheel(made.path, Options(), tmp_path / "again").is_changed
    told = {**files, "app/start.py": b"import os\nos.add_dll_directory('lib')\n"}
    assert not repaired(tmp_path, told).is_changed
    alone = {"_x.pyd": module("own.dll"), "lib/own.dll": pe()}
    assert "lies in lib, where Windows does not look" in repaired(tmp_path, alone).notes[0]


def test_load_flags_are_cleared_and_a_lost_signature_is_told(shelf: Path, tmp_path: Path) -> None:
    flags = [(78, "<H", 0x800)]
    code = module("outer.dll", config=flags, signature=b"S" * 16)
    files = {**INIT, "app/_x.pyd": code, "app/_y.pyd": module(config=flags, signature=b"S" * 16)}
    made = repaired(tmp_path, files, shelf)
    found = facts(made)
    assert (found["app/_x.pyd"].load_flags, found["app/_x.pyd"].signature) == (0, None)
    assert contents(made)["app/_y.pyd"] == files["app/_y.pyd"]
    (note,) = made.notes
    assert note == "app/_x.pyd was signed; what it asks for has other names now, so it is not"


def test_a_dll_for_the_machine_is_taken_whatever_lies_first(tmp_path: Path) -> None:
    small = put(tmp_path / "small", {"own.dll": pe(bits=32, machine="x86")})
    arm = put(tmp_path / "arm", {"own.dll": pe(machine="arm64")})
    big = put(tmp_path / "big", {"own.dll": pe(), "text.dll": b"no DLL"})
    for tag, fields, own in (
        ("win32", {"bits": 32, "machine": "x86"}, small),
        ("win_amd64", {}, big),
        ("win_arm64", {"machine": "arm64"}, arm),
    ):
        files = {**INIT, "app/_x.pyd": module("own.dll", **fields)}
        made = repaired(tmp_path, files, small, arm, big, tag=f"cp313-cp313-{tag}")
        assert made.grafts[0].source == own / "own.dll"
        assert made.verdict.best == tag
    error = refusal(tmp_path / "new", {**INIT, "app/_x.pyd": module("own.dll")}, small)
    assert f"{small / 'own.dll'} is for x86, not for win_amd64" in error.message
    assert error.hint


def test_modules_for_another_machine_are_refused(tmp_path: Path) -> None:
    files = {**INIT, "app/_x.pyd": module(), "app/_y.pyd": module(machine="arm64")}
    error = refusal(tmp_path, files)
    assert error.details == ("app/_y.pyd is for arm64",)
    tools = {**INIT, "app/_x.pyd": module(), "app/t.exe": pe("own.dll", machine="arm64")}
    assert not repaired(tmp_path, tools).is_changed


def test_what_is_nowhere_is_named_with_its_askers(tmp_path: Path) -> None:
    shelf = put(tmp_path / "dlls", {"outer.dll": pe("Inner.dll")})
    files = {**INIT, "app/_x.pyd": module("outer.dll", "inner.DLL"), "app/_y.pyd": module("far")}
    error = refusal(tmp_path, files, shelf)
    assert "far.dll, inner.DLL are nowhere" in error.message
    assert error.details == (
        "far.dll: app/_y.pyd asks for it",
        f"inner.DLL: app/_x.pyd, {shelf / 'outer.dll'} ask for it",
    )
    options = Options(search=(shelf,), exclude=("INNER*", "far.dll"))
    made = repair_wheel(wheel(tmp_path, files), options, tmp_path / "left")
    assert set(grafts(made)) == {"outer.dll"}
    assert made.notes[-1] == "inner.DLL stays outside: the users' machines must have it"


def test_what_loads_a_graft_by_its_old_name_is_told(shelf: Path, tmp_path: Path) -> None:
    source = b"import ctypes\nctypes.WinDLL('OUTER')\nctypes.CDLL('other.dll')\n"
    files = {**INIT, "app/by_name.py": source, "app/_x.pyd": module("outer.dll")}
    (note,) = repaired(tmp_path, files, shelf).notes
    assert note.startswith("app/by_name.py:2 loads OUTER by name; the copy in the wheel is app.l")


def test_a_wheel_for_two_machines_gets_dlls_for_both(tmp_path: Path) -> None:
    for folder, fields in (("small", {"bits": 32, "machine": "x86"}), ("big", {})):
        put(tmp_path / folder, {"own.dll": pe(**fields)})
    files = {**INIT, "app/small.pyd": module("own.dll", bits=32, machine="x86"),
             "app/big.pyd": module("own.dll")}  # fmt: skip
    tag = "cp313-cp313-win32.win_amd64"
    made = repaired(tmp_path, files, tmp_path / "small", tmp_path / "big", tag=tag)
    found = facts(made)
    for name, machine in (("app/small.pyd", "x86"), ("app/big.pyd", "amd64")):
        (graft,) = outside(found[name])
        assert found[f"app.libs/{graft}"].machine == machine
    assert made.path.name.endswith(f"{tag}.whl")


@pytest.mark.parametrize(("floor", "problem"), [("win32", "it does not fit win32"),
                                                ("windows", "no such tag")])  # fmt: skip
def test_a_floor_is_a_machine(floor: str, problem: str, tmp_path: Path) -> None:
    made = wheel(tmp_path, {**INIT, "app/_x.pyd": module()})
    assert repair_wheel(made, Options(floor="win_amd64"), tmp_path).path.exists()
    with pytest.raises((RefusedError, ConfigError), match=problem):
        repair_wheel(made, Options(floor=floor), tmp_path / "out")


def test_stripping_is_refused(tmp_path: Path) -> None:
    made = wheel(tmp_path, {**INIT, "app/_x.pyd": module()})
    with pytest.raises(RefusedError, match="cannot strip"):
        repair_wheel(made, Options(strips=True), tmp_path / "out")

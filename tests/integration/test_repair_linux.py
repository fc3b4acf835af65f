"""Linux wheels repaired: what they need comes with them, and they run where it is not."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sealift import process
from sealift.audit.allowance import Allowance
from sealift.audit.report import audit
from sealift.binary.elf import read_elf
from sealift.errors import ConfigError, RefusedError
from sealift.repair.plan import Options
from sealift.repair.wheel import Repaired, repair_wheel
from sealift.wheel import verify_wheel
from tests.support.command import sealift
from tests.support.debian_root import debian_root, python_in
from tests.support.native_wheels import TAG, c_library, c_module, native_wheel
from tests.support.tools import require_tool


def installed(wheel: Path, folder: Path) -> Path:
    """The wheel unpacked like an installer would."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def ask(code: str, *folders: Path) -> str:
    command = [
        sys.executable,
        "-I",
        "-c",
        f"import sys; sys.path[:0] = {[*map(str, folders)]}\n{code}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def in_debian(code: str, folder: Path) -> str:
    """What ``code`` prints in a Debian that has Python and none of the libraries."""
    done = python_in(debian_root(), folder, code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def chained(tmp_path: Path) -> Path:
    """A wheel whose module asks for a library that asks for another."""
    inner = c_library(tmp_path / "a", "libinner.so.1", "int inner(void) { return 40; }")
    outer = c_library(
        tmp_path / "b", "libouter.so.2", "int inner(void); int outer(void) { return inner() + 2; }",
        links=[inner],
    )  # fmt: skip
    module = c_module(
        tmp_path / "m", "native", "outer()", declarations="int outer(void);", links=[outer],
        options=["-g3"],
    )  # fmt: skip
    files: dict[str, bytes | Path] = {
        "chained/__init__.py": b"from chained.native import value\n",
        f"chained/{module.name}": module,
    }
    return native_wheel(tmp_path / "made", "chained", files)


def natives_of(repaired: Repaired) -> dict[str, bytes]:
    with zipfile.ZipFile(repaired.path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if ".so" in name}


def names_of(repaired: Repaired) -> set[str]:
    return {graft.asked for graft in repaired.grafts}


def test_a_chain_of_libraries_comes_with_the_wheel(chained: Path, tmp_path: Path) -> None:
    repaired = repair_wheel(chained, Options(), tmp_path / "out")
    assert names_of(repaired) == {"libinner.so.1", "libouter.so.2"}
    wheel = verify_wheel(repaired.path)
    assert {tag.platform for tag in wheel.tags} == set(repaired.path.stem.split("-")[-1].split("."))
    assert str(repaired.verdict.best) in repaired.path.name
    assert repaired.path.name.startswith("chained-1.0-")
    for name in ("a", "b"):
        for file in (tmp_path / name).iterdir():
            file.unlink()
    folder = installed(repaired.path, tmp_path / "site")
    assert ask("import chained; print(chained.value())", folder) == "42"
    text = (folder / "chained-1.0.dist-info/WHEEL").read_text()
    assert f"Tag: {TAG.rpartition('-')[0]}-{repaired.verdict.best}" in text
    assert "Root-Is-Purelib: false" in text


def test_files_name_their_grafts_by_digest_and_search_beside_themselves(
    chained: Path, tmp_path: Path
) -> None:
    repaired = repair_wheel(chained, Options(), tmp_path / "out")
    folder = installed(repaired.path, tmp_path / "site")
    module = read_elf(next((folder / "chained").glob("native*.so")))
    outer = read_elf(next((folder / "chained.libs").glob("libouter*")))
    assert module
    assert outer
    assert outer.soname in module.needed
    assert module.rpath == ("$ORIGIN/../chained.libs",)
    assert outer.rpath == ("$ORIGIN",)
    names = {graft.asked: graft.path.split("-")[-1].split(".")[0] for graft in repaired.grafts}
    digests = {graft.asked: graft.sha256[:8] for graft in repaired.grafts}
    assert names["libinner.so.1"] == digests["libinner.so.1"]
    assert names["libouter.so.2"] != digests["libouter.so.2"]  # it stands for what it loads, too


def test_the_same_wheel_gives_the_same_bytes_and_a_repaired_one_stays(
    chained: Path, tmp_path: Path
) -> None:
    first = repair_wheel(chained, Options(), tmp_path / "one")
    second = repair_wheel(chained, Options(), tmp_path / "two")
    assert first.path.read_bytes() == second.path.read_bytes()
    again = repair_wheel(first.path, Options(), tmp_path / "three")
    assert not again.is_changed
    assert again.path.read_bytes() == first.path.read_bytes()
    assert not [path for path in (tmp_path / "one").iterdir() if path != first.path]


def test_the_inventory_of_grafts_is_a_bill_of_materials(chained: Path, tmp_path: Path) -> None:
    repaired = repair_wheel(chained, Options(), tmp_path / "out")
    with zipfile.ZipFile(repaired.path) as archive:
        document = json.loads(archive.read("chained-1.0.dist-info/sboms/sealift.cdx.json"))
    assert document["metadata"]["component"]["purl"] == "pkg:pypi/chained@1.0"
    assert {part["name"] for part in document["components"]} == {"libinner.so.1", "libouter.so.2"}


def test_two_wheels_with_two_versions_of_a_library_live_in_one_process(tmp_path: Path) -> None:
    sites = []
    for number in (1, 2):
        library = c_library(
            tmp_path / str(number), "libsame.so.1", f"int same(void) {{ return {number}; }}"
        )
        module = c_module(
            tmp_path / f"m{number}", f"own{number}", "same()", declarations="int same(void);",
            links=[library],
        )  # fmt: skip
        wheel = native_wheel(tmp_path / "made", f"own{number}", {module.name: module})
        repaired = repair_wheel(wheel, Options(), tmp_path / "out")
        sites.append(installed(repaired.path, tmp_path / f"site{number}"))
        library.unlink()
    assert ask("import own1, own2; print(own1.value(), own2.value())", *sites) == "1 2"


def test_the_same_library_over_two_versions_of_another(tmp_path: Path) -> None:
    first, second = (
        c_library(
            tmp_path / str(number), "libinner.so.1", f"int inner(void) {{ return {number}; }}"
        )
        for number in (1, 2)
    )
    source = "int inner(void); int outer(void) { return inner(); }"
    options = ["-Wl,--no-as-needed", str(first)]
    outer = c_library(tmp_path / "o", "libouter.so.1", source, options=options)
    sites = []
    for inner in (first, second):
        name = f"own{inner.parent.name}"
        module = c_module(
            tmp_path / name, name, "outer()", declarations="int outer(void);", links=[outer],
            options=[f"-Wl,-rpath-link,{inner.parent}"],
        )  # fmt: skip
        wheel = native_wheel(tmp_path / "made", name, {module.name: module})
        repaired = repair_wheel(wheel, Options(search=(inner.parent,)), tmp_path / "out")
        assert len(repaired.grafts) == 2
        sites.append(installed(repaired.path, tmp_path / f"site-{name}"))
        inner.unlink()
    assert ask("import own1, own2; print(own1.value(), own2.value())", *sites) == "1 2"


def test_two_versions_of_a_library_in_one_wheel(tmp_path: Path) -> None:
    files: dict[str, bytes | Path] = {}
    for number in (1, 2):
        library = c_library(
            tmp_path / str(number), "libsame.so.1", f"int same(void) {{ return {number}; }}"
        )
        module = c_module(
            tmp_path / f"m{number}", f"own{number}", "same()", declarations="int same(void);",
            links=[library],
        )  # fmt: skip
        files[f"both/{module.name}"] = module
    repaired = repair_wheel(native_wheel(tmp_path / "made", "both", files), Options(), tmp_path)
    assert len(repaired.grafts) == 2
    folder = installed(repaired.path, tmp_path / "site")
    for number in (1, 2):
        (tmp_path / str(number) / "libsame.so.1").unlink()
    code = "from both import own1, own2; print(own1.value(), own2.value())"
    assert ask(code, folder) == "1 2"
    assert in_debian(code, folder) == "1 2"


def test_a_library_of_the_wheels_own_keeps_its_name_and_is_found(tmp_path: Path) -> None:
    library = c_library(tmp_path / "a", "libown.so", "int own(void) { return 7; }")
    module = c_module(
        tmp_path / "m", "native", "own()", declarations="int own(void);", links=[library]
    )
    files: dict[str, bytes | Path] = {
        f"pkg/{module.name}": module,
        "pkg/lib/libown.so": library,
        "pkg/by_name.py": b"import ctypes, pathlib\n"
        b'print(ctypes.CDLL(str(pathlib.Path(__file__).parent / "lib/libown.so")).own())\n',
    }
    repaired = repair_wheel(native_wheel(tmp_path / "made", "pkg", files), Options(), tmp_path)
    assert not repaired.grafts
    library.unlink()
    folder = installed(repaired.path, tmp_path / "site")
    assert ask("from pkg import native; print(native.value())", folder) == "7"
    assert ask("import pkg.by_name", folder) == "7"
    assert in_debian("import pkg.by_name; from pkg import native", folder) == "7"


def test_what_loads_a_graft_by_its_old_name_is_told(tmp_path: Path) -> None:
    library = c_library(tmp_path / "a", "libown.so.1", "int own(void) { return 7; }")
    module = c_module(
        tmp_path / "m", "native", "own()", declarations="int own(void);", links=[library]
    )
    files: dict[str, bytes | Path] = {
        f"pkg/{module.name}": module,
        "pkg/__init__.py": b"import ctypes\ndef load():\n    ctypes.CDLL('libown.so.1')\n",
    }
    repaired = repair_wheel(native_wheel(tmp_path / "made", "pkg", files), Options(), tmp_path)
    (note,) = repaired.notes
    assert note.startswith("pkg/__init__.py:3 loads libown.so.1 by name")
    assert repaired.grafts[0].path in note


def test_what_is_nowhere_is_named_with_its_askers(chained: Path, tmp_path: Path) -> None:
    (tmp_path / "a/libinner.so.1").unlink()
    with pytest.raises(RefusedError) as caught:
        repair_wheel(chained, Options(), tmp_path / "out")
    assert "libinner.so.1 is nowhere on this machine" in caught.value.message
    assert "libouter" in caught.value.details[0]
    assert list((tmp_path / "out").iterdir()) == []
    found = c_library(tmp_path / "c", "libinner.so.1", "int inner(void) { return 1; }").parent
    repaired = repair_wheel(chained, Options(search=(found,)), tmp_path / "out")
    assert len(repaired.grafts) == 2
    (tmp_path / "c/libinner.so.1").unlink()
    left = repair_wheel(chained, Options(exclude=("libinner*",)), tmp_path / "left")
    assert names_of(left) == {"libouter.so.2"}
    assert "libinner.so.1 stays outside" in left.notes[0]
    told = {finding.rule for finding in audit(left.path).findings}
    assert "external-library" in told
    passed = audit(left.path, Allowance(exclude=("libinner*",)))
    assert not {"external-library", "tag-not-kept"} & {it.rule for it in passed.findings}
    assert passed.verdict.best == left.verdict.best


def test_a_floor_that_is_out_of_reach_is_refused_with_the_symbols(tmp_path: Path) -> None:
    module = c_module(
        tmp_path / "m", "native", "(long)arc4random()", declarations="#include <stdlib.h>"
    )
    wheel = native_wheel(tmp_path / "made", "native", {module.name: module})
    with pytest.raises(RefusedError) as caught:
        repair_wheel(wheel, Options(floor="manylinux_2_28_x86_64"), tmp_path / "out")
    assert "does not fit manylinux_2_28_x86_64; the best it can have is manylinux_2_36" in str(
        caught.value
    )
    assert any("arc4random@GLIBC_2.36" in line for line in caught.value.details)
    assert caught.value.hint
    repaired = repair_wheel(wheel, Options(floor="manylinux_2_39"), tmp_path / "out")
    assert repaired.verdict.best == "manylinux_2_36_x86_64"
    with pytest.raises(ConfigError, match="no policy has that name"):
        repair_wheel(wheel, Options(floor="manylinux_9"), tmp_path / "out")


def test_a_program_outside_of_site_packages_cannot_take_libraries_in(tmp_path: Path) -> None:
    library = c_library(tmp_path / "a", "libown.so.1", "int own(void) { return 7; }")
    (tmp_path / "main.c").write_text("int own(void); int main(void) { return own() - 7; }")
    program = tmp_path / "tool"
    process.run(["gcc", tmp_path / "main.c", library, "-o", program])
    files: dict[str, bytes | Path] = {"tool-1.0.data/scripts/tool": program}
    with pytest.raises(RefusedError, match=r"scripts/tool asks for libown\.so\.1"):
        repair_wheel(
            native_wheel(tmp_path / "made", "tool", files),
            Options(search=(tmp_path / "a",)),
            tmp_path,
        )


def test_stripping_is_for_every_native_file(chained: Path, tmp_path: Path) -> None:
    plain = repair_wheel(chained, Options(), tmp_path / "plain")
    small = repair_wheel(chained, Options(strips=True), tmp_path / "small")
    before, after = (natives_of(repaired) for repaired in (plain, small))
    assert sum(map(len, after.values())) < sum(map(len, before.values()))
    assert any(b".debug_info" in data for data in before.values())
    assert not any(b".debug_info" in data for data in after.values())
    folder = installed(small.path, tmp_path / "site")
    assert ask("import chained; print(chained.value())", folder) == "42"


def test_a_pure_wheel_is_left_as_it_is(tmp_path: Path) -> None:
    wheel = native_wheel(tmp_path / "made", "pure", {"pure.py": b""}, tag="py3-none-any")
    repaired = repair_wheel(wheel, Options(), tmp_path / "out")
    assert not repaired.is_changed
    assert repaired.path.read_bytes() == wheel.read_bytes()


def test_the_c_plus_plus_library_is_the_systems_as_the_tag_promises(tmp_path: Path) -> None:
    (tmp_path / "words.cpp").write_text(
        "#include <string>\n"
        'extern "C" long words(long n) { return (std::to_string(n) + "!").size(); }\n'
    )
    library = tmp_path / "libwords.so.1"
    process.run(
        [require_tool("g++"), "-shared", "-fPIC", "-Wl,-soname,libwords.so.1",
         tmp_path / "words.cpp", "-o", library],
    )  # fmt: skip
    module = c_module(
        tmp_path / "m", "native", "words(123)", declarations="long words(long);", links=[library]
    )
    wheel = native_wheel(tmp_path / "made", "words", {module.name: module})
    repaired = repair_wheel(wheel, Options(), tmp_path / "out")
    assert names_of(repaired) == {"libwords.so.1"}
    library.unlink()
    site = installed(repaired.path, tmp_path / "site")
    assert in_debian("import native; print(native.value())", site) == "4"


REAL = {
    "psycopg2==2.9.10": (
        "pg_config", "libpq.so.5",
        "import psycopg2.extensions as e; print(e.make_dsn(host='h'), e.libpq_version() > 90000)",
        "host=h True",
    ),
    "pycurl==7.45.6": (
        "curl-config", "libcurl.so.4",
        "import pycurl; pycurl.Curl().setopt(pycurl.URL, 'file:///x'); print(pycurl.version[:6])",
        "PycURL",
    ),
    "lxml==6.0.2": (
        "xslt-config", "libxslt.so.1",
        "from lxml import etree; print(etree.fromstring('<a><b/></a>').xpath('count(//b)'))",
        "1.0",
    ),
}  # fmt: skip


@pytest.mark.network
@pytest.mark.parametrize("requirement", REAL)
def test_real_wheels_work_in_a_debian_that_lacks_their_libraries(
    requirement: str, tmp_path: Path
) -> None:
    tool, library, code, answer = REAL[requirement]
    require_tool(tool)
    root = debian_root()
    wheel = _built(requirement, tmp_path)
    before = installed(wheel, tmp_path / "before")
    failed = python_in(root, before, code)
    assert library in failed.stderr
    repaired = repair_wheel(wheel, Options(), tmp_path / "out")
    assert library in names_of(repaired)
    assert in_debian(code, installed(repaired.path, tmp_path / "site")) == answer


def _built(requirement: str, folder: Path) -> Path:
    project = requirement.partition("==")[0]
    process.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-binary", project, "--quiet",
         "--wheel-dir", folder / "built", requirement],
        env={**os.environ, "CFLAGS": "-O0"},  # lxml takes minutes otherwise
    )  # fmt: skip
    (wheel,) = (folder / "built").iterdir()
    return wheel


def test_the_command_tells_what_it_did(chained: Path, tmp_path: Path) -> None:
    outcome = sealift("repair", chained, "--json", cwd=tmp_path)
    assert outcome.status == 0, outcome.err
    (made,) = outcome.result
    assert (tmp_path / made["path"]).is_file()
    assert made["best"].startswith("manylinux_2_")
    assert {graft["asked"] for graft in made["grafts"]} == {"libinner.so.1", "libouter.so.2"}
    refused = sealift(
        "repair", "--exclude", "lib*", "--floor", "manylinux_3_1", chained, cwd=tmp_path
    )
    assert refused.status == ConfigError.exit_status
    assert "no policy has that name" in refused.err
    other = tmp_path / "x.zip"
    other.touch()
    assert "only wheels can be repaired" in sealift("repair", other, cwd=tmp_path).err

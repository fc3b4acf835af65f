"""Real macOS wheels repaired here: compiled by zig, or taken back to what delocate once was given.

Nothing of this runs here: what is held to dyld's rules is the structure, by readers of two houses.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from macholib.MachO import MachO  # type: ignore[import-untyped]

from sealift.errors import RefusedError
from sealift.repair.plan import Options
from sealift.repair.wheel import repair_wheel
from tests.support.command import sealift
from tests.support.macho_files import make_fat
from tests.support.macos_wheels import problems, slices_of, unrepaired
from tests.support.native_wheels import native_wheel
from tests.support.zig import macos_library

pytestmark = pytest.mark.network

KEG = "/opt/homebrew/opt/pair/lib"
INNER = "int inner(void) { return 40; }\n"
OUTER = "int inner(void); int outer(void) { return inner() + 2; }\n"
MODULE = (
    "int outer(void); void *PyLong_FromLong(long);\n"
    "void *PyInit_native(void) { return PyLong_FromLong(outer()); }\n"
)
WHEELS = [
    ("pillow==13.0.0", "macosx_11_0_arm64", "312", 18),
    ("pillow==13.0.0", "macosx_10_13_x86_64", "312", 18),
    ("psycopg2-binary==2.9.13", "macosx_11_0_arm64", "312", 10),
    ("numpy==2.5.5", "macosx_11_0_arm64", "312", 1),
    ("pyzmq==27.3.0", "macosx_10_15_universal2", "312", 2),
    ("Shapely==1.8.5", "macosx_10_9_universal2", "38", 2),
]


def downloaded(wanted: tuple[str, str, str], folder: Path) -> Path:
    """The wheel of the index for a requirement, a platform and a Python."""
    requirement, platform, python = wanted
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--platform", platform, "--python-version", python]
    subprocess.run([*command, "--dest", str(folder), requirement], check=True, capture_output=True)
    (wheel,) = folder.iterdir()
    return wheel


def assert_another_reader_agrees(wheel: Path, folder: Path) -> None:
    """macholib finds the same slices, which ask for the same libraries."""
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(folder)
    for path, slices in slices_of(wheel).items():
        headers = MachO(str(folder / path)).headers
        assert len(headers) == len(slices)
        for header, facts in zip(headers, slices, strict=True):
            names = [name for _, _, name in header.walkRelocatables()]
            assert names == [dependency.name for dependency in facts.dependencies]
            assert header.filetype == facts.kind


@pytest.mark.slow
@pytest.mark.parametrize("known", WHEELS, ids=lambda known: "-".join(known[:2]))
def test_wheels_that_delocate_had_repaired(
    known: tuple[str, str, str, int], tmp_path: Path
) -> None:
    count = known[3]
    original = downloaded(known[:3], tmp_path / "index")
    made, root = unrepaired(original, tmp_path / "un")
    assert any("asks for /opt/homebrew" in problem for problem in problems(made))
    done = repair_wheel(made, Options(search=(root,)), tmp_path / "out")
    assert problems(done.path) == []
    assert len(done.grafts) == count
    assert {it.source for it in done.grafts} == {p for p in root.rglob("*") if p.is_file()}
    assert done.path.name == original.name
    assert_another_reader_agrees(done.path, tmp_path / "site")
    again = repair_wheel(done.path, Options(), tmp_path / "again")
    assert not again.is_changed


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Mac's root with two libraries of which one asks for the other, for two CPUs."""
    folder = tmp_path_factory.mktemp("zig")
    thin: dict[str, dict[str, Path]] = {}
    for cpu in ("x86_64", "arm64"):
        keg = folder / cpu / KEG.lstrip("/")
        room = ["-Wl,-headerpad_max_install_names"]
        inner = macos_library(keg / "libinner.1.dylib", INNER, cpu=cpu,
                              install_name=f"{KEG}/libinner.1.dylib", options=room)  # fmt: skip
        outer = macos_library(keg / "libouter.dylib", OUTER, cpu=cpu, links=[inner], options=room,
                              install_name="@rpath/libouter.dylib")  # fmt: skip
        module = macos_library(folder / cpu / "native.so", MODULE, cpu=cpu, links=[outer],
                               install_name="native.so",
                               options=[*room, f"-Wl,-rpath,{KEG}"])  # fmt: skip
        thin[cpu] = {file.name: file for file in (inner, outer, module)}
    for name in ("libinner.1.dylib", "libouter.dylib", "native.so"):
        place = (
            folder / "fat" / ("native.so" if name == "native.so" else f"{KEG}/{name}".lstrip("/"))
        )
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(make_fat([(cpu, thin[cpu][name].read_bytes()) for cpu in thin]))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cpu", "platform"),
    [("arm64", "macosx_11_0_arm64"), ("x86_64", "macosx_11_0_x86_64"),
     ("fat", "macosx_11_0_universal2")],
)  # fmt: skip
def test_a_module_compiled_here(root: Path, cpu: str, platform: str, tmp_path: Path) -> None:
    files: dict[str, bytes | Path] = {
        "pair/__init__.py": b"from pair import native\n",
        "pair/native.so": root / cpu / "native.so",
    }
    made = native_wheel(tmp_path / "made", "pair", files, tag=f"cp312-cp312-{platform}")
    with pytest.raises(RefusedError, match=r"@rpath/libouter\.dylib is nowhere"):
        repair_wheel(made, Options(), tmp_path / "out")
    done = repair_wheel(made, Options(search=(root / cpu,)), tmp_path / "out")
    assert problems(done.path) == []
    assert [it.asked for it in done.grafts] == ["libinner.1.dylib", "libouter.dylib"]
    assert done.path.name == made.name
    assert_another_reader_agrees(done.path, tmp_path / "site")
    slices = slices_of(done.path)
    assert {facts.install_name for it in done.grafts for facts in slices[it.path]} == {
        f"/DLC/{it.path}" for it in done.grafts
    }
    for facts in slices["pair/native.so"]:
        names = [d.name for d in facts.dependencies if not d.name.startswith("/usr/lib/")]
        (outer,) = {it.path for it in done.grafts if it.asked == "libouter.dylib"}
        assert names == [f"@loader_path/{outer.removeprefix('pair/')}"]
        assert facts.rpaths == ()


@pytest.mark.slow
def test_the_command_repairs_for_macos(root: Path, tmp_path: Path) -> None:
    module: dict[str, bytes | Path] = {"native.so": root / "fat/native.so"}
    made = native_wheel(tmp_path / "made", "pair", module, tag="cp312-cp312-macosx_11_0_universal2")
    refused = sealift("repair", "--search", root / "arm64", made, cwd=tmp_path)
    assert refused.status == RefusedError.exit_status
    assert "on x86_64, and" in refused.err
    assert "lipo -create" in refused.err
    outcome = sealift("repair", "--search", root / "fat", made, "--json", cwd=tmp_path)
    assert outcome.status == 0, outcome.err
    (told,) = outcome.result
    assert told["best"] == "macosx_11_0_universal2"
    assert [it["path"].partition("/")[0] for it in told["grafts"]] == ["pair.dylibs"] * 2

"""Libraries built from source for a low floor: compiled here, run on the target, audited."""

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest

from sealift.audit.report import audit
from sealift.binary.elf import read_elf
from sealift.cross.compilation import compile_library
from sealift.cross.recipe import find_recipe, source_of
from sealift.cross.source_build import SourceBuild, build_library
from sealift.cross.sysroot import Sysroot, make_sysroot
from sealift.cross.toolchain import Toolchain, find_toolchain
from sealift.debian.releases import MIRROR_VARIABLE
from sealift.debian.sources import unpack_source
from sealift.errors import BuildError, RefusedError
from sealift.owners import owners_of
from sealift.target import load_targets
from tests.support.debian_mirror import mirror_of_libraries, mirror_of_sources
from tests.support.foreign_program import run_program
from tests.support.tools import require_tool

pytestmark = pytest.mark.network

LIBRARIES = ("zlib", "libffi", "libyaml")
SOURCES = ("zlib", "libffi", "libyaml")

PROGRAM = r"""
#include <ffi.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>
#include <zlib.h>

static void twice(ffi_cif *cif, void *result, void **arguments, void *data)
{
    *(ffi_arg *)result = *(int *)arguments[0] * *(int *)data;
}

int main(void)
{
    Bytef packed[128], back[128];
    uLongf size = sizeof packed, length = sizeof back;
    const char *text = "hello hello hello";
    if (compress(packed, &size, (const Bytef *)text, strlen(text) + 1) ||
        uncompress(back, &length, packed, size) || strcmp((char *)back, text))
        return 1;

    int factor = 2;
    ffi_cif cif;
    ffi_type *types[] = {&ffi_type_sint};
    void *code;
    ffi_closure *closure = ffi_closure_alloc(sizeof *closure, &code);
    if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, types) ||
        ffi_prep_closure_loc(closure, &cif, twice, &factor, code))
        return 2;
    int answer = ((int (*)(int))code)(21);

    yaml_parser_t parser;
    yaml_event_t event;
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, (const yaml_char_t *)"a: 1", 4);
    if (!yaml_parser_parse(&parser, &event) || event.type != YAML_STREAM_START_EVENT)
        return 3;
    printf("zlib %s, ffi %d, yaml %s\n", zlibVersion(), answer, yaml_get_version_string());
    return 0;
}
"""


@pytest.fixture(autouse=True)
def mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    for tool in ("gpgv", "make", "patch"):
        require_tool(tool)
    monkeypatch.setenv(MIRROR_VARIABLE, mirror_of_sources(*SOURCES))


@pytest.fixture(scope="module")
def toolchain() -> Toolchain:
    return find_toolchain("zig", load_targets()["linux-aarch64"].with_floor("2.17"))


@pytest.fixture
def sysroot(toolchain: Toolchain) -> Sysroot:
    return make_sysroot(LIBRARIES, toolchain)


def test_libraries_from_source_keep_the_lowest_floor_and_run(
    sysroot: Sysroot, toolchain: Toolchain, tmp_path: Path
) -> None:
    (tmp_path / "tried.c").write_text(PROGRAM)
    env = {**os.environ, **{k: v for k, v in sysroot.variables.items() if v is not None}}
    env["PATH"] += f":{os.environ['PATH']}"
    command = (
        f"{toolchain.cc} tried.c -o tried $CPPFLAGS $LDFLAGS "
        "$(pkg-config --cflags --libs libffi yaml-0.1 zlib)"
    )
    subprocess.run(["sh", "-ec", command], env=env, cwd=tmp_path, check=True)
    facts = read_elf(tmp_path / "tried")
    assert facts is not None
    names = {"libz.so.1", "libffi.so.8", "libyaml-0.so.2"}
    assert names <= set(facts.needed)
    libraries = {name: sysroot.path / "usr/lib" / name for name in names}
    for path in libraries.values():
        assert audit(path).verdict.best == "manylinux_2_17_aarch64", path
    ending = run_program(tmp_path / "tried", libraries)
    assert ending.output == "zlib 1.2.13, ffi 42, yaml 0.2.5\n", ending
    assert ending.status == 0


@pytest.mark.parametrize(
    ("name", "floor", "best"),
    [
        ("linux-armv7l", "2.17", "manylinux_2_17_armv7l"),
        ("linux-riscv64", "2.31", "manylinux_2_31_riscv64"),
        ("linux-x86_64-musl", None, "musllinux_1_2_x86_64"),
    ],
)
def test_other_machines_get_theirs(name: str, floor: str | None, best: str) -> None:
    target = load_targets()[name]
    target = target.with_floor(floor) if floor else target
    sysroot = make_sysroot(["zlib"], find_toolchain("zig", target))
    path = sysroot.path / "usr/lib/libz.so.1"
    verdict = audit(path).verdict
    assert verdict.best == best, verdict
    assert sysroot.packages == {"src:zlib": "1:1.2.13.dfsg-1"}


@pytest.mark.parametrize("name", ["windows-x86_64", "macos-arm64"])
def test_who_links_to_a_static_library_need_not_name_it(name: str, tmp_path: Path) -> None:
    toolchain = find_toolchain("zig", load_targets()[name])
    sysroot = make_sysroot(["zlib", "libyaml"], toolchain)
    assert sorted(path.name for path in (sysroot.path / "usr/lib").glob("lib*")) == [
        "libyaml.a", "libz.a"
    ]  # fmt: skip
    (tmp_path / "tried.c").write_text(
        "#include <zlib.h>\nconst char *tried(void) { return zlibVersion(); }\n"
    )
    words = f"{sysroot.variables['CPPFLAGS']} {sysroot.variables['LDFLAGS']}".split()
    command = [str(toolchain.cc), "-shared", *words, "tried.c", "-o", "tried"]
    subprocess.run(command, cwd=tmp_path, check=True)
    data = (tmp_path / "tried").read_bytes()
    assert b"1.2.13" in data
    assert b"0.2.5" not in data  # nothing is taken that is not used


def test_nothing_is_built_twice(sysroot: Sysroot, toolchain: Toolchain) -> None:
    idle = dataclasses.replace(toolchain, cc=Path("/nonexistent"), ar=Path("/nonexistent"))
    assert make_sysroot(LIBRARIES, idle).path == sysroot.path
    assert set(sysroot.packages) == {"src:zlib", "src:libffi", "src:libyaml"}


def test_a_bill_of_materials_can_tell_sources_and_licences(sysroot: Sysroot) -> None:
    path = sysroot.path / "usr/lib/libyaml.so"
    owner = owners_of([path])[path]
    assert owner.purl == "pkg:deb/debian/libyaml@0.2.5-1?arch=source&distro=debian-12"
    assert owner.licence == "MIT"


def test_libraries_tell_nothing_of_this_machine(sysroot: Sysroot) -> None:
    for path in (sysroot.path / "usr/lib").glob("lib*.so*"):
        data = path.read_bytes()
        for text in (b"/tmp/", str(Path.home()).encode() + b"/", b"sealift"):
            assert text not in data, path


def test_the_same_sources_give_the_same_bytes(toolchain: Toolchain, tmp_path: Path) -> None:
    recipe = find_recipe("libyaml")
    assert recipe is not None
    assert recipe.compilation is not None
    source = source_of(recipe)
    made = []
    for name in ("one", "another-place"):
        sources = tmp_path / name
        unpack_source(source, sources)
        compile_library(
            recipe.compilation, version=source.upstream, toolchain=toolchain, sources=sources,
            usr=tmp_path / f"{name}-usr",
            flags=["-O2", "-fPIC", f"-ffile-prefix-map={sources}=/usr/src/yaml"],
        )  # fmt: skip
        made.append((tmp_path / f"{name}-usr/lib/libyaml.so").read_bytes())
    assert made[0] == made[1]


def test_what_has_no_recipe_is_debians_beside_what_has_one(
    toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        MIRROR_VARIABLE, mirror_of_libraries(toolchain.target, "libpng-dev", "libnghttp2-dev")
    )
    sysroot = make_sysroot(["zlib", "libnghttp2-dev"], toolchain)
    assert {"src:zlib", "libnghttp2-dev", "libnghttp2-14"} <= set(sysroot.packages)
    assert "zlib1g-dev" not in sysroot.packages
    assert (sysroot.path / "usr/lib/libz.so").exists()


def test_a_step_that_fails_tells_where_its_log_is(sysroot: Sysroot, toolchain: Toolchain) -> None:
    recipe = find_recipe("zlib")
    assert recipe is not None
    broken = dataclasses.replace(
        recipe, tools=("make",), compilation=None, steps=(("make", "nothing-such"),)
    )
    build = SourceBuild(
        recipe=broken, source=source_of(recipe), toolchain=toolchain, needs=(),
        variables=sysroot.variables,
    )  # fmt: skip
    with pytest.raises(BuildError, match=r"cannot build zlib .* from source: make ended") as caught:
        build_library(build)
    assert caught.value.log is not None
    assert "nothing-such" in caught.value.log.read_text()


def test_a_recipe_for_other_systems_is_refused() -> None:
    toolchain = find_toolchain("zig", load_targets()["windows-x86_64"])
    with pytest.raises(RefusedError, match="cannot build xz for windows-x86_64") as caught:
        make_sysroot(["xz"], toolchain)
    assert "linux" in str(caught.value.message)

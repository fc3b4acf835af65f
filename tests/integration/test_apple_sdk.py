"""Wheels for macOS that take headers, a framework and a library of an SDK that the user has."""

import zipfile
from pathlib import Path

import pytest
from macholib.MachO import MachO  # type: ignore[import-untyped]

from sealift.backend import BuildPython
from sealift.building import make_wheel
from sealift.errors import BuildError
from sealift.interpreters.candidates import search
from sealift.order import Order
from sealift.sources import Sources
from sealift.target import load_targets
from tests.support.apple_sdk import DYLIBS, USES, make_sdk
from tests.support.cross_projects import PROJECTS, write_project
from tests.support.tools import missing

pytestmark = pytest.mark.network

FEATURE = "3.13"
SETUPTOOLS = PROJECTS["setuptools"]
CODE = SETUPTOOLS["native.c"].replace("(int) sizeof(void *)", "used()")
FILES = {"native.c": f"{USES}\n{CODE}"}
SETUP = SETUPTOOLS["setup.py"].replace(
    '["native.c"]', '["native.c"], libraries=["demomore"], extra_link_args=["-framework", "Demo"]'
)
# How CMake's projects ask for frameworks.
CMAKE = PROJECTS["scikit-build-core"]["CMakeLists.txt"].replace(
    "install(", "find_library(DEMO Demo REQUIRED)\nfind_library(MORE demomore REQUIRED)\n"
    "target_link_libraries(_native PRIVATE ${DEMO} ${MORE})\ninstall(",
)  # fmt: skip
KINDS = {
    "setuptools": {**SETUPTOOLS, **FILES, "setup.py": SETUP},
    "scikit-build-core": {
        **PROJECTS["scikit-build-core"], **FILES, "CMakeLists.txt": CMAKE,
    },
}  # fmt: skip


def built(folder: Path, kind: str) -> Path:
    python = search(FEATURE).found or missing(f"needs CPython {FEATURE} with headers")
    return make_wheel(
        Order(
            name="demo",
            version="1.0",
            sources=Sources(folder=write_project(folder / "demo", KINDS[kind])),
            target=load_targets()["macos-arm64"],
            python=BuildPython(program=python.program, version=python.version),
        )
    )


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_sdk_has_is_compiled_and_linked_with(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDKROOT", str(make_sdk(tmp_path / "MacOSX.sdk")))
    wheel = built(tmp_path, kind)
    assert wheel.name.endswith("-macosx_11_0_arm64.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "out")
    (module,) = (tmp_path / "out").rglob("_native*.so")
    (header,) = MachO(str(module)).headers
    asked = {name for _, _, name in header.walkRelocatables()}
    assert {*DYLIBS, "/usr/lib/libSystem.B.dylib"} <= asked


def test_where_there_is_none_it_is_told_how_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SDKROOT", raising=False)
    with pytest.raises(BuildError) as caught:
        built(tmp_path, "setuptools")
    assert "the header Demo/Demo.h is not among those" in str(caught.value.hint)
    assert "SDKROOT" in str(caught.value.hint)

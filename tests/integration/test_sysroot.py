"""Sysroots of Debian's packages: compiled against on this machine, run on the target."""

import os
import subprocess
from pathlib import Path

import pytest

from sealift.binary.elf import read_elf
from sealift.cross.sysroot import Sysroot, make_sysroot
from sealift.cross.toolchain import Toolchain, find_toolchain
from sealift.debian.releases import MIRROR_VARIABLE
from sealift.errors import ConfigError, RefusedError
from sealift.floor import glibc_versions
from sealift.owners import owners_of
from sealift.target import load_targets
from tests.support.debian_mirror import mirror_of_libraries
from tests.support.foreign_program import run_program
from tests.support.tools import require_tool

pytestmark = pytest.mark.network

TARGET = load_targets()["linux-aarch64"]
PACKAGES = ("libcurl4-openssl-dev", "libncurses-dev", "libopenblas-pthread-dev", "libpq-dev",
            "libxslt1-dev", "zlib1g-dev")  # fmt: skip

PROGRAM = r"""
#include <cblas.h>
#include <curses.h>
#include <curl/curl.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>
#include <zlib.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    unsigned char packed[64];
    uLongf size = sizeof packed;
    double one[] = {1, 2, 3}, two[] = {4, 5, 6};
    int done = compress(packed, &size, (const Bytef *)"hello", 5);
    printf("zlib %d %s, libpq %d, curl %s, %s, %s, dot %g\n", done, zlibVersion(),
           PQlibVersion() / 10000, curl_version_info(CURLVERSION_NOW)->version,
           OpenSSL_version(OPENSSL_VERSION), curses_version(), cblas_ddot(3, one, 1, two, 1));
    return strcmp(zlibVersion(), ZLIB_VERSION) != 0;
}
"""


@pytest.fixture(autouse=True)
def mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    require_tool("gpgv")
    monkeypatch.setenv(MIRROR_VARIABLE, mirror_of_libraries(TARGET, *PACKAGES))


@pytest.fixture(scope="module")
def toolchain() -> Toolchain:
    return find_toolchain("zig", TARGET)


@pytest.fixture
def sysroot(toolchain: Toolchain) -> Sysroot:
    names = ["dep:generic/libpq", "zlib", "libcurl", "openblas", "libxslt", "libncurses-dev"]
    return make_sysroot(names, toolchain)


def run(sysroot: Sysroot, command: str, cwd: Path) -> str:
    """What ``command`` of a shell says in the environment of a build."""
    variables = {**os.environ, **sysroot.variables}
    env = {name: value for name, value in variables.items() if value is not None}
    env["PATH"] += f":{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", command], env=env, cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def closure(sysroot: Sysroot, program: Path) -> dict[str, Path]:
    """The libraries of ``sysroot`` that ``program`` needs, by name."""
    found: dict[str, Path] = {}
    waiting = [program]
    while waiting:
        facts = read_elf(waiting.pop())
        assert facts is not None
        for name in facts.needed:
            path = next((f / name for f in sysroot.library_folders if (f / name).exists()), None)
            if path and name not in found:
                found[name] = path.resolve()
                waiting.append(path)
    return found


def test_a_program_for_an_old_system_links_to_new_libraries_and_runs(
    sysroot: Sysroot, toolchain: Toolchain, tmp_path: Path
) -> None:
    (tmp_path / "tried.c").write_text(PROGRAM)
    run(
        sysroot,
        f"{toolchain.cc} $CPPFLAGS tried.c -o tried $LDFLAGS -lz -lncurses "
        "-I$(pg_config --includedir) -L$(pg_config --libdir) -lpq $(curl-config --cflags --libs) "
        "$(pkg-config --cflags --libs openblas libcrypto)",
        tmp_path,
    )
    facts = read_elf(tmp_path / "tried")
    assert facts is not None
    assert {"libpq.so.5", "libz.so.1", "libncurses.so.6", "libtinfo.so.6"} <= set(facts.needed)
    assert max(version for version, _ in glibc_versions(facts)) <= (2, 17)
    libraries = closure(sysroot, tmp_path / "tried")
    assert not {"libc.so.6", "libstdc++.so.6"} & set(libraries)
    assert "libgfortran.so.5" in libraries
    ending = run_program(tmp_path / "tried", libraries)
    assert ending.status == 0, ending.output
    assert ending.output.startswith("zlib 0 1.2.13, libpq 15, curl 7.88.1, OpenSSL 3.0."), ending
    assert ending.output.endswith("dot 32\n")


def test_programs_answer_for_the_sysroot_alone(sysroot: Sysroot, tmp_path: Path) -> None:
    usr = sysroot.path / "usr"
    answers = run(
        sysroot,
        "pg_config --version; pg_config --includedir; xml2-config --cflags; xslt-config --libs;"
        "curl-config --features; ncurses6-config --version;"
        "aarch64-linux-gnu-pkg-config --libs zlib;"
        "PKG_CONFIG_SYSROOT_DIR=/x pkg-config --variable=includedir libpq",
        tmp_path,
    ).splitlines()
    for line in (
        f"{usr}/include/postgresql",
        f"-I{usr}/include/libxml2",
        f"-L{usr}/lib/aarch64-linux-gnu -lxslt -lxml2",
        "SSL",
        f"-L{usr}/lib/aarch64-linux-gnu -lz",
    ):
        assert line in answers
    assert answers[0].startswith("PostgreSQL 15.")
    assert not [line for line in answers if "/usr" in line.replace(str(usr), "")]
    outside = run(sysroot, "pkg-config --exists glib-2.0 || echo none", tmp_path)
    assert outside == "none"
    unknown = run(sysroot, "pg_config --nothing 2>&1 || echo status $?", tmp_path)
    assert unknown.startswith("pg_config: --nothing: it takes --version")
    assert unknown.endswith("status 1")


def test_a_sysroot_has_what_was_asked_for_and_nothing_of_a_c_library(sysroot: Sysroot) -> None:
    headers = sysroot.path / "usr/include"
    assert (headers / "zlib.h").is_file()
    assert not (headers / "stdio.h").exists()
    assert not (headers / "linux").exists()
    assert sysroot.packages["libpq5"].startswith("15.")
    assert not {"libc6", "libc6-dev", "libgcc-s1", "libstdc++6"} & set(sysroot.packages)
    dangling = [path for path in sysroot.path.rglob("*") if path.is_symlink() and not path.exists()]
    assert not dangling
    leading_out = [
        path for path in sysroot.path.rglob("*")
        if path.is_symlink() and not path.resolve().is_relative_to(sysroot.path)
    ]  # fmt: skip
    assert not leading_out


def test_files_lead_to_their_packages(sysroot: Sysroot) -> None:
    path = sysroot.library_folders[0] / "libopenblas.so"
    owner = owners_of([path])[path]
    assert (owner.name, owner.arch) == ("libopenblas0-pthread", "arm64")
    assert owner.purl.startswith("pkg:deb/debian/libopenblas0-pthread@0.3.21")
    assert owner.purl.endswith("?arch=arm64&distro=debian-12")


def test_the_same_libraries_are_one_sysroot(sysroot: Sysroot, toolchain: Toolchain) -> None:
    names = ["zlib1g-dev", "libncurses-dev", "libxslt1-dev", "libblas", "curl", "libpq-dev"]
    names[3] = "libopenblas-dev"
    assert make_sysroot(names, toolchain).path == sysroot.path


def test_cmake_finds_libraries_of_a_sysroot(
    sysroot: Sysroot, toolchain: Toolchain, tmp_path: Path
) -> None:
    require_tool("cmake")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.18)\nproject(tried C)\n"
        "find_package(ZLIB REQUIRED)\nfind_package(CURL REQUIRED)\n"
        "find_package(OpenBLAS CONFIG REQUIRED)\nfind_package(PkgConfig REQUIRED)\n"
        "pkg_check_modules(PQ REQUIRED libpq)\n"
        'message("found ${ZLIB_LIBRARIES} ${CURL_INCLUDE_DIRS} ${PQ_LINK_LIBRARIES}")\n'
    )
    said = run(
        sysroot,
        f"CC={toolchain.cc} cmake -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 . "
        "2>&1",
        tmp_path,
    )
    (line,) = (line for line in said.splitlines() if line.startswith("found "))
    assert line.count(str(sysroot.path)) == 3


def test_a_package_that_debian_lacks_is_refused(toolchain: Toolchain) -> None:
    with pytest.raises(ConfigError, match="libnothing-dev"):
        make_sysroot(["libnothing-dev"], toolchain)


def test_a_target_that_debian_has_nothing_for_is_refused() -> None:
    with pytest.raises(RefusedError, match="libgmp-dev for linux-x86_64-musl"):
        make_sysroot(["gmp"], find_toolchain("zig", load_targets()["linux-x86_64-musl"]))

"""What is known of the builds of packages: which options it becomes, and on which systems."""

from pathlib import Path

from sealift.config import BuildOptions
from sealift.cross import crossbuild
from sealift.cross.known import fitting, with_known
from sealift.cross.sysroot import Sysroot
from sealift.target import load_targets
from tests.support.tools import require_tool

WINDOWS, LINUX = load_targets()["windows-x86_64"], load_targets()["linux-aarch64"]


def test_what_is_known_for_one_system_is_for_that_alone() -> None:
    known = with_known("setproctitle", BuildOptions(), WINDOWS)
    assert known.environment["CPPFLAGS"].startswith("-Wno-error=")
    assert with_known("setproctitle", BuildOptions(), LINUX) == BuildOptions()


def test_the_user_s_word_wins() -> None:
    own = BuildOptions(environment={"CPPFLAGS": "-O1"}, config_settings={"setup-args": ("-Da=b",)})
    options = with_known("setproctitle", own, WINDOWS)
    assert options.environment["CPPFLAGS"] == "-O1"
    assert options.config_settings == own.config_settings


def test_what_is_known_everywhere_holds_on_every_system() -> None:
    for target in (WINDOWS, LINUX):
        assert with_known("pillow", BuildOptions(), target).optional == ("PIL._avif",)


def test_what_is_known_for_one_cpu_is_for_that_alone() -> None:
    flags = {
        name: with_known("greenlet", BuildOptions(), load_targets()[name]).environment
        for name in ("linux-armv7l", "linux-armv7l-musl", "linux-ppc64le", "linux-aarch64")
    }
    assert "-fno-omit-frame-pointer" in flags["linux-armv7l"]["CPPFLAGS"]
    assert flags["linux-armv7l-musl"] == flags["linux-armv7l"]
    assert "-fomit-frame-pointer" in flags["linux-ppc64le"]["CPPFLAGS"]
    assert flags["linux-aarch64"] == {}


def test_libraries_are_those_that_the_system_s_build_needs() -> None:
    own = BuildOptions(environment={"PYCURL_SSL_LIBRARY": "openssl"}, libraries=("openssl",))
    options = with_known("pycurl", own, WINDOWS)
    assert options.environment["PYCURL_SSL_LIBRARY"] == "openssl"
    assert options.environment["PYCURL_LIBCURL_LIB_NAME"] == "libcurl.a"
    assert options.libraries == ("libcurl", "openssl")


def test_known_patches_are_for_the_releases_that_they_fit(tmp_path: Path) -> None:
    require_tool("patch")
    own = str(tmp_path / "own.patch")
    options = with_known("psycopg2", BuildOptions(patches=(own,)), WINDOWS)
    (known, *_) = options.patches
    assert options.patches == (known, own)
    header = tmp_path / "psycopg/win32_support.h"
    header.parent.mkdir()
    header.write_text("#pragma once\n")
    assert fitting(options, tmp_path).patches == (own,)
    lines = [line[1:] for line in Path(known).read_text().splitlines() if line[:1] in {" ", "-"}]
    header.write_text("".join(f"{line}\n" for line in lines[1:]))
    before = header.read_bytes()
    assert fitting(options, tmp_path) == options
    assert header.read_bytes() == before


def test_a_value_may_name_the_folder_of_the_libraries(tmp_path: Path) -> None:
    sysroot = Sysroot(path=tmp_path, key="", packages={}, library_folders=(), variables={})
    told = {"LIBRARIES": "{sysroot}/lib", "OTHER": "{other}"}
    placed = crossbuild._placed(told, sysroot)
    assert placed == {"LIBRARIES": f"{tmp_path}/usr/lib", "OTHER": "{other}"}
    assert crossbuild._placed(told, None)["LIBRARIES"] == "/lib"

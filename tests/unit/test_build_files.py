"""What Meson, CMake and configure are told of a host."""

import configparser
from pathlib import Path

import pytest

from sealift.cross.buildfiles import configure_site_file, meson_cross_file
from sealift.cross.toolchain import Toolchain
from sealift.target import current_target, load_targets
from tests.support.tools import missing

HOSTS = [name for name, target in load_targets().items() if target.name != "macos-universal2"]


@pytest.mark.parametrize("name", HOSTS)
def test_every_target_is_told_to_meson(name: str) -> None:
    target = load_targets()[name]
    programs = {it: Path("/t", it) for it in ("cc", "cxx", "ar", "ranlib", "strip", "ld")}
    toolchain = Toolchain(name="zig", target=target, identity="", floor=None, **programs)
    parser = configparser.ConfigParser()
    parser.read_string(meson_cross_file(target, toolchain))
    assert parser["properties"]["needs_exe_wrapper"] == "true"
    assert parser["host_machine"]["endian"] == ("'big'" if "s390x" in name else "'little'")
    assert parser["binaries"]["c"].endswith("/cc'")
    # Windows' C library has but the one of 64 bits, and Macs of Apple's own have.
    is_double = name.startswith("windows") or name in {
        "macos-arm64", "linux-armv7l", "linux-armv7l-musl"
    }  # fmt: skip
    told = parser["properties"]["longdouble_format"]
    assert (told == "'IEEE_DOUBLE_LE'") is is_double


def test_configure_is_told_that_it_cannot_run_what_it_builds() -> None:
    if current_target().name != "linux-x86_64":
        missing("is about an x86-64 machine")
    assert configure_site_file(load_targets()["windows-x86_64"]).splitlines() == [
        "build_alias=x86_64-linux-gnu", "host_alias=x86_64-w64-mingw32", "cross_compiling=yes",
    ]  # fmt: skip

"""What the system gives is never shipped; what only index wheels were promised is, for others."""

import pytest

from sealift.policy import load_policy
from sealift.policy.ladder import load_ladder
from sealift.target import load_targets

GNU = load_policy(load_targets()["linux-x86_64"])
MUSL = load_policy(load_targets()["linux-aarch64-musl"])


@pytest.mark.parametrize(
    "soname",
    ["libc.so.6", "ld-linux-x86-64.so.2", "libm.so.6", "libnss_dns.so.2", "libGL.so.1",
     "libnvidia-ml.so.1", "libcuda.so.1", "libEGL_mesa.so.0", "libnsl.so.1"],
)  # fmt: skip
def test_the_c_library_and_drivers_are_the_system_s(soname: str) -> None:
    assert GNU.is_system(soname, built=True)
    assert GNU.is_system(soname, built=False)


@pytest.mark.parametrize("soname", ["libstdc++.so.6", "libgcc_s.so.1", "libX11.so.6", "libz.so.1"])
def test_tags_promise_some_libraries_to_wheels_from_an_index(soname: str) -> None:
    assert GNU.is_system(soname, built=False)
    assert not GNU.is_system(soname, built=True)


@pytest.mark.parametrize(
    "soname", ["libssl.so.3", "libcrypt.so.1", "libnsl.so.2", "libcudart.so.12", "libc.so.6.1"]
)
def test_anything_else_is_shipped(soname: str) -> None:
    assert not GNU.is_system(soname, built=True)
    assert not GNU.is_system(soname, built=False)


def test_musl_is_one_library() -> None:
    assert MUSL.is_system("libc.musl-aarch64.so.1", built=True)
    assert MUSL.is_system("ld-musl-aarch64.so.1", built=True)
    assert not MUSL.is_system("libgcc_s.so.1", built=False)


def test_the_default_folders_are_those_of_the_cpu() -> None:
    assert "/usr/lib/i386-linux-gnu" in load_policy(load_targets()["linux-i686"]).search
    assert "/usr/lib/x86_64-linux-gnu" in GNU.search


def test_the_policies_are_the_one_source_of_what_tags_promise() -> None:
    ladder = load_ladder("gnu", "x86_64")
    assert ladder
    assert GNU.promised == ladder.policies[-1].libraries
    assert MUSL.is_system("libz.so.1", built=False)

"""The policies of platform tags: what they allow, and that newer ones take nothing back."""

import copy
import tomllib
from importlib import resources
from typing import Any

import pytest

from sealift.errors import ConfigError
from sealift.policy.ladder import TagPolicy, check_containment, load_ladder, parse_ladder

GNU_ARCHES = {
    "x86_64": 16, "i686": 16, "aarch64": 14, "armv7l": 14, "ppc64": 1, "ppc64le": 14,
    "s390x": 14, "riscv64": 9, "loongarch64": 6,
}  # fmt: skip
MUSL_ARCHES = {
    "x86_64": 2, "i686": 2, "aarch64": 2, "armv7l": 2, "ppc64le": 2, "s390x": 2, "riscv64": 2,
    "loongarch64": 1,
}  # fmt: skip


def raw(name: str) -> dict[str, Any]:
    path = resources.files("sealift").joinpath(f"data/policies/{name}.toml")
    return tomllib.loads(path.read_text("utf-8"))


@pytest.mark.parametrize(("arch", "count"), GNU_ARCHES.items())
def test_every_architecture_has_the_policies_of_its_age(arch: str, count: int) -> None:
    ladder = load_ladder("gnu", arch)
    assert ladder
    assert len(ladder.policies) == count
    check_containment(ladder.policies)


@pytest.mark.parametrize(("arch", "count"), MUSL_ARCHES.items())
def test_musl_has_its_own(arch: str, count: int) -> None:
    ladder = load_ladder("musl", arch)
    assert ladder
    assert len(ladder.policies) == count
    assert ladder.for_library("libc.so") == 0
    assert ladder.for_library("libgcc_s.so.1") == ladder.never
    assert ladder.for_unversioned("__stat_time64") == len(ladder.policies) - 1
    assert ladder.for_unversioned("malloc") == 0


def test_no_tags_exist_for_other_machines() -> None:
    assert load_ladder("gnu", "mips") is None
    assert load_ladder("musl", "ppc64") is None


@pytest.mark.parametrize("arch", GNU_ARCHES)
def test_no_policy_promises_a_glibc_newer_than_its_own(arch: str) -> None:
    ladder = load_ladder("gnu", arch)
    assert ladder
    for policy in ladder.policies:
        for number in policy.versions["GLIBC"] - {"ABI_DT_RELR"}:
            if (arch, number) == ("aarch64", "2.18"):  # _mcount of CentOS 7
                continue
            version = tuple(int(part) for part in number.split("."))
            assert version[:2] <= policy.version, policy.tag


def test_questions_are_answered_with_the_oldest_policy() -> None:
    ladder = load_ladder("gnu", "x86_64")
    assert ladder
    tags = [*ladder.tags, "never"]
    assert tags[0] == "manylinux_2_5_x86_64"
    assert ladder.rung_of("manylinux2014_x86_64") == tags.index("manylinux_2_17_x86_64")
    assert ladder.rung_of("manylinux_2_18_x86_64") is None
    asked = {
        "GLIBC_2.2.5": "manylinux_2_5_x86_64",
        "GLIBC_2.14": "manylinux_2_17_x86_64",
        "GLIBC_2.38": "manylinux_2_38_x86_64",
        "GLIBC_ABI_DT_RELR": "manylinux_2_36_x86_64",
        "GLIBC_PRIVATE": "never",
        "GLIBCXX_3.4.30": "manylinux_2_35_x86_64",
        "CXXABI_TM_1": "manylinux_2_17_x86_64",
        "OPENSSL_3.0.0": "manylinux_2_5_x86_64",
    }
    assert {name: tags[ladder.for_version(name)] for name in asked} == asked
    libraries = {
        "libm.so.6": "manylinux_2_5_x86_64",
        "ld-linux-x86-64.so.2": "manylinux_2_5_x86_64",
        "libexpat.so.1": "manylinux_2_12_x86_64",
        "libmvec.so.1": "manylinux_2_24_x86_64",
        "libssl.so.3": "never",
    }
    assert {name: tags[ladder.for_library(name)] for name in libraries} == libraries
    assert tags[ladder.for_symbol("libz.so.1", "uncompress2")] == "manylinux_2_34_x86_64"
    assert tags[ladder.for_symbol("libz.so.1", "zcalloc")] == "never"
    assert ladder.for_symbol("libz.so.1", "inflate") == 0


def policy(tag: str, **fields: Any) -> TagPolicy:
    return TagPolicy(tag=tag, version=(2, 5), **fields)


@pytest.mark.parametrize(
    ("older", "newer", "lost"),
    [
        ({"libraries": frozenset({"libz.so.1"})}, {}, "library libz.so.1"),
        (
            {"versions": {"GLIBC": frozenset({"2.5", "2.6"})}},
            {"versions": {"GLIBC": frozenset({"2.5"})}},
            "version GLIBC_2.6",
        ),
        ({}, {"versions": {"GCC": frozenset({"3.0"})}}, "versions GCC"),
        ({}, {"forbidden": {"libz.so.1": frozenset({"inflate"})}}, "symbol inflate of libz.so.1"),
    ],
)
def test_a_newer_policy_that_takes_something_back_is_refused(
    older: dict[str, Any], newer: dict[str, Any], lost: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_containment([policy("manylinux_2_5_x86_64", **older), policy("new", **newer)])
    assert caught.value.message == (
        f"the policy data of new are wrong: it takes back what manylinux_2_5_x86_64 allows: {lost}"
    )


def test_policies_out_of_order_are_refused() -> None:
    data = copy.deepcopy(raw("manylinux"))
    data["policies"].reverse()
    with pytest.raises(ConfigError, match="not in the order of their versions"):
        parse_ladder(data, name="manylinux", arch="x86_64")


def test_a_version_that_comes_twice_is_refused() -> None:
    data = copy.deepcopy(raw("manylinux"))
    data["versions"]["x86_64"]["GLIBC"]["2.28"] = "2.17 2.28"
    with pytest.raises(ConfigError, match=r"2\.17 comes with 2\.17 and with 2\.28"):
        parse_ladder(data, name="manylinux", arch="x86_64")


def test_versions_of_a_policy_that_is_not_there_are_refused() -> None:
    data = copy.deepcopy(raw("manylinux"))
    data["versions"]["x86_64"]["GLIBC"]["2.30"] = "2.30"
    with pytest.raises(ConfigError, match=r"there is no policy '2\.30'"):
        parse_ladder(data, name="manylinux", arch="x86_64")

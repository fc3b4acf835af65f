"""Libraries that are left to others, and rules that are passed over."""

from collections.abc import Sequence

import pytest

from sealift.audit.allowance import Allowance, parse_allowance
from sealift.audit.report import Report, make_report, missing_libraries
from sealift.audit.scope import Scope
from sealift.binary.macho import Dependency
from sealift.errors import ConfigError
from tests.support.inventories import elf, inventory, symbol
from tests.unit.test_audit_rules import macho, pe

TORCH = "libtorch.so"
CLAIM = "manylinux_2_17_x86_64"
MODULES = tuple(
    elf(
        f"vision/{number}.so",
        needed=[TORCH, "libc.so.6"],
        versions={TORCH: ["GLIBC_2.99"], "libc.so.6": ["GLIBC_2.14"]},
    )
    for number in range(3)
)


def report(*patterns: str, tag: str = CLAIM, natives: tuple[object, ...] = MODULES) -> Report:
    made = inventory(*natives, tag=tag)  # type: ignore[arg-type]
    return make_report(made, Allowance(exclude=patterns))


def rules(made: Report) -> list[str]:
    return [finding.rule for finding in made.findings]


def test_a_library_that_is_nowhere_is_told_once() -> None:
    natives = tuple(elf(f"{n}.so", needed=[TORCH, "libc.so.6"]) for n in range(3))
    made = report(natives=natives)
    assert [rule for rule in rules(made) if rule in {"tag-not-kept", "external-library"}] == [
        "external-library"
    ]
    assert made.findings[0].message.endswith("the tag does not promise; so do 1.so, 2.so")
    assert missing_libraries(made) == {TORCH}


def test_what_is_asked_for_besides_libraries_is_told_still() -> None:
    natives = (elf("x.so", needed=[TORCH, "libc.so.6"], versions={"libc.so.6": ["GLIBC_2.28"]}),)
    found = {finding.rule: finding.details for finding in report(natives=natives).findings}
    assert found["tag-not-kept"]["symbol"] == "GLIBC_2.28"
    assert found["external-library"]["library"] == TORCH


def test_an_excluded_library_and_its_versions_stand_against_nothing() -> None:
    assert report().verdict.best == "linux_x86_64"
    made = report("libtorch*")
    assert made.verdict.best == CLAIM
    assert not {"tag-not-kept", "external-library"} & set(rules(made))
    assert {it.library: it.is_excluded for it in made.verdict.externals} == {
        "libc.so.6": False, TORCH: True,
    }  # fmt: skip
    assert not missing_libraries(made)


def test_what_the_platform_promises_no_pattern_means() -> None:
    assert report("*").verdict.best == CLAIM
    assert report("libc.so.6").verdict.best == "linux_x86_64"
    new = (elf("x.so", versions={"libc.so.6": ["GLIBC_2.99"]}),)
    assert report("*", natives=new).verdict.best == "linux_x86_64"


def test_a_library_that_only_newer_tags_promise_can_be_left_to_others() -> None:
    natives = (elf("x.so", needed=["libexpat.so.1", "libc.so.6"]),)
    newer = report(natives=natives).verdict
    assert newer.best not in {CLAIM, "linux_x86_64"}
    assert report("libexpat.so.*", natives=natives).verdict.best == "manylinux_2_5_x86_64"


def test_excluded_install_names_are_no_findings() -> None:
    name = "/opt/homebrew/lib/libfoo.1.dylib"
    native = macho(
        "x.so", dependencies=(Dependency(name=name, current=(1, 0, 0), compatible=(1, 0, 0)),)
    )
    outside = report(tag="macosx_11_0_arm64", natives=(native,))
    assert {"library-by-path", "external-library"} <= set(rules(outside))
    left = report("libfoo*", tag="macosx_11_0_arm64", natives=(native,))
    assert not {"library-by-path", "external-library"} & set(rules(left))
    assert left.verdict.best == "macosx_11_0_arm64"


def test_patterns_of_dlls_have_no_case_and_need_no_suffix() -> None:
    native = pe("x.pyd", imports=("KERNEL32.dll", "Libfoo.DLL", "libbar"))
    assert len(missing_libraries(report(tag="win_amd64", natives=(native,)))) == 2
    left = report("LIBFOO*", "libbar.dll", tag="win_amd64", natives=(native,))
    assert "external-library" not in rules(left)


def test_symbols_of_an_excluded_library_stay_unproven_not_wrong() -> None:
    native = elf("x.abi3.so", needed=[TORCH], symbols=[symbol("PyShiboken_Thing")])
    found = report("libtorch.so", natives=(native,))
    assert "abi3-perhaps-outside" in rules(found)
    assert "abi3-outside" not in rules(found)


def test_rules_that_are_ignored_are_not_told() -> None:
    made = inventory(*MODULES, tag=CLAIM)
    allowance = parse_allowance((), None, ignored=("external-library", "no-relro"))
    found = {finding.rule for finding in make_report(made, allowance).findings}
    assert "tag-not-kept" in found
    assert not found & {"external-library", "no-relro"}
    with pytest.raises(ConfigError, match="there is no rule 'external-libary'") as caught:
        parse_allowance((), None, ignored=("external-libary",))
    assert caught.value.hint == "did you mean external-library?"


def test_rules_that_are_selected_are_told_alone() -> None:
    made = inventory(*MODULES, tag=CLAIM)
    every = {finding.rule for finding in make_report(made, parse_allowance((), None)).findings}
    family = {"tag-not-kept", "external-library"}
    assert family < every
    allowance = parse_allowance((), None, selected=("platform-tags",))
    assert {finding.rule for finding in make_report(made, allowance).findings} == family
    allowance = parse_allowance((), None, selected=("platform-tags",), ignored=("tag-not-kept",))
    assert {finding.rule for finding in make_report(made, allowance).findings} == family - {
        "tag-not-kept"
    }


def test_no_selection_hides_what_was_asked_for_or_cannot_be_read() -> None:
    allowance = parse_allowance(("any",), None, selected=("hardening",))
    told = {finding.rule for finding in make_report(inventory(*MODULES), allowance).findings}
    assert "tag-not-allowed" in told
    assert not allowance.ignored & {"damaged-archive", "damaged-native", "not-audited"}


@pytest.mark.parametrize(
    ("selected", "ignored", "scope"),
    [
        ((), (), Scope()),
        (("platform-tags",), (), Scope(content=False, named=False, code=False)),
        (("record-weak-hash",), (), Scope(content=True, named=False, code=False)),
        (("archives",), (), Scope(content=True, named=False, code=False)),
        ((), ("machine-and-system",), Scope(content=True, named=True, code=False)),
        ((), ("record", "damaged-member"), Scope(content=False, named=True, code=True)),
    ],
)
def test_no_more_is_read_than_has_to_be(
    selected: Sequence[str], ignored: Sequence[str], scope: Scope
) -> None:
    assert parse_allowance((), None, selected=selected, ignored=ignored).scope == scope

"""Which tags pass ``--allow`` and ``--policy``."""

import pytest

from sealift.audit.allowance import parse_allowance, parse_tag
from sealift.audit.verdict import External, Reason, Verdict
from sealift.errors import ConfigError


@pytest.mark.parametrize(
    ("asked", "tag", "covers"),
    [
        ("manylinux_2_17", "manylinux_2_17_x86_64", True),
        ("manylinux_2_17", "manylinux2014_aarch64", True),
        ("manylinux_2_17", "manylinux1_i686", True),
        ("manylinux2014", "manylinux_2_17_x86_64", True),
        ("manylinux2014_x86_64", "manylinux_2_5_x86_64", True),
        ("manylinux_2_17", "manylinux_2_28_x86_64", False),
        ("manylinux_2_17_x86_64", "manylinux_2_17_aarch64", False),
        ("manylinux_2_17", "musllinux_1_1_x86_64", False),
        ("manylinux_2_17", "linux_x86_64", False),
        ("manylinux_2_17", "any", False),
        ("any", "any", True),
        ("any", "manylinux_2_17_x86_64", False),
        ("macosx_11_0", "macosx_10_9_x86_64", True),
        ("macosx_11_0_arm64", "macosx_11_0_universal2", True),
        ("macosx_11_0_universal2", "macosx_11_0_arm64", False),
        ("macosx_11_0", "macosx_14_0_arm64", False),
        ("win_amd64", "win_amd64", True),
        ("win_amd64", "win32", False),
        ("musllinux_1_2", "musllinux_1_1_x86_64", True),
        ("android_24", "android_21_arm64_v8a", True),
        ("linux", "linux_x86_64", True),
    ],
)
def test_tags_cover_older_ones(asked: str, tag: str, covers: bool) -> None:  # noqa: FBT001
    assert parse_tag(asked).covers(tag) is covers


@pytest.mark.parametrize("text", ["", "manylinux", "manylinux_2", "windows", "win_amd64_", "2_17"])
def test_what_is_no_tag_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no platform tag"):
        parse_tag(text)


REASON = Reason(text="asks for x", file="x.so", library="libc.so.6", symbol="x@GLIBC_2.28")
NEW = Verdict(
    best="manylinux_2_28_x86_64",
    claimed=("manylinux_2_28_x86_64", "manylinux_2_34_x86_64"),
    obstacles={"manylinux_2_17_x86_64": (REASON,), "manylinux_2_5_x86_64": (REASON,)},
)


@pytest.mark.parametrize(
    ("allowed", "passes"),
    [(["manylinux_2_17", "any"], False), (["manylinux_2_28"], True), (["any"], False), ([], True)],
)
def test_what_is_allowed(allowed: list[str], passes: bool) -> None:  # noqa: FBT001
    found = list(parse_allowance(allowed, None).findings(NEW))
    assert [finding.rule for finding in found] == ([] if passes else ["tag-not-allowed"])


def test_what_names_nothing_is_taken_for_what_it_is() -> None:
    pure = Verdict(best="any")
    assert list(parse_allowance(["any"], None).findings(pure)) == []
    mixed = Verdict(best=None)
    (finding,) = parse_allowance(["any"], None).findings(mixed)
    assert "no one system" in finding.message


def test_a_policy_that_is_not_kept_tells_the_reasons() -> None:
    for policy in ("manylinux_2_17", "manylinux2014_x86_64"):
        (finding,) = parse_allowance([], policy).findings(NEW)
        assert (finding.rule, finding.file) == ("policy-not-kept", "x.so")
        assert finding.details["symbol"] == "x@GLIBC_2.28"
    assert list(parse_allowance([], "manylinux_2_28").findings(NEW)) == []
    assert list(parse_allowance([], "manylinux_2_34_x86_64").findings(NEW)) == []


def test_a_policy_of_another_system_is_not_kept() -> None:
    (finding,) = parse_allowance([], "win_amd64").findings(NEW)
    assert finding.message == "it runs on manylinux_2_28_x86_64, not on win_amd64"
    assert list(parse_allowance([], "win_amd64").findings(Verdict(best="any"))) == []


def test_a_policy_between_two_that_are_known_tells_the_reasons_against_the_older() -> None:
    (finding,) = parse_allowance([], "manylinux_2_20").findings(NEW)
    assert finding.details["tag"] == "manylinux_2_17_x86_64"


def test_a_library_that_is_not_there_breaks_a_policy_on_every_system() -> None:
    missing = External(library="foo.dll", needed_by=("x.pyd",))
    system = External(library="KERNEL32.dll", needed_by=("x.pyd",), promised_by=("win_amd64",))
    verdict = Verdict(best="win_amd64", externals=(system, missing))
    (finding,) = parse_allowance([], "win_amd64").findings(verdict)
    assert (finding.rule, finding.file) == ("policy-not-kept", "x.pyd")
    assert finding.message == "it needs foo.dll, which win_amd64 does not promise"

"""The verdict on Apple's files: the oldest system of each CPU, and the libraries from outside."""

from collections.abc import Sequence

import pytest

from sealift.audit import platform
from sealift.audit.natives import Native
from sealift.audit.platform import macos
from sealift.audit.verdict import Verdict
from sealift.binary.macho import Build, Dependency, MachoFacts
from tests.support.inventories import inventory

EXTENSION = "demo/_speedups.so"
SYSTEM = "/usr/lib/libSystem.B.dylib"


def macho(
    path: str,
    minimum: tuple[int, int] | None = (11, 0),
    *,
    cpu: str = "arm64",
    needs: Sequence[str] = (SYSTEM,),
    weak: Sequence[str] = (),
    rpaths: Sequence[str] = (),
    kind: str = "bundle",
    system: str = "macos",
) -> Native:
    libraries = [Dependency(name=name, current=(1, 0, 0), compatible=(1, 0, 0)) for name in needs]
    libraries += [
        Dependency(name=name, current=(1, 0, 0), compatible=(1, 0, 0), is_weak=True)
        for name in weak
    ]
    builds = (Build(platform=system, minimum=(*minimum, 0), sdk=None),) if minimum else ()
    facts = MachoFacts(
        cpu=cpu, bits=64, endian="little", kind=kind, flags=0x80, builds=builds,
        dependencies=tuple(libraries), rpaths=tuple(rpaths),
    )  # fmt: skip
    return Native(path=path, size=1, mode=0o644, facts=facts)


def judged(*natives: Native, tag: str | None = "macosx_11_0_arm64") -> Verdict:
    return macos.judge(inventory(*natives, tag=tag))


def outside(verdict: Verdict) -> set[str]:
    return {external.library for external in verdict.externals if not external.promised_by}


def test_the_newest_file_sets_the_version_and_the_reasons_name_it() -> None:
    verdict = judged(macho(EXTENSION), macho("demo/.dylibs/liba.dylib", (14, 0)))
    assert verdict.best == "macosx_14_0_arm64"
    (reason,) = verdict.obstacles["macosx_11_0_arm64"]
    assert reason.file == "demo/.dylibs/liba.dylib"
    assert reason.text == "is made for macOS 14.0 and newer on arm64"


def test_minor_versions_that_no_tag_tells_are_no_obstacle() -> None:
    verdict = judged(
        macho(EXTENSION, (26, 0)), macho("demo/tool", (14, 4)), tag="macosx_14_0_arm64"
    )
    (reason,) = verdict.obstacles["macosx_14_0_arm64"]
    assert reason.file == EXTENSION


def test_a_claim_that_is_too_old_is_an_obstacle() -> None:
    verdict = judged(macho(EXTENSION, (13, 0)), tag="macosx_11_0_arm64")
    assert verdict.best == "macosx_13_0_arm64"
    assert list(verdict.obstacles) == ["macosx_11_0_arm64"]
    assert judged(macho(EXTENSION), tag="macosx_11_0_arm64").obstacles == {}


@pytest.mark.parametrize(
    ("intel", "arm", "tag"),
    [
        ((10, 13), (11, 0), "macosx_10_13_universal2"),
        ((11, 0), (11, 0), "macosx_11_0_universal2"),
        ((12, 0), (12, 0), "macosx_12_0_universal2"),
        ((10, 13), (12, 0), "macosx_10_13_x86_64.macosx_12_0_arm64"),
    ],
)
def test_two_cpus_are_universal_where_one_version_holds_for_both(
    intel: tuple[int, int], arm: tuple[int, int], tag: str
) -> None:
    slices = macho(EXTENSION, intel, cpu="x86_64"), macho(EXTENSION, arm)
    assert judged(*slices, tag="macosx_10_9_universal2").best == tag
    assert judged(*slices, tag=None).best == tag


def test_minor_versions_count_until_macos_11() -> None:
    assert judged(macho(EXTENSION, (13, 3))).best == "macosx_13_0_arm64"
    intel = macho(EXTENSION, (10, 15), cpu="x86_64")
    assert judged(intel, tag="macosx_10_9_x86_64").best == "macosx_10_15_x86_64"


def test_no_file_makes_arm_older_than_its_first_system() -> None:
    assert judged(macho(EXTENSION, (10, 15))).best == "macosx_11_0_arm64"
    assert judged(macho(EXTENSION, None)).best == "macosx_11_0_arm64"


def test_a_folder_is_judged_for_the_cpus_of_all_its_files() -> None:
    files = (macho("a", cpu="x86_64"), macho("a"), macho("b"))
    assert judged(*files, tag=None).best == "macosx_11_0_arm64"
    assert judged(macho("a", cpu="x86_64"), macho("b"), tag=None).best is None


def test_a_claim_counts_for_cpus_that_all_modules_are_for() -> None:
    module = macho(EXTENSION, (10, 13), cpu="x86_64")
    fat = [macho("demo/.dylibs/liba.dylib", cpu=cpu, kind="dylib") for cpu in ("x86_64", "arm64")]
    assert judged(module, *fat, tag="macosx_10_9_universal2").best == "macosx_11_0_x86_64"
    whole = [macho(EXTENSION, cpu=cpu) for cpu in ("x86_64", "arm64")]
    helper = macho("demo/attach_x86_64.dylib", cpu="x86_64", kind="dylib")
    best = judged(*whole, helper, tag="macosx_11_0_universal2").best
    assert best == "macosx_11_0_universal2"
    one_each = [macho(f"demo/_{cpu}.so", cpu=cpu) for cpu in ("x86_64", "arm64")]
    assert judged(*one_each, tag="macosx_11_0_universal2").best == "macosx_11_0_universal2"


def test_libraries_are_found_as_dyld_does() -> None:
    verdict = judged(
        macho(
            EXTENSION,
            needs=[SYSTEM, "@rpath/liba.dylib", "@loader_path/.dylibs/libb.dylib"],
            rpaths=["@loader_path/.dylibs"],
        ),
        # The run path of its loaders is its own, too.
        macho("demo/.dylibs/liba.dylib", needs=["@rpath/libb.dylib"], kind="dylib"),
        macho("demo/.dylibs/libb.dylib", kind="dylib"),
    )
    assert outside(verdict) == set()
    assert [it.library for it in verdict.externals] == [SYSTEM]
    assert verdict.externals[0].promised_by == ("macosx_11_0_arm64",)


def test_what_is_not_found_is_from_outside() -> None:
    needs = ["/opt/homebrew/lib/libssl.3.dylib", "@rpath/libtorch.dylib", "@loader_path/x.dylib"]
    verdict = judged(macho(EXTENSION, needs=[SYSTEM, *needs], weak=["@rpath/libmaybe.dylib"]))
    assert outside(verdict) == set(needs)
    assert verdict.best == "macosx_11_0_arm64"
    assert all(it.needed_by == (EXTENSION,) for it in verdict.externals)


def test_a_program_s_own_folder_is_known_where_it_is_in_the_subject() -> None:
    library = macho("bin/lib/liba.dylib", needs=["@executable_path/lib/libb.dylib"], kind="dylib")
    other = macho("bin/lib/libb.dylib", kind="dylib")
    program = macho("bin/demo", needs=["@executable_path/lib/liba.dylib"], kind="execute")
    assert outside(judged(program, library, other, tag=None)) == set()
    assert outside(judged(library, other, tag=None)) == {"@executable_path/lib/libb.dylib"}


def test_ios_tags_name_the_kit_and_python_s_framework_is_there() -> None:
    python = "@rpath/Python.framework/Python"
    file = macho(EXTENSION, (13, 0), needs=[SYSTEM, python], system="ios")
    verdict = judged(file, tag="ios_13_0_arm64_iphoneos")
    assert verdict.best == "ios_13_0_arm64_iphoneos"
    assert outside(verdict) == set()
    simulator = macho(EXTENSION, (15, 0), cpu="x86_64", system="ios-simulator")
    verdict = judged(simulator, tag="ios_13_0_x86_64_iphonesimulator")
    assert verdict.best == "ios_15_0_x86_64_iphonesimulator"
    assert list(verdict.obstacles) == ["ios_13_0_x86_64_iphonesimulator"]


def test_the_first_simulator_for_arm_is_in_every_file_and_says_nothing() -> None:
    first = macho(EXTENSION, (14, 0), system="ios-simulator")
    tag = "ios_13_0_arm64_iphonesimulator"
    assert judged(first, tag=tag).best == tag
    assert platform.judge(inventory(first, tag=tag)).best == tag
    later = macho(EXTENSION, (15, 0), system="ios-simulator")
    assert judged(later, tag=tag).best == "ios_15_0_arm64_iphonesimulator"

"""The verdict on Linux files: the tag, and against each better one the exact reason."""

from dataclasses import replace
from typing import Any

import pytest

from sealift.audit.allowance import parse_allowance
from sealift.audit.natives import Native
from sealift.audit.platform import linux
from sealift.audit.platform.elf_loading import ElfLoader, elf_facts
from sealift.audit.platform.loading import _MOST_WAYS, _Walk
from sealift.audit.report import make_report
from sealift.audit.subject import Kind
from sealift.audit.verdict import Reason, Verdict
from sealift.binary.elf_notes import ElfNotes
from sealift.binary.gnu_property import GnuProperty
from tests.support.inventories import elf, inventory, symbol

EXTENSION = "demo/_speedups.so"


def judged(*natives: Native, tag: str | None = "linux_x86_64") -> Verdict:
    return linux.judge(inventory(*natives, tag=tag))


def reasons(verdict: Verdict, tag: str) -> list[str]:
    return [reason.text for reason in verdict.obstacles[tag]]


def test_a_file_that_asks_for_nothing_new_keeps_the_oldest_tag() -> None:
    verdict = judged(elf(EXTENSION, versions={"libc.so.6": ["GLIBC_2.2.5"]}))
    assert verdict.best == "manylinux_2_5_x86_64"
    assert verdict.obstacles == {}


def test_a_symbol_version_sets_the_tag_and_is_named_with_its_symbols() -> None:
    symbols = [symbol(name, "GLIBC_2.14", "libc.so.6") for name in ("memcpy", "a", "b", "c", "d")]
    versions = {"libc.so.6": ["GLIBC_2.2.5", "GLIBC_2.14"]}
    verdict = judged(elf(EXTENSION, versions=versions, symbols=symbols))
    assert verdict.best == "manylinux_2_17_x86_64"
    assert list(verdict.obstacles) == ["manylinux_2_12_x86_64", "manylinux_2_5_x86_64"]
    assert verdict.obstacles["manylinux_2_12_x86_64"] == (
        Reason(
            text=(
                "asks libc.so.6 for a@GLIBC_2.14, b@GLIBC_2.14, c@GLIBC_2.14 "
                "and 2 more of GLIBC_2.14"
            ),
            file=EXTENSION,
            library="libc.so.6",
            symbol="a@GLIBC_2.14",
            symbols=tuple(f"{name}@GLIBC_2.14" for name in ("a", "b", "c", "d", "memcpy")),
        ),
    )


def test_a_grafted_library_is_judged_and_its_chain_told() -> None:
    verdict = judged(
        elf(EXTENSION, needed=["libx-1.so", "libc.so.6"], rpath=["$ORIGIN/../demo.libs"]),
        elf("demo.libs/libx-1.so", needed=["liby-1.so", "libc.so.6"], rpath=["$ORIGIN"]),
        elf("demo.libs/liby-1.so", versions={"libc.so.6": ["GLIBC_2.38"]}),
    )
    assert verdict.best == "manylinux_2_38_x86_64"
    (reason,) = verdict.obstacles["manylinux_2_37_x86_64"]
    assert (reason.file, reason.symbol) == ("demo.libs/liby-1.so", "GLIBC_2.38")
    assert reason.chain == (EXTENSION, "demo.libs/libx-1.so")
    assert [external.library for external in verdict.externals] == ["libc.so.6"]


def test_a_library_from_outside_leaves_no_policy() -> None:
    verdict = judged(elf(EXTENSION, needed=["libssl.so.3", "libc.so.6"]))
    assert verdict.best == "linux_x86_64"
    assert reasons(verdict, "manylinux_2_41_x86_64") == [
        "needs libssl.so.3, which no file here is and the tag does not promise"
    ]
    assert verdict.floor == "manylinux_2_5_x86_64"
    outside = {external.library: external.promised_by for external in verdict.externals}
    assert outside["libssl.so.3"] == ()
    assert outside["libc.so.6"][0] == "manylinux_2_41_x86_64"
    assert outside["libc.so.6"][-1] == "manylinux_2_5_x86_64"


def test_a_library_that_newer_policies_promise_bounds_the_tag() -> None:
    verdict = judged(elf(EXTENSION, needed=["libmvec.so.1", "libc.so.6"]))
    assert verdict.best == "manylinux_2_24_x86_64"
    (external,) = [it for it in verdict.externals if it.library == "libmvec.so.1"]
    assert external.promised_by[-1] == "manylinux_2_24_x86_64"


def test_a_library_beside_that_no_search_path_reaches_is_from_outside() -> None:
    verdict = judged(
        elf(EXTENSION, needed=["libx-1.so"]), elf("demo.libs/libx-1.so", needed=["libc.so.6"])
    )
    assert verdict.best == "linux_x86_64"
    assert reasons(verdict, "manylinux_2_5_x86_64") == [
        "needs libx-1.so, which is at demo.libs/libx-1.so, where its search path does not lead"
    ]


def test_libpython_is_no_system_s() -> None:
    verdict = judged(elf(EXTENSION, needed=["libpython3.12.so.1.0", "libc.so.6"]))
    assert verdict.best == "linux_x86_64"
    assert "PEP 513" in reasons(verdict, "manylinux_2_41_x86_64")[0]


def test_private_symbols_of_zlib_are_forbidden_by_library() -> None:
    takes = [symbol("inflate"), symbol("zcalloc")]
    verdict = judged(elf(EXTENSION, needed=["libz.so.1", "libc.so.6"], symbols=takes))
    assert verdict.best == "linux_x86_64"
    assert reasons(verdict, "manylinux_2_41_x86_64") == [
        "takes zcalloc from libz.so.1, which not every system's has"
    ]
    own = judged(elf(EXTENSION, needed=["libc.so.6"], symbols=takes))
    assert own.best == "manylinux_2_5_x86_64"


def test_a_symbol_that_came_to_old_systems_late_bounds_the_tag() -> None:
    takes = [symbol("uncompress2")]
    verdict = judged(elf(EXTENSION, needed=["libz.so.1", "libc.so.6"], symbols=takes))
    assert verdict.best == "manylinux_2_34_x86_64"
    optional = [symbol("uncompress2", is_weak=True)]
    verdict = judged(elf(EXTENSION, needed=["libz.so.1", "libc.so.6"], symbols=optional))
    assert verdict.best == "manylinux_2_5_x86_64"


@pytest.mark.parametrize("name", ["PyFPE_jbuf", "PyUnicodeUCS2_AsUTF8String"])
def test_builds_of_python_that_manylinux_does_not_know_leave_no_policy(name: str) -> None:
    verdict = judged(elf(EXTENSION, symbols=[symbol(name)]))
    assert verdict.best == "linux_x86_64"
    assert name in reasons(verdict, "manylinux_2_41_x86_64")[0]


def test_instructions_beyond_the_baseline_leave_no_policy() -> None:
    notes = ElfNotes(gnu_property=GnuProperty(isa_needed=3))
    verdict = judged(elf(EXTENSION, notes=notes))
    assert verdict.best == "linux_x86_64"
    assert "x86-64-v3" in reasons(verdict, "manylinux_2_41_x86_64")[0]
    baseline = ElfNotes(gnu_property=GnuProperty(isa_needed=1))
    assert judged(elf(EXTENSION, notes=baseline)).best == "manylinux_2_5_x86_64"


def test_private_versions_of_glibc_leave_no_policy() -> None:
    verdict = judged(elf(EXTENSION, versions={"libc.so.6": ["GLIBC_PRIVATE"]}))
    assert verdict.best == "linux_x86_64"
    assert verdict.obstacles["manylinux_2_41_x86_64"][0].symbol == "GLIBC_PRIVATE"


def test_weak_versions_do_not_count() -> None:
    verdict = judged(elf(EXTENSION, weak={"libc.so.6": ["GLIBC_2.38"]}))
    assert verdict.best == "manylinux_2_5_x86_64"


def test_versions_of_the_loader_count() -> None:
    asked = {"ld-linux-x86-64.so.2": ["GLIBC_2.35"]}
    verdict = judged(elf(EXTENSION, needed=["ld-linux-x86-64.so.2", "libc.so.6"], versions=asked))
    assert verdict.best == "manylinux_2_35_x86_64"


def test_packed_relocations_need_the_glibc_that_knows_them() -> None:
    verdict = judged(elf(EXTENSION, has_relr=True))
    assert verdict.best == "manylinux_2_36_x86_64"
    assert "DT_RELR" in reasons(verdict, "manylinux_2_35_x86_64")[0]


def test_versions_of_an_own_library_are_its_own_business() -> None:
    libz = "libz-1a2b.so.1.3"
    own = elf(f"demo.libs/{libz}")
    asks = {libz: ["ZLIB_1.2.12"]}
    extension = elf(
        EXTENSION, needed=[libz, "libc.so.6"], rpath=["$ORIGIN/../demo.libs"], versions=asks
    )
    assert judged(extension, own).best == "manylinux_2_5_x86_64"
    # Under its system name, whichever was loaded first would answer.
    plain = elf(
        EXTENSION,
        needed=["libz.so.1", "libc.so.6"],
        rpath=["$ORIGIN/../demo.libs"],
        versions={"libz.so.1": ["ZLIB_1.2.12"]},
    )
    assert judged(plain, elf("demo.libs/libz.so.1")).best == "manylinux_2_37_x86_64"


def test_runpath_is_not_passed_on_and_rpath_is() -> None:
    def tree(**path: Any) -> Verdict:
        return judged(
            elf(EXTENSION, needed=["liba.so", "libc.so.6"], **path),
            elf("demo/lib/liba.so", needed=["libb.so", "libc.so.6"]),
            elf("demo/lib/libb.so"),
        )

    assert tree(rpath=["$ORIGIN/lib"]).best == "manylinux_2_5_x86_64"
    assert tree(runpath=["$ORIGIN/lib"]).best == "linux_x86_64"


def test_what_is_loaded_already_is_taken_by_its_name() -> None:
    verdict = judged(
        elf(EXTENSION, needed=["libb.so", "liba.so", "libc.so.6"], runpath=["$ORIGIN/lib"]),
        elf("demo/lib/liba.so", needed=["libb.so", "libc.so.6"]),
        elf("demo/lib/libb.so"),
    )
    assert verdict.best == "manylinux_2_5_x86_64"


def test_libraries_that_ask_for_each_other_are_loaded_once() -> None:
    verdict = judged(
        elf("demo/liba.so", needed=["libb.so", "libc.so.6"], rpath=["$ORIGIN"]),
        elf("demo/libb.so", needed=["liba.so", "libc.so.6"], rpath=["$ORIGIN"]),
    )
    assert verdict.best == "manylinux_2_5_x86_64"


def test_musl_is_told_by_the_files_and_promises_no_gcc() -> None:
    needed = ["libc.musl-x86_64.so.1", "libz.so.1"]
    verdict = judged(elf(EXTENSION, needed=needed))
    assert verdict.best == "musllinux_1_2_x86_64"
    assert reasons(verdict, "musllinux_1_1_x86_64") == [
        "has no symbol versions that could prove that it runs with an older musl"
    ]
    claimed = judged(elf(EXTENSION, needed=needed), tag="musllinux_1_1_x86_64")
    assert claimed.best == "musllinux_1_1_x86_64"
    bare = judged(elf(EXTENSION, needed=[*needed, "libstdc++.so.6"]), tag="musllinux_1_2_x86_64")
    assert bare.best == "linux_x86_64"


def test_the_floor_is_the_tag_without_libraries_from_outside() -> None:
    asks = {"libc.so.6": ["GLIBC_2.14"]}
    verdict = judged(elf(EXTENSION, needed=["libx.so.1", "libc.so.6"], versions=asks))
    assert (verdict.best, verdict.floor) == ("linux_x86_64", "manylinux_2_17_x86_64")
    assert judged(elf(EXTENSION, versions=asks)).floor is None
    private = {"libc.so.6": ["GLIBC_PRIVATE"]}
    assert judged(elf(EXTENSION, needed=["libx.so.1"], versions=private)).floor is None
    musl = judged(elf(EXTENSION, needed=["libc.musl-x86_64.so.1", "libgcc_s.so.1"]))
    assert (musl.best, musl.floor) == ("linux_x86_64", "musllinux_1_2_x86_64")


def test_symbols_and_relocations_of_newer_musl_bound_the_tag() -> None:
    needed = ["libc.musl-armv7.so.1"]
    hard_float = 0x05000400
    extras: list[dict[str, Any]] = [{"symbols": [symbol("__stat_time64")]}, {"has_relr": True}]
    for extra in extras:
        file = elf(EXTENSION, needed=needed, machine="arm", flags=hard_float, **extra)
        verdict = judged(file, tag="musllinux_1_1_armv7l")
        assert verdict.best == "musllinux_1_2_armv7l"
        assert len(verdict.obstacles["musllinux_1_1_armv7l"]) == 1


def test_cross_compilers_name_of_musl_is_musl() -> None:
    verdict = judged(elf(EXTENSION, needed=["libc.so"]), tag="musllinux_1_2_x86_64")
    assert verdict.best == "musllinux_1_2_x86_64"


def test_a_static_file_is_what_it_claims() -> None:
    file = elf("demo-1.data/scripts/demo", needed=[])
    assert judged(file, tag="musllinux_1_1_x86_64").best == "musllinux_1_1_x86_64"
    assert judged(file, tag="manylinux_2_28_x86_64").best == "manylinux_2_5_x86_64"


def test_soft_float_arm_has_no_tag() -> None:
    assert judged(elf(EXTENSION, machine="arm"), tag=None).best is None
    hard = elf(EXTENSION, machine="arm", flags=0x05000400)
    assert judged(hard, tag=None).best == "manylinux_2_17_armv7l"


def test_files_for_other_machines_are_left_out() -> None:
    own = elf(EXTENSION)
    other = elf("demo/other.so", machine="aarch64", versions={"libc.so.6": ["GLIBC_2.38"]})
    assert judged(own, other).best == "manylinux_2_5_x86_64"
    assert judged(own, other, tag="linux_aarch64").best == "manylinux_2_38_aarch64"
    assert judged(other, own, other, tag=None).best == "manylinux_2_38_aarch64"
    wrong = judged(other, tag="manylinux_2_17_x86_64")
    assert wrong.best == "manylinux_2_38_aarch64"


def test_files_for_another_c_library_are_left_out() -> None:
    gnu, musl = elf(EXTENSION), elf("demo/musl.so", needed=["libc.musl-x86_64.so.1"])
    assert judged(gnu, musl, tag="manylinux_2_17_x86_64").best == "manylinux_2_5_x86_64"
    assert judged(gnu, musl, tag="musllinux_1_2_x86_64").best == "musllinux_1_2_x86_64"


def test_files_for_other_systems_are_left_out() -> None:
    bsd = elf("demo/bsd.so", needed=["libc.so.7"], notes=ElfNotes(system="freebsd"))
    phone = elf("demo/phone.so", needed=["libc.so"], notes=ElfNotes(system="android"))
    verdict = judged(elf(EXTENSION), bsd, phone)
    assert verdict.best == "manylinux_2_5_x86_64"
    assert [it.library for it in verdict.externals] == ["libc.so.6"]


def test_machines_without_policies_get_the_plain_tag() -> None:
    assert judged(elf(EXTENSION, machine="mips"), tag=None).best == "linux_mips"


def test_packages_are_seen_from_the_root_with_the_loader_s_folders() -> None:
    files = (
        elf("usr/bin/demo", needed=["libdemo.so.1", "libp.so", "libc.so.6"], runpath=["/opt/demo"]),
        elf("usr/lib/x86_64-linux-gnu/libdemo.so.1.2", soname="libdemo.so.1"),
        elf("opt/demo/libp.so"),
    )
    package = linux.judge(inventory(*files, tag=None, kind=Kind.DEB))
    assert package.best == "manylinux_2_5_x86_64"
    folder = linux.judge(inventory(*files, tag=None, kind=Kind.FOLDER))
    missing = {external.library for external in folder.externals if not external.promised_by}
    assert missing == {"libdemo.so.1", "libp.so"}


def libc(path: str, **facts: Any) -> Native:
    native = elf(path, needed=(), soname="libc.so.6")
    return replace(native, facts=replace(elf_facts(native), **facts))


@pytest.mark.parametrize("kind", [Kind.IMAGE, Kind.DEB, Kind.ARCHIVE, Kind.FOLDER])
def test_a_system_with_its_own_c_library_asks_for_no_other(kind: Kind) -> None:
    verdef = ("GLIBC_2.2.5", "GLIBC_2.9", "GLIBC_2.36", "GLIBC_PRIVATE", "GLIBC_ABI_DT_RELR")
    lib = "usr/lib/x86_64-linux-gnu"
    files = (
        elf(f"{lib}/ld-linux-x86-64.so.2", needed=(), soname="ld-linux-x86-64.so.2"),
        libc(f"{lib}/libc.so.6", verdef=verdef),
        elf("usr/bin/demo", needed=["libc.so.6"], versions={"libc.so.6": ["GLIBC_2.36"]}),
        elf("usr/bin/odd", needed=["libc.so.6", "libnowhere.so.1"]),
    )
    made = inventory(*files, tag=None, kind=kind)
    verdict = linux.judge(made)
    assert (verdict.best, verdict.own_libc) == ("linux_x86_64", "glibc 2.36")
    assert not verdict.obstacles
    assert [it.library for it in verdict.externals if it.is_missing] == ["libnowhere.so.1"]
    kept = make_report(made, parse_allowance((), "manylinux_2_17")).findings
    assert [it.details["library"] for it in kept if it.rule == "policy-not-kept"] == [
        "libnowhere.so.1"
    ]
    other = make_report(made, parse_allowance((), "manylinux_2_17_aarch64")).findings
    assert "not on manylinux_2_17_aarch64" in next(
        it.message for it in other if it.rule == "policy-not-kept"
    )


def test_musl_in_an_image_tells_no_version() -> None:
    own = elf("lib/ld-musl-x86_64.so.1", needed=(), soname="libc.musl-x86_64.so.1")
    program = elf("bin/busybox", needed=["libc.musl-x86_64.so.1"])
    verdict = linux.judge(inventory(own, program, tag=None, kind=Kind.IMAGE))
    assert (verdict.best, verdict.own_libc) == ("linux_x86_64", "musl")


def test_a_c_library_in_a_wheel_or_a_plain_folder_changes_nothing() -> None:
    asking = elf(EXTENSION, versions={"libc.so.6": ["GLIBC_2.28"]})
    for made in (
        inventory(asking, libc("demo.libs/libc.so.6")),
        inventory(asking, libc("lib/libc.so.6"), tag=None),
    ):
        verdict = linux.judge(made)
        assert (verdict.best, verdict.own_libc) == ("manylinux_2_28_x86_64", None)


def test_a_crafted_tree_is_loaded_in_bounded_time() -> None:
    # Each layer has two files, each with a search path of its own: 2^40 ways to the last.
    files = [
        elf(
            f"{side}{layer}/lib{side}{layer}.so",
            needed=[f"liba{layer + 1}.so", f"libb{layer + 1}.so", "libc.so.6"],
            rpath=[f"$ORIGIN/../a{layer + 1}", f"$ORIGIN/../b{layer + 1}", "$ORIGIN"],
        )
        for layer in range(40)
        for side in "ab"
    ]
    loader = ElfLoader(files, inventory(*files), libc="gnu", defaults=())
    walk = _Walk(loader)
    walk.begin(files[0])
    assert max(map(len, walk.ways.values())) == _MOST_WAYS
    verdict = judged(*files)
    assert {it.library for it in verdict.externals if not it.promised_by} == {
        "liba40.so", "libb40.so"
    }  # fmt: skip

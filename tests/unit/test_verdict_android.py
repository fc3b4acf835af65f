"""The verdict on Android files: the API level that has all they ask for."""

from typing import Any

from sealift.audit.natives import Native
from sealift.audit.platform import android
from sealift.audit.verdict import Verdict
from sealift.binary.elf_notes import ElfNotes
from tests.support.inventories import elf, inventory

EXTENSION = "demo/_speedups.cpython-313-aarch64-linux-android.so"
NEEDED = ("libpython3.13.so", "libm.so", "libdl.so", "libc.so")


def file(*more: str, level: int | None = None, machine: str = "aarch64") -> Native:
    notes = ElfNotes(android_api=level, system="android")
    return elf(EXTENSION, needed=(*NEEDED, *more), machine=machine, notes=notes)


def judged(*natives: Native, tag: str = "android_21_arm64_v8a") -> Verdict:
    return android.judge(inventory(*natives, tag=tag))


def test_the_level_it_was_built_for_counts() -> None:
    assert judged(file()).best == "android_21_arm64_v8a"
    verdict = judged(file(level=24))
    assert verdict.best == "android_24_arm64_v8a"
    (reason,) = verdict.obstacles["android_21_arm64_v8a"]
    assert reason.text == "was built for API level 24"


def test_the_level_a_library_came_with_counts() -> None:
    verdict = judged(file("libaaudio.so", level=24))
    assert verdict.best == "android_26_arm64_v8a"
    assert list(verdict.obstacles) == ["android_24_arm64_v8a", "android_21_arm64_v8a"]
    assert [it.library for it in verdict.obstacles["android_24_arm64_v8a"]] == ["libaaudio.so"]
    (aaudio,) = [it for it in verdict.externals if it.library == "libaaudio.so"]
    assert aaudio.promised_by[-1] == "android_26_arm64_v8a"


def test_what_no_level_has_is_from_outside_and_leaves_the_tag() -> None:
    verdict = judged(file("libc++_shared.so", level=24))
    assert verdict.best == "android_24_arm64_v8a"
    outside = {it.library for it in verdict.externals if not it.promised_by}
    assert outside == {"libc++_shared.so"}


def test_libraries_of_its_own_are_found_by_runpath_alone() -> None:
    def outside(**path: Any) -> set[str]:
        asks = elf(EXTENSION, needed=("liba.so", *NEEDED), machine="aarch64", **path)
        verdict = judged(asks, elf("demo/liba.so", needed=NEEDED, machine="aarch64"))
        return {it.library for it in verdict.externals if not it.promised_by}

    assert outside(runpath=("$ORIGIN",)) == set()
    assert outside(rpath=("$ORIGIN",)) == {"liba.so"}


def test_the_claimed_machine_is_judged() -> None:
    files = file(level=24), file(level=30, machine="x86_64")
    assert judged(*files, tag="android_21_x86_64").best == "android_30_x86_64"
    assert judged(*files).best == "android_24_arm64_v8a"

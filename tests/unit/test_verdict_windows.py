"""The verdict on Windows files: the machine, and the DLLs that nobody there has."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from packaging.tags import parse_tag

from sealift.audit.natives import Native
from sealift.audit.platform import windows
from sealift.audit.verdict import Verdict
from sealift.binary.pe import PeFacts
from sealift.policy.windows import load_windows
from tests.support.inventories import inventory

EXTENSION = "demo/_speedups.cp312-win_amd64.pyd"


def pe(
    path: str = EXTENSION,
    imports: Sequence[str] = ("KERNEL32.dll",),
    *,
    delayed: Sequence[str] = (),
    machine: str = "amd64",
    is_any_cpu: bool = False,
    name: str | None = None,
) -> Native:
    facts = PeFacts(
        machine=machine, bits=64, is_dll=True, subsystem="gui", system=(6, 0),
        subsystem_version=(6, 0), linker=(14, 44), imports=tuple(imports),
        delay_imports=tuple(delayed), is_any_cpu=is_any_cpu, name=name,
    )  # fmt: skip
    return Native(path=path, size=1, mode=0o644, facts=facts)


def judged(*natives: Native, tag: str | None = "win_amd64") -> Verdict:
    return windows.judge(inventory(*natives, tag=tag))


def outside(*natives: Native, tag: str | None = "win_amd64") -> set[str]:
    verdict = judged(*natives, tag=tag)
    return {external.library for external in verdict.externals if not external.promised_by}


def test_windows_and_python_have_their_own() -> None:
    has = [
        "KERNEL32.dll", "WinSpool.drv", "api-ms-win-crt-runtime-l1-1-0.dll", "ucrtbase.dll",
        "python312.dll", "python3.dll", "python313t.dll", "VCRUNTIME140.dll", "VCRUNTIME140_1.dll",
    ]  # fmt: skip
    assert outside(pe(imports=has)) == set()
    assert judged(pe(imports=has)).best == "win_amd64"


def test_the_rest_of_the_runtime_is_from_outside() -> None:
    assert outside(pe(imports=["MSVCP140.dll", "libcrypto-3-x64.dll"])) == {
        "MSVCP140.dll", "libcrypto-3-x64.dll"
    }  # fmt: skip
    assert outside(pe(imports=["KERNEL32.dll"], delayed=["cudart64_12.dll"])) == {"cudart64_12.dll"}


def test_what_a_python_brings_depends_on_its_version_and_machine() -> None:
    policy = load_windows("win_amd64")
    assert policy.is_pythons("vcruntime140_1.dll", [(3, 9)])
    assert not policy.is_pythons("vcruntime140_1.dll", [(3, 8), (3, 12)])
    assert not load_windows("win32").is_pythons("vcruntime140_1.dll", [(3, 12)])
    assert policy.is_pythons("MSVCR100.dll", [(3, 4)])
    assert not policy.is_pythons("MSVCR100.dll", [(3, 5)])


@pytest.mark.parametrize("tag", [None, "win_amd64"])
def test_without_a_python_interface_nothing_of_python_s_is_there(tag: str | None) -> None:
    given = inventory(pe(imports=["vcruntime140.dll"]), tag=tag)
    if given.wheel is None:
        verdict = windows.judge(given)
        assert [it.promised_by for it in verdict.externals] == [()]
    else:
        assert outside(pe(imports=["vcruntime140.dll"]), tag=tag) == set()


REQUIRING = "Metadata-Version: 2.1\nName: demo\nRequires-Python: {}\n\ntext\n"


def unmet(requires: str, *natives: Native) -> dict[str, tuple[str, ...]]:
    """What a wheel for any Python of ``requires`` lacks, and who asks for it."""
    made = inventory(*natives, tag="win_amd64")
    assert made.wheel
    wheel = replace(made.wheel, tags=parse_tag("py3-none-win_amd64"))
    texts = {"demo-1.dist-info/METADATA": REQUIRING.format(requires)}
    verdict = windows.judge(replace(made, wheel=wheel, texts=texts))
    return {it.library: it.needed_by for it in verdict.externals if it.is_missing}


def test_a_wheel_for_any_python_has_what_all_that_it_allows_bring() -> None:
    library = pe("demo/demo.dll", imports=["VCRUNTIME140.dll", "VCRUNTIME140_1.dll"])
    assert unmet(">=3.9", library) == {}
    assert set(unmet(">=3.8,<4", library)) == {"VCRUNTIME140_1.dll"}
    assert set(unmet(">=2.7,!=3.0.*", library)) == {"VCRUNTIME140.dll", "VCRUNTIME140_1.dll"}
    for nothing in ("", "no specifier", ">=77"):
        assert set(unmet(nothing, library)) == {"VCRUNTIME140.dll", "VCRUNTIME140_1.dll"}


def test_a_program_does_not_find_what_python_brings() -> None:
    program = pe("demo/bin/demo.exe", imports=["demo.dll", "VCRUNTIME140.dll"])
    program = replace(program, facts=replace(windows._facts(program), is_dll=False))
    its_own = pe("demo/bin/demo.dll", imports=["VCRUNTIME140.dll"])
    other = pe("demo/other.dll", imports=["VCRUNTIME140.dll"])
    assert unmet(">=3.9", program, its_own, other) == {
        "VCRUNTIME140.dll": ("demo/bin/demo.exe", "demo/bin/demo.dll")
    }


def test_dlls_of_the_subject_answer_in_any_case_of_their_name() -> None:
    files = (
        pe(imports=["LibFoo-1.DLL"]),
        pe("demo.libs/libfoo-1.dll", ["KERNEL32.dll", "msvcp140-1a2b.dll"]),
        pe("demo.libs/msvcp140-1a2b.dll", ["concrt140.dll"], name="msvcp140.dll"),
    )
    assert outside(*files) == set()
    assert outside(pe(imports=["concrt140.dll"])) == {"concrt140.dll"}


def test_who_asks_is_told_for_each_library_once() -> None:
    verdict = judged(pe(imports=["Foo.dll"]), pe("demo/other.pyd", ["FOO.DLL"]))
    (external,) = verdict.externals
    assert (external.library, external.needed_by) == ("Foo.dll", (EXTENSION, "demo/other.pyd"))


def test_files_for_other_machines_are_left_out() -> None:
    files = (
        pe(),
        pe("x86.dll", ["x.dll"], machine="x86"),
        pe("net.dll", ["y.dll"], is_any_cpu=True),
    )
    assert outside(*files) == set()
    assert judged(*files, tag="win32").best == "win32"
    wrong = judged(pe(), tag="win_arm64")
    assert wrong.best == "win_amd64"
    assert [it.text for it in wrong.obstacles["win_arm64"]] == ["is for amd64"]


def test_nothing_native_for_a_machine_with_a_tag_is_not_judged() -> None:
    assert judged(pe(machine="ia64")).best is None

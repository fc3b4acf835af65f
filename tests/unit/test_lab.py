"""Why a program failed, in words; and how the kernel is told of an emulator."""

import sys
from pathlib import Path

import pytest

from sealift import process
from sealift.audit.natives import Native
from sealift.binary.elf import read_elf
from sealift.lab.reasons import reasons
from sealift.machine import Ending, System
from sealift.runners.emulation import load_emulators
from sealift.runners.roots import RootRunner
from tests.support.elf_files import ElfSpec, make_elf

OLD = System(
    name="debian-11", libc="glibc 2.31", arch="x86_64", glibc=(2, 31),
    libraries=frozenset({"libc.so.6", "ld-linux-x86-64.so.2"}),
)  # fmt: skip


def native(folder: Path, path: str, spec: ElfSpec) -> Native:
    file = folder / path.replace("/", "-")
    file.write_bytes(make_elf(spec))
    facts = read_elf(file)
    assert facts is not None
    return Native(path=path, size=0, mode=0, facts=facts)


def asking(*versions: str, weak: bool = False) -> ElfSpec:
    return ElfSpec(
        needed=["libc.so.6"], verneed={"libc.so.6": [(version, weak) for version in versions]}
    )


def ended(output: str = "", status: int | None = 1) -> Ending:
    return Ending(status=status, seconds=5.2, output=output)


def test_who_asks_for_a_newer_c_library_is_told(tmp_path: Path) -> None:
    natives = [
        native(tmp_path, "lib/libcrypto.so.3", asking("GLIBC_2.17", "GLIBC_2.34")),
        native(tmp_path, "lib/libssl.so.3", asking("GLIBC_2.33")),
        native(tmp_path, "lib/fallback/libgcc_s.so.1", asking("GLIBC_2.35")),
        native(tmp_path, "lib/weak.so", asking("GLIBC_2.36", weak=True)),
    ]
    assert reasons(natives, OLD, ended()) == (
        "needs GLIBC_2.34; this system has 2.31; lib/libcrypto.so.3 asks for it",
        "needs GLIBC_2.33; this system has 2.31; lib/libssl.so.3 asks for it",
        "ended with status 1",
    )


def test_what_the_program_named_is_the_reason(tmp_path: Path) -> None:
    natives = [
        native(tmp_path, "app", asking("GLIBC_2.32")),
        native(tmp_path, "unused.so", ElfSpec(needed=["libX11.so.6"])),
    ]
    told = reasons(natives, OLD, ended("libc.so.6: version `GLIBC_2.32' not found", 1))
    assert told[0] == "needs GLIBC_2.32; this system has 2.31; app asks for it"
    assert len(told) == 2


def test_a_library_or_a_loader_that_is_missing_is_told(tmp_path: Path) -> None:
    natives = [
        native(tmp_path, "app", ElfSpec(interpreter="/lib/ld-musl-x86_64.so.1", needed=["a.so"])),
        native(tmp_path, "lib/b.so.1", ElfSpec(soname="a.so", needed=["z.so", "libc.so.6"])),
    ]
    assert reasons(natives, OLD, ended(status=127))[:2] == (
        "needs ld-musl-x86_64.so.1, which this system does not have; app asks for it",
        "needs z.so, which this system does not have; lib/b.so.1 asks for it",
    )


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (3, "ended with status 3"),
        (139, "was stopped by SIGSEGV"),
        (132, "was stopped by SIGILL"),
        (None, "did not end within 5 seconds"),
    ],
)
def test_how_it_ended_is_told(status: int | None, text: str) -> None:
    assert reasons([], OLD, ended(status=status)) == (text,)


def test_output_without_an_end_is_cut_and_its_program_stopped() -> None:
    endless = [sys.executable, "-c", "while True: print('x' * 99)"]
    done = process.attempt(endless, env={}, timeout=0.5)
    assert done.status is None
    assert len(done.output) == process.KEPT_OUTPUT


def test_a_system_that_never_had_a_cpu_is_refused() -> None:
    refusal = RootRunner().refuses("debian-12", "riscv64")
    assert refusal == "debian-12 was not released for riscv64"


def test_the_rule_of_an_emulator_matches_its_programs_only(tmp_path: Path) -> None:
    def matches(cpu: str, data: bytes) -> bool:
        rule = load_emulators()[cpu].rule(Path("/usr/bin/qemu"))
        _, _, kind, _, magic, mask, program, flags = rule.split(":")
        assert (kind, program, flags) == ("M", "/usr/bin/qemu", "F")
        wanted, bits = (bytes.fromhex(text.replace("\\x", "")) for text in (magic, mask))
        assert len(wanted) == len(bits) == 20
        pairs = zip(data, wanted, bits, strict=False)
        return all(byte & bit == want & bit for byte, want, bit in pairs)

    programs = {
        "aarch64": make_elf(ElfSpec(machine="aarch64", kind=2)),
        "armv7l": make_elf(ElfSpec(machine="arm", bits=32, kind=3)),
        "s390x": make_elf(ElfSpec(machine="s390x", order=">")),
        "ppc64le": make_elf(ElfSpec(machine="ppc64")),
        "x86_64": make_elf(ElfSpec()),
    }
    for cpu in programs:
        assert [other for other, data in programs.items() if matches(cpu, data)] == [cpu]
    assert not matches("aarch64", make_elf(ElfSpec(machine="aarch64", kind=1)))  # an object file

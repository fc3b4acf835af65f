"""The ELF reader tells the truth of good files and only ever refuses bad ones."""

import contextlib
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.binary.elf import ElfFacts, facts_of, read_elf
from sealift.binary.view import View
from sealift.errors import BinaryFormatError
from tests.support.elf_files import ElfSpec, make_elf
from tests.support.tools import missing

FULL = ElfSpec(
    soname="libx.so.1",
    needed=("libc.so.6", "libz.so.1"),
    runpath="$ORIGIN/../lib:/opt/lib",
    interpreter="/lib64/ld-linux-x86-64.so.2",
    verneed={
        "libc.so.6": [("GLIBC_2.17", False), ("GLIBC_2.38", True)],
        "libz.so.1": [("Z", True)],
    },
    verdef=("X_1.0", "X_2.0"),
    debug=b"debug" * 50,
)


def facts(spec: ElfSpec) -> ElfFacts:
    return facts_of(View(make_elf(spec), "made"))


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_everything_is_read_in_each_class_and_byte_order(bits: int, order: str) -> None:
    machine = {(64, "<"): "x86_64", (64, ">"): "s390x", (32, "<"): "i686", (32, ">"): "arm"}
    spec = ElfSpec(**{**vars(FULL), "bits": bits, "order": order, "machine": machine[bits, order]})
    found = facts(spec)
    assert (found.bits, found.endian) == (bits, "little" if order == "<" else "big")
    assert found.machine == machine[bits, order]
    assert found.kind == "DYN"
    assert found.soname == "libx.so.1"
    assert found.needed == ("libc.so.6", "libz.so.1")
    assert found.runpath == ("$ORIGIN/../lib", "/opt/lib")
    assert found.rpath == ()
    assert found.interpreter == "/lib64/ld-linux-x86-64.so.2"
    assert found.verneed == {
        "libc.so.6": (("GLIBC_2.17", False), ("GLIBC_2.38", True)),
        "libz.so.1": (("Z", True),),
    }
    assert found.verdef == ("X_1.0", "X_2.0")
    assert found.sections_end == len(make_elf(spec))
    assert not found.is_truncated


def test_what_is_appended_is_not_counted_as_sections() -> None:
    assert facts(ElfSpec(tail=b"payload")).sections_end == len(make_elf(ElfSpec()))


def test_programs_and_libraries_are_told_apart() -> None:
    library, static_pie = facts(ElfSpec(soname="l")), facts(ElfSpec(flags_1=0x08000000))
    assert (library.is_program, library.is_static) == (False, False)
    assert (static_pie.is_program, static_pie.is_static) == (True, True)
    assert facts(FULL).is_program
    assert not facts(FULL).is_static


@pytest.mark.parametrize(
    ("machine", "order", "arch"),
    [
        ("x86_64", "<", "x86_64"),
        ("arm", "<", "armv7l"),
        ("ppc64", "<", "ppc64le"),
        ("aarch64", "<", "aarch64"),
    ],
)
def test_machines_are_matched_to_targets(machine: str, order: str, arch: str) -> None:
    found = facts(ElfSpec(machine=machine, order=order))
    assert found.runs_on(arch)
    assert not found.runs_on("riscv64")
    assert not facts(ElfSpec(machine="ppc64", order=">")).runs_on("ppc64le")


@pytest.mark.parametrize("content", [b"", b"\x7fEL", b"MZ" * 100, b"\x7fElf" * 20])
def test_other_files_are_none_of_its_business(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert read_elf(path) is None


def test_a_pipe_and_a_folder_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read_elf(tmp_path / "pipe") is None
    assert read_elf(tmp_path) is None


@pytest.mark.parametrize("spec", [FULL, ElfSpec(**{**vars(FULL), "bits": 32, "order": ">"})])
def test_a_file_cut_anywhere_is_refused_or_says_so(tmp_path: Path, spec: ElfSpec) -> None:
    data = make_elf(spec)
    whole = facts_of(View(data, "made"))
    path = tmp_path / "cut"
    for length in range(4, len(data)):
        path.write_bytes(data[:length])
        with contextlib.suppress(BinaryFormatError):
            found = read_elf(path)
            assert found is not None
            assert found.is_truncated or found.sections_end != whole.sections_end


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_flipped_bytes_never_escape_as_other_errors(data: st.DataObject) -> None:
    content = bytearray(make_elf(FULL))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(4, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BinaryFormatError):
        facts_of(View(bytes(content), "flipped"))


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_noise_behind_the_magic_never_escapes_as_other_errors(noise: bytes) -> None:
    with contextlib.suppress(BinaryFormatError):
        facts_of(View(b"\x7fELF" + noise, "noise"))


def test_a_chain_of_versions_without_end_is_refused() -> None:
    data = bytearray(make_elf(FULL))
    at = data.index(struct.pack("<HHI", 1, 2, 1))
    # The first record points to itself through the widest step there is: it walks off the file.
    struct.pack_into("<I", data, at + 12, 0xFFFFFFFF)
    with pytest.raises(BinaryFormatError):
        facts_of(View(bytes(data), "endless"))
    # One step ahead each time, over megabytes of records that look alike.
    struct.pack_into("<I", data, at + 12, 1)
    with pytest.raises(BinaryFormatError):
        facts_of(View(bytes(data), "endless") if data else View(b"", ""))


def test_as_many_program_headers_as_fit_are_not_believed() -> None:
    data = bytearray(make_elf(ElfSpec()))
    struct.pack_into("<H", data, 56, 0xFFFE)
    with pytest.raises(BinaryFormatError, match="it ends before"):
        facts_of(View(bytes(data), "many"))


def test_a_string_outside_its_table_is_refused() -> None:
    data = make_elf(ElfSpec(needed=("libc.so.6",)))
    wrong = data.replace(struct.pack("<QQ", 1, 1), struct.pack("<QQ", 1, 0x7FFFFFFF), 1)
    assert wrong != data
    with pytest.raises(BinaryFormatError, match="outside of its table"):
        facts_of(View(wrong, "outside"))


@pytest.mark.parametrize("name", ["/bin/sh", "/usr/bin/env"])
def test_a_real_program_is_read(name: str) -> None:
    if not Path(name).exists():
        missing(f"needs {name}")
    found = read_elf(Path(name))
    if found is None:
        missing(f"{name} is no ELF file here")
    assert found.is_program
    assert found.sections_end == Path(name).stat().st_size

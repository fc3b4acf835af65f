"""Hardening, notes and the C library of an ELF file are told from what loaders look at."""

import contextlib
import struct
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.binary.elf import ElfFacts, Relro, facts_of
from sealift.binary.elf_notes import ElfNotes
from sealift.binary.gnu_property import GnuProperty
from sealift.binary.view import View
from sealift.errors import BinaryFormatError
from tests.support.elf_files import ElfSpec, make_elf

STACK, RELRO, NOTE, PROPERTY = 0x6474E551, 0x6474E552, 4, 0x6474E553
BIND_NOW, JMPREL = (24, 0), (23, 0)


def facts(spec: ElfSpec) -> ElfFacts:
    return facts_of(View(make_elf(spec), "made"))


def note(owner: bytes, kind: int, content: bytes, *, order: str = "<", align: int = 4) -> bytes:
    owner += b"\0"
    head = struct.pack(order + "III", len(owner), len(content), kind) + owner
    return head + bytes(-len(head) % align) + content + bytes(-len(content) % align)


@pytest.mark.parametrize(
    ("machine", "flags", "stack"),
    [
        ("x86_64", 6, "data"), ("x86_64", 7, "code"), ("x86_64", None, "code"),
        ("aarch64", None, "data"), ("aarch64", 7, "code"), ("i686", None, "code"),
    ],
)  # fmt: skip
def test_stacks_are_executable_where_the_loader_makes_them_so(
    machine: str, flags: int | None, stack: str
) -> None:
    segments = [] if flags is None else [(STACK, flags, 16, b"")]
    bits = 32 if machine == "i686" else 64
    found = facts(ElfSpec(machine=machine, bits=bits, segments=segments))
    assert found.stack_flags == flags
    assert found.has_executable_stack == (stack == "code")


@pytest.mark.parametrize(
    ("spec", "relro"),
    [
        (ElfSpec(entries=[JMPREL]), Relro.NONE),
        (ElfSpec(segments=[(RELRO, 4, 1, b"")], entries=[JMPREL]), Relro.PARTIAL),
        (ElfSpec(segments=[(RELRO, 4, 1, b"")], entries=[JMPREL, BIND_NOW]), Relro.FULL),
        (ElfSpec(segments=[(RELRO, 4, 1, b"")], entries=[JMPREL, (30, 8)]), Relro.FULL),
        (ElfSpec(segments=[(RELRO, 4, 1, b"")], entries=[JMPREL], flags_1=1), Relro.FULL),
        (ElfSpec(segments=[(RELRO, 4, 1, b"")]), Relro.FULL),
    ],
)
def test_relro_is_full_when_nothing_is_bound_later(spec: ElfSpec, relro: Relro) -> None:
    assert facts(spec).relro is relro


def test_writable_code_and_text_relocations_are_seen() -> None:
    plain = facts(ElfSpec(load_flags=5))
    assert not plain.has_writable_code
    assert not plain.has_text_relocations
    assert facts(ElfSpec(load_flags=7)).has_writable_code
    assert facts(ElfSpec(entries=[(22, 0)])).has_text_relocations
    assert facts(ElfSpec(entries=[(30, 4)])).has_text_relocations
    assert facts(ElfSpec(entries=[(36, 0)])).has_relr


def test_a_program_from_before_the_mark_for_programs_is_one() -> None:
    loader = "/lib64/ld-linux-x86-64.so.2"
    assert facts(ElfSpec(interpreter=loader, entries=[(21, 0)])).is_pie
    # The C library can be started, too, and is not a program for that.
    assert not facts(ElfSpec(interpreter=loader)).is_pie


@pytest.mark.parametrize("order", ["<", ">"])
def test_notes_are_read(order: str) -> None:
    content = (
        note(b"GNU", 3, b"\xab\xcd", order=order)
        + note(b"Elsewhere", 3, b"\xff" * 5, order=order)
        + note(b"GNU", 1, struct.pack(order + "IIII", 0, 3, 2, 0), order=order)
        + note(b"FDO", 0x407C0C0A, b'[{"soname": ["liblz4.so.1", 5]}, "x"]\0', order=order)
    )
    machine = "x86_64" if order == "<" else "s390x"
    spec = ElfSpec(order=order, machine=machine, segments=[(NOTE, 4, 4, content)])
    assert facts(spec).notes == ElfNotes(
        build_id="abcd", kernel=(3, 2, 0), system="linux", opens=("liblz4.so.1",)
    )
    assert facts(spec).system == "linux"


def test_properties_of_both_cpus_are_read() -> None:
    def spec(machine: str, *properties: tuple[int, int]) -> ElfSpec:
        rows = b"".join(struct.pack("<IIII", kind, 4, value, 0) for kind, value in properties)
        content = note(b"GNU", 5, rows, align=8)
        segments = [(NOTE, 4, 8, content), (PROPERTY, 4, 8, content)]
        return ElfSpec(machine=machine, segments=segments)

    x86 = facts(spec("x86_64", (0xC0000002, 3), (0xC0008002, 7), (0xC0010002, 15)))
    assert x86.notes.gnu_property == GnuProperty(
        isa_needed=3, isa_used=4, guards=frozenset({"ibt", "shstk"})
    )
    arm = facts(spec("aarch64", (0xC0000000, 1), (0xC0008002, 7)))
    assert arm.notes.gnu_property == GnuProperty(guards=frozenset({"bti"}))


@pytest.mark.parametrize(
    "content",
    [
        b"\xff" * 12, b"\0" * 40, note(b"GNU", 1, b"short"), note(b"Android", 1, b""),
        note(b"FDO", 0x407C0C0A, b"{"), note(b"FDO", 0x407C0C0A, b"[" * 60_000),
        note(b"FDO", 0x407C0C0A, b"5"), note(b"GNU", 5, b"\x02\0\0\xc0\xff\xff\xff\xff"),
    ],
)  # fmt: skip
def test_notes_no_one_can_read_are_passed_over(content: bytes) -> None:
    assert facts(ElfSpec(segments=[(NOTE, 4, 4, content)])).notes == ElfNotes()


def test_android_is_told_by_its_note_and_by_its_libraries() -> None:
    content = note(b"Android", 1, struct.pack("<I", 24) + b"r27" + bytes(125))
    found = facts(ElfSpec(segments=[(NOTE, 4, 4, content)], load_align=0x4000))
    assert (found.notes.android_api, found.libc, found.system) == (24, "bionic", "android")
    assert found.page_size == 0x4000
    assert facts(ElfSpec(needed=("libc.so", "libdl.so"))).libc == "bionic"


@pytest.mark.parametrize(
    ("spec", "libc"),
    [
        (ElfSpec(needed=("libc.so.6",)), "glibc"),
        (ElfSpec(verneed={"libm.so.6": [("GLIBC_2.29", False)]}), "glibc"),
        (ElfSpec(interpreter="/lib64/ld-linux-x86-64.so.2"), "glibc"),
        (ElfSpec(needed=("libc.musl-x86_64.so.1",)), "musl"),
        (ElfSpec(interpreter="/lib/ld-musl-x86_64.so.1", needed=("libc.so",)), "musl"),
        (ElfSpec(needed=("libz.so.1", "libc.so")), "musl"),
        (ElfSpec(interpreter="/system/bin/linker64"), "bionic"),
        (ElfSpec(needed=("libz.so.1",)), None),
    ],
)
def test_the_c_library_is_told(spec: ElfSpec, libc: str | None) -> None:
    assert facts(spec).libc == libc
    assert facts(spec).system == {"bionic": "android", None: None}.get(libc, "linux")


def test_a_file_of_a_bsd_is_told() -> None:
    content = note(b"FreeBSD", 1, struct.pack("<I", 1400000))
    assert facts(ElfSpec(segments=[(NOTE, 4, 4, content)])).system == "freebsd"
    data = bytearray(make_elf(ElfSpec()))
    data[7] = 9
    assert facts_of(View(bytes(data), "bsd")).system == "freebsd"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_note_escapes_as_another_error(content: bytes) -> None:
    spec = ElfSpec(segments=[(NOTE, 4, 4, note(b"GNU", 5, content) + content)])
    with contextlib.suppress(BinaryFormatError):
        facts(spec)
        facts(replace(spec, bits=32, order=">", machine="arm"))

"""Signatures fit what they sign, and one changed byte is enough for them not to."""

import contextlib
import stat
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealift.binary.macho import facts_of
from sealift.binary.macho_sign import resigned, sign, signed
from sealift.binary.macho_signature import Signature
from sealift.binary.macho_verify import SignatureCheck, verify_signature
from sealift.binary.view import View
from sealift.errors import BinaryFormatError
from tests.support.macho_files import EXECUTE, OBJECT, MachoSpec, make_fat, make_macho

SPEC = MachoSpec(
    install_name="@rpath/libx.dylib", uuid=bytes(range(16)), undefined=[("_a", 0, True)]
)
UNSIGNED = make_macho(SPEC)
SIGNED = signed(UNSIGNED, "libx.dylib")
IDENTIFIER = "libx-55554944000102030405060708090a0b0c0d0e0f"


def check(content: bytes) -> SignatureCheck:
    (found,) = verify_signature(content)
    return found


def signature(content: bytes) -> Signature:
    found = check(content)
    assert found.problems == ()
    assert found.signature
    return found.signature


@pytest.mark.parametrize(
    ("bits", "order", "cpu"),
    [(64, "<", "arm64"), (64, "<", "x86_64"), (32, "<", "i386"), (32, ">", "ppc")],
)
def test_signatures_fit_in_each_class_and_byte_order(bits: int, order: str, cpu: str) -> None:
    before = make_macho(MachoSpec(**{**vars(SPEC), "bits": bits, "order": order, "cpu": cpu}))
    after = signed(before, "libx.dylib")
    assert signature(after) == Signature(
        identifier=IDENTIFIER,
        team=None,
        flags=2,
        hashes=("sha256",),
        page=4096,
        has_certificate=False,
    )
    (facts,) = facts_of(View(after, "made"))
    assert facts.signature == signature(after)
    assert not facts.is_truncated
    assert facts.room == facts_of(View(before, "made"))[0].room - 16
    assert signed(before, "libx.dylib") == after


def test_signing_twice_is_signing_once() -> None:
    assert signed(SIGNED, "libx.dylib") == SIGNED
    assert resigned(SIGNED, "other") == SIGNED


def test_all_but_the_load_commands_stays() -> None:
    assert SIGNED[0x200 : len(UNSIGNED)] == UNSIGNED[0x200:]


def test_linkers_sign_in_fewer_words() -> None:
    short = signed(UNSIGNED, "libx.dylib", is_linker_signed=True)
    assert signature(short).is_linker_signed
    assert signature(short).is_adhoc
    assert len(short) < len(SIGNED)
    assert resigned(short, "libx.dylib") == short
    assert not signature(signed(short, "libx.dylib")).is_linker_signed


def test_systems_that_know_no_sha256_are_given_sha1() -> None:
    old = make_macho(MachoSpec(cpu="x86_64", minimum=(0x24, (10, 9, 0), (11, 0, 0))))
    assert signature(signed(old, "x")).hashes == ("sha1", "sha256")
    new = make_macho(MachoSpec(cpu="x86_64", minimum=(0x24, (10, 13, 0), (11, 0, 0))))
    assert signature(signed(new, "x")).hashes == ("sha256",)


def test_an_identifier_may_be_chosen() -> None:
    assert (
        signature(signed(UNSIGNED, "x", identifier="org.example.x")).identifier == "org.example.x"
    )
    again = resigned(signed(UNSIGNED, "x", identifier="org.example.x"), "y")
    assert signature(again).identifier == "org.example.x"


@pytest.mark.parametrize("wide", [False, True])
def test_fat_files_are_laid_out_anew(wide: bool) -> None:  # noqa: FBT001
    intel = make_macho(MachoSpec(cpu="x86_64", kind=EXECUTE))
    archive = b"!<arch>\n" + bytes(5000)
    slices = [("x86_64", intel), ("i386", archive), ("arm64", UNSIGNED)]
    after = signed(make_fat(slices, wide=wide), "x")
    assert [found.fits for found in verify_signature(after)] == [True, True]
    first, second = facts_of(View(after, "made"))
    assert (first.cpu, second.cpu) == ("x86_64", "arm64")
    assert second.offset % 0x4000 == 0
    assert second.offset + second.size == len(after)
    assert archive in after
    assert signed(after, "x") == after


def test_only_those_slices_are_signed_that_need_it() -> None:
    intel = make_macho(MachoSpec(cpu="x86_64"))
    after = resigned(make_fat([("x86_64", intel), ("arm64", UNSIGNED)]), "x")
    assert [found.fits for found in verify_signature(after)] == [False, True]
    assert intel in after
    both = resigned(make_fat([("x86_64", signed(intel, "x")), ("arm64", UNSIGNED)]), "x")
    assert [found.fits for found in verify_signature(both)] == [True, True]
    assert resigned(make_macho(MachoSpec(kind=OBJECT)), "x") == make_macho(MachoSpec(kind=OBJECT))


def test_a_damaged_signature_is_replaced() -> None:
    (place,) = [at for at in range(len(SIGNED)) if SIGNED[at : at + 4] == b"\xfa\xde\x0c\xc0"]
    broken = SIGNED[:place] + b"none" + SIGNED[place + 4 :]
    found = check(broken)
    assert not found.fits
    assert found.problems == ("cannot read the file: its code signature is damaged",)
    (facts,) = facts_of(View(broken, "made"))
    assert not facts.is_signed
    assert facts.signature_problem
    assert resigned(broken, "libx.dylib") == SIGNED


def test_the_property_list_inside_is_signed_too() -> None:
    content = bytearray(make_macho(MachoSpec(kind=EXECUTE, text=b"<plist/>" * 9)))
    at = content.index(b"__text\0")
    content[at : at + 16] = b"__info_plist".ljust(16, b"\0")
    after = bytearray(signed(bytes(content), "x"))
    assert signature(bytes(after)).identifier == "x"
    found = after.index(b"<plist/>")
    after[found] = ord("[")
    assert "blob 1 is not the one signed" in check(bytes(after)).problems


def test_the_mode_stays_and_the_write_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "libx.dylib"
    path.write_bytes(UNSIGNED)
    path.chmod(0o711)
    sign(path, path)
    assert path.read_bytes() == SIGNED
    assert stat.S_IMODE(path.stat().st_mode) == 0o711
    assert list(tmp_path.iterdir()) == [path]


def without_linkedit() -> bytes:
    return UNSIGNED.replace(b"__LINKEDIT", b"__OTHER\0\0\0")


def cut_off() -> bytes:
    return make_fat([("arm64", UNSIGNED)])[:-4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (without_linkedit(), "no __LINKEDIT"),
        (UNSIGNED + b"payload", "data lies behind"),
        (SIGNED + b"payload", "data lies behind"),
        (cut_off(), "cut off"),
        (make_macho(MachoSpec(kind=OBJECT)), "not signed"),
        (make_macho(MachoSpec(room=8)), "8 bytes lack"),
    ],
)
def test_what_cannot_be_signed_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(BinaryFormatError, match=message):
        signed(content, "x")


def test_linkedit_does_not_grow_over_a_segment() -> None:
    big = make_macho(MachoSpec(linkedit=bytes(0x3FF0 - 16)))
    content = bytearray(big)
    address = struct.unpack_from("<Q", content, content.index(b"__LINKEDIT") + 16)[0]
    struct.pack_into("<Q", content, content.index(b"__TEXT\0") + 16, address + 0x4000)
    with pytest.raises(BinaryFormatError, match="cannot grow"):
        signed(bytes(content), "x")


def test_slices_are_not_spread_without_bound() -> None:
    content = bytearray(make_fat([("arm64", UNSIGNED)]))
    struct.pack_into(">I", content, 24, 31)
    with pytest.raises(BinaryFormatError, match="2 to the power of 31"):
        signed(bytes(content), "x")


def test_a_signature_that_covers_less_does_not_fit() -> None:
    content = bytearray(SIGNED)
    directory = content.index(b"\xfa\xde\x0c\x02")
    pages, limit = struct.unpack_from(">II", content, directory + 28)
    struct.pack_into(">II", content, directory + 28, pages - 1, (pages - 1) * 4096)
    assert check(bytes(content)).problems == (f"it covers {(pages - 1) * 4096} bytes of {limit}",)


def test_unsigned_is_not_fitting() -> None:
    assert check(UNSIGNED) == SignatureCheck(cpu="arm64", signature=None)
    assert not check(UNSIGNED).fits


LIMIT = len(UNSIGNED) + -len(UNSIGNED) % 16


@settings(max_examples=300, deadline=None)
@given(st.integers(0, LIMIT - 1), st.integers(1, 255))
def test_one_changed_byte_is_found(at: int, difference: int) -> None:
    changed = bytearray(SIGNED)
    changed[at] ^= difference
    with contextlib.suppress(BinaryFormatError):
        assert not any(found.fits for found in verify_signature(bytes(changed)))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_signatures_are_checked_replaced_or_refused(data: st.DataObject) -> None:
    changed = bytearray(SIGNED)
    places = st.one_of(st.integers(0, 700), st.integers(LIMIT, len(SIGNED) - 1))
    for at in data.draw(st.lists(places, min_size=1, max_size=6)):
        changed[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFE, 0xFF]))
    with contextlib.suppress(BinaryFormatError):
        verify_signature(bytes(changed))
        facts_of(View(bytes(changed), "made"))
    with contextlib.suppress(BinaryFormatError):
        after = resigned(bytes(changed), "x")
        assert all(not found.problems for found in verify_signature(after))

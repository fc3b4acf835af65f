"""Signatures with a certificate: what they say, who can check them, who cannot sign."""

import plistlib
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sealift.apple import entitlements
from sealift.apple.certificate import Purpose, SigningCertificate, load_certificate
from sealift.apple.codesign import CodeSigner, directories_of
from sealift.apple.message import CDHASHES, signed_message
from sealift.apple.message_check import check_message
from sealift.apple.requirement import Requirement
from sealift.binary.macho_layout import LC_CODE_SIGNATURE, Commands, read_slices
from sealift.binary.macho_seal import HashedDirectory
from sealift.binary.macho_signature import read_blobs
from sealift.binary.macho_verify import SignatureCheck, read_hashed, verify_signature
from sealift.binary.view import View
from sealift.errors import BinaryFormatError, ConfigError, FetchError
from sealift.signing import Identity
from tests.support.developer_id import (
    TEAM,
    Authority,
    Issued,
    issue,
    make_authority,
    timestamping,
)
from tests.support.macho_files import EXECUTE, MachoSpec, make_fat, make_macho
from tests.support.tools import require_tool

PROGRAM = make_macho(MachoSpec(kind=EXECUTE, builds=[(1, (11, 0, 0), (14, 2, 0))]))
OLD_PROGRAM = make_macho(
    MachoSpec(kind=EXECUTE, cpu="x86_64", minimum=(0x24, (10, 9, 0), (11, 0, 0)))
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def timestamps(authority: Authority) -> Iterator[str]:
    require_tool("openssl")
    with timestamping(authority) as url:
        yield url


@pytest.fixture(scope="module")
def certificate(authority: Authority, timestamps: str) -> SigningCertificate:
    return load_certificate(authority.identity(timestamp=timestamps), Purpose.APPLICATION)


def signed(path: Path, signer: CodeSigner, content: bytes = PROGRAM) -> bytes:
    path.write_bytes(content)
    signer.sign_file(path)
    return path.read_bytes()


def check(content: bytes) -> SignatureCheck:
    (found,) = verify_signature(content)
    return found


def message_of(content: bytes) -> tuple[bytes, bytes]:
    """The message of a signature, and what it signs."""
    (piece,) = read_slices(View(content, "made"))
    commands = Commands(piece.part)
    (command,) = commands.of(LC_CODE_SIGNATURE)
    directories, message = read_hashed(piece.part, *commands.fields(command, 8, "II"))
    return message, directories[0].content


def test_a_developer_id_says_who_signed_and_when(
    tmp_path: Path, certificate: SigningCertificate
) -> None:
    found = check(signed(tmp_path / "x.dylib", CodeSigner(certificate=certificate)))
    assert found.problems == ()
    assert found.signature
    assert (found.signature.identifier, found.signature.team) == ("x", TEAM)
    assert not found.signature.is_adhoc
    assert found.signature.flags == 0x10000  # the hardened runtime
    assert found.voucher
    assert [name.rpartition("CN=")[2].partition(",")[0] for name in found.voucher.names] == [
        "Developer ID Application: Made", "Made Developer ID CA", "Made Root CA",
    ]  # fmt: skip
    assert found.voucher.is_timestamped
    assert not found.voucher.is_apple


@pytest.mark.parametrize("content", [PROGRAM, OLD_PROGRAM], ids=["sha256", "sha1 and sha256"])
def test_openssl_agrees(
    tmp_path: Path, authority: Authority, certificate: SigningCertificate, content: bytes
) -> None:
    data = signed(tmp_path / "program", CodeSigner(certificate=certificate), content)
    assert check(data).fits
    message, directory = message_of(data)
    (tmp_path / "message").write_bytes(message)
    (tmp_path / "directory").write_bytes(directory)
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-in", "message", "-binary"]
    command += ["-content", "directory", "-CAfile", str(authority.folder / "root.pem")]
    command += ["-purpose", "any", "-out", "told"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "told").read_bytes() == directory
    (tmp_path / "directory").write_bytes(directory[:-1] + b"x")
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode != 0


def test_elliptic_keys_and_certificates_of_others_sign_too(
    tmp_path: Path, authority: Authority
) -> None:
    own = issue("Somebody", authority.root, elliptic=True)
    certificate = load_certificate(authority.identity(own), Purpose.APPLICATION)
    assert (certificate.team, certificate.timestamp) == (None, None)
    found = check(signed(tmp_path / "x", CodeSigner(certificate=certificate)))
    assert found.problems == ()
    assert found.voucher
    assert not found.voucher.is_timestamped


def test_a_developer_id_asks_apple_for_timestamps(authority: Authority) -> None:
    certificate = load_certificate(authority.identity(), Purpose.APPLICATION)
    assert certificate.timestamp == "http://timestamp.apple.com/ts01"


def test_the_default_requirement_is_that_of_codesign() -> None:
    """The bytes are those of a module that the Python Software Foundation signed."""
    requirement = Requirement(identifier="_json.cpython-313-darwin", team="BMM5U3QVKW")
    assert requirement.blob().hex() == (
        "fade0c01000000b8000000010000000300000014fade0c00000000a4000000010000000600000002"
        "000000185f6a736f6e2e63707974686f6e2d3331332d64617277696e000000060000000f00000006"
        "0000000e000000010000000a2a864886f76364060206000000000000000000060000000e00000000"
        "0000000a2a864886f7636406010d0000000000000000000b000000000000000a7375626a6563742e"
        "4f550000000000010000000a424d4d35553351564b570000"
    )


def test_entitlements_are_in_the_programs_alone(
    tmp_path: Path, certificate: SigningCertificate
) -> None:
    asked: dict[str, entitlements.Value] = {"com.apple.security.cs.allow-jit": True}
    signer = CodeSigner(certificate=certificate, entitlements=asked)
    content = signed(tmp_path / "program", signer)
    assert check(content).problems == ()
    assert entitlements.as_der(asked) in content
    at = content.index(b"<?xml")
    assert plistlib.loads(content[at : content.index(b"</plist>", at) + 8]) == asked
    library = signed(tmp_path / "x.dylib", signer, make_macho(MachoSpec(install_name="x")))
    assert check(library).problems == ()
    assert entitlements.as_der(asked) not in library


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (False, "700f020101b00a30080c036b6579010100"),
        (42, "700f020101b00a30080c036b657902012a"),
        (-1, "700f020101b00a30080c036b65790201ff"),
        ("value", "7013020101b00e300c0c036b65790c0576616c7565"),
        ([True, "foo"], "7016020101b011300f0c036b657930080101ff0c03666f6f"),
        ({"inner": False}, "701a020101b01530130c036b6579b00c300a0c05696e6e6572010100"),
    ],
)
def test_entitlements_in_der(value: entitlements.Value, encoded: str) -> None:
    assert entitlements.as_der({"key": value}).hex() == encoded


def test_a_value_without_a_place_in_der_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"the entitlement 1\.5"):
        entitlements.as_der({"key": 1.5})  # type: ignore[dict-item]


def test_universal_files_are_signed_in_each_slice(
    tmp_path: Path, certificate: SigningCertificate
) -> None:
    both = make_fat([("x86_64", OLD_PROGRAM), ("arm64", PROGRAM)])
    content = signed(tmp_path / "x", CodeSigner(certificate=certificate), both)
    first, second = verify_signature(content)
    assert (first.fits, second.fits) == (True, True)
    assert first.signature
    assert first.signature.hashes == ("sha1", "sha256")
    assert len({one.cdhash for one in directories_of(content, "x")}) == 2


def test_a_message_on_other_code_does_not_hold(
    tmp_path: Path, certificate: SigningCertificate
) -> None:
    content = signed(tmp_path / "x", CodeSigner(certificate=certificate))
    other = bytearray(content)
    at = content.index(b"\xfa\xde\x0c\x02") + 12
    other[at : at + 4] = b"\0\0\0\0"  # no hardened runtime any more
    assert "its message is about something else" in check(bytes(other)).problems


def test_a_message_with_a_damaged_list_of_hashes_does_not_hold(
    certificate: SigningCertificate,
) -> None:
    directory = HashedDirectory(2, b"code")
    attributes = [(CDHASHES, [core.OctetString(b"<plist><dict>")])]
    message = signed_message(certificate, directory.content, attributes)
    (problem,) = check_message(message, [directory]).problems
    assert "its message cannot be read: cannot read the list of hashes" in problem


def test_hashes_of_a_kind_that_is_not_known(tmp_path: Path) -> None:
    content = signed(tmp_path / "x", CodeSigner())
    at = content.index(b"\xfa\xde\x0c\x02") + 37
    with pytest.raises(BinaryFormatError, match="hashes that are not known"):
        directories_of(content[:at] + b"\x09" + content[at + 1 :], "x")


@pytest.mark.parametrize("part", [b"Made Developer", b"Made Timestamps"])
def test_no_certificate_of_a_message_may_be_changed(
    tmp_path: Path, certificate: SigningCertificate, part: bytes
) -> None:
    content = signed(tmp_path / "x", CodeSigner(certificate=certificate))
    assert check(content.replace(part, b"Fake" + part[4:])).problems


def pem_identity(folder: Path, own: Issued, issuers: bytes = b"") -> Identity:
    path = folder / "signer.pem"
    path.write_bytes(issuers + own.pem + own.key_pem())
    return Identity(certificate=path, key=None, password="", timestamp=None)


def test_pem_files_serve_as_well(authority: Authority, tmp_path: Path) -> None:
    told = pem_identity(tmp_path, authority.application, authority.issuer.pem)
    certificate = load_certificate(told, Purpose.APPLICATION)
    assert certificate.team == TEAM
    assert certificate.chain == (
        authority.application.certificate,
        authority.issuer.certificate,
    )


def test_apple_issuers_are_found_where_a_file_lacks_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    issuers = [authority.root.certificate, authority.issuer.certificate]
    monkeypatch.setattr("sealift.apple.certificate.apple_certificates", lambda: issuers)
    told = pem_identity(tmp_path, authority.application)
    assert len(load_certificate(told, Purpose.APPLICATION).chain) == 3


def test_a_key_in_a_token_cannot_sign_for_macos(authority: Authority) -> None:
    with pytest.raises(ConfigError, match="PKCS#11"):
        load_certificate(replace(authority.identity(), key="pkcs11:token=x"), Purpose.APPLICATION)


def test_a_key_that_signs_no_code(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Curve")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    own = Issued(builder.sign(key, None), key)
    with pytest.raises(ConfigError, match="its key is neither RSA nor"):
        load_certificate(pem_identity(tmp_path, own), Purpose.APPLICATION)


def test_a_certificate_for_something_else(authority: Authority) -> None:
    uses: list[tuple[x509.ObjectIdentifier, ...]] = [(ExtendedKeyUsageOID.SERVER_AUTH,), ()]
    for use in uses:
        own = issue("Server", authority.issuer, uses=use)
        with pytest.raises(ConfigError, match="not for signing code"):
            load_certificate(authority.identity(own), Purpose.APPLICATION)
    with pytest.raises(ConfigError, match="not for signing code"):
        load_certificate(authority.identity(authority.installer), Purpose.APPLICATION)
    with pytest.raises(ConfigError, match="Developer ID Application"):
        load_certificate(authority.identity(authority.application), Purpose.INSTALLER)
    assert load_certificate(authority.identity(authority.installer), Purpose.INSTALLER).team == TEAM


def test_an_authority_that_does_not_answer(tmp_path: Path, authority: Authority) -> None:
    certificate = load_certificate(
        authority.identity(timestamp="http://127.0.0.1:9/ts"), Purpose.APPLICATION
    )
    path = tmp_path / "x"
    with pytest.raises(FetchError, match="nothing answers"):
        signed(path, CodeSigner(certificate=certificate))
    assert path.read_bytes() == PROGRAM


def test_blobs_of_a_signature_lie_in_order(tmp_path: Path, certificate: SigningCertificate) -> None:
    signer = CodeSigner(certificate=certificate, entitlements={"a": True})
    content = signed(tmp_path / "x", signer)
    (piece,) = read_slices(View(content, "made"))
    commands = Commands(piece.part)
    (command,) = commands.of(LC_CODE_SIGNATURE)
    blobs = read_blobs(piece.part, *commands.fields(command, 8, "II"))
    assert list(blobs) == [0, 2, 5, 7, 0x10000]
    offsets = [blob.offset for blob in blobs.values()]
    assert offsets == sorted(offsets)

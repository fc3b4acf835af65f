"""Certificates: which of a file's fits its key, and what is told of those that cannot sign."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import pkcs12

from sealift.certificate import Certificate, open_certificate
from sealift.config import SigningOptions
from sealift.errors import ConfigError
from sealift.signing import Identity, identity_of
from tests.support.developer_id import PASSWORD, Authority, Issued, issue, make_authority
from tests.support.signing import encryption

WRONG = "f4ls3 f4ls3"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


def identity(
    folder: Path, content: bytes, *, key: bytes | str | None = None, password: str = ""
) -> Identity:
    path = folder / "signer"
    path.write_bytes(content)
    if isinstance(key, bytes):
        (folder / "key.pem").write_bytes(key)
        key = str(folder / "key.pem")
    return Identity(certificate=path, key=key, password=password, timestamp=None)


def pfx(
    key: Issued | None, certificate: Issued | None, *others: Issued, password: str = ""
) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"signer",
        key.key if key else None,
        certificate.certificate if certificate else None,
        [one.certificate for one in others],
        encryption(password),
    )


def test_the_certificate_of_a_pem_file_is_the_one_that_fits_the_key(
    authority: Authority, tmp_path: Path
) -> None:
    own = authority.application
    parts = [authority.root.pem, authority.issuer.pem, own.pem]
    for content in (b"".join(parts), b"".join(reversed(parts))):
        found = open_certificate(identity(tmp_path, content, key=own.key_pem()))
        assert found.chain == tuple(
            one.certificate for one in (own, authority.issuer, authority.root)
        )
        assert found.is_pem
        assert found.key.public_key() == own.key.public_key()
    whole = own.key_pem(PASSWORD) + b"".join(parts)
    assert open_certificate(identity(tmp_path, whole, password=PASSWORD)).leaf == own.certificate


def test_the_certificate_of_a_pkcs12_file_is_the_one_that_fits_the_key(
    authority: Authority, tmp_path: Path
) -> None:
    own = authority.application
    for content in (
        pfx(own, own, authority.installer, authority.issuer, password=PASSWORD),
        pfx(own, None, authority.installer, own, authority.issuer, password=PASSWORD),
    ):
        found = open_certificate(identity(tmp_path, content, password=PASSWORD))
        assert found.chain == (own.certificate, authority.issuer.certificate)
        assert not found.is_pem


def test_of_several_certificates_of_one_key_the_latest_signs(
    authority: Authority, tmp_path: Path
) -> None:
    own = authority.application
    renewed = issue("Renewed", authority.issuer, days=(-1, 700), key=own.key)
    for content in (own.pem + renewed.pem, renewed.pem + own.pem):
        found = open_certificate(identity(tmp_path, content, key=own.key_pem()))
        assert found.leaf == renewed.certificate


def test_of_pkcs12_what_it_says_is_the_key_s_own_signs(
    authority: Authority, tmp_path: Path
) -> None:
    old = issue("Old", authority.issuer, days=(-30, -1))
    renewed = issue("Renewed", authority.issuer, days=(-1, 700), key=old.key)
    assert "it expired on 20" in refusal(identity(tmp_path, pfx(old, old, renewed)))
    found = open_certificate(identity(tmp_path, pfx(old, renewed, old)))
    assert found.leaf == renewed.certificate


def test_a_certificate_with_a_damaged_extension(authority: Authority, tmp_path: Path) -> None:
    odd = issue("Odd", authority.issuer, uses=(), marks=("2.5.29.37",))
    assert "its certificate is damaged" in refusal(identity(tmp_path, pfx(odd, odd)))


def test_with_a_key_in_a_token_the_certificate_is_the_one_that_issued_none(
    authority: Authority, tmp_path: Path
) -> None:
    own, alone = authority.application, issue("Alone")
    chain = authority.root.pem + authority.issuer.pem + own.pem
    for content, leaf in ((chain, own), (alone.pem, alone)):
        found = open_certificate(identity(tmp_path, content, key="pkcs11:object=own"))
        assert found.leaf == leaf.certificate
        assert found.key is None


def test_a_password_that_is_not_needed_does_no_harm(authority: Authority, tmp_path: Path) -> None:
    own = authority.application
    content = own.pem + own.key_pem()
    assert open_certificate(identity(tmp_path, content, password=WRONG)).leaf == own.certificate


def refusal(told: Identity) -> str:
    """What is said of ``told``, without its password."""
    with pytest.raises(ConfigError, match="cannot sign with ") as caught:
        open_certificate(told)
    problem = caught.value
    said = f"{problem.message} {problem.hint} {problem.details} {problem.__cause__}"
    if told.password:
        assert told.password not in said
        assert told.password not in repr(told)
    return said


@pytest.mark.parametrize("form", ["PKCS#12", "PEM", "PEM and its key"])
def test_a_password_that_is_wrong_or_missing(
    form: str, authority: Authority, tmp_path: Path
) -> None:
    own = authority.application
    key = None
    match form:
        case "PKCS#12":
            content = pfx(own, own, password=PASSWORD)
        case "PEM":
            content = own.pem + own.key_pem(PASSWORD)
        case _:
            content, key = own.pem, own.key_pem(PASSWORD)
    place = "key.pem" if key else "signer"
    wrong = refusal(identity(tmp_path, content, key=key, password=WRONG))
    assert f"{place}: the password does not open it" in wrong
    assert "`password-variable`" in wrong
    assert f"{place}: it asks for a password" in refusal(identity(tmp_path, content, key=key))


def test_files_that_cannot_sign(authority: Authority, tmp_path: Path) -> None:
    own, other = authority.application, authority.installer
    cases: list[tuple[bytes, bytes | None, str]] = [
        (b"nothing of the kind", None, "signer: it is neither PEM nor PKCS#12"),
        (pfx(own, own)[:900], None, "signer: it is neither PEM nor PKCS#12, or damaged"),
        (own.pem, None, "signer: it has no private key"),
        (own.pem, own.pem, "key.pem: it has no private key"),
        (own.key_pem(), None, "signer: it has no certificate"),
        (own.pem.replace(b"MII", b"???"), own.key_pem(), "it has no certificate, or a damaged one"),
        (own.pem, own.key_pem().replace(b"MII", b"AAA"), "key.pem: its private key is damaged"),
        (other.pem + own.key_pem(), None, "none of its certificates belongs to its key"),
        (other.pem, own.key_pem(), "none of its certificates belongs to the key in "),
        (pfx(None, own), None, "signer: it has no private key"),
        (pfx(own, None), None, "signer: it has no certificate"),
        (pfx(own, None, other), None, "none of its certificates belongs to its key"),
        (pfx(own, own), own.key_pem(), "`key` goes with PEM files"),
    ]
    for content, key, message in cases:
        assert message in refusal(identity(tmp_path, content, key=key))


def test_files_that_cannot_be_read(authority: Authority, tmp_path: Path) -> None:
    own = authority.application
    told = identity(tmp_path, own.pem, key=str(tmp_path / "gone.pem"))
    assert "gone.pem: No such file" in refusal(told)
    told.certificate.unlink()
    assert "signer: No such file" in refusal(told)


@pytest.mark.parametrize(
    ("days", "message"), [((-30, -1), "it expired on 20"), ((1, 30), "it is not valid before 20")]
)
def test_a_certificate_out_of_its_time(
    authority: Authority, tmp_path: Path, days: tuple[int, int], message: str
) -> None:
    own = issue("Late", authority.issuer, days=days)
    assert message in refusal(identity(tmp_path, pfx(own, own)))
    for key in (own.key_pem(), "pkcs11:object=own"):
        assert message in refusal(identity(tmp_path, own.pem, key=key))


def test_an_issuer_with_a_key_that_is_not_known_does_no_harm(
    authority: Authority, tmp_path: Path
) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    name, now = x509.Name([]), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    der = builder.sign(key, None).public_bytes(serialization.Encoding.DER)
    unknown = der.replace(b"\x06\x03\x2b\x65\x70", b"\x06\x03\x2b\x65\x7f")  # no such algorithm
    odd = x509.load_der_x509_certificate(unknown).public_bytes(serialization.Encoding.PEM)
    own = authority.application
    found: Certificate = open_certificate(identity(tmp_path, odd + own.pem, key=own.key_pem()))
    assert found.leaf == own.certificate


def test_a_password_that_is_no_text_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "signer").touch()
    monkeypatch.setenv("SECRET", "my s\udcffcret")
    told = SigningOptions(
        certificate=str(tmp_path / "signer"),
        password_variable="SECRET",  # noqa: S106
    )
    with pytest.raises(ConfigError, match="the variable SECRET has is not UTF-8") as caught:
        identity_of(told, "macos")
    assert caught.value.__suppress_context__

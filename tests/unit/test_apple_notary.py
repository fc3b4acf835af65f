"""Notarization, with a server that plays Apple's part."""

import io
import os
import plistlib
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sealift.apple import notary as notary_module
from sealift.apple.bundle import sign_bundle, verify_bundle
from sealift.apple.certificate import Purpose, SigningCertificate, load_certificate
from sealift.apple.codesign import CodeSigner, directories_of
from sealift.apple.notarizing import notarize
from sealift.apple.notary import ApiKey, Notary
from sealift.apple.store_upload import StoreAccess, signed_headers
from sealift.errors import ConfigError, FetchError, RefusedError
from tests.support.developer_id import make_authority, timestamping
from tests.support.macho_files import EXECUTE, MachoSpec, make_macho
from tests.support.notary_server import NUMBER, TICKET, Apple, make_key, notary_server, sha256
from tests.support.tools import require_tool


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningCertificate]:
    authority = make_authority(tmp_path_factory.mktemp("authority"))
    require_tool("openssl")
    with timestamping(authority) as url:
        yield load_certificate(authority.identity(timestamp=url), Purpose.APPLICATION)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Apple, Notary]]:
    with notary_server(tmp_path) as pair:
        yield pair


def make_application(folder: Path, signer: CodeSigner) -> Path:
    contents = folder / "Made.app" / "Contents"
    (contents / "MacOS").mkdir(parents=True)
    (contents / "Resources").mkdir()
    (contents / "MacOS" / "made").write_bytes(make_macho(MachoSpec(kind=EXECUTE)))
    (contents / "MacOS" / "made").chmod(0o755)
    (contents / "Resources" / "link").symlink_to("nothing")
    told = {"CFBundleIdentifier": "org.example.made", "CFBundleExecutable": "made"}
    (contents / "Info.plist").write_bytes(plistlib.dumps(told))
    sign_bundle(folder / "Made.app", signer)
    return folder / "Made.app"


@pytest.fixture
def application(tmp_path: Path, certificate: SigningCertificate) -> Path:
    return make_application(tmp_path, CodeSigner(certificate=certificate))


def test_an_application_is_sent_and_stapled(
    application: Path, server: tuple[Apple, Notary]
) -> None:
    apple, notary = server
    apple.unknown = 2  # tickets take a moment to appear
    done = notarize(application, notary, timeout=60)
    (directory,) = directories_of((application / "Contents/MacOS/made").read_bytes(), "made")
    assert done.submission == NUMBER
    assert done.record == f"2/2/{directory.cdhash.hex()}"
    assert apple.records == [done.record] * 3
    assert (application / "Contents/CodeResources").read_bytes() == TICKET
    assert verify_bundle(application).problems == ()
    assert apple.told == {
        "submissionName": "Made.app.zip", "sha256": sha256(apple.uploaded), "notifications": [],
    }  # fmt: skip
    with zipfile.ZipFile(io.BytesIO(apple.uploaded)) as sent:
        modes = {info.filename: info.external_attr >> 16 for info in sent.infolist()}
        assert sent.read("Made.app/Contents/Resources/link") == b"nothing"
    assert modes["Made.app/Contents/MacOS/made"] & 0o777 == 0o755
    assert modes["Made.app/Contents/Resources/link"] == 0o120755


def test_requests_carry_the_key_and_the_upload_its_own(
    application: Path, server: tuple[Apple, Notary]
) -> None:
    apple, notary = server
    notarize(application, notary, timeout=60)
    claims = apple.claims[0]
    assert (claims["alg"], claims["kid"], claims["iss"]) == ("ES256", "2X9R4HXF34", "69a6de70")
    assert claims["aud"] == "appstoreconnect-v1"
    assert 0 < claims["exp"] - claims["iat"] <= 1200
    headers = {name.lower(): value for name, value in apple.upload_headers.items()}
    assert headers["x-amz-security-token"] == "token"
    assert headers["x-amz-content-sha256"] == sha256(apple.uploaded)
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=ASIA/")
    assert "secret" not in str(headers)


def test_uploads_are_signed_as_amazon_says() -> None:
    """The example "PUT Object" of Amazon's documentation of Signature Version 4."""
    access = StoreAccess(
        key="AKIAIOSFODNN7EXAMPLE",
        secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",  # noqa: S106
        token="",
        region="us-east-1",
    )
    headers = signed_headers(
        "PUT",
        "https://examplebucket.s3.amazonaws.com/test%24file.text",
        access,
        {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
        now=datetime(2013, 5, 24, tzinfo=UTC),
        sha256=sha256(b"Welcome to Amazon S3."),
    )
    assert headers["Authorization"].endswith(
        "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    )


def test_what_apple_does_not_like_is_told(application: Path, server: tuple[Apple, Notary]) -> None:
    apple, notary = server
    apple.states = ["Invalid"]
    with pytest.raises(RefusedError, match="'invalid'") as caught:
        notarize(application, notary, timeout=60)
    assert caught.value.details == (
        "Archive contains critical errors", "error: x/bin: The binary is not signed.",
    )  # fmt: skip
    assert not (application / "Contents/CodeResources").exists()


def test_files_older_than_archives_have_times_for(
    application: Path, server: tuple[Apple, Notary]
) -> None:
    os.utime(application / "Contents/Info.plist", (0, 0))
    apple, notary = server
    notarize(application, notary, timeout=60)
    with zipfile.ZipFile(io.BytesIO(apple.uploaded)) as sent:
        assert sent.getinfo("Made.app/Contents/Info.plist").date_time[0] == 1980


def test_one_can_come_back_to_a_submission(application: Path, server: tuple[Apple, Notary]) -> None:
    apple, notary = server
    apple.states = ["In Progress"]
    with pytest.raises(FetchError, match="still looking") as caught:
        notarize(application, notary, timeout=0.05)
    assert f"--submission {NUMBER}" in str(caught.value.hint)
    apple.states, apple.uploaded = ["Accepted"], b""
    assert notarize(application, notary, timeout=60, submission=NUMBER).submission == NUMBER
    assert apple.uploaded == b""
    with pytest.raises(FetchError, match="answered 404") as caught:
        notarize(application, notary, timeout=60, submission="other")
    assert caught.value.details == ("Not found: no such submission",)


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "--issuer, --key-id and --key"), (403, "newest agreements")]
)
def test_a_key_that_apple_does_not_take(
    application: Path, server: tuple[Apple, Notary], status: int, hint: str
) -> None:
    apple, notary = server
    errors = [{"title": "NOT_AUTHORIZED", "detail": "Authentication failed"}]
    apple.refusal = (status, {"errors": errors})
    with pytest.raises(FetchError, match=f"answered {status}") as caught:
        notarize(application, notary, timeout=60)
    assert hint in str(caught.value.hint)
    assert caught.value.details == ("NOT_AUTHORIZED: Authentication failed",)


def test_answers_that_make_no_sense(application: Path, server: tuple[Apple, Notary]) -> None:
    apple, notary = server
    apple.refusal = (200, ["nonsense"])
    with pytest.raises(FetchError, match="cannot understand what Apple answered"):
        notarize(application, notary, timeout=60)
    apple.refusal, apple.upload_status = None, 403
    with pytest.raises(FetchError, match=r"cannot upload Made\.app\.zip: the server answered 403"):
        notarize(application, notary, timeout=60)


def test_a_ticket_that_never_comes(application: Path, server: tuple[Apple, Notary]) -> None:
    apple, notary = server
    apple.unknown = 99
    with pytest.raises(FetchError, match="cannot find a ticket: Apple answered 'Record not found'"):
        notarize(application, notary, timeout=60)


def test_what_apple_would_refuse_is_not_sent(
    tmp_path: Path, application: Path, server: tuple[Apple, Notary]
) -> None:
    apple, notary = server
    adhoc = make_application(tmp_path / "adhoc", CodeSigner())
    with pytest.raises(RefusedError, match="its signature is ad hoc"):
        notarize(adhoc, notary, timeout=60)
    (application / "Contents/Resources/new").touch()
    with pytest.raises(RefusedError, match="its signature does not fit") as caught:
        notarize(application, notary, timeout=60)
    assert caught.value.details == ("Resources/new is not sealed",)
    (tmp_path / "program").touch()
    with pytest.raises(RefusedError, match="Apple takes applications"):
        notarize(tmp_path / "program", notary, timeout=60)
    assert apple.claims == []


def test_a_signature_without_a_timestamp_is_not_sent(
    tmp_path: Path, server: tuple[Apple, Notary]
) -> None:
    authority = make_authority(tmp_path)
    own = load_certificate(authority.identity(), Purpose.APPLICATION)
    signer = CodeSigner(certificate=replace(own, timestamp=None))
    with pytest.raises(RefusedError, match="its signature has no timestamp"):
        notarize(make_application(tmp_path, signer), server[1], timeout=60)


def test_keys_of_another_kind(tmp_path: Path) -> None:
    make_key(tmp_path)
    key = ApiKey(issuer="x", number="y", path=tmp_path / "AuthKey.p8")
    assert key.token(0).count(".") == 2
    (tmp_path / "AuthKey.p8").write_text("nothing")
    with pytest.raises(ConfigError, match="no PEM file with a key"):
        key.token(0)
    own = make_authority(tmp_path).application
    (tmp_path / "AuthKey.p8").write_bytes(own.key_pem())
    with pytest.raises(ConfigError, match="not of the kind that App Store Connect gives out"):
        key.token(0)
    (tmp_path / "AuthKey.p8").unlink()
    with pytest.raises(ConfigError, match="No such file"):
        key.token(0)


def test_the_real_addresses_are_apples() -> None:
    assert notary_module.API == "https://appstoreconnect.apple.com"
    assert notary_module.TICKETS == "https://api.apple-cloudkit.com"
    assert notary_module.STORAGE.startswith("https://{bucket}.s3.us-west-2.amazonaws.com/")

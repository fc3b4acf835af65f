"""Signatures of Windows programs: osslsigncode verifies them, and bad certificates are told."""

import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from sealift.config import SigningOptions
from sealift.errors import ConfigError, ToolError
from sealift.target import parse_target
from sealift.windows.authenticode import Signer, opened_signer
from tests.support.entries import an_application, an_image
from tests.support.pe_files import PeSpec, make_pe
from tests.support.signing import Certificates, timestamp_authority
from tests.support.tools import require_tool

PASSWORD = "open, sesame 'ö'"  # noqa: S105
PROGRAM = make_pe(PeSpec(is_dll=False))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all forms of a certificate."""
    require_tool("osslsigncode")
    folder, certificates = tmp_path_factory.mktemp("signing"), Certificates()
    for name, content in {
        "cert.pfx": certificates.pfx(PASSWORD),
        "open.pfx": certificates.pfx(),
        "cert.pem": certificates.pem(),
        "key.pem": certificates.key_pem(),
        "locked.pem": certificates.key_pem(PASSWORD),
        "both.pem": certificates.pem() + certificates.key_pem(),
        "server.pfx": Certificates(usage=ExtendedKeyUsageOID.SERVER_AUTH).pfx(),
        "other.pem": Certificates().key_pem(),
        "chain.pem": Certificates().pem() + certificates.pem(),
    }.items():
        (folder / name).write_bytes(content)
    return folder


def options(folder: Path, certificate: str, key: str | None, url: str | None) -> SigningOptions:
    found = key if key is None or key.startswith("pkcs11:") else str(folder / key)
    return SigningOptions(
        certificate=str(folder / certificate), key=found, timestamp=url,
        password_variable="SECRET",  # noqa: S106
    )  # fmt: skip


def opened(
    folder: Path, certificate: str = "cert.pfx", key: str | None = None, url: str | None = None
) -> AbstractContextManager[Signer | None]:
    image = an_image(
        folder,
        {},
        target=parse_target("windows-x86_64"),
        application=an_application(title="Tést", homepage="https://example.org/"),
        signing=options(folder, certificate, key, url),
    )
    return opened_signer(image)


def signed(path: Path, signing: AbstractContextManager[Signer | None]) -> Path:
    path.write_bytes(PROGRAM)
    with signing as signer:
        assert signer
        signer.sign(path)
    return path


def verified(path: Path, folder: Path, *more: str | Path) -> str:
    """What osslsigncode says of a file that it accepts."""
    done = subprocess.run(
        [require_tool("osslsigncode"), "verify", "-in", path,
         "-CAfile", folder / "cert.pem", *more],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "case",
    [
        ("cert.pfx", None, PASSWORD),
        ("open.pfx", None, ""),
        ("cert.pem", "key.pem", ""),
        ("cert.pem", "locked.pem", PASSWORD),
        ("both.pem", None, ""),
        ("chain.pem", "key.pem", ""),
    ],
)
def test_every_form_of_a_certificate_signs(
    case: tuple[str, str | None, str], files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key, password = case
    monkeypatch.setenv("SECRET", password)
    one = signed(files / "one.exe", opened(files, certificate, key))
    two = signed(files / "two.exe", opened(files, certificate, key))
    assert "Sealift's tests" in verified(one, files)
    assert one.read_bytes() == two.read_bytes()


def test_a_key_in_a_token_signs(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = require_tool("softhsm2-util")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "hsm.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "hsm.conf"))
    commands: tuple[list[str | Path], ...] = (
        ["--init-token", "--free", "--label", "ours", "--so-pin", "1234"],
        ["--import", files / "key.pem", "--token", "ours", "--label", "own", "--id", "01"],
    )
    for words in commands:
        subprocess.run([tool, "--pin", "1234", *words], check=True, capture_output=True)
    monkeypatch.setenv("SECRET", "1234")
    uri = "pkcs11:token=ours;object=own?module-path=/usr/lib/softhsm/libsofthsm2.so"
    path = signed(files / "token.exe", opened(files, "cert.pem", uri))
    assert "Sealift's tests" in verified(path, files)
    monkeypatch.setenv("SECRET", "4321")
    with pytest.raises(ToolError, match=r"cannot sign token\.exe") as caught:
        signed(files / "token.exe", opened(files, "cert.pem", uri))
    assert "4321" not in " ".join((caught.value.message, *caught.value.details))


def test_a_changed_byte_is_noticed(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", PASSWORD)
    path = signed(files / "one.exe", opened(files))
    data = bytearray(path.read_bytes())
    data[len(PROGRAM) - 1] ^= 1
    path.write_bytes(data)
    with pytest.raises(AssertionError, match="MISMATCH"):
        verified(path, files)


def test_a_timestamp_is_that_of_the_authority(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", PASSWORD)
    with timestamp_authority(tmp_path) as url:
        path = signed(files / "one.exe", opened(files, url=url))
    told = verified(path, files, "-TSA-CAfile", tmp_path / "tsa.pem")
    assert "Timestamp Server Signature verification: ok" in told


def test_an_authority_that_does_not_answer_is_told(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", PASSWORD)
    monkeypatch.setattr("sealift.windows.authenticode._PAUSES", (0.0,))
    url = "http://127.0.0.1:9/"
    with pytest.raises(ToolError, match=r"cannot sign one\.exe") as caught:
        signed(files / "one.exe", opened(files, url=url))
    assert url in str(caught.value.hint)
    assert (files / "one.exe").read_bytes() == PROGRAM
    assert not list(files.glob("*.signed"))


@pytest.mark.parametrize(
    "case",
    [
        ("cert.pfx", None, "f4ls3", "the password does not open it"),
        ("cert.pem", "other.pem", "", "none of its certificates belongs to the key"),
        ("server.pfx", None, "", "it is not for signing code"),
        ("cert.pem", "pkcs11:object=key", "", "names no module"),
    ],
)
def test_what_cannot_sign_is_told_without_the_password(
    case: tuple[str, str | None, str, str], files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key, password, reason = case
    monkeypatch.setenv("SECRET", password)
    with pytest.raises(ConfigError, match=reason) as caught:
        signed(files / "one.exe", opened(files, certificate, key))
    shown = " ".join((caught.value.message, str(caught.value.hint), *caught.value.details))
    assert not password or password not in shown


def test_the_password_is_on_no_command_line_and_in_no_open_file(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", PASSWORD)
    script = files / "osslsigncode"
    script.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {files}/words\n'
        f'while [ "$1" != -readpass ]; do shift; done\nstat -c %a "$2" > {files}/mode\n'
        f"exit 1\n"
    )
    script.chmod(0o700)
    monkeypatch.setenv("SEALIFT_OSSLSIGNCODE", str(script))
    with pytest.raises(ToolError):
        signed(files / "one.exe", opened(files))
    assert PASSWORD not in (files / "words").read_text()
    assert (files / "mode").read_text() == "600\n"


def test_what_others_signed_keeps_its_signature(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", PASSWORD)
    tree = files / "tree"
    tree.mkdir()
    theirs = signed(tree / "theirs.dll", opened(files)).read_bytes()
    (tree / "ours.pyd").write_bytes(PROGRAM)
    (tree / "data.txt").write_bytes(b"MZ")
    with opened(files, "both.pem") as signer:
        assert signer
        signer.sign_tree(tree, ["theirs.dll", "ours.pyd", "data.txt"])
    assert (tree / "theirs.dll").read_bytes() == theirs
    verified(tree / "ours.pyd", files)
    assert (tree / "data.txt").read_bytes() == b"MZ"

"""Who signs for macOS, and what is said of it."""

import dataclasses
from pathlib import Path

import pytest

from sealift.apple.signer import signer_of
from sealift.config import SigningOptions
from sealift.target import load_targets
from tests.support.developer_id import make_authority
from tests.support.entries import an_image
from tests.support.signing import Certificates


@pytest.mark.parametrize("issuer", ["Apple", "somebody"])
def test_certificates_that_macs_do_not_know_are_told(
    issuer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "both.pem"
    if issuer == "Apple":
        issued = make_authority(tmp_path).application
        path.write_bytes(issued.pem + issued.key_pem())
    else:
        own = Certificates()
        path.write_bytes(own.pem() + own.key_pem())
    image = dataclasses.replace(
        an_image(tmp_path, {}, target=load_targets()["macos-arm64"]),
        signing=SigningOptions(certificate=str(path)),
    )
    signer = signer_of(image)
    assert signer.certificate is not None
    said = capsys.readouterr().err
    assert (f"{signer.certificate.name} is no Developer ID" in said) == (issuer != "Apple")

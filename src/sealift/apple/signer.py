"""Who signs the code of an image for macOS, and what its programs are allowed."""

import functools

from sealift import console
from sealift.apple.certificate import Purpose, SigningCertificate, load_certificate
from sealift.apple.codesign import CodeSigner
from sealift.apple.entitlements import needed
from sealift.config import SigningOptions
from sealift.image import Image, Kind
from sealift.signing import identity_of

UNSIGNED = (
    "no certificate is named for macOS, so the signature is ad hoc: a Mac that downloads this says "
    "that Apple could not check it, and opens it only when its user allows that in System "
    'Settings, "Privacy & Security", "Open Anyway". A Developer ID and `sealift notarize` spare '
    "users that"
)
UNKNOWN = (
    "{name} is no Developer ID of Apple's: Macs that do not trust this certificate treat what they "
    "download as not signed, and Apple does not notarize it"
)


def signer_of(image: Image) -> CodeSigner:
    """Who signs the code of ``image``; says what it means where there is none that Macs know.

    Programs are allowed what its native files need, and what ``[tool.sealift.bundle]`` asks for
    besides; ad hoc signatures ask for nothing, as nothing is forbidden to them.  Raises as
    :func:`~sealift.apple.certificate.load_certificate` does.
    """
    certificate = application_certificate(image.signing)
    if certificate is None:
        _tell_once(UNSIGNED)
        return CodeSigner()
    if certificate.team is None:
        _tell_once(UNKNOWN.format(name=certificate.name))
    natives = (entry.path for entry in image.entries if entry.kind is Kind.NATIVE)
    asked = image.options.get("bundle", {}).get("entitlements", ())
    return CodeSigner(
        certificate=certificate, entitlements={**needed(natives), **dict.fromkeys(asked, True)}
    )


def application_certificate(told: SigningOptions | None) -> SigningCertificate | None:
    """The certificate of applications for macOS; raises as :func:`.load_certificate` does."""
    identity = identity_of(told, "macos")
    return load_certificate(identity, Purpose.APPLICATION) if identity else None


@functools.cache
def _tell_once(text: str) -> None:
    console.note(text)

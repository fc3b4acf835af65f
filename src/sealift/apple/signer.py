"""Who signs the code of an image for macOS, and what users see where nobody does."""

import functools

from sealift import console
from sealift.apple.certificate import Purpose, SigningCertificate, load_certificate
from sealift.image import Image
from sealift.signing import identity_of

UNSIGNED = (
    "no certificate is named for macOS, so the signature is ad hoc: a Mac that downloads this says "
    "that Apple could not check it, and opens it only when its user allows that in System "
    'Settings, "Privacy & Security", "Open Anyway". A Developer ID and `sealift notarize` spare '
    "users that"
)
AD_HOC_FOLDER = (
    "the files of a folder for macOS are signed ad hoc, whatever certificate is named: choose "
    "onefile, bundle, dmg or pkg where it has to be yours"
)


def signing_certificate(image: Image) -> SigningCertificate | None:
    """The certificate that signs code of ``image``; says what it means that there is none.

    Raises as :func:`load_certificate` does.
    """
    identity = identity_of(image.signing, image.target.os)
    if identity is None:
        _tell(UNSIGNED)
        return None
    return load_certificate(identity, Purpose.APPLICATION)


def tell_of_folder(image: Image) -> None:
    """Say that files which are not packed have no other signature than an ad hoc one."""
    has_certificate = image.signing is not None and image.signing.certificate is not None
    _tell(AD_HOC_FOLDER if has_certificate else UNSIGNED)


@functools.cache
def _tell(text: str) -> None:
    console.note(text)

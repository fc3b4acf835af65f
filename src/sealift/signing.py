"""Who signs: the certificate of a project for one system, with what opens it.

Settings name files and a variable, never a secret, so that they can travel with an image;
:func:`identity_of` reads them where something is signed.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from sealift.config import SigningOptions
from sealift.errors import ConfigError
from sealift.options import PKCS11


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A certificate with its private key.

    ``certificate`` is the path of a PKCS#12 or PEM file; ``key`` that of a PEM file, or a
    ``pkcs11:`` URI (RFC 7512), ``None`` where the certificate's file has it.  ``password`` opens
    them, empty where they are open.  ``timestamp`` is the URL of an RFC 3161 authority.
    """

    certificate: Path
    key: str | None
    password: str = field(repr=False)
    timestamp: str | None


def identity_of(told: SigningOptions | None, system: str) -> Identity | None:
    """Who signs for ``system`` (of an image: ``identity_of(image.signing, image.target.os)``).

    ``None`` where no certificate is named.  Raises :class:`ConfigError` where a file or the
    password's variable is missing.
    """
    if told is None or told.certificate is None:
        return None
    where = f"tool.sealift.signing.{system}"
    for key, path in (("certificate", told.certificate), ("key", told.key)):
        if path and not path.startswith(PKCS11) and not Path(path).is_file():
            raise ConfigError(f"cannot sign: `{where}.{key}` names {path}, where no file is")
    return Identity(
        certificate=Path(told.certificate),
        key=told.key,
        password=_password(told, where),
        timestamp=told.timestamp,
    )


def installer_identity(told: SigningOptions | None) -> Identity | None:
    """Who signs packages for macOS: as :func:`identity_of`, with ``installer``."""
    if told is None or told.installer is None:
        return None
    where = "tool.sealift.signing.macos"
    if not Path(told.installer).is_file():
        raise ConfigError(f"cannot sign: `{where}.installer` names {told.installer}, no file")
    return Identity(
        certificate=Path(told.installer),
        key=None,
        password=_password(told, where),
        timestamp=told.timestamp,
    )


def _password(told: SigningOptions, where: str) -> str:
    if told.password_variable is None:
        return ""
    password = os.environ.get(told.password_variable)
    if password is None:
        raise ConfigError(
            f"cannot sign: the variable {told.password_variable} that `{where}` names is not set",
            hint="set it to the password of the certificate's file",
        )
    try:
        password.encode()
    except UnicodeEncodeError:  # whose words have a part of it
        variable = told.password_variable
        raise ConfigError(f"cannot sign: what the variable {variable} has is not UTF-8") from None
    return password

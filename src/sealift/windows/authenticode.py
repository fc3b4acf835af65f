"""Signatures of Windows programs (Authenticode), by osslsigncode.

What others signed keeps their signature.  The password is in a file that only this user can read,
for as long as it is needed; it is on no command line.  Same input, same bytes, but for timestamps:
the time of signing is ``SOURCE_DATE_EPOCH``, or when the certificate became valid.
"""

import os
import shlex
import shutil
import tempfile
import time
import urllib.parse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sealift import process, store
from sealift.binary.pe import read_pe
from sealift.certificate import CODE_SIGNING, Certificate, open_certificate, unusable
from sealift.config import SigningOptions
from sealift.epoch import source_epoch
from sealift.errors import ConfigError, ToolError
from sealift.image import Entry, Image, Kind
from sealift.options import PKCS11
from sealift.signing import Identity, identity_of
from sealift.tools import OSSLSIGNCODE

_FORMAT = "2"  # a new number forgets the copies that were signed
_PAUSES = (1.0, 4.0)  # seconds before a timestamp is asked for again


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs ``title``; ``password`` is a file, ``chain`` a PEM file of the certificate's."""

    identity: Identity
    certificate: Certificate
    title: str
    homepage: str
    password: Path
    chain: Path

    def sign(self, path: Path) -> None:
        """Sign the file at ``path``, in its place.

        Raises :class:`ToolError`, also where no timestamp can be had.
        """
        made = path.with_name(f"{path.name}.signed")
        command = [*self._command(), "-in", path, "-out", made]
        for pause in (*_PAUSES, None):
            try:
                process.run(command, action=f"sign {path.name}", hint=self._hint())
                break
            except ToolError:
                made.unlink(missing_ok=True)
                if self.identity.timestamp is None or pause is None:
                    raise
                time.sleep(pause)
        made.chmod(path.stat().st_mode)
        made.replace(path)

    def signed_copy(self, path: Path, sha256: str) -> Path:
        """A signed copy of the file at ``path``, whose digest is known, in the content store.

        It is made once for each certificate, so that what did not change keeps its timestamp.
        """
        identity = self.identity
        key = store.digest_of(
            *(_FORMAT, sha256, _fingerprint(self.certificate), str(self._time())),
            *(identity.timestamp or "", self.title, self.homepage),
        )

        def make(out: Path) -> None:
            shutil.copyfile(path, out)
            out.chmod(0o755)
            self.sign(out)

        return store.make_entry("signed", key, make)

    def signed_image(self, image: Image) -> Image:
        """``image`` with all its native files signed that nobody has signed."""
        return replace(image, entries=tuple(map(self._signed_entry, image.entries))).with_key()

    def _signed_entry(self, entry: Entry) -> Entry:
        facts = read_pe(entry.source) if entry.kind is Kind.NATIVE else None
        if facts is None or facts.signature is not None:
            return entry
        copy = self.signed_copy(entry.source, entry.sha256)
        size, digest = copy.stat().st_size, store.file_sha256(copy)
        return replace(entry, source=copy, size=size, sha256=digest)

    def sign_tree(self, root: Path, files: Iterable[str]) -> None:
        """Sign those of ``files`` below ``root`` that Windows loads and nobody has signed."""
        for file in files:
            path = root / file
            facts = read_pe(path)
            if facts and facts.signature is None:
                self.sign(path)

    def write_script(self, path: Path) -> str:
        """A command for a shell, kept in ``path``, that signs the file whose path is put behind."""
        words = shlex.join(map(str, self._command()))
        path.write_text(
            f'#!/bin/sh\n{words} -in "$1" -out "$1.signed" && mv "$1.signed" "$1"\n',
            encoding="utf-8",
        )
        path.chmod(0o700)
        return str(path)

    def _command(self) -> list[str | Path]:
        identity = self.identity
        words: list[str | Path] = [OSSLSIGNCODE.require(), "sign", *self._keys()]
        words += ["-h", "sha256", "-n", self.title, "-time", str(self._time())]
        if identity.password:  # it takes an empty file for none
            words += ["-readpass", self.password]
        if self.homepage:
            words += ["-i", self.homepage]
        if identity.timestamp:
            words += ["-ts", identity.timestamp]
        return words

    def _keys(self) -> list[str | Path]:
        """The arguments that name certificate and key."""
        path, key = self.identity.certificate, self.identity.key
        if not self.certificate.is_pem:
            return ["-pkcs12", path]
        words: list[str | Path] = ["-certs", self.chain]
        if key is None or not key.startswith(PKCS11):
            return [*words, "-key", key or path]
        uri, _, query = key.partition("?")
        modules = urllib.parse.parse_qs(query).get("module-path")
        if modules is None:
            raise ConfigError(
                "cannot sign: the PKCS#11 URI of the key names no module",
                hint="append ?module-path=/path/of/the/module.so to it (RFC 7512)",
            )
        return ["-pkcs11module", modules[0], *words, "-key", uri]

    def _time(self) -> int:
        return max(source_epoch(), int(self.certificate.leaf.not_valid_before_utc.timestamp()))

    def _hint(self) -> str | None:
        if self.identity.timestamp:
            return f"does {self.identity.timestamp} answer? without `timestamp` none is asked for"
        return None


@contextmanager
def opened_signer(image: Image) -> Iterator[Signer | None]:
    """Who signs ``image``, or ``None`` where no certificate is named, or it is not for Windows.

    Raises :class:`ConfigError` where the certificate cannot be read, the password is wrong, the key
    belongs to another, or it is no longer valid; :class:`ToolError` where osslsigncode is missing.
    """
    system = image.target.os
    identity = identity_of(image.signing, system) if image.target.is_windows else None
    if identity is None:
        yield None
        return
    certificate = _opened(identity)
    app = image.application
    with tempfile.TemporaryDirectory(prefix="sealift-signing-") as scratch:
        password, chain = Path(scratch, "password"), Path(scratch, "chain.pem")
        descriptor = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(identity.password)
        chain.write_bytes(_pem(certificate))
        yield Signer(identity, certificate, app.title, app.homepage, password, chain)


def check_signing(told: SigningOptions | None) -> None:
    """Raise what :func:`opened_signer` would where this is who signs for Windows."""
    identity = identity_of(told, "windows")
    if identity:
        _opened(identity)


def _opened(identity: Identity) -> Certificate:
    """The certificate, if it is for code; one that does not tell what it is for passes."""
    certificate = open_certificate(identity)
    if certificate.uses and CODE_SIGNING not in certificate.uses:
        raise unusable(certificate.path, "it is not for signing code (extended key usage)")
    OSSLSIGNCODE.require()
    return certificate


def _fingerprint(certificate: Certificate) -> str:
    from cryptography.hazmat.primitives import hashes

    return certificate.leaf.fingerprint(hashes.SHA256()).hex()


def _pem(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return b"".join(one.public_bytes(Encoding.PEM) for one in certificate.chain)
